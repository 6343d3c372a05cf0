"""Files about something else that may bring the accounts they name up to date, if asked to."""

import pytest

from backoffice.changes.models import Change
from backoffice.crm.models import Account, Contact, Opportunity
from backoffice.imports import applying
from backoffice.imports.kinds import CONTACTS, OPPORTUNITIES
from backoffice.imports.merging import imagining
from backoffice.imports.options import Options
from backoffice.imports.reading.parsing import compiled
from tests.imports.conftest import HEADER, outcomes, reasons, row

pytestmark = [pytest.mark.db, pytest.mark.django_db]

BY_ID = row(account_id="ACC-1", account="Acme Holdings", website="holdings.example")


@pytest.fixture
def acme(make):
    return make.account("Acme", external_id="ACC-1", website="acme.example")


def test_without_the_option_an_account_is_only_linked(upload, acme):
    done = upload([BY_ID])
    acme.refresh_from_db()
    assert (acme.name, acme.website) == ("Acme", "acme.example")
    assert done.records == {"opportunity": {"new": 1}}


def test_with_the_option_it_takes_name_and_website(upload, acme):
    upload([BY_ID])
    done = upload([BY_ID], update_accounts="yes")
    acme.refresh_from_db()
    assert (acme.name, acme.website) == ("Acme Holdings", "holdings.example")
    assert outcomes(done) == ["updated"]
    assert done.records == {"account": {"updated": 1}}
    assert Opportunity.objects.get().account == acme
    changes = Change.objects.count()
    assert outcomes(upload([BY_ID], update_accounts="yes")) == ["unchanged"]
    assert Change.objects.count() == changes


def test_blank_cells_leave_the_account_as_it_is_even_when_they_clear(upload, acme):
    upload([row(account_id="ACC-1", account="", website="")], update_accounts="yes", blank="clear")
    acme.refresh_from_db()
    assert (acme.name, acme.website) == ("Acme", "acme.example")


def test_an_account_without_an_id_is_given_one(upload, make):
    by_site, by_name = make.account("Acme", website="acme.example"), make.account("Birch")
    rows = [
        row("A-1", account_id="ACC-1", account="Acme Group", website="acme.example"),
        row("A-2", account_id="ACC-2", account="birch"),
        row("A-3", account_id="ACC-3", account="Birch"),
    ]
    done = upload(rows, update_accounts="yes")
    assert done.records == {"opportunity": {"new": 3}, "account": {"new": 1, "updated": 2}}
    by_site.refresh_from_db(), by_name.refresh_from_db()
    assert (by_site.external_id, by_site.name) == ("ACC-1", "Acme Group")
    assert (by_name.external_id, by_name.name) == ("ACC-2", "birch")
    assert Opportunity.objects.get(external_id="A-3").account.external_id == "ACC-3"


@pytest.mark.parametrize("chunk", [1, 10])
def test_the_last_row_wins_and_each_keeps_its_own_outcome(upload, acme, monkeypatch, chunk):
    rows = [row(f"A-{number}", account_id="ACC-1") for number in range(3)]
    upload(rows)
    monkeypatch.setattr(applying, "FIRST_ROWS", chunk)
    monkeypatch.setattr(applying, "CHUNK_ROWS", chunk)
    for cells, name in zip(rows, ("One", "One", "Two"), strict=True):
        cells[HEADER.index("Account Name")] = name
    assert outcomes(upload(rows, update_accounts="yes")) == ["updated", "unchanged", "updated"]
    acme.refresh_from_db()
    assert acme.name == "Two"


def test_a_row_that_fails_updates_nothing(upload, acme):
    failing = BY_ID.copy()
    failing[HEADER.index("Opportunity Owner Email")] = "nobody@example.com"
    assert reasons(upload([failing], update_accounts="yes"))
    acme.refresh_from_db()
    assert acme.name == "Acme"


def test_a_contact_updates_the_account_it_names_but_not_the_one_its_opportunity_brings(upload, acme, make):
    upload([row("A-1", account_id="ACC-1")])
    header = ("Opportunity ID", "Email", "Account ID", "Company Name")
    rows = [
        ["A-1", "ana@example.com", "", "Another name"],
        ["", "ben@example.com", "ACC-1", "Acme Group"],
        ["", "cruz@example.com", "", "acme, new"],
    ]
    done = upload(rows, header=header, kind="contacts", update_accounts="yes")
    assert done.records == {
        "contact": {"new": 3},
        "opportunity_contact": {"new": 1},
        "account": {"new": 1, "updated": 1},
    }
    acme.refresh_from_db()
    assert acme.name == "Acme Group"
    assert Contact.objects.get(email="ana@example.com").account == acme


@pytest.mark.parametrize("kind", [OPPORTUNITIES, CONTACTS], ids=lambda kind: kind.name)
def test_a_preview_tells_of_it_and_changes_nothing(acme, kind, no_broker):
    header = ["Opportunity ID", "Opportunity Name", "Email", "Account ID", "Account Name"]
    cells = ["A-1", "Chairs", "ana@example.com", "ACC-1", "Acme Group"]
    if kind is CONTACTS:
        header, cells = header[2:], cells[2:]
    positions = {
        name: place
        for name, column in kind.resource.columns().items()
        for place, text in enumerate(header)
        if text in column.spellings or text.lower() in column.spellings
    }
    loader = kind.loader(positions, Options(update_accounts=True))
    loader.keeps_differences = True
    parsed = [compiled(kind.resource, positions, header, Options())(1, 2, cells)]
    with imagining.imagined(*kind.writes):
        records = loader.load(parsed)
        assert Account.objects.get(external_id="ACC-1").name == "Acme Group"
    assert records["account"] == {"updated": 1}
    assert ("account.name", "Acme", "Acme Group") in [difference[:3] for difference in parsed[0].differences]
    acme.refresh_from_db()
    assert acme.name == "Acme"
