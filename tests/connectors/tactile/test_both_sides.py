"""The connector against the facade: what one side writes, the other reads, over the same wire and no network."""

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from backoffice.crm.records import Account, Activity, Contact, Email, Note, Opportunity, Phone, Ref
from connectors.kit.contract import Site
from connectors.kit.errors import Invalid, LoginFailed, Uncertain
from connectors.kit.testing import FacadeTransport
from connectors.tactile.connector import Tactile
from connectors.tactile.facade import facade
from connectors.tactile.mapping import MAPPINGS
from tests.connectors.tactile import there

pytestmark = [pytest.mark.unit]


@pytest.fixture
def clock():
    return there.Clock()


@pytest.fixture
def world(clock):
    return there.account(clock)


@pytest.fixture
def transport(world):
    return FacadeTransport(facade, world.door)


@pytest.fixture
def tactile(transport):
    return over(transport)


def over(transport, token=there.TOKEN, **settings):
    return Tactile(Site("https://sample.example", transport, settings, {"api_token": token}))


def pulled(tactile, *, full=True):
    """What a first pull brings: (kind, id) → the record as both sides can hold it. Stubs only where nothing else is."""
    found = {}
    for stream in tactile.streams():
        for page in stream.pages({}, full=full):
            for item in page.items:
                if not (item.is_stub and (item.kind, item.id) in found):
                    found[item.kind, item.id] = item.mapping.normal(item.mapping.decode(item.wire))
    return found


def said(record):
    """Its fields that are known."""
    return {name: value for name in record.__struct_fields__ if (value := getattr(record, name)) is not msgspec.UNSET}


def test_a_pull_brings_the_whole_account(tactile, world):
    found = pulled(tactile)
    assert set(found) == {
        ("account", "9876"),
        ("account", "12676"),
        ("contact", "87254"),
        ("opportunity", "1234"),
        ("note", "note:885"),
    }
    there = tactile.mapping("opportunity").normal(world.all("opportunity")["1234"])
    assert said(found["opportunity", "1234"]).items() >= said(there).items()
    assert len(said(there)) >= 10


def test_what_is_created_is_there_as_it_was_sent(tactile):
    sent = Opportunity(
        name="Boat covers",
        description="Twelve of them",
        account=Ref("9876"),
        primary_contact=Ref("87254"),
        amount=Decimal("1234.5"),
        probability=45,
        close_date=date(2026, 12, 24),
        stage=Ref("3", "Discussion"),
        type=Ref("2", "New Business"),
        assigned_to=Ref("greg"),
    )
    id = tactile.create("opportunity", sent).id
    item = tactile.view("opportunity", id)
    kept = item.mapping.normal(item.mapping.decode(item.wire))
    for name in ("name", "description", "account", "primary_contact", "amount", "probability", "close_date"):
        assert getattr(kept, name) == getattr(sent, name), name
    assert (kept.stage, kept.type) == (Ref(label="Discussion"), Ref(label="New Business"))
    assert (kept.assigned_to, kept.owner) == (Ref("greg"), Ref("paul"))


def test_a_change_leaves_the_rest_alone(tactile, world):
    before = world.all("opportunity")["1234"]
    tactile.update("opportunity", "1234", msgspec.structs.replace(before, amount=Decimal(5)), frozenset({"amount"}))
    after = world.all("opportunity")["1234"]
    assert after.amount == 5
    for name in ("name", "description", "close_date", "probability"):
        assert getattr(after, name) == getattr(before, name), name


def test_a_creation_without_a_stage_is_open_there(tactile):
    id = tactile.create("opportunity", Opportunity(name="Anchors", close_date=date(2026, 12, 1))).id
    assert tactile.view("opportunity", id).wire["status"] == "New"


def test_tags_stand_there_in_our_order(tactile):
    id = tactile.create("opportunity", Opportunity(name="Anchors", close_date=date(2026, 12, 1), tags=["a", "b"])).id
    item = tactile.view("opportunity", id)
    assert item.mapping.decode(item.wire).tags == ["a", "b"]


def test_a_lost_answer_is_uncertain_and_what_it_made_is_found(tactile, transport, world, clock):
    def lose(request):
        if request.path == "opportunities/save":
            raise Uncertain("The connection was cut.")

    transport.after = lose
    sent = Opportunity(name="Anchors", account=Ref("9876"), close_date=date(2026, 12, 1), stage=Ref("1"))
    with pytest.raises(Uncertain):
        tactile.create("opportunity", sent)
    (found,) = tactile.find("opportunity", sent, clock.now)
    assert world.all("opportunity")[found.id].name == "Anchors"


def test_a_creation_that_never_arrived_is_not_found(tactile, transport, clock):
    def lose(request):
        if request.path == "opportunities/save":
            raise Uncertain("The connection was cut.")

    transport.before = lose
    sent = Opportunity(name="Anchors", account=Ref("9876"), close_date=date(2026, 12, 1), stage=Ref("1"))
    with pytest.raises(Uncertain):
        tactile.create("opportunity", sent)
    assert not tactile.find("opportunity", sent, clock.now)


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("account", Account(name="Globex", phones=[Phone("123", "office")], emails=[Email("info@globex.example")])),
        ("contact", Contact(given="Ana", family="Ruiz", account=Ref("9876"), emails=[Email("ana@acme.example")])),
        ("activity", Activity(kind="to_do", subject="Call Bill", opportunity=Ref("1234"), start_on=date(2026, 12, 3))),
        (
            "activity",
            Activity(
                kind="event",
                subject="Boat show",
                location="Southampton",
                account=Ref("9876"),
                start_at=datetime(2026, 7, 1, 8, 30, tzinfo=UTC),
                end_on=date(2026, 7, 2),
            ),
        ),
    ],
)
def test_other_kinds_come_back_as_they_went(tactile, kind, record, clock):
    id = tactile.create(kind, record).id
    item = tactile.view(kind, id)
    kept, sent = item.mapping.normal(item.mapping.decode(item.wire)), item.mapping.normal(record)
    names = [name for name in item.mapping.takes if getattr(record, name) and name in item.mapping.holds]
    assert len(names) >= 3
    assert {name: getattr(kept, name) for name in names} == {name: getattr(sent, name) for name in names}
    assert [found.id for found in tactile.find(kind, record, clock.now)] == [id]


def test_a_note_written_here_stands_in_the_timeline_there(tactile, clock):
    note = Note(title="Called", body="Nobody there.", opportunity=Ref("1234"), private=True)
    id = tactile.create("note", note).id
    assert [found.id for found in tactile.find("note", note, clock.now)] == [id]
    kept = pulled(tactile)["note", id]
    assert (kept.title, kept.body, kept.private, kept.author) == ("Called", "Nobody there.", True, Ref("paul"))


def test_a_second_pull_brings_only_what_changed_since(tactile, world, clock):
    states = {}
    for stream in tactile.streams():
        for page in stream.pages({}, full=True):
            states[stream.name] = page.state
    clock.tick(minutes=5)
    world.change("opportunity", "1234", Opportunity(amount=Decimal(7)))
    again = [
        (item.kind, item.id)
        for stream in tactile.streams()
        if stream.name == "opportunities"
        for page in stream.pages(states[stream.name], full=False)
        for item in page.items
        if not item.is_stub
    ]
    assert again == [("opportunity", "1234")]


def test_an_opportunity_that_was_won_there_is_brought_as_won(tactile, world, clock):
    states = {}
    for stream in tactile.streams():
        for page in stream.pages({}, full=True):
            states[stream.name] = page.state
    clock.tick(minutes=5)
    world.change("opportunity", "1234", Opportunity(stage=Ref("5", "Won")))
    stream = next(each for each in over(FacadeTransport(facade, world.door)).streams() if each.name == "opportunities")
    items = [item for page in stream.pages(states["opportunities"], full=False) for item in page.items]
    assert [item.wire["status"] for item in items if not item.is_stub] == ["Won"]


def test_the_lists_of_the_account_are_read(tactile):
    found = {(entry.list, entry.id): entry.label for entry in tactile.entries()}
    assert found["user", "paul"] == "paul"
    assert found["status", "5"] == "Won"
    assert found["source", "8"] == "Website"


def test_a_wrong_token_is_a_failed_login(transport):
    with pytest.raises(LoginFailed):
        over(transport, token="wrong").test()


def test_a_refusal_is_told_in_the_vendors_words(tactile):
    with pytest.raises(Invalid) as caught:
        tactile.client.opportunities.save({"name": "Website Redesign"})
    assert caught.value.messages == ["Expected Close Date is a compulsory field, you must enter a value"]


def test_what_a_pull_brings_makes_the_same_account_elsewhere(tactile, clock):
    """Two hops: an account, our records of it, and the facade over those."""
    first = pulled(tactile)
    copy = there.World(MAPPINGS, vendor="tactile", name="copy", callers=there.account(clock).callers, clock=clock)
    copy.lists = there.account(clock).lists
    for (kind, id), record in first.items():
        copy.add(kind, record, id=id)
    assert pulled(over(FacadeTransport(facade, copy.door))) == first
