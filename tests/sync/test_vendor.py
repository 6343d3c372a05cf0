"""The tests' own vendor does what the tests stand on."""

import pytest

from backoffice.crm.records import Account
from connectors.kit.contract import Site
from connectors.kit.errors import LoginFailed, Unavailable, Uncertain
from tests.sync import vendor

pytestmark = [pytest.mark.unit]


@pytest.fixture
def world(monkeypatch):
    world = vendor.World()
    monkeypatch.setitem(vendor.WORLDS, "https://acme.example", world)
    return world


@pytest.fixture
def acme(world):
    return vendor.Acme(Site("https://acme.example", None, secrets={"token": vendor.TOKEN}))


def ids(acme, state, *, full=False, path="accounts"):
    (stream,) = [each for each in acme.streams() if each.name == path]
    pages = list(stream.pages(state, full=full))
    return [[item.id for item in page.items] for page in pages], pages[-1].state


def test_a_stream_shows_everything_first_and_then_what_changed(world, acme):
    first = [world.add("account", name=f"A{number}") for number in range(4)]
    pages, state = ids(acme, {})
    assert pages == [[str(id) for id in first[:3]], [str(first[3])]]
    world.change("account", first[1], name="B")
    pages, state = ids(acme, state)
    assert pages == [[str(first[1])]]
    assert ids(acme, state)[0] == [[]]
    assert len(ids(acme, state, full=True)[0]) == 2


def test_a_state_in_mid_pass_goes_on_there(world, acme):
    for number in range(5):
        world.add("account", name=f"A{number}")
    stream = acme.streams()[0]
    first = next(iter(stream.pages({}, full=True)))
    rest, _ = ids(acme, first.state)
    assert [len(page) for page in rest] == [2]


def test_faults_come_where_they_are_asked_for(world, acme):
    world.fails(Unavailable("down"), at=2)
    acme.test()
    with pytest.raises(Unavailable):
        acme.test()
    world.fails(Uncertain("cut"), on="POST", after=True)
    with pytest.raises(Uncertain):
        acme.create("account", Account(name="Globex"))
    assert [wire["name"] for wire in world.records["account"].values()] == ["Globex"]
    assert [item.wire["name"] for item in acme.find("account", Account(name="Globex"), vendor.BEGAN)] == ["Globex"]


def test_without_the_token_nobody_comes_in(world):
    with pytest.raises(LoginFailed):
        vendor.Acme(Site("https://acme.example", None)).test()


def test_every_record_reads_as_it_stands(world, acme):
    account = world.add("account", name="Globex", industry_id="1", tags=["a", "b"])
    world.add("opportunity", name="Chairs", account_id=account, amount=12.5, status_id="2", owner="ren")
    item = acme.view("opportunity", "102")
    record = item.mapping.decode(item.wire)
    assert (record.account.id, record.account.label, record.stage.label) == ("101", "Globex", "Negotiation")
    assert item.mapping.normal(record) == item.mapping.normal(item.mapping.normal(record))
    world.remove("opportunity", 102)
    assert acme.view("opportunity", "102") is None
