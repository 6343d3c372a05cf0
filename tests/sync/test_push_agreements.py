"""What both sides agree on after a push: also on what neither has, and on conflicts that are none any more."""

import pytest

from backoffice.crm.models import Account
from backoffice.sync.models import Conflict, Link
from tests.sync import vendor
from tests.sync.pushes import change, make, send

pytestmark = [
    pytest.mark.db,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_broker"),
]


@pytest.fixture(autouse=True)
def _acmes_own_time(time_machine):
    time_machine.move_to(vendor.BEGAN)


@pytest.fixture
def loud(acme, monkeypatch):
    """A vendor that writes all names in capitals."""
    add, change = acme.add, acme.change

    def loudly(wire):
        return wire | {"name": wire["name"].upper()} if "name" in wire else wire

    monkeypatch.setattr(acme, "add", lambda kind, **wire: add(kind, **loudly(wire)))
    monkeypatch.setattr(acme, "change", lambda kind, id, **wire: change(kind, id, **loudly(wire)))


@pytest.mark.usefixtures("loud")
def test_what_the_vendor_makes_of_what_was_sent_comes_here_with_the_next_pull(connection, acme, pull):
    account = make()
    for name in ("Globex", "Initech"):
        change(account, name=name)
        send(connection)
        assert Link.objects.get().base["name"] == name
        pull()
        account.refresh_from_db()
        assert (account.name, Link.objects.get().base["name"]) == (name.upper(), name.upper())
    writes = len(acme.calls("POST")) + len(acme.calls("PATCH"))
    send(connection)
    pull(full=True)
    assert len(acme.calls("POST")) + len(acme.calls("PATCH")) == writes == 2
    assert not Conflict.objects.exists()


def test_what_both_fill_in_after_a_record_was_made_there_is_a_conflict(connection, acme, pull):
    account = make()
    send(connection)
    (id,) = acme.records["account"]
    acme.change("account", id, description="theirs")
    change(account, description="ours")
    pull()
    send(connection)
    assert acme.wire("account", id)["description"] == "theirs"
    (conflict,) = Conflict.objects.all()
    assert (conflict.field, conflict.here, conflict.there) == ("description", "ours", "theirs")


def test_what_the_vendor_fills_in_by_itself_comes_here(connection, acme, pull):
    account = make()
    send(connection)
    (id,) = acme.records["account"]
    acme.change("account", id, description="theirs")
    pull()
    account.refresh_from_db()
    assert (account.description, Link.objects.get().base["description"]) == ("theirs", "theirs")
    assert not Conflict.objects.exists()


def test_a_conflict_is_over_when_ours_becomes_what_the_vendor_has(connection, acme, pull):
    id = acme.add("account", name="Globex", description="before")
    pull()
    account = Account.objects.get()
    change(account, description="ours")
    acme.change("account", id, description="theirs")
    pull()
    assert Conflict.objects.get().settled_at is None
    change(account, description="theirs")
    send(connection)
    pull(full=True)
    assert Conflict.objects.get().settled_at is not None
