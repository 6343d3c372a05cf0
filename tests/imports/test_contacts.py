"""A file of contacts from end to end: who a row means, what it links, what it changes and leaves."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Account, Contact, Opportunity, OpportunityContact
from backoffice.imports import applying
from backoffice.imports.kinds import KINDS
from backoffice.imports.merging import loading
from backoffice.jobs.models import State
from tests.imports.conftest import outcomes, reasons

pytestmark = [pytest.mark.db, pytest.mark.django_db]

COLUMNS = KINDS["contacts"].resource.columns()
ANA = {
    "email": "ana@example.com",
    "full_name": "Ana López",
    "given": "Ana",
    "family": "López",
    "title": "Buyer",
    "company_name": "Acme",
    "phone": "+1-705-555-0187",
    "mobile": "(311) 555-0198",
}


@pytest.fixture
def contacts(upload):
    """Uploads rows by column name; a column that no row names is not in the file."""

    def uploaded(*rows, **options):
        names = [name for name in COLUMNS if any(name in row for row in rows)]
        header = [str(COLUMNS[name].header) for name in names]
        cells = [[row.get(name, "") for name in names] for row in rows]
        return upload(cells, header=header, kind="contacts", name="contacts.csv", **options)

    return uploaded


@pytest.fixture
def opportunity(make):
    def made(external_id, account=None, **more):
        owner = make.account(account) if isinstance(account, str) else account
        with acting(None, Door.COMMAND, label="test"):
            return Opportunity.objects.create(
                name=external_id or "Chairs", external_id=external_id, account=owner, **more
            )

    return made


@pytest.fixture
def contact():
    def made(*addresses, **more):
        emails = [{"address": address} for address in addresses]
        with acting(None, Door.COMMAND, label="test"):
            return Contact.objects.create(emails=emails, **more)

    return made


def edit(record, **values):
    for name, value in values.items():
        setattr(record, name, value)
    with acting(None, Door.COMMAND, label="test"):
        record.save(update_fields=list(values))


def ana():
    return Contact.objects.get(email="ana@example.com")


def links():
    return list(OpportunityContact.objects.order_by("id").values_list("opportunity__external_id", "contact__email"))


def domain():
    models = (Contact, Account, OpportunityContact)
    return [list(model.objects.order_by("id").values_list()) for model in models]


def test_a_row_becomes_a_contact_with_all_it_names(contacts, opportunity, make):
    deal = opportunity("A-1", "Acme Holdings")
    rep = make.rep("Rosa", "Vega", email="rosa@example.com")
    done = contacts(ANA | {"opportunity_id": "A-1", "second_family": "Díaz", "owner_email": "ROSA@example.com"})
    assert done.state == State.SUCCEEDED
    assert done.outcomes == {"rows": 1, "new": 1, "updated": 0, "unchanged": 0, "failed": 0}
    assert done.records == {"contact": {"new": 1}, "opportunity_contact": {"new": 1}}
    found = ana()
    assert (found.name, found.given, found.family, found.second_family) == ("Ana López", "Ana", "López", "Díaz")
    assert (found.job_title, found.company_name) == ("Buyer", "Acme")
    assert (found.account, found.owner) == (deal.account, rep)
    assert found.emails == [{"address": "ana@example.com"}]
    assert found.phones == [
        {"number": "+1-705-555-0187", "kind": "office"},
        {"number": "(311) 555-0198", "kind": "mobile"},
    ]
    assert links() == [("A-1", "ana@example.com")]
    assert done.results.get().object_id == found.pk


def test_the_same_file_again_writes_nothing(contacts, opportunity):
    opportunity("A-1", "Acme Holdings")
    opportunity("A-2")
    rows = [
        ANA | {"opportunity_id": "A-1"},
        ANA | {"opportunity_id": "A-2", "email": "Ana@Example.com"},
        {"email": "ben@example.com", "opportunity_id": "", "company_name": "Birch"},
    ]
    assert outcomes(contacts(*rows)) == ["new", "updated", "new"]
    before, changes = domain(), Change.objects.count()
    again = contacts(*rows)
    assert outcomes(again) == ["unchanged"] * 3
    assert again.records == {}
    assert domain() == before
    assert Change.objects.count() == changes


def test_a_row_that_only_links_is_updated_and_another_that_links_the_same_is_not(contacts, opportunity):
    opportunity("A-1"), opportunity("A-2")
    contacts(ANA)
    done = contacts(*({"email": "ana@example.com", "opportunity_id": id} for id in ("A-1", "A-2", "A-1")))
    assert outcomes(done) == ["updated", "updated", "unchanged"]
    assert done.records == {"opportunity_contact": {"new": 2}}
    assert links() == [("A-1", "ana@example.com"), ("A-2", "ana@example.com")]


def test_a_linked_contact_comes_last_at_its_opportunity(contacts, opportunity, contact):
    deal, first = opportunity("A-1"), contact("first@example.com")
    with acting(None, Door.COMMAND, label="test"):
        OpportunityContact.objects.create(opportunity=deal, contact=first, position=3)
    contacts({"email": "b@example.com", "opportunity_id": "A-1"}, {"email": "c@example.com", "opportunity_id": "A-1"})
    assert [link.contact.email for link in deal.contacts.all()] == [
        "first@example.com",
        "b@example.com",
        "c@example.com",
    ]


def test_an_opportunity_born_here_goes_by_its_uid(contacts, opportunity):
    deal = opportunity(None)
    deal.refresh_from_db()
    assert outcomes(contacts({"email": "ana@example.com", "opportunity_id": str(deal.uid)})) == ["new"]
    assert deal.contacts.get().contact == ana()


def test_an_unknown_opportunity_fails_the_row_and_makes_nothing(contacts):
    done = contacts(ANA | {"opportunity_id": "NO-SUCH"})
    assert reasons(done) == {
        2: "No opportunity has the ID “NO-SUCH”. Correct it, or upload the opportunities first and this row again."
    }
    assert domain() == [[], [], []]


def test_all_that_is_wrong_with_a_row_is_named(contacts, contact):
    contact("ana@example.com"), contact("ana@example.com")
    done = contacts(
        ANA | {"opportunity_id": "X", "owner_email": "who@example.com", "account_id": "Y", "company_name": ""}
    )
    assert [fault.code for fault in done.results.get().faults] == [
        "unknown_opportunity",
        "several_contacts",
        "unknown_rep_email",
        "account_needs_name",
    ]


def test_an_email_that_two_contacts_have_fails_the_row_naming_them(contacts, contact):
    one, two = contact("ana@example.com", name="Ana López"), contact("Ana@Example.com")
    done = contacts(ANA, {"email": "ben@example.com"})
    hits = f"“Ana López (#{one.pk})”, “ana@example.com (#{two.pk})”"
    assert outcomes(done) == ["failed", "new"]
    assert reasons(done) == {
        2: f"Several contacts have the email “ana@example.com”: {hits}. Leave it to one of them in the console."
    }


def test_an_archived_contact_is_left_alone(contacts, contact):
    gone = contact("ana@example.com", archived_at=timezone.now())
    assert outcomes(contacts(ANA)) == ["new"]
    assert Contact.objects.exclude(pk=gone.pk).get().name == "Ana López"


def test_a_contact_is_found_by_email_in_whatever_case_and_keeps_how_it_is_written(contacts, contact):
    there = contact("Ana@Example.com", name="Ana")
    assert outcomes(contacts({"email": "ANA@example.COM", "full_name": "Ana López"})) == ["updated"]
    there.refresh_from_db()
    assert (there.name, there.emails) == ("Ana López", [{"address": "Ana@Example.com"}])


def test_only_the_first_email_of_a_contact_is_its_key(contacts, contact):
    there = contact("ana@example.com", "ana@home.example.com", name="Ana")
    assert outcomes(contacts({"email": "ana@home.example.com"})) == ["new"]
    assert outcomes(contacts({"email": "ana@example.com", "full_name": "Ana López"})) == ["updated"]
    there.refresh_from_db()
    assert [email["address"] for email in there.emails] == ["ana@example.com", "ana@home.example.com"]


def test_a_blank_cell_and_an_absent_column_keep_what_is_there(contacts):
    contacts(ANA)
    before = domain()
    blank = dict.fromkeys(ANA, "") | {"email": "ana@example.com"}
    assert outcomes(contacts(blank)) == ["unchanged"]
    assert outcomes(contacts({"email": "ana@example.com"}, blank="clear")) == ["unchanged"]
    assert domain() == before


def test_blank_cells_clear_when_asked_to(contacts, opportunity, make):
    make.rep("Rosa", "Vega", email="rosa@example.com")
    opportunity("A-1")
    contacts(ANA | {"opportunity_id": "A-1", "owner_email": "rosa@example.com"})
    blank = dict.fromkeys((*ANA, "opportunity_id", "owner_email"), "") | {"email": "ana@example.com"}
    assert outcomes(contacts(blank, blank="clear")) == ["updated"]
    found = ana()
    assert (found.name, found.given, found.family, found.job_title, found.company_name) == ("",) * 5
    assert (found.phones, found.account) == ([], None)
    assert found.emails == [{"address": "ana@example.com"}]
    assert found.owner is not None
    assert links() == [("A-1", "ana@example.com")]
    assert outcomes(contacts(blank, blank="clear")) == ["unchanged"]


def test_a_phone_changes_or_clears_within_the_others(contacts, contact):
    others = [{"number": "1", "kind": "fax"}, {"number": "2", "kind": "office", "extension": "9"}, {"number": "3"}]
    there = contact("ana@example.com", phones=others)
    contacts({"email": "ana@example.com", "phone": "22", "mobile": "4"})
    there.refresh_from_db()
    assert there.phones == [others[0], {"number": "22", "kind": "office"}, others[2], {"number": "4", "kind": "mobile"}]
    contacts({"email": "ana@example.com", "phone": "", "mobile": "5"}, blank="clear")
    there.refresh_from_db()
    assert there.phones == [others[0], others[2], {"number": "5", "kind": "mobile"}]


def test_a_phone_of_no_kind_is_the_office_and_keeps_its_extension(contacts, contact):
    there = contact("ana@example.com", phones=[{"number": "555-0100", "extension": "12"}])
    assert outcomes(contacts({"email": "ana@example.com", "phone": "555-0100"})) == ["unchanged"]
    assert outcomes(contacts({"email": "ana@example.com", "phone": "555-0100 ext. 12"})) == ["unchanged"]
    assert outcomes(contacts({"email": "ana@example.com", "phone": "555-0100 x13"})) == ["updated"]
    there.refresh_from_db()
    assert there.phones == [{"number": "555-0100", "extension": "13"}]


def test_a_full_name_without_parts_is_kept_as_given(contacts):
    contacts({"email": "ana@example.com", "full_name": "Ana López", "given": "", "family": ""})
    assert (ana().name, ana().given, ana().family, str(ana())) == ("Ana López", "", "", "Ana López")


def test_first_and_last_name_stand_for_a_full_name_that_is_not_given(contacts):
    contacts({"email": "ana@example.com", "full_name": "", "given": "Ana", "family": "López"})
    assert (ana().name, str(ana())) == ("", "Ana López")


def test_an_old_full_name_does_not_hide_new_parts(contacts):
    contacts(ANA)
    contacts({"email": "ana@example.com", "full_name": "", "given": "Ana", "family": "García"})
    assert (ana().name, str(ana())) == ("", "Ana García")


@pytest.mark.parametrize("row", [{"given": "Ana", "family": "García"}, {"full_name": "", "given": "Ana"}])
def test_a_full_name_of_its_own_stays(contacts, row):
    contacts(ANA | {"full_name": "Dr. Ana López"})
    contacts({"email": "ana@example.com"} | row)
    assert ana().name == "Dr. Ana López"


def test_a_company_name_finds_or_makes_the_account(contacts, make):
    acme = make.account("ACME")
    done = contacts(
        ANA, {"email": "b@example.com", "company_name": "Birch"}, {"email": "c@example.com", "company_name": "birch"}
    )
    assert done.records == {"contact": {"new": 3}, "account": {"new": 1}}
    assert ana().account == acme
    birch = Account.objects.get(name="Birch")
    assert set(birch.contacts.values_list("email", flat=True)) == {"b@example.com", "c@example.com"}


def test_a_company_name_that_several_accounts_have_fails_the_row(contacts, make):
    make.account("Acme"), make.account("acme")
    done = contacts(ANA)
    assert "Several accounts match “Acme”" in reasons(done)[2]
    assert Contact.objects.count() == 0


def in_chunks_of(monkeypatch, rows):
    monkeypatch.setattr(applying, "FIRST_ROWS", rows)
    monkeypatch.setattr(applying, "CHUNK_ROWS", rows)


every_chunk = pytest.mark.parametrize("chunk", [1, 2, 10])


def accounts_of_contacts():
    rows = Contact.objects.order_by("email").values_list("email", "account__external_id", "account__name")
    return {email.partition("@")[0]: (id or "", name) for email, id, name in rows}


def test_a_company_name_alone_means_the_one_account_of_that_name_though_it_has_an_id(contacts, make):
    acme = make.account("ACMÉ", external_id="ACC-1")
    done = contacts(ANA)
    assert done.records == {"contact": {"new": 1}}
    assert ana().account == acme


def test_of_several_accounts_of_the_name_the_one_without_an_id_is_meant(contacts, make):
    make.account("Acme", external_id="ACC-1"), make.account("Acme", external_id="ACC-2")
    ours = make.account("acme")
    assert outcomes(contacts(ANA)) == ["new"]
    assert ana().account == ours


def test_a_company_name_that_several_accounts_with_ids_have_fails_the_row_naming_them(contacts, make):
    make.account("Acme", external_id="ACC-1"), make.account("Acme", external_id="ACC-2")
    assert reasons(contacts(ANA)) == {
        2: "Several accounts match “Acme”: “Acme (ACC-1)”, “Acme (ACC-2)”. Give Account ID to say which."
    }
    assert Contact.objects.count() == 0


def test_an_archived_account_is_not_meant_by_its_name(contacts, make):
    gone = make.account("Acme", external_id="ACC-1", archived_at=timezone.now())
    contacts(ANA)
    assert ana().account != gone


def test_an_id_and_a_company_name_never_mean_an_account_that_has_another_id(contacts, make):
    make.account("Acme", external_id="ACC-1")
    done = contacts(ANA | {"account_id": "ACC-2"})
    assert done.records["account"] == {"new": 1}
    assert ana().account.external_id == "ACC-2"


@every_chunk
@pytest.mark.parametrize("update", [False, True])
def test_a_company_name_means_an_account_that_an_earlier_row_made_with_an_id(contacts, monkeypatch, chunk, update):
    in_chunks_of(monkeypatch, chunk)
    done = contacts(
        {"email": "a@example.com", "account_id": "ACC-1", "company_name": "Acme"},
        {"email": "b@example.com", "account_id": "", "company_name": "acme"},
        {"email": "c@example.com", "account_id": "", "company_name": "Birch"},
        {"email": "d@example.com", "account_id": "", "company_name": "BIRCH"},
        {"email": "e@example.com", "account_id": "", "company_name": "ACME"},
        update_accounts="yes" if update else "",
    )
    assert outcomes(done) == ["new"] * 5
    assert done.records["account"]["new"] == 2
    named = {email: (id, name.casefold()) for email, (id, name) in accounts_of_contacts().items()}
    assert named == dict.fromkeys("abe", ("ACC-1", "acme")) | dict.fromkeys("cd", ("", "birch"))


@every_chunk
@pytest.mark.parametrize("update", [False, True])
def test_a_company_name_is_two_accounts_from_the_row_on_that_makes_the_second(
    contacts, make, monkeypatch, chunk, update
):
    in_chunks_of(monkeypatch, chunk)
    make.account("Acme", external_id="ACC-1")
    done = contacts(
        {"email": "a@example.com", "account_id": "", "company_name": "Acme"},
        {"email": "b@example.com", "account_id": "ACC-2", "company_name": "Acme"},
        {"email": "c@example.com", "account_id": "", "company_name": "Acme"},
        {"email": "d@example.com", "account_id": "ACC-1", "company_name": "Acme"},
        update_accounts="yes" if update else "",
    )
    assert outcomes(done) == ["new", "new", "failed", "new"]
    assert "“Acme (ACC-1)”, “Acme (ACC-2)”" in reasons(done)[4]
    assert accounts_of_contacts() == {"a": ("ACC-1", "Acme"), "b": ("ACC-2", "Acme"), "d": ("ACC-1", "Acme")}


@every_chunk
def test_an_account_that_a_row_renames_goes_by_its_new_name_only(contacts, make, monkeypatch, chunk):
    in_chunks_of(monkeypatch, chunk)
    make.account("Acme", external_id="ACC-1")
    contacts(
        {"email": "a@example.com", "account_id": "ACC-1", "company_name": "Birch"},
        {"email": "b@example.com", "account_id": "", "company_name": "Birch"},
        {"email": "c@example.com", "account_id": "", "company_name": "Acme"},
        update_accounts="yes",
    )
    assert accounts_of_contacts() == {"a": ("ACC-1", "Birch"), "b": ("ACC-1", "Birch"), "c": ("", "Acme")}


@every_chunk
def test_an_archived_account_that_a_row_brings_up_to_date_is_still_not_meant_by_name(
    contacts, make, monkeypatch, chunk
):
    in_chunks_of(monkeypatch, chunk)
    make.account("Acme", external_id="ACC-1", archived_at=timezone.now())
    contacts(
        {"email": "a@example.com", "account_id": "ACC-1", "company_name": "Acme"},
        {"email": "b@example.com", "account_id": "", "company_name": "Acme"},
        update_accounts="yes",
    )
    assert accounts_of_contacts() == {"a": ("ACC-1", "Acme"), "b": ("", "Acme")}


def test_an_account_id_says_which_account_whatever_the_company_is_called(contacts, make, opportunity):
    acme = make.account("Acme, renamed", external_id="ACC-1")
    opportunity("A-1", "Another")
    contacts(ANA | {"account_id": "ACC-1", "opportunity_id": "A-1"})
    assert ana().account == acme
    assert Account.objects.count() == 2


def test_an_opportunity_brings_its_account_and_no_other_is_made_of_the_company_name(contacts, opportunity):
    deal = opportunity("A-1", "Acme Holdings")
    contacts(ANA | {"opportunity_id": "A-1"})
    assert ana().account == deal.account
    assert Account.objects.count() == 1


def test_an_opportunity_without_an_account_leaves_it_to_the_company_name(contacts, opportunity):
    opportunity("A-1")
    contacts(ANA | {"opportunity_id": "A-1"})
    assert ana().account.name == "Acme"


def test_a_new_link_moves_the_contact_to_the_opportunitys_account(contacts, opportunity):
    contacts(ANA)
    deal = opportunity("A-1", "Birch")
    contacts(ANA | {"opportunity_id": "A-1"})
    assert ana().account == deal.account


def test_edits_between_two_uploads_survive(contacts, opportunity, make):
    opportunity("A-1", "Acme Holdings")
    rows = [ANA | {"opportunity_id": "A-1"}, {"email": "ben@example.com", "company_name": "Birch", "title": ""}]
    contacts(*rows)
    mine = make.account("Mine")
    edit(ana(), account=mine, description="Prefers calls", phones=[*ana().phones, {"number": "9", "kind": "fax"}])
    edit(Account.objects.get(name="Birch"), name="Birch & Sons")
    edit(Contact.objects.get(email="ben@example.com"), job_title="Boss")
    before = domain()
    assert outcomes(contacts(*rows)) == ["unchanged"] * 2
    assert domain() == before


def test_a_contact_between_accounts_does_not_wander_with_each_upload(contacts, opportunity):
    opportunity("A-1", "Acme"), opportunity("A-2", "Birch")
    rows = [{"email": "ana@example.com", "opportunity_id": id} for id in ("A-1", "A-2")]
    contacts(*rows)
    assert ana().account.name == "Birch"
    assert outcomes(contacts(rows[0])) == ["unchanged"]


@pytest.mark.parametrize("chunk", [1, 10])
def test_rows_of_one_person_are_laid_one_over_the_other(contacts, opportunity, monkeypatch, chunk):
    monkeypatch.setattr(applying, "FIRST_ROWS", chunk)
    monkeypatch.setattr(applying, "CHUNK_ROWS", chunk)
    opportunity("A-1", "Acme"), opportunity("A-2", "Birch")
    done = contacts(
        {"email": "ana@example.com", "opportunity_id": "A-1", "title": "Buyer", "mobile": "1"},
        {"email": "ANA@example.com", "opportunity_id": "A-2", "title": "", "mobile": "1"},
        {"email": "ana@example.com", "opportunity_id": "A-1", "title": "Boss", "mobile": ""},
        {"email": "ana@example.com", "opportunity_id": "A-2", "title": "Boss", "mobile": "1"},
    )
    assert outcomes(done) == ["new", "updated", "updated", "unchanged"]
    assert (ana().job_title, ana().phones) == ("Boss", [{"number": "1", "kind": "mobile"}])
    assert ana().account.name == "Birch"
    assert len(links()) == 2


def test_a_company_that_changes_and_changes_back_takes_its_account_along(contacts):
    contacts(ANA)
    contacts(ANA | {"company_name": "Birch"}, ANA)
    assert (ana().company_name, ana().account.name) == ("Acme", "Acme")


@pytest.mark.parametrize("chunk", [1, 10])
def test_a_company_that_is_another_accounts_name_by_now_does_not_move_the_contact(contacts, make, monkeypatch, chunk):
    monkeypatch.setattr(applying, "FIRST_ROWS", chunk)
    monkeypatch.setattr(applying, "CHUNK_ROWS", chunk)
    make.account("Acme Holdings", external_id="ACC-1")
    rows = [ANA | {"account_id": "ACC-1"}, ANA]
    for expected in (["new", "unchanged"], ["unchanged", "unchanged"]):
        assert outcomes(contacts(*rows)) == expected
        assert ana().account.external_id == "ACC-1"


def test_a_company_that_is_cleared_and_given_again_has_its_account(contacts):
    contacts(ANA)
    contacts(ANA | {"company_name": ""}, ANA, blank="clear")
    assert (ana().company_name, ana().account.name) == ("Acme", "Acme")


def test_a_chunk_does_as_many_statements_however_many_rows(contacts, opportunity, monkeypatch):
    opened = count_cursors(monkeypatch)
    for number in range(40):
        opportunity(f"A-{number}")

    def statements(first, last):
        rows = [
            {"email": f"p{number}@example.com", "opportunity_id": f"A-{number}", "company_name": f"Company {number}"}
            for number in range(first, last)
        ]
        opened.clear()
        with CaptureQueriesContext(connection) as queries:
            assert set(outcomes(contacts(*rows))) == {"new"}
        return len(queries) + len(opened)

    statements(0, 1)
    assert statements(1, 3) == statements(3, 40)
    assert len(opened) > 10


def count_cursors(monkeypatch):
    """What goes past Django's own cursors is not among the captured queries."""
    opened, really = [], loading.plain_cursor

    def counted():
        opened.append(True)
        return really()

    monkeypatch.setattr(loading, "plain_cursor", counted)
    return opened


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("opp_id", "opportunity_id"),
        ("E-mail", "email"),
        ("Correo electrónico", "email"),
        ("Apellido paterno", "family"),
        ("Teléfono celular", "mobile"),
        ("mobile_phone", "mobile"),
        ("EMPRESA", "company_name"),
        ("Puesto", "title"),
        ("account_id", "account_id"),
    ],
)
def test_headers_are_known_by_their_other_names(take, header, name):
    others = [] if name == "email" else ["Email"]
    assert name in take([["", *others]], header=(header, *others), kind="contacts").columns


@pytest.mark.parametrize("sample", KINDS["contacts"].samples, ids=lambda sample: sample.name)
def test_the_samples_do_what_they_say(upload, operations_user, sample):
    kind = KINDS["contacts"]
    texts = {one.name: kind.sample_file(one.name, operations_user) for one in kind.samples}
    first = upload(texts["new"], kind="contacts")
    assert first.outcomes == {"rows": 20, "new": 20, "updated": 0, "unchanged": 0, "failed": 0}
    said = {"new": (0, 20, 0), "changes": (8, 12, 0), "failing": (0, 16, 4)}[sample.name]
    counts = upload(texts[sample.name], kind="contacts").outcomes
    assert (counts["updated"], counts["unchanged"], counts["failed"]) == said


def test_what_the_resource_exports_changes_nothing_when_it_is_uploaded(upload, contacts, contact, opportunity, make):
    opportunity("A-1", "Acme Holdings")
    contacts(ANA | {"opportunity_id": "A-1"}, {"email": "b@example.com", "phone": "555-0100 ext. 7"})
    contact("C@example.com", company_name="Acme", account=make.account("Another"), family="=Cruz")
    exported = KINDS["contacts"].resource().export(Contact.objects.order_by("id"))
    before = domain()
    assert outcomes(upload(exported.csv, kind="contacts")) == ["unchanged"] * 3
    assert domain() == before
