"""A file of accounts: which account a row means, and what it makes of it."""

import pytest
from django.utils import timezone

from backoffice.changes.models import Change
from backoffice.crm.models import Account, Choice
from backoffice.imports import applying
from backoffice.imports.kinds import KINDS
from tests.imports.conftest import outcomes, reasons

pytestmark = [pytest.mark.db, pytest.mark.django_db]

COLUMNS = KINDS["accounts"].resource.columns()
ACME = {
    "account_id": "ACC-1",
    "name": "Acme",
    "website": "https://acme.example",
    "phone": "555-0100",
    "type": "Customer",
    "industry": "Food",
    "tax_id": "X-1",
    "street": "1 Main Street",
    "city": "Austin",
    "state": "TX",
    "postcode": "73301",
    "country": "United States",
}


@pytest.fixture
def accounts(upload):
    """Uploads rows by column name; a column that no row names is not in the file."""

    def uploaded(*rows, **options):
        names = [name for name in COLUMNS if any(name in row for row in rows)]
        header = [str(COLUMNS[name].header) for name in names]
        cells = [[row.get(name, "") for name in names] for row in rows]
        return upload(cells, header=header, kind="accounts", name="accounts.csv", **options)

    return uploaded


def acme():
    return Account.objects.get(external_id="ACC-1")


def domain():
    return [list(model.objects.order_by("id").values_list()) for model in (Account, Choice)]


def test_a_row_becomes_an_account_with_all_it_names(accounts, make):
    rep = make.rep("Rosa", "Vega", email="rosa@example.com")
    done = accounts(ACME | {"owner_email": "Rosa@example.com"})
    assert done.records == {"account": {"new": 1}, "account_type": {"new": 1}, "industry": {"new": 1}}
    found = acme()
    assert (found.name, found.website, found.domain) == ("Acme", "https://acme.example", "acme.example")
    assert (found.type.label, found.industry.label, found.tax_id, found.owner) == ("Customer", "Food", "X-1", rep)
    assert found.phones == [{"number": "555-0100", "kind": "office"}]
    assert found.addresses == [
        {
            "street1": "1 Main Street",
            "city": "Austin",
            "state_code": "TX",
            "postcode": "73301",
            "country": "United States",
        }
    ]
    assert done.results.get().object_id == found.pk


def test_the_same_file_again_writes_nothing(accounts):
    rows = [
        ACME,
        ACME | {"account_id": "ACC-2", "name": "Acme South"},
        {"name": "Birch", "website": "birch.example"},
        {"name": "BIRCH", "website": "www.birch.example/about"},
        {"name": "Cedar"},
    ]
    assert outcomes(accounts(*rows)) == ["new", "new", "new", "updated", "new"]
    before, changes = domain(), Change.objects.count()
    again = accounts(*rows)
    assert set(outcomes(again)) == {"unchanged"}
    assert again.records == {}
    assert domain() == before
    assert Change.objects.count() == changes


def test_an_account_is_known_by_its_id_whatever_else_changes(accounts):
    accounts(ACME)
    assert outcomes(accounts(ACME | {"name": "Acme Holdings", "website": "holdings.example"})) == ["updated"]
    assert (acme().name, acme().website) == ("Acme Holdings", "holdings.example")
    assert Account.objects.count() == 1


@pytest.mark.parametrize("by", [{"website": "www.acme.example", "name": "Acme, renamed"}, {"name": "ACME"}])
def test_an_account_without_an_id_is_given_the_one_of_the_row(accounts, make, by):
    there = make.account("Acme", website="https://acme.example")
    done = accounts(by | {"account_id": "ACC-1"})
    assert outcomes(done) == ["updated"]
    assert done.records == {"account": {"updated": 1}}
    assert acme() == there
    assert acme().name == by["name"]


def test_an_id_never_replaces_another(accounts, make):
    make.account("Acme", external_id="OLD", website="acme.example")
    assert outcomes(accounts(ACME)) == ["new"]
    assert Account.objects.get(external_id="OLD").name == "Acme"


@pytest.mark.parametrize("chunk", [1, 10])
def test_two_ids_of_one_website_are_two_accounts(accounts, make, monkeypatch, chunk):
    monkeypatch.setattr(applying, "FIRST_ROWS", chunk)
    monkeypatch.setattr(applying, "CHUNK_ROWS", chunk)
    there = make.account("Acme", website="acme.example")
    assert outcomes(accounts(ACME, ACME | {"account_id": "ACC-2"}, ACME)) == ["updated", "new", "unchanged"]
    assert acme() == there
    assert Account.objects.count() == 2


@pytest.mark.parametrize("chunk", [1, 10])
def test_what_a_row_gives_an_account_is_known_to_those_after_it(accounts, monkeypatch, chunk):
    monkeypatch.setattr(applying, "FIRST_ROWS", chunk)
    monkeypatch.setattr(applying, "CHUNK_ROWS", chunk)
    done = accounts(
        {"name": "Acme", "website": "", "account_id": ""},
        {"name": "Acme", "website": "acme.example", "account_id": ""},
        {"name": "Acme Holdings", "website": "acme.example", "account_id": "ACC-1"},
        {"name": "Acme Group", "website": "", "account_id": "ACC-1"},
        {"name": "Acme", "website": "", "account_id": ""},
    )
    assert outcomes(done) == ["new", "updated", "updated", "updated", "new"]
    assert (acme().name, acme().website) == ("Acme Group", "acme.example")
    assert Account.objects.count() == 2


@pytest.mark.parametrize("chunk", [1, 10])
def test_what_a_row_takes_from_an_account_means_it_no_longer(accounts, make, monkeypatch, chunk):
    monkeypatch.setattr(applying, "FIRST_ROWS", chunk)
    monkeypatch.setattr(applying, "CHUNK_ROWS", chunk)
    make.account("Acme", external_id="ACC-1", website="acme.example")
    make.account("Birch", website="birch.example")
    done = accounts(
        {"account_id": "ACC-1", "name": "Acme", "website": "https://elsewhere.example"},
        {"account_id": "", "name": "Cedar", "website": "acme.example"},
        {"account_id": "", "name": "Birch & Sons", "website": "birch.example"},
        {"account_id": "", "name": "Birch", "website": ""},
    )
    assert outcomes(done) == ["updated", "new", "updated", "new"]
    assert sorted(Account.objects.values_list("name", flat=True)) == ["Acme", "Birch", "Birch & Sons", "Cedar"]


def test_an_account_without_an_id_goes_by_its_uid(accounts, make):
    one, two = make.account("Acme"), make.account("Acme")
    two.refresh_from_db()
    assert "Several accounts match “Acme”" in reasons(accounts({"name": "Acme", "tax_id": "X-1"}))[2]
    assert outcomes(accounts({"account_id": str(two.uid).upper(), "name": "Acme", "tax_id": "X-1"})) == ["updated"]
    one.refresh_from_db(), two.refresh_from_db()
    assert (one.tax_id, two.tax_id, two.external_id) == ("", "X-1", None)


def test_an_archived_account_is_found_by_its_id_only(accounts, make):
    make.account("Acme", external_id="ACC-1", archived_at=timezone.now())
    make.account("Birch", archived_at=timezone.now())
    assert outcomes(accounts(ACME, {"name": "Birch"})) == ["updated", "new"]


def test_blank_cells_keep_or_clear_as_asked_but_never_the_id_or_the_owner(accounts, make):
    make.rep("Rosa", "Vega", email="rosa@example.com")
    accounts(ACME | {"owner_email": "rosa@example.com"})
    before = domain()
    blank = dict.fromkeys((*ACME, "owner_email"), "") | {"name": "Acme", "account_id": "ACC-1"}
    assert outcomes(accounts(blank)) == ["unchanged"]
    assert outcomes(accounts({"account_id": "ACC-1", "name": "Acme"}, blank="clear")) == ["unchanged"]
    assert domain() == before
    assert outcomes(accounts(blank, blank="clear")) == ["updated"]
    found = acme()
    assert (found.website, found.phones, found.type, found.industry, found.tax_id) == ("", [], None, None, "")
    assert found.addresses == []
    assert found.owner is not None
    by_name = {"account_id": "", "name": "Cedar"}
    accounts(by_name | {"account_id": "ACC-9"}), accounts({"account_id": "ACC-9", "name": "Cedar"}, blank="clear")
    assert Account.objects.get(name="Cedar").external_id == "ACC-9"


def test_a_part_of_the_address_changes_within_the_others(accounts, make):
    shipping = {"kind": "shipping", "street1": "Dock 1"}
    main = {"street1": "1 Main", "suburb": "Center", "state_code": "TX", "state": "Texas", "country_code": "US"}
    there = make.account("Acme", external_id="ACC-1", addresses=[shipping, main])
    row = {"account_id": "ACC-1", "name": "Acme"}
    assert outcomes(accounts(row | {"street": "1 Main", "state": "texas", "country": "us"})) == ["unchanged"]
    assert outcomes(accounts(row | {"street": "2 Main", "state": "Ohio", "country": "MX"})) == ["updated"]
    there.refresh_from_db()
    assert there.addresses == [
        shipping,
        {"street1": "2 Main", "suburb": "Center", "state": "Ohio", "country_code": "MX"},
    ]
    accounts(row | {"street": "", "city": "Austin"}, blank="clear")
    there.refresh_from_db()
    assert there.addresses[1] == {"suburb": "Center", "city": "Austin", "state": "Ohio", "country_code": "MX"}


def test_all_that_is_wrong_with_a_row_is_named(accounts, make):
    make.account("Acme"), make.account("ACME")
    done = accounts({"name": "Acme", "owner_email": "who@example.com"}, {"name": ""} | {"website": "nowhere"})
    assert [[fault.code for fault in row.faults] for row in done.results.order_by("number")] == [
        ["several_accounts_without_id", "unknown_rep_email"],
        ["missing", "not_a_website"],
    ]
    assert Account.objects.count() == 2


@pytest.mark.parametrize("sample", KINDS["accounts"].samples, ids=lambda sample: sample.name)
def test_the_samples_do_what_they_say(upload, operations_user, sample):
    kind = KINDS["accounts"]
    texts = {one.name: kind.sample_file(one.name, operations_user) for one in kind.samples}
    first = upload(texts["new"], kind="accounts")
    assert first.outcomes == {"rows": 15, "new": 15, "updated": 0, "unchanged": 0, "failed": 0}
    said = {"new": (0, 15, 0), "changes": (6, 9, 0), "failing": (0, 11, 4)}[sample.name]
    counts = upload(texts[sample.name], kind="accounts").outcomes
    assert (counts["updated"], counts["unchanged"], counts["failed"]) == said


def test_what_the_resource_exports_changes_nothing_when_it_is_uploaded(upload, accounts, make):
    rep = make.rep("Rosa", "Vega", email="rosa@example.com")
    accounts(ACME)
    make.account("Acme", website="acme.example", owner=rep, addresses=[{"state_code": "TX", "country_code": "US"}])
    make.account("Acme", phones=[{"number": "1", "kind": "mobile"}, {"number": "2", "extension": "3"}])
    make.account("=Birch", addresses=[{"kind": "billing", "city": "Austin"}])
    exported = KINDS["accounts"].resource().export(Account.objects.order_by("id"))
    before = domain()
    assert outcomes(upload(exported.csv, kind="accounts")) == ["unchanged"] * 4
    assert domain() == before
