"""What both sides agree on after a push: also on what neither has, and on conflicts that are none any more."""

import pytest

from backoffice.crm.models import Account
from backoffice.sync.models import Conflict, Link
from connectors.kit.contract import Receipt
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
def tight_lipped(monkeypatch):
    """A vendor that says no more of a new record than its id."""
    real = vendor.Acme.create
    monkeypatch.setattr(vendor.Acme, "create", lambda *given: Receipt(real(*given).id))


@pytest.mark.usefixtures("tight_lipped")
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


@pytest.mark.usefixtures("tight_lipped")
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
