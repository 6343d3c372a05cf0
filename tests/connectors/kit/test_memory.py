"""A vendor's world in memory: what a facade finds there, and that a file brings all of it back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from backoffice.crm.records import Account, Contact, Email, Note, Opportunity, Ref
from connectors.kit.codecs import Amount
from connectors.kit.contract import VendorEntry
from connectors.kit.errors import Missing
from connectors.kit.mapping import Entry, Field, Mapping, Reference
from connectors.kit.memory import KINDS, MemoryStore, World
from connectors.kit.store import Caller, Condition, Query
from connectors.kit.store import Test as Check

pytestmark = [pytest.mark.unit]

DEAL = Mapping(
    "opportunity",
    Opportunity,
    Field("name", "name"),
    Field("cost", "amount", Amount()),
    Reference("organisation_id", "account", "account", label="organisation"),
    Reference("person_id", "primary_contact", "contact", label="person"),
    Entry("status", "stage", "status", written="status_id"),
)
LISTS = {"status": [VendorEntry("status", "1", "New"), VendorEntry("status", "5", "Won", {"status": "won"})]}


class Clock:
    def __init__(self):
        self.now = datetime(2026, 11, 22, 12, 0, 0, 999999, UTC)

    def __call__(self):
        return self.now

    def tick(self, seconds=1):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def world(clock):
    return World([DEAL], vendor="tactile", name="acme", lists=LISTS, clock=clock)


@pytest.fixture
def store(world):
    return MemoryStore(world, Caller("paul"))


def names(found):
    return [stored.record.name for stored in found.found]


def test_a_new_record_gets_the_id_above_the_highest_ever_seen(world, store):
    world.add("opportunity", Opportunity(name="Old"), id="1234")
    assert store.create("opportunity", Opportunity(name="New")) == "1235"
    world.remove("opportunity", "1235")
    assert store.create("opportunity", Opportunity(name="Newer")) == "1236"


def test_ids_are_counted_for_each_kind(store):
    assert [store.create("opportunity", Opportunity()), store.create("account", Account())] == ["1", "1"]


def test_a_record_knows_in_whole_seconds_when_it_was_made_and_last_changed(store, clock):
    id = store.create("opportunity", Opportunity(name="a"))
    made = clock.now.replace(microsecond=0)
    clock.tick(5)
    store.update("opportunity", id, Opportunity(name="b"))
    record = store.get("opportunity", id).record
    assert (record.created_there, record.changed_there) == (made, made + timedelta(seconds=5))


def test_a_change_may_say_when_it_was_made(store, clock):
    id = store.create("opportunity", Opportunity(name="a"))
    before = store.get("opportunity", id).record.changed_there
    clock.tick()
    store.update("opportunity", id, Opportunity(tags=["vip"], changed_there=before))
    assert store.get("opportunity", id).record.changed_there == before


def test_an_update_keeps_what_it_does_not_name_and_empties_what_it_empties(store):
    id = store.create("opportunity", Opportunity(name="a", description="b", amount=Decimal(3)))
    store.update("opportunity", id, Opportunity(description="", amount=None))
    record = store.get("opportunity", id).record
    assert (record.name, record.description, record.amount) == ("a", "", None)


def test_changing_what_is_not_there_is_missing(store):
    with pytest.raises(Missing, match="no opportunity 7"):
        store.update("opportunity", "7", Opportunity(name="a"))


def test_what_a_caller_does_to_an_answer_changes_nothing_in_the_world(store):
    id = store.create("opportunity", Opportunity(name="a"))
    store.get("opportunity", id).record.name = "b"
    store.find("opportunity", Query()).found[0].record.name = "c"
    assert store.get("opportunity", id).record.name == "a"


def test_references_come_back_with_id_and_label(store):
    account = store.create("account", Account(name="Acme Boats Ltd."))
    person = store.create("contact", Contact(given="Bill", family="Smith"))
    by_id = store.create(
        "opportunity",
        Opportunity(account=Ref(id=account), primary_contact=Ref(id=person), stage=Ref(id="5"), owner=Ref(id="paul")),
    )
    by_label = store.create("opportunity", Opportunity(stage=Ref(label="Won"), account=Ref(id="404")))
    record = store.get("opportunity", by_id).record
    assert record.account == Ref(id=account, label="Acme Boats Ltd.")
    assert record.primary_contact == Ref(id=person, label="Bill Smith")
    assert record.stage == Ref(id="5", label="Won")
    assert record.owner == Ref(id="paul")
    other = store.get("opportunity", by_label).record
    assert (other.stage, other.account) == (Ref(id="5", label="Won"), Ref(id="404"))


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (Condition("name", Check.IS, "Boat"), ["Boat"]),
        (Condition("name", Check.LIKE, "b*"), ["Boat", "boots"]),
        (Condition("name", Check.LIKE, "*OO*"), ["boots"]),
        (Condition("name", Check.LIKE, "oo"), []),
        (Condition("name", Check.LIKE, "Ca.*"), ["Ca.r"]),
        (Condition("amount", Check.IS, Decimal(2)), ["boots"]),
        (Condition("amount", Check.AFTER, Decimal(1)), ["boots"]),
        (Condition("amount", Check.BEFORE, Decimal(2)), ["Boat"]),
        (Condition("amount", Check.IS_SET, False), ["Ca.r"]),
        (Condition("account", Check.IS, "1"), ["Boat"]),
        (Condition("stage", Check.IS, "5"), ["boots"]),
        (Condition("stage", Check.IS, "Won"), ["boots"]),
        (Condition("tags", Check.IS, "vip"), ["Ca.r"]),
    ],
)
def test_conditions_choose_records(store, condition, found):
    store.create("account", Account(name="Acme"))
    store.create("opportunity", Opportunity(name="Boat", amount=Decimal(1), account=Ref(id="1")))
    store.create("opportunity", Opportunity(name="boots", amount=Decimal(2), stage=Ref(id="5")))
    store.create("opportunity", Opportunity(name="Ca.r", tags=["new", "vip"]))
    assert names(store.find("opportunity", Query([condition]))) == found


def test_an_email_is_found_among_several(store):
    store.create("contact", Contact(name="Ana", emails=[Email("a@example.com"), Email("ana@example.org")]))
    assert store.find("contact", Query([Condition("emails", Check.LIKE, "ANA@*")])).total == 1


def test_records_come_in_order_with_ties_by_id(store):
    for name in ("b", "A", "a", "C"):
        store.create("opportunity", Opportunity(name=name))
    store.create("opportunity", Opportunity())
    found = store.find("opportunity", Query(order=["name"])).found
    assert [stored.id for stored in found] == ["5", "2", "3", "1", "4"]
    downwards = store.find("opportunity", Query(order=["-name"])).found
    assert [stored.id for stored in downwards] == ["4", "1", "2", "3", "5"]


def test_a_slice_tells_how_many_there_are_in_all(store):
    for number in range(12):
        store.create("opportunity", Opportunity(name=f"{number:02}"))
    found = store.find("opportunity", Query(order=["name"], offset=10, limit=10))
    assert (names(found), found.total) == (["10", "11"], 12)
    assert names(store.find("opportunity", Query(offset=99, limit=10))) == []


def test_what_is_archived_is_left_out_unless_asked_for(store):
    id = store.create("opportunity", Opportunity(name="a", archived_at=store.now))
    assert store.find("opportunity", Query()).total == 0
    assert store.find("opportunity", Query(with_archived=True)).total == 1
    assert store.get("opportunity", id) is not None


def test_a_secret_opens_the_world_for_its_caller_and_another_one_does_not(world):
    world.callers["token"] = Caller("greg", "Greg", is_admin=True)
    assert world.door("token").caller.id == "greg"
    assert world.door("other") is None
    assert world.door("") is None


def test_a_file_brings_a_world_back(world, store, tmp_path, clock):
    world.callers["token"] = Caller("greg", "Greg", "greg@example.com")
    store.create("account", Account(name="Acme", custom={"x": [1, None]}))
    store.create(
        "opportunity",
        Opportunity(
            name="Ñandú", amount=Decimal("1234.50"), close_date=date(2009, 3, 6), account=Ref(id="1"), description=""
        ),
    )
    store.create("note", Note(title="t", private=True, happened_at=clock.now))
    file = tmp_path / "world.json"
    world.save(file)
    again = World.load(file, [DEAL], clock=clock)
    assert again.to_bytes() == world.to_bytes()
    assert again.all("opportunity") == world.all("opportunity")
    assert again.lists["status"][1].extras == {"status": "won"}
    assert MemoryStore(again).create("account", Account()) == "2"
    assert [each.name for each in tmp_path.iterdir()] == ["world.json"]


def test_a_file_of_something_else_is_refused():
    with pytest.raises(ValueError, match="Expected"):
        World.from_bytes(b"[]")
    with pytest.raises(ValueError, match="deal"):
        World.from_bytes(b'{"records": {"deal": {}}}')


def test_every_record_has_its_kind():
    assert KINDS["opportunity"] is Opportunity
    assert KINDS["custom_field"].__name__ == "CustomField"
    assert all(issubclass(each, msgspec.Struct) for each in KINDS.values())


def test_every_change_gives_the_world_a_new_version(world, store):
    versions = [world.version]
    id = store.create("opportunity", Opportunity(name="a"))
    versions.append(world.version)
    store.update("opportunity", id, Opportunity(name="b"))
    versions.append(world.version)
    world.remove("opportunity", id)
    versions.append(world.version)
    assert versions == sorted(set(versions))
