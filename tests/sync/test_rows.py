"""Records become rows and come back as they were; only what changes is written."""

from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from django.db import DataError, connection, transaction
from msgspec import UNSET

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm import records
from backoffice.crm.models import Account, Choice, Contact, Opportunity, Product, Rep, Tag
from backoffice.crm.records import Ref
from backoffice.sync.rows import rows

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def someone_acts(db):
    with acting(None, Door.COMMAND, label="test"):
        yield


def ref(row):
    return Ref(id=str(row.pk))


@pytest.fixture
def rosa():
    return Rep.objects.create(given="Rosa", family="Díaz", email="rosa@example.com", username="rosa")


@pytest.fixture
def acme():
    return Account.objects.create(name="Acme")


@pytest.fixture
def won():
    return Choice.objects.create(list="stage", label="Won", status="won")


def known(record):
    """What a record says, of the fields it knows."""
    return {name: value for name in record.__struct_fields__ if (value := getattr(record, name)) is not UNSET}


def stored(kind, record):
    """The record once written and read again, of the same fields."""
    (id,) = rows.insert(kind, [record])
    return {name: getattr(rows.read(kind, [id])[id], name) for name in known(record)}


def test_an_opportunity_comes_back_as_it_was_written(rosa, acme, won):
    ana, ben = Contact.objects.create(name="Ana"), Contact.objects.create(name="Ben")
    chair = Product.objects.create(name="Chair")
    record = records.Opportunity(
        name="Website redesign",
        account=ref(acme),
        primary_contact=None,
        contacts=[
            records.OpportunityContact(contact=ref(ben), role="decides"),
            records.OpportunityContact(contact=ref(ana), role=""),
        ],
        owner=ref(rosa),
        amount=Decimal("100000.25"),
        currency="GBP",
        probability=45,
        close_date=date(2026, 12, 24),
        closed_at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        stage=ref(won),
        wants_tax=True,
        custom={"colour": "green", "sizes": [1, 2]},
        lines=[
            records.LineItem(
                product=ref(chair),
                quantity=3,
                unit_price=Decimal("9.5"),
                discount=None,
                tax=Decimal("0.16"),
                total=Decimal("28.5"),
            )
        ],
        tags=["VIP", "Winter"],
    )
    assert stored("opportunity", record) == known(record)


def test_an_account_and_a_contact_keep_their_addresses_and_numbers(rosa, acme):
    account = records.Account(
        name="Umbrella",
        external_id="U-1",
        emails=[records.Email("info@umbrella.example", "work")],
        phones=[records.Phone("+44 20 7946 0000", "office", "12")],
        addresses=[records.Address(kind="billing", street1="1 High Street", city="Leeds", latitude=53.8)],
        parent=ref(acme),
        tags=[],
    )
    contact = records.Contact(
        name="Ana López",
        account=ref(acme),
        emails=[],
        assistant=records.Assistant(name="Bo", phone="1"),
        birthday=date(1980, 2, 29),
        can_call=False,
        owner=ref(rosa),
        uid="0199f7d2-3a5c-7000-8000-000000000001",
    )
    assert stored("account", account) == known(account)
    assert stored("contact", contact) == known(contact)


def test_every_other_kind_comes_back_as_it_was_written(rosa, acme):
    tax = Choice.objects.create(list="tax", label="VAT 16 %", rate=Decimal("0.16"))
    ana = Contact.objects.create(name="Ana")
    for kind, record in {
        "activity": records.Activity(
            subject="Call", kind="call", account=ref(acme), start_on=date(2026, 1, 2), tags=["a"]
        ),
        "note": records.Note(title="Met", body="Long\ntalk", kind="email", account=ref(acme), private=True),
        "document": records.Document(name="offer.pdf", size=12, author=ref(rosa), account=ref(acme)),
        "product": records.Product(name="Chair", price=Decimal("9.99"), currency="EUR", taxes=[ref(tax)]),
        "ticket": records.Ticket(title="Broken", account=ref(acme), due=date(2026, 1, 2), tags=["b", "a"]),
        "campaign": records.Campaign(
            name="Spring", members=[records.Member(account=None, contact=ref(ana), since=None)]
        ),
        "group": records.Group(
            name="Friends", members=[records.Member(account=ref(acme), contact=None, since=date(2026, 1, 1))]
        ),
        "tag": records.Tag(name="Blue"),
    }.items():
        assert stored(kind, record) == known(record), kind


def test_what_a_record_does_not_know_is_as_the_model_has_it():
    ids = rows.insert("contact", [records.Contact(name="Ana", can_call=False), records.Contact(given="Bo")])
    first, second = (rows.read("contact", ids)[id] for id in ids)
    assert (first.can_call, first.can_email, first.emails, first.tags) == (False, True, [], [])
    assert (second.name, second.given, second.can_call) == ("", "Bo", True)
    assert len({first.uid, second.uid}) == 2


def test_reading_takes_the_fields_asked_for_and_no_more(acme):
    (id,) = rows.insert("opportunity", [records.Opportunity(name="A", account=ref(acme), tags=["x"])])
    assert known(rows.read("opportunity", [id], fields={"name", "account"})[id]) == {"name": "A", "account": ref(acme)}
    assert rows.read("opportunity", [id, 999_999]).keys() == {id}


def test_an_update_changes_the_fields_given_of_each_row_and_leaves_the_others(acme):
    one, two = rows.insert(
        "opportunity",
        [records.Opportunity(name=name, next_step="call", amount=Decimal(1), currency="EUR") for name in "ab"],
    )
    changed = rows.update(
        "opportunity", {one: {"name": "A", "account": ref(acme)}, two: {"amount": None, "next_step": "call"}}
    )
    there = rows.read("opportunity", [one, two])
    assert changed == {one, two}
    assert (there[one].name, there[one].account, there[one].amount) == ("A", ref(acme), Decimal(1))
    assert (there[two].name, there[two].account, there[two].amount) == ("b", None, None)


def test_an_update_to_what_is_there_already_changes_nothing():
    (id,) = rows.insert("opportunity", [records.Opportunity(name="a", tags=["x", "y"], custom={"k": 1})])
    before = Change.objects.count()
    assert rows.update("opportunity", {id: {"name": "a", "tags": ["x", "Y"], "custom": {"k": 1}}}) == set()
    assert Change.objects.count() == before


def test_custom_fields_are_changed_by_their_keys():
    (id,) = rows.insert("account", [records.Account(name="a", custom={"k": 1, "gone": 2, "stays": 3})])
    rows.update("account", {id: {"custom": {"k": 5, "gone": None, "new": ["x"]}}})
    assert rows.read("account", [id])[id].custom == {"k": 5, "stays": 3, "new": ["x"]}


def test_a_tag_put_on_leaves_those_before_it_alone():
    (id,) = rows.insert("opportunity", [records.Opportunity(name="a", tags=["x", "y"])])
    since = Change.objects.order_by("-id").first().id
    assert rows.update("opportunity", {id: {"tags": ["x", "y", "z"]}}) == {id}
    entries = Change.objects.filter(id__gt=since, kind="opportunity", child_kind="opportunity_tag")
    assert [entry.operation for entry in entries] == ["insert"]
    assert rows.read("opportunity", [id])[id].tags == ["x", "y", "z"]


def test_a_change_of_a_list_alone_tells_when_the_record_changed():
    (id,) = rows.insert("opportunity", [records.Opportunity(name="a")])
    Opportunity.objects.filter(pk=id).update(next_step="x")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE crm_opportunity DISABLE TRIGGER touch_changed_at")
        cursor.execute("UPDATE crm_opportunity SET changed_at = '2020-01-01Z'")
        cursor.execute("ALTER TABLE crm_opportunity ENABLE TRIGGER touch_changed_at")
    rows.update("opportunity", {id: {"tags": ["x"]}})
    assert Opportunity.objects.get(pk=id).changed_at.year > 2020


def test_words_that_only_capitals_tell_apart_are_one_tag():
    Tag.objects.create(name="Café")
    ids = rows.insert("contact", [records.Contact(name="a", tags=["CAFE", "new", "New"]), records.Contact(name="b")])
    assert [record.tags for record in rows.read("contact", ids).values()] == [["Café", "new"], []]
    assert Tag.objects.count() == 2


def test_a_contact_named_twice_has_one_role_and_a_line_without_a_product_is_left_out(acme):
    ana = Contact.objects.create(name="Ana")
    role = records.OpportunityContact
    record = records.Opportunity(
        name="a",
        contacts=[role(contact=ref(ana), role="first"), role(contact=ref(ana), role="second")],
        lines=[records.LineItem(product=Ref(label="unknown"), quantity=1)],
    )
    assert stored("opportunity", record)["contacts"] == [role(contact=ref(ana), role="first")]
    assert Opportunity.objects.get().lines.count() == 0


def test_members_in_another_order_are_the_same_members(acme):
    ana = Contact.objects.create(name="Ana")
    members = [
        records.Member(account=ref(acme), contact=None, since=None),
        records.Member(account=None, contact=ref(ana), since=None),
    ]
    (id,) = rows.insert("group", [records.Group(name="g", members=members)])
    assert rows.update("group", {id: {"members": members[::-1]}}) == set()
    assert rows.update("group", {id: {"members": members[1:]}}) == {id}
    assert rows.read("group", [id])[id].members == members[1:]


@pytest.fixture
def statements(monkeypatch):
    """Every statement and COPY that goes to the database."""
    sent = []
    for name in ("execute", "copy"):
        really = getattr(psycopg.Cursor, name)

        def counting(self, query, *args, _really=really, **more):
            sent.append(query)
            return _really(self, query, *args, **more)

        monkeypatch.setattr(psycopg.Cursor, name, counting)
    return sent


def test_the_number_of_queries_does_not_grow_with_the_rows(statements):
    def count(number):
        made = [records.Opportunity(name=f"{n}", tags=[f"t{n % 3}"]) for n in range(number)]
        del statements[:]
        ids = rows.insert("opportunity", made)
        rows.read("opportunity", ids, lock=True)
        rows.update("opportunity", {id: {"name": f"new {id}", "tags": ["t9"]} for id in ids})
        return len(statements)

    count(3)
    assert 5 < count(3) == count(30) < 25


@pytest.mark.parametrize("page", [1_000, 0])
def test_rows_that_change_in_different_fields_keep_the_rest_in_one_statement_and_by_staging(page, acme, monkeypatch):
    monkeypatch.setattr(rows, "A_PAGE", page)
    emails = [records.Email("a@example.com")]
    assistant = records.Assistant(name="Bo")
    one, two, three = rows.insert(
        "contact", [records.Contact(name=name, emails=emails, custom={"k": {"deep": [1]}}) for name in "abc"]
    )
    changes = {
        one: {"birthday": date(1980, 2, 29), "assistant": assistant, "can_call": False},
        two: {"emails": [], "custom": {"new": "x"}, "account": ref(acme)},
        three: {"emails": emails, "custom": {}},
        999_999: {"name": "gone"},
    }
    assert rows.update("contact", changes) == {one, two}
    found = rows.read("contact", [one, two])
    assert (found[one].emails, found[one].assistant, found[one].can_call) == (emails, assistant, False)
    assert (found[one].custom, found[one].birthday) == ({"k": {"deep": [1]}}, date(1980, 2, 29))
    assert (found[two].emails, found[two].account, found[two].birthday) == ([], ref(acme), None)
    assert found[two].custom == {"k": {"deep": [1]}, "new": "x"}


def test_a_text_that_does_not_fit_is_refused_not_cut():
    (id,) = rows.insert("opportunity", [records.Opportunity(name="a")])
    with pytest.raises(DataError), transaction.atomic():
        rows.update("opportunity", {id: {"currency": "EURO"}})


def test_what_is_deleted_here_meanwhile_is_passed_over():
    one, two = rows.insert("opportunity", [records.Opportunity(name=name, tags=["x"]) for name in "ab"])
    Opportunity.objects.filter(pk=one).delete()
    assert rows.update("opportunity", {one: {"name": "A", "tags": ["y"]}, two: {"tags": ["y"]}}) == {two}
