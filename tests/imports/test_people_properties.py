"""Whatever a file of contacts holds: taken twice it is as if taken once, and where it is cut makes no difference."""

from contextlib import contextmanager

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Account, Contact, Opportunity, OpportunityContact
from backoffice.imports.kinds import CONTACTS
from backoffice.imports.options import Blank, Options
from backoffice.imports.reading.parsing import compiled

pytestmark = [pytest.mark.db, pytest.mark.django_db]

COLUMNS = CONTACTS.resource.columns()


def cells(*values):
    return st.sampled_from(("", *values))


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "email": st.sampled_from(
                ["ana@example.com", "Ana@Example.com", "ben@example.com", "new@example.com", "bad"]
            ),
            "opportunity_id": cells("A-1", "A-2", "A-3", "NO-SUCH"),
            "full_name": cells("Ana López", "Ben"),
            "given": cells("Ana"),
            "family": cells("López", "García"),
            "company_name": cells("Acme", "Birch"),
            "account_id": cells("ACC-1"),
            "phone": cells("1", "2 ext. 3"),
            "mobile": cells("1"),
        }
    ),
    max_size=6,
)
ACCOUNTS = st.fixed_dictionaries({"company_name": cells("Acme", "Birch"), "account_id": cells("ACC-1")})
OPTIONS = st.builds(Options, blank=st.sampled_from(Blank), update_accounts=st.booleans())
examples = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def a_domain():
    with undone(), acting(None, Door.COMMAND, label="test"):
        acme, named = (
            Account.objects.create(name="Acme"),
            Account.objects.create(name="Holdings", external_id="ACC-1", website="holdings.example"),
        )
        for number, account in enumerate((acme, named, None), start=1):
            Opportunity.objects.create(name="Chairs", external_id=f"A-{number}", account=account)
        emails = [{"address": "Ana@example.com"}, {"address": "second@example.com"}]
        Contact.objects.create(name="Ana López", given="Ana", family="López", emails=emails, company_name="Acme")
        yield


def load(rows, options, size):
    """The outcomes, when the file is cut into chunks of so many rows."""
    positions = {name: place for place, name in enumerate(COLUMNS)}
    header = [str(column.header) for column in COLUMNS.values()]
    parse = compiled(CONTACTS.resource, positions, header, options)
    parsed = [
        parse(number, number + 1, [row.get(name, "") for name in COLUMNS]) for number, row in enumerate(rows, start=1)
    ]
    loader = CONTACTS.loader(positions, options)
    for start in range(0, len(parsed), size):
        loader.load(parsed[start : start + size])
    return [row.outcome for row in parsed]


def domain():
    """By what people know records by: ids differ from try to try."""
    accounts = {account.pk: (account.name, account.external_id, account.website) for account in Account.objects.all()}
    contacts = [
        (one.emails, one.name, one.given, one.family, one.company_name, one.phones, accounts.get(one.account_id))
        for one in Contact.objects.order_by("email", "id")
    ]
    links = OpportunityContact.objects.order_by("opportunity__external_id", "position")
    ends = list(links.values_list("opportunity__external_id", "contact__email"))
    return sorted(accounts.values(), key=repr), contacts, ends


@examples
@given(rows=ROWS, accounts=st.fixed_dictionaries(dict.fromkeys(("ana", "ben", "new"), ACCOUNTS)))
def test_a_file_taken_twice_is_as_if_taken_once(rows, accounts):
    """As long as the rows of one person agree on the account they name."""
    options = Options()
    rows = [row | accounts.get(row["email"].lower().partition("@")[0], {}) for row in rows]
    with a_domain():
        first = load(rows, options, 10)
        before, logged = domain(), Change.objects.count()
        second = load(rows, options, 10)
        assert domain() == before
        assert Change.objects.count() == logged
    assert [outcome == "failed" for outcome in first] == [outcome == "failed" for outcome in second]
    assert set(second) <= {"unchanged", "failed"}


@examples
@given(rows=ROWS, options=OPTIONS, size=st.integers(1, 3))
def test_where_a_file_is_cut_makes_no_difference(rows, options, size):
    with a_domain():
        in_one = load(rows, options, 10)
        whole = domain()
    with a_domain():
        in_pieces = load(rows, options, size)
        assert domain() == whole
    assert [(one == "failed", one == "new") for one in in_one] == [(one == "failed", one == "new") for one in in_pieces]
