"""What comes in a pull's way and must not stop it: bad ids, hidden records, a facade. And what must."""

from threading import Thread

import pytest
from django.db import connections

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Opportunity
from backoffice.jobs.models import State
from backoffice.sync.links import matching
from backoffice.sync.models import Connection, ConnectionState, Cursor, Health, Link, Push
from connectors.kit.contract import Item
from connectors.kit.errors import Forbidden, Missing, Unreadable
from tests.sync import vendor
from tests.sync.pushes import link, someone

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=["x" * 201, "a\0b", "\ud800"], ids=["long", "nul", "half a pair"])
def no_id(request, monkeypatch):
    """What the vendor gives as the id of records called “Bad”."""
    real = vendor.Acme.item

    def item(self, kind, wire):
        return (
            Item(kind, request.param, wire, vendor.MAPPINGS[kind]) if wire["name"] == "Bad" else real(self, kind, wire)
        )

    monkeypatch.setattr(vendor.Acme, "item", item)


@pytest.mark.usefixtures("no_id")
def test_an_id_that_cant_be_kept_lies_aside_in_every_full_pass(acme, pull):
    acme.add("opportunity", name="Chairs")
    assert pull(full=True).state == State.SUCCEEDED
    acme.add("opportunity", name="Bad")
    acme.add("opportunity", name="Tables")
    for new in (1, 0):
        job = pull(full=True)
        assert (job.state, job.counts["set_aside"], job.counts.get("new", 0)) == (State.INCOMPLETE, 1, new)


@pytest.mark.usefixtures("no_id")
def test_it_does_so_too_while_something_is_being_sent(connection, acme, pull):
    Push.objects.create(connection=connection, kind="opportunity", object_id=77, operation="update", state="sending")
    acme.add("opportunity", name="Bad")
    job = pull()
    assert (job.error, job.counts["set_aside"]) == ("", 1)


@pytest.mark.parametrize("error", [Forbidden(["not for you"]), Unreadable("not JSON")])
def test_of_a_record_that_left_the_list_and_is_hidden_nothing_is_concluded(acme, pull, error):
    ids = [acme.add("opportunity", name=f"Deal {number}") for number in range(10)]
    pull(full=True)
    acme.unlisted.add(("opportunity", ids[0]))
    acme.remove("opportunity", ids[1])
    acme.fails(error, on=f"GET opportunities/{ids[0]}")
    job = pull(full=True)
    assert (job.state, job.counts["archived"]) == (State.SUCCEEDED, 1)
    assert [row.name for row in Opportunity.objects.exclude(archived_at=None)] == ["Deal 1"]


def test_one_that_is_said_to_be_missing_is_gone(acme, pull, monkeypatch):
    ids = [acme.add("opportunity", name=f"Deal {number}") for number in range(10)]
    pull(full=True)
    acme.remove("opportunity", ids[0])

    def view(self, kind, id):
        raise Missing(["There is none."])

    monkeypatch.setattr(vendor.Acme, "view", view)
    assert pull(full=True).counts["archived"] == 1


@pytest.mark.parametrize("change", [{"state": ConnectionState.PAUSED}, {"state": "retired"}, {"pulls": False}])
def test_a_connection_that_is_paused_meanwhile_is_read_no_further(connection, acme, pull, monkeypatch, change):
    for number in range(9):
        acme.add("opportunity", name=f"Deal {number}")
    real = acme.send

    def send(request, *, repeatable):
        if request.path == "opportunities" and len(acme.calls("GET opportunities")) == 1:
            with someone():
                Connection.objects.filter(pk=connection.pk).update(**change)
            connections.close_all()  # pages are read in a thread of their own
        return real(request, repeatable=repeatable)

    monkeypatch.setattr(acme, "send", send)
    job = pull()
    assert job.state == State.FAILED
    assert Opportunity.objects.count() <= 3
    assert Health.objects.get(connection=connection).trouble == ""
    with someone():
        Connection.objects.filter(pk=connection.pk).update(state="active", pulls=True)
    monkeypatch.setattr(acme, "send", real)
    assert pull().state == State.SUCCEEDED
    assert Opportunity.objects.count() == 9
    assert set(Cursor.objects.values_list("phase", flat=True)) == {"at_rest"}


def test_a_record_that_a_facade_has_just_linked_does_not_stop_its_page(acme, pull, monkeypatch):
    id = acme.add("account", name="Globex")
    acme.add("account", name="Initech")
    real, begun = matching.match, []

    def written(connection):
        with acting(None, Door.FACADE, label="a script", connection=connection.pk):
            link(connection, Account.objects.create(name="Globex"), str(id), base={"name": "Globex"})
        connections.close_all()

    def match(connection, kind, items):
        found = real(connection, kind, items)
        if not begun:
            begun.append(Thread(target=written, args=(connection,)))
            begun[0].start()
            begun[0].join()
        return found

    monkeypatch.setattr(matching, "match", match)
    assert pull().state == State.SUCCEEDED
    assert sorted(Account.objects.values_list("name", flat=True)) == ["Globex", "Initech"]
    assert Link.objects.count() == 2
