"""References go both ways for a page at once; what can't be said is told, and never guessed."""

from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from msgspec import UNSET

from backoffice.changes.acting import Door, acting
from backoffice.crm import records
from backoffice.crm.models import Account, Choice, Contact, Group, Opportunity, Product, Rep
from backoffice.crm.records import Ref
from backoffice.sync.links import pending
from backoffice.sync.links.pending import Waiting
from backoffice.sync.links.referencing import Neutral, from_plain, plain, to_ours, to_theirs
from backoffice.sync.meanings import options
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Link, Option, Pending, Policy
from backoffice.sync.pulls.merging import merge
from backoffice.sync.rows import rows
from connectors.kit.codecs import SOMETIME
from connectors.kit.contract import VendorEntry
from connectors.kit.mapping import Field, Mapping, Part
from tests.sync import vendor
from tests.sync.vendor import ACCOUNT, OPPORTUNITY

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def someone_acts(db):
    with acting(None, Door.COMMAND, label="test"):
        yield


@pytest.fixture
def ren():
    return Rep.objects.create(given="Ren", family="Test", email="ren@example.com")


@pytest.fixture
def won():
    return Choice.objects.create(list="stage", label="Won", status="won")


@pytest.fixture
def known(connection, ren, won):
    """The vendor's entries: Ren and Won are mapped, all else is not."""
    options.refresh(connection, vendor.ENTRIES)
    options.propose(connection)
    return Options(connection)


@pytest.fixture
def globex(connection):
    return link(connection, Account.objects.create(name="Globex"), "7")


def ref(row):
    return Ref(id=str(row.pk))


def link(connection, row, remote_id, base=None, kind=None):
    Link.objects.create(
        connection=connection,
        kind=kind or type(row).change_kind,
        remote_id=remote_id,
        object_id=row.pk,
        base=base or {},
    )
    return row


def incoming(connection, entries, *given, mapping=OPPORTUNITY, **more):
    items = [Neutral(mapping, str(100 + place), record) for place, record in enumerate(given)]
    return to_ours(connection, items, entries, **more)


def outgoing(connection, known, row, base=None, mapping=OPPORTUNITY, **more):
    """Our row as the vendor would have it, where both last agreed on `base`."""
    kind = type(row).change_kind
    links = {row.pk: Link(connection=connection, kind=kind, remote_id="1", object_id=row.pk, base=base)} if base else {}
    return to_theirs(connection, mapping, rows.read(kind, [row.pk]), links, known, **more)[row.pk]


def test_a_vendors_references_become_ours(connection, known, globex, ren, won):
    record = records.Opportunity(
        name="Chairs", account=Ref("7", "Globex"), primary_contact=None, owner=Ref("ren"), stage=Ref(label="Won")
    )
    ours = incoming(connection, known, record)
    (found,) = ours.records
    assert (found.account, found.primary_contact) == (ref(globex), None)
    assert (found.owner, found.stage) == (ref(ren), ref(won))
    assert (ours.unresolved, ours.unmapped) == ([], [])
    assert record.account == Ref("7", "Globex")


def test_what_is_not_here_or_means_nothing_is_told_and_left_unknown(connection, known):
    ours = incoming(
        connection,
        known,
        records.Opportunity(name="a"),
        records.Opportunity(name="b", account=Ref("99"), owner=Ref("nobody"), stage=Ref(label="Lost")),
    )
    found = ours.records[1]
    assert (found.account, found.owner, found.stage) == (UNSET, UNSET, UNSET)
    assert ours.unresolved == [(1, "account", "account", "99")]
    assert ours.unmapped == [(1, "stage", "statuses", "Lost"), (1, "owner", "users", "nobody")]


def test_a_row_that_was_deleted_here_is_not_pointed_at(connection, known, globex):
    globex.delete()
    ours = incoming(connection, known, records.Opportunity(name="a", account=Ref("7")))
    assert [each.remote_id for each in ours.unresolved] == ["7"]


def test_another_connections_ids_mean_nothing(connection, make_connection, known):
    link(make_connection("b"), Account.objects.create(name="Other"), "8")
    assert incoming(connection, known, records.Opportunity(account=Ref("8"))).unresolved


def test_links_not_written_down_yet_count(connection, known):
    account = Account.objects.create(name="New")
    ours = incoming(connection, known, records.Opportunity(account=Ref("9")), known={("account", "9"): account.pk})
    assert ours.records[0].account == ref(account)


def test_an_amount_without_a_currency_is_in_the_connections(connection, known):
    ours = incoming(
        connection,
        known,
        records.Opportunity(amount=Decimal(5)),
        records.Opportunity(amount=None),
        records.Opportunity(),
    )
    assert [record.currency for record in ours.records] == ["USD", UNSET, UNSET]


def test_a_vendor_that_only_says_that_a_record_is_archived_means_now(connection, known):
    found = incoming(connection, known, records.Opportunity(archived_at=SOMETIME)).records[0]
    assert (datetime.now(UTC) - found.archived_at).total_seconds() < 60


def test_our_references_become_the_vendors(connection, known, globex, ren, won):
    row = Opportunity.objects.create(name="Chairs", account=globex, owner=ren, stage=won, next_step="not the vendor's")
    theirs = outgoing(connection, known, row)
    assert theirs.missing == []
    assert (theirs.record.account, theirs.record.owner) == (Ref("7"), Ref("ren", "Ren Test"))
    assert theirs.record.stage == Ref("3", "Won")
    assert theirs.record.next_step is UNSET
    assert theirs.plain(OPPORTUNITY)["account"] == {"id": "7"}


def test_references_get_their_names_when_asked(connection, known, globex):
    row = Opportunity.objects.create(name="Chairs", account=globex)
    assert outgoing(connection, known, row, labels=True).record.account == Ref("7", "Globex")


def test_what_the_vendor_does_not_have_is_told_in_words(connection, known):
    row = Opportunity.objects.create(
        name="Chairs",
        account=Account.objects.create(name="Initech"),
        primary_contact=Contact.objects.create(given="Ana", family="López"),
        owner=Rep.objects.create(given="Zoe", family="Ray"),
        stage=Choice.objects.create(list="stage", label="Odd", status="open"),
    )
    theirs = outgoing(connection, known, row)
    assert {each.field: each.text for each in theirs.missing} == {
        "account": "“Initech” is not at the vendor yet.",
        "primary_contact": "“Ana López” is not at the vendor yet.",
        "owner": "It is not known which user of the vendor “Zoe Ray” is.",
        "stage": "It is not known which entry of the vendor's list “Odd” is.",
    }
    assert [(each.kind, each.object_id) for each in theirs.missing if each.field == "account"] == [
        ("account", row.account_id)
    ]


def test_what_can_not_be_said_there_is_not_taken_for_empty(connection, known, ren):
    """Or the vendor's owner would silently take the place of ours."""
    zoe = Rep.objects.create(given="Zoe", family="Ray")
    row = Opportunity.objects.create(name="Chairs", owner=zoe)
    here = outgoing(connection, known, row).plain(OPPORTUNITY)
    there = plain(OPPORTUNITY, records.Opportunity(name="Chairs", owner=Ref("ren")))
    result = merge(None, here, there, fields=OPPORTUNITY.holds, policy=Policy.ASK)
    assert [(each.field, each.here) for each in result.conflicts] == [("owner", {"label": "Zoe Ray"})]


def test_what_the_vendor_has_and_we_could_not_take_is_no_change_of_ours(connection, known):
    base = plain(
        OPPORTUNITY,
        records.Opportunity(name="Chairs", account=Ref("99"), owner=Ref("nobody"), stage=Ref(label="Lost")),
    )
    theirs = outgoing(connection, known, Opportunity.objects.create(name="Chairs"), base)
    here = theirs.plain(OPPORTUNITY)
    assert {name: here[name] for name in base} == base
    assert theirs.record.account == Ref("99")


def test_what_we_had_and_emptied_is_a_change_of_ours(connection, known, globex):
    base = plain(OPPORTUNITY, records.Opportunity(name="a", account=Ref("7"), owner=Ref("ren"), stage=Ref("3", "Won")))
    here = outgoing(connection, known, Opportunity.objects.create(name="a"), base).plain(OPPORTUNITY)
    assert (here["account"], here["owner"], here["stage"]) == (None, None, None)


def test_of_entries_that_mean_the_same_the_agreed_one_makes_no_difference(connection, known, won):
    options.refresh(connection, [*vendor.ENTRIES, VendorEntry("statuses", "8", "Sold")])
    options.mean(Option.objects.get(connection=connection, remote_id="8"), by=None, choice=won)
    base = plain(OPPORTUNITY, records.Opportunity(name="a", stage=Ref(label="Sold")))
    row = Opportunity.objects.create(name="a", stage=won)
    theirs = outgoing(connection, Options(connection), row, base)
    assert theirs.plain(OPPORTUNITY)["stage"] == base["stage"]
    assert theirs.record.stage == Ref("8", "Sold")


def test_a_tag_we_spell_otherwise_makes_no_difference(connection, known):
    (id,) = rows.insert("account", [records.Account(name="a", tags=["VIP", "new"])])
    base = plain(ACCOUNT, records.Account(name="a", tags=["vip"]))
    here = outgoing(connection, known, Account.objects.get(pk=id), base, ACCOUNT).plain(ACCOUNT)
    assert here["tags"] == ["vip", "new"]


def test_both_ways_and_back_a_record_is_the_same(connection, known, globex, ren, won):
    record = records.Opportunity(
        name="Chairs",
        account=Ref("7"),
        owner=Ref("ren"),
        stage=Ref(label="Won"),
        amount=Decimal("12.5"),
        tags=["a", "b"],
    )
    (id,) = rows.insert("opportunity", incoming(connection, known, record).records)
    base = plain(OPPORTUNITY, record)
    here = outgoing(connection, known, Opportunity.objects.get(pk=id), base).plain(OPPORTUNITY)
    assert {name: here[name] for name in base} == base
    assert plain(OPPORTUNITY, from_plain("opportunity", base)) == base


def test_a_page_needs_as_many_queries_as_one_record(connection, known, globex, ren, won, monkeypatch):
    sent = []
    really = psycopg.Cursor.execute
    monkeypatch.setattr(
        psycopg.Cursor, "execute", lambda self, query, *a, **k: sent.append(query) or really(self, query, *a, **k)
    )

    def count(number):
        record = records.Opportunity(name="a", account=Ref("7"), owner=Ref("ren"), stage=Ref(label="Won"))
        ids = rows.insert("opportunity", incoming(connection, known, *[record] * number).records)
        read = rows.read("opportunity", ids)
        del sent[:]
        incoming(connection, known, *[record] * number)
        to_theirs(connection, OPPORTUNITY, read, {}, known)
        return len(sent)

    assert 1 < count(1) == count(50) < 8


def test_what_a_person_says_in_mid_run_holds_for_the_next_page(connection, known):
    record = records.Opportunity(name="a", stage=Ref(label="Lost"))
    assert incoming(connection, known, record).unmapped
    lost = Choice.objects.create(list="stage", label="Gone", status="lost")
    options.mean(Option.objects.get(connection=connection, label="Lost"), by=None, choice=lost)
    assert incoming(connection, known, record).records[0].stage == ref(lost)


# Lists with references: a vendor's own parts, which the kit leaves to it.


class AsItIs(Part):
    """A field that stands on the wire as the record has it."""

    def __init__(self, name):
        self.__dict__["name"] = name

    def keys(self, shape):
        return (self.name,)

    def decode(self, wire, shape):
        return wire.get(self.name, UNSET)

    def encode(self, value, shape):
        return {self.name: value}


DEAL = Mapping("opportunity", records.Opportunity, Field("name", "name"), AsItIs("contacts"), AsItIs("lines"))
role = records.OpportunityContact


@pytest.fixture
def ana(connection):
    return link(connection, Contact.objects.create(name="Ana"), "a")


def test_references_in_lists_go_both_ways(connection, known, ana):
    chair = link(connection, Product.objects.create(name="Chair"), "p")
    record = records.Opportunity(
        name="x",
        contacts=[role(contact=Ref("a"), role="buys")],
        lines=[records.LineItem(product=Ref("p"), quantity=2, unit_price=None, discount=None, tax=None, total=None)],
    )
    ours = incoming(connection, known, record, mapping=DEAL)
    assert ours.records[0].contacts == [role(contact=ref(ana), role="buys")]
    assert ours.records[0].lines[0].product == ref(chair)
    (id,) = rows.insert("opportunity", ours.records)
    theirs = outgoing(connection, known, Opportunity.objects.get(pk=id), mapping=DEAL)
    assert (theirs.record.contacts, theirs.record.lines) == (record.contacts, record.lines)


def test_what_a_list_could_not_hold_keeps_its_place(connection, known, ana):
    record = records.Opportunity(
        name="x", contacts=[role(contact=Ref("later"), role="1"), role(contact=Ref("a"), role="2")]
    )
    ours = incoming(connection, known, record, mapping=DEAL)
    assert ours.records[0].contacts == [role(contact=ref(ana), role="2")]
    assert ours.unresolved == [(0, "contacts", "contact", "later")]
    (id,) = rows.insert("opportunity", ours.records)
    base = plain(DEAL, record)
    assert outgoing(connection, known, Opportunity.objects.get(pk=id), base, DEAL).record.contacts == record.contacts


TEAM = Mapping("group", records.Group, Field("name", "name"), AsItIs("members"))
member = records.Member


def test_members_in_another_order_make_no_difference(connection, known, ana, globex):
    base = [member(account=Ref("7"), contact=None, since=None), member(account=None, contact=Ref("a"), since=None)]
    ours = incoming(connection, known, records.Group(name="g", members=base[::-1]), mapping=TEAM).records
    (id,) = rows.insert("group", ours)
    theirs = outgoing(connection, known, Group.objects.get(pk=id), plain(TEAM, records.Group(members=base)), TEAM)
    assert theirs.record.members == base


# References that wait.


def waits(connection, row, field, target_kind, target_id, base):
    link(connection, row, f"{row.pk}", base)
    pending.pend(connection, [Waiting(type(row).change_kind, row.pk, field, target_kind, target_id)])


def arrives(connection, row, remote_id):
    link(connection, row, remote_id)
    return pending.settle_pending(connection, type(row).change_kind, {remote_id: row.pk})


def test_a_reference_is_settled_when_its_record_arrives(connection):
    first, second = (Opportunity.objects.create(name=name) for name in "ab")
    for row in (first, second):
        waits(connection, row, "account", "account", "9", {"account": {"id": "9"}})
    account = Account.objects.create(name="Late")
    assert arrives(connection, account, "9") == 2
    first.refresh_from_db()
    assert first.account == account
    assert not Pending.objects.exists()


def test_pending_the_same_again_keeps_one_for_each_field(connection):
    row = Opportunity.objects.create(name="a")
    waits(connection, row, "account", "account", "9", {"account": {"id": "10"}})
    pending.pend(connection, [Waiting("opportunity", row.pk, "account", "account", "10")])
    assert [each.target_id for each in Pending.objects.all()] == ["10"]


def test_what_was_set_here_or_taken_back_there_meanwhile_is_left(connection):
    ours = Account.objects.create(name="Ours")
    changed = Opportunity.objects.create(name="a", account=ours)
    waits(connection, changed, "account", "account", "9", {"account": {"id": "9"}})
    moved = Opportunity.objects.create(name="b")
    waits(connection, moved, "account", "account", "9", {"account": {"id": "8"}})
    emptied = Opportunity.objects.create(name="c")
    waits(connection, emptied, "account", "account", "9", {"account": None})
    assert arrives(connection, Account.objects.create(name="Late"), "9") == 0
    assert list(Opportunity.objects.order_by("name").values_list("account", flat=True)) == [ours.pk, None, None]


def test_a_list_is_completed_as_its_records_arrive(connection, ana):
    row = Opportunity.objects.create(name="a")
    rows.update("opportunity", {row.pk: {"contacts": [role(contact=ref(ana), role="2")]}})
    base = {"contacts": [{"contact": {"id": id}, "role": f"{place}"} for place, id in enumerate(["x", "y", "a"])]}
    waits(connection, row, "contacts", "contact", "x", base)
    xavier, yara = Contact.objects.create(name="Xavier"), Contact.objects.create(name="Yara")
    assert arrives(connection, xavier, "x") == 1
    assert [each.target_id for each in Pending.objects.all()] == ["y"]
    assert arrives(connection, yara, "y") == 1
    found = rows.read("opportunity", [row.pk], fields={"contacts"})[row.pk].contacts
    assert [each.contact for each in found] == [ref(xavier), ref(yara), ref(ana)]
    assert not Pending.objects.exists()


def test_a_member_of_a_group_arrives(connection):
    group = Group.objects.create(name="g")
    base = {"members": [{"account": None, "contact": {"id": "x"}, "since": "2026-01-01"}]}
    waits(connection, group, "members", "contact", "x", base)
    assert arrives(connection, Contact.objects.create(name="X"), "x") == 1
    assert group.members.get().since.isoformat() == "2026-01-01"
