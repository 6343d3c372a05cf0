"""Files of every kind at once, and beside edits: all jobs end, nothing is there twice, nobody's edit is lost."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import models, transaction

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Choice, Contact, Opportunity, OpportunityContact, Rep
from backoffice.imports import applying
from backoffice.imports.models import Upload
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from backoffice.quotas.models import Quota
from tests.imports.conftest import outcomes
from tests.imports.test_faults_and_races import at_once

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]
COUNT = 40


@dataclass(frozen=True)
class Raced:
    """A kind, rows of it with what somebody `said` in each, and how many records of each model there are then."""

    kind: str
    header: tuple[str, ...]
    row: Callable[[int, str], list[str]]
    model: type[models.Model]
    says: str  # the field in which `said` ends up
    edited: dict[str, str]  # what a person changes meanwhile: another field
    there: dict[type[models.Model], int]
    options: tuple[tuple[str, str], ...] = ()

    def rows(self, said=""):
        return [self.row(number, said) for number in range(COUNT)]

    def taken(self, take, rows):
        return take(rows, kind=self.kind, header=self.header, **dict(self.options))


RACED = [
    Raced(
        "opportunities",
        ("Opportunity ID", "Opportunity Name", "Stage", "Opportunity Owner", "Opportunity Owner Email", "Account Name"),
        lambda n, said: [f"A-{n}", f"Chair {n}{said}", f"Stage {n % 3}", f"Rep {n % 4}", mail("rep", n % 4), firm(n)],
        Opportunity,
        "name",
        {"next_step": "Edited"},
        {Opportunity: COUNT, Account: 6, Rep: 4, Choice: 3},
    ),
    Raced(
        "contacts",
        ("Email", "Full Name", "Title", "Company Name", "Phone", "Contact Owner", "Contact Owner Email"),
        lambda n, said: [
            *(mail("person", n), f"Person {n}{said}", "Buyer", firm(n)),
            *(f"+1 555 01{n:02}", f"Rep {n % 4}", mail("rep", n % 4)),
        ],
        Contact,
        "name",
        {"description": "Edited"},
        {Contact: COUNT, Account: 6, Rep: 4},
    ),
    Raced(
        "accounts",
        ("Account ID", "Account Name", "Website", "Industry"),
        lambda n, said: [f"ACC-{n}", f"{firm(n)} {n}{said}", f"firm{n}.example", f"Industry {n % 3}"],
        Account,
        "name",
        {"tax_id": "Edited"},
        {Account: COUNT, Choice: 3},
    ),
    Raced(
        "quotas",
        ("Email Address of Salesrep", "Month (date)", "Amount", "Currency"),
        lambda n, said: [mail("rep", n % 4), f"{2026 + n // 48}-{n // 4 + 1:02}-01", str(n), said.strip() or "USD"],
        Quota,
        "currency",
        {},
        {Quota: COUNT, Rep: 4},
        (("create_reps", "yes"),),
    ),
]
every_kind = pytest.mark.parametrize("raced", RACED, ids=lambda raced: raced.kind)


def mail(word, number):
    return f"{word}{number}@example.com"


def firm(number):
    return f"Firm {number % 6}"


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(applying, "FIRST_ROWS", 3)
    monkeypatch.setattr(applying, "CHUNK_ROWS", 5)


def all_succeed(*uploads):
    assert {Job.objects.get(pk=upload.job_id).state for upload in uploads} == {State.SUCCEEDED}


def everything_is_there_once(raced):
    assert {model: model.objects.count() for model in raced.there} == raced.there


@every_kind
def test_two_files_of_the_same_rows_at_once_make_everything_once(take, raced):
    one, two = raced.taken(take, raced.rows()), raced.taken(take, raced.rows()[::-1])
    at_once(lambda: execute(one.job_id), lambda: execute(two.job_id))
    all_succeed(one, two)
    everything_is_there_once(raced)
    found = [outcome for upload in (one, two) for outcome in outcomes(upload)]
    assert (found.count("new"), found.count("unchanged")) == (COUNT, COUNT)


@every_kind
def test_two_files_that_change_the_same_rows_in_other_orders_both_end(take, raced):
    execute(raced.taken(take, raced.rows()).job_id)
    one, two = raced.taken(take, raced.rows(" EUR")), raced.taken(take, raced.rows(" MXN")[::-1])
    at_once(lambda: execute(one.job_id), lambda: execute(two.job_id))
    all_succeed(one, two)
    everything_is_there_once(raced)
    said = set(raced.model.objects.values_list(raced.says, flat=True))
    assert all(text.endswith(("EUR", "MXN")) for text in said)


@pytest.mark.parametrize("raced", [raced for raced in RACED if raced.edited], ids=lambda raced: raced.kind)
def test_a_file_beside_edits_of_the_same_records_loses_none_of_either(take, raced):
    execute(raced.taken(take, raced.rows()).job_id)
    upload = raced.taken(take, raced.rows(" uploaded"))
    ids = list(raced.model.objects.order_by("-id").values_list("id", flat=True))

    def edit():
        for id in ids:
            with acting(None, Door.CONSOLE, label="test"), transaction.atomic():
                record = raced.model.objects.select_for_update().get(pk=id)
                for field, value in raced.edited.items():
                    setattr(record, field, value)
                record.save()

    at_once(lambda: execute(upload.job_id), edit)
    all_succeed(upload)
    for field, value in raced.edited.items():
        assert set(raced.model.objects.values_list(field, flat=True)) == {value}
    assert raced.model.objects.filter(**{f"{raced.says}__endswith": " uploaded"}).count() == COUNT


def test_files_of_two_kinds_at_once_make_the_accounts_and_reps_both_speak_of_once(take):
    opportunities, contacts = RACED[0], RACED[1]
    one, two = opportunities.taken(take, opportunities.rows()), contacts.taken(take, contacts.rows()[::-1])
    at_once(lambda: execute(one.job_id), lambda: execute(two.job_id))
    all_succeed(one, two)
    assert (Account.objects.count(), Rep.objects.count()) == (6, 4)


def test_two_files_that_link_the_same_people_to_the_same_opportunities_link_them_once(take):
    execute(RACED[0].taken(take, RACED[0].rows()).job_id)
    rows = [[f"A-{number}", mail("person", number % 8)] for number in range(COUNT)]
    files = [take(each, kind="contacts", header=("Opportunity ID", "Email")) for each in (rows, rows[::-1])]
    at_once(*(lambda file=file: execute(file.job_id) for file in files))
    all_succeed(*files)
    assert (Contact.objects.count(), OpportunityContact.objects.count()) == (8, COUNT)


def test_accounts_updated_by_rows_of_two_kinds_at_once_end_as_one_of_them_says(take):
    header = ("Account ID", "Account Name")
    firms = [[f"ACC-{number}", f"Firm {number}"] for number in range(COUNT)]
    execute(take(firms, kind="accounts", header=header).job_id)
    renamed = [[account, f"{name} by its file"] for account, name in firms]
    deals = [[f"A-{n}", "Chairs", account, f"{name} by a deal"] for n, (account, name) in enumerate(firms[::-1])]
    one = take(renamed, kind="accounts", header=header)
    two = take(deals, header=("Opportunity ID", "Opportunity Name", *header), update_accounts="yes")
    at_once(lambda: execute(one.job_id), lambda: execute(two.job_id))
    all_succeed(one, two)
    names = list(Account.objects.values_list("name", flat=True))
    assert len(names) == COUNT
    assert all(name.endswith(("by its file", "by a deal")) for name in names)


def test_many_files_of_the_same_people_at_once_each_have_an_outcome_for_every_row(take):
    contacts = RACED[1]
    files = [contacts.taken(take, contacts.rows(said)) for said in ("", " EUR", " MXN", "")]
    at_once(*(lambda file=file: execute(file.job_id) for file in files))
    all_succeed(*files)
    everything_is_there_once(contacts)
    assert [sum(Upload.objects.get(pk=file.pk).counts.values()) for file in files] == [COUNT] * 4
