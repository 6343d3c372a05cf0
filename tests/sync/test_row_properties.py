"""Whatever a record says that its model can hold, it says again when it is read; and what can't be held is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from backoffice.changes.acting import Door, acting
from backoffice.crm import records
from backoffice.crm.models import Account, Campaign, Choice, Contact, Group, Product, Rep
from backoffice.crm.records import Ref
from backoffice.sync.rows import rows

pytestmark = [pytest.mark.db, pytest.mark.django_db]

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
NAME = TEXT.filter(bool)
MONEY = st.none() | st.decimals(-(10**14), 10**14, places=4)
PERCENT = st.none() | st.integers(0, 100)
DAY = st.none() | st.dates(date(1, 1, 2))
MOMENT = st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, st.lists, max_leaves=4)
CUSTOM = st.dictionaries(NAME, JSON.filter(lambda value: value is not None), max_size=3)
EMAILS = st.lists(st.builds(records.Email, address=NAME, kind=TEXT), max_size=2)
PHONES = st.lists(st.builds(records.Phone, number=NAME, kind=TEXT, extension=TEXT), max_size=2)
COORDINATE = st.none() | st.floats(-180, 180)
ADDRESSES = st.lists(
    st.builds(
        records.Address,
        kind=st.sampled_from(["main", "billing", "shipping"]),
        street1=TEXT,
        city=TEXT,
        latitude=COORDINATE,
        longitude=COORDINATE,
    ),
    max_size=2,
)
TAGS = st.lists(st.sampled_from(["a", "b", "Café", "two words", "ñ"]), unique=True)


class World:
    """Rows that records may refer to, and what may stand in each field."""

    def __init__(self):
        self.rows = {
            "account": [Account.objects.create(name=f"A{n}") for n in range(2)],
            "contact": [Contact.objects.create(name=f"C{n}") for n in range(2)],
            "rep": [Rep.objects.create(given=f"R{n}") for n in range(2)],
            "stage": [Choice.objects.create(list="stage", label=f"S{n}", status="open") for n in range(2)],
            "type": [Choice.objects.create(list="type", label="T")],
            "tax": [Choice.objects.create(list="tax", label=f"X{n}") for n in range(2)],
            "product": [Product.objects.create(name=f"P{n}") for n in range(2)],
            "group": [Group.objects.create(name="G")],
            "campaign": [Campaign.objects.create(name="K")],
        }

    def some(self, kind):
        return st.sampled_from([Ref(id=str(row.pk)) for row in self.rows[kind]])

    def maybe(self, kind):
        return st.none() | self.some(kind)

    def opportunity(self):
        line = st.builds(
            records.LineItem,
            product=self.some("product"),
            quantity=st.integers(-(2**31), 2**31 - 1),
            unit_price=MONEY,
            discount=MONEY,
            tax=st.none() | st.decimals(0, 9, places=6),
            total=MONEY,
        )
        role = st.builds(records.OpportunityContact, contact=self.some("contact"), role=TEXT)
        return known(
            records.Opportunity,
            name=NAME,
            account=self.maybe("account"),
            primary_contact=self.maybe("contact"),
            contacts=st.lists(role, max_size=2, unique_by=lambda each: each.contact),
            group=self.maybe("group"),
            campaign=self.maybe("campaign"),
            owner=self.maybe("rep"),
            amount=MONEY,
            probability=PERCENT,
            close_date=DAY,
            closed_at=MOMENT,
            stage=self.maybe("stage"),
            type=self.maybe("type"),
            prospect_type=st.sampled_from(["", "new", "existing"]),
            next_step=TEXT,
            wants_products=st.booleans(),
            active=st.booleans(),
            activity_index=PERCENT,
            lines=st.lists(line, max_size=3),
            tags=TAGS,
            custom=CUSTOM,
            archived_at=MOMENT,
            created_there=MOMENT,
        )

    def contact(self):
        return known(
            records.Contact,
            name=TEXT,
            given=TEXT,
            account=self.maybe("account"),
            emails=EMAILS,
            phones=PHONES,
            addresses=ADDRESSES,
            assistant=st.none() | st.builds(records.Assistant, name=TEXT, phone=TEXT),
            birthday=DAY,
            reports_to=self.maybe("contact"),
            can_call=st.booleans(),
            tags=TAGS,
            custom=CUSTOM,
        )

    def product(self):
        return known(
            records.Product, name=NAME, price=MONEY, taxes=st.lists(self.some("tax"), unique=True), active=st.booleans()
        )

    def group(self):
        member = st.one_of(
            st.builds(records.Member, account=self.some("account"), contact=st.none(), since=DAY),
            st.builds(records.Member, account=st.none(), contact=self.some("contact"), since=DAY),
        )
        members = st.lists(member, max_size=3, unique_by=lambda each: (each.account, each.contact))
        return known(records.Group, name=NAME, description=TEXT, members=members)

    def any(self, kind):
        return getattr(self, kind)()


def known(struct, **fields):
    """Records that know the required of these fields, and any of the others."""
    required = {"name": fields.pop("name")}
    extra = {"currency": st.just("EUR")} if {"amount", "price"} & fields.keys() else {}
    return st.fixed_dictionaries(required | extra, optional=fields).map(lambda values: struct(**values))


@pytest.fixture
def world(db):
    with acting(None, Door.COMMAND, label="test"):
        yield World()


def said(record, fields):
    return {name: in_no_order(getattr(record, name)) if name == "members" else getattr(record, name) for name in fields}


def in_no_order(members):
    return sorted(members, key=repr) if members is not UNSET else members


def fields_of(record):
    return [name for name in record.__struct_fields__ if getattr(record, name) is not UNSET]


KINDS = ["opportunity", "contact", "product", "group"]


@pytest.mark.parametrize("kind", KINDS)
@MANY
@given(data=st.data())
def test_a_record_is_read_as_it_was_written(world, kind, data):
    record = data.draw(world.any(kind))
    assert rows.refusal(kind, record, is_new=True) == ""
    (id,) = rows.insert(kind, [record])
    assert said(rows.read(kind, [id])[id], fields_of(record)) == said(record, fields_of(record))


@pytest.mark.parametrize("kind", KINDS)
@MANY
@given(data=st.data())
def test_a_record_changed_into_another_says_what_the_other_says(world, kind, data):
    pairs = data.draw(st.lists(st.tuples(world.any(kind), world.any(kind)), min_size=1, max_size=3))
    ids = rows.insert(kind, [first for first, _ in pairs])
    before = rows.read(kind, ids)
    wanted = {id: said(second, fields_of(second)) for id, (_, second) in zip(ids, pairs, strict=True)}
    for id, fields in wanted.items():  # of custom fields a change says only what changes
        if "custom" in fields:
            gone = dict.fromkeys(before[id].custom)
            wanted[id] = fields | {"custom": gone | fields["custom"]}
    rows.update(kind, wanted)
    after = rows.read(kind, ids)
    for id, (_, second) in zip(ids, pairs, strict=True):
        expected = said(before[id], before[id].__struct_fields__) | said(second, fields_of(second))
        assert said(after[id], expected) == expected
    assert rows.update(kind, wanted) == set()


# Of each field what is odd, beside a record that is all right.
ODD = {
    "name": ["", "a", "a\0", "\ud800", "x" * 3000],
    "external_id": ["", "E" * 5000, "E"],
    "amount": [Decimal(5), Decimal("1e15"), Decimal("NaN"), Decimal("-1e14"), None],
    "currency": ["", "EURO"],
    "probability": [-1, 0, 100, 101, 40_000],
    "prospect_type": ["new", "neither", "n" * 20],
    "next_step": ["n\0", "fine", None],
    "tags": [["fine"], ["a\0"], ["t" * 3000], [""], None],
    "custom": [{"a": "b\0"}, {"\ud800": 1}, {"a": [{"b": "fine"}]}],
}
ODDITIES = st.lists(
    st.sampled_from([(name, value) for name, values in ODD.items() for value in values]),
    max_size=2,
    unique_by=lambda pair: pair[0],
)


@settings(MANY, max_examples=200)
@given(odd=ODDITIES)
def test_what_is_not_refused_the_tables_take(world, odd):
    record = records.Opportunity(**({"name": "a", "amount": Decimal(1), "currency": "EUR"} | dict(odd)))
    if rows.refusal("opportunity", record, is_new=True):
        return
    with transaction.atomic():
        (id,) = rows.insert("opportunity", [record])
        assert rows.read("opportunity", [id])[id].name == record.name
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("kind", "record", "words"),
    [
        ("opportunity", records.Opportunity(name=""), "name: is missing."),
        ("opportunity", records.Opportunity(), "name: is missing."),
        ("opportunity", records.Opportunity(name="a", amount=Decimal(1)), "An amount needs its currency."),
        ("opportunity", records.Opportunity(name="a", probability=101), "probability: 101 is not between 0 and 100."),
        ("opportunity", records.Opportunity(name="a\0"), "name: "),
        ("note", records.Note(title="a", account=None), "It does not say which record it is about"),
        ("note", records.Note(kind="letter"), "“letter” is not one of email, event, note."),
        (
            "activity",
            records.Activity(subject="a", account=Ref("1"), start_on=date(2026, 1, 1), later=True),
            "An activity for later has no start.",
        ),
        ("contact", records.Contact(emails=[records.Email("a\0")]), "emails: it has characters that can't be kept."),
    ],
)
def test_a_refusal_says_what_is_wrong_and_the_table_agrees(world, kind, record, words):
    assert words in rows.refusal(kind, record, is_new=True)
    if words != "name: is missing." and "is not one of" not in words:
        with pytest.raises((DatabaseError, ValueError)), transaction.atomic():
            rows.insert(kind, [record])


def test_a_change_is_asked_only_about_what_it_changes():
    assert rows.refusal("opportunity", records.Opportunity(next_step="call"), is_new=False) == ""
    assert rows.refusal("note", records.Note(title="a"), is_new=False) == ""
    assert rows.refusal("opportunity", records.Opportunity(name=""), is_new=False) == "name: is missing."
