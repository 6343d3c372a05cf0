"""A push that comes back unsent while a later change of the same record waits already: they become one."""

from datetime import timedelta

import pytest

from backoffice.crm.models import Account
from backoffice.jobs.models import State
from backoffice.sync.models import Conflict, Link, Push
from backoffice.sync.pushes import noting, uncertain
from connectors.kit.errors import Unavailable, Uncertain
from tests.sync import vendor
from tests.sync.pushes import change, collect, let_go, link, make, send, someone

pytestmark = [
    pytest.mark.db,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_broker"),
]


@pytest.fixture(autouse=True)
def _acmes_own_time(time_machine):
    time_machine.move_to(vendor.BEGAN, tick=False)


@pytest.fixture
def account(connection, acme):
    """A company both sides have and agree on."""
    row = make()
    link(connection, row, str(acme.add("account", name="Globex")), base={"name": "Globex", "website": ""})
    collect()
    Push.objects.all().delete()
    return row


@pytest.fixture
def meanwhile(acme, monkeypatch):
    """Does something while the vendor is called: `meanwhile(work)`."""

    def during(work):
        real, works = acme.send, [work]

        def sent(request, *, repeatable):
            if works and request.method in {"POST", "PATCH"}:
                works.pop()()
            return real(request, repeatable=repeatable)

        monkeypatch.setattr(acme, "send", sent)

    return during


def later(time_machine, connection, **time):
    time_machine.move_to(vendor.BEGAN + timedelta(**time), tick=False)
    let_go(connection)


@pytest.mark.parametrize("error", [Unavailable("down"), Uncertain("cut")])
def test_a_change_made_during_a_call_that_fails_goes_with_the_next_try(
    connection, acme, account, meanwhile, time_machine, error
):
    def somebody_changes_it():
        change(account, tax_id="X")
        collect()

    meanwhile(somebody_changes_it)
    acme.fails(error, on="PATCH")
    change(account, website="a.example")
    assert send(connection).state in {State.SUCCEEDED, State.INCOMPLETE}
    later(time_machine, connection, hours=1)
    assert send(connection).state == State.SUCCEEDED
    (there,) = acme.records["account"].values()
    assert (there["website"], there["tax_id"]) == ("a.example", "X")
    assert not Push.objects.exclude(state__in=["done", "discarded"]).exists()


def test_what_is_held_back_of_a_push_that_fails_keeps_being_held(connection, acme, account, time_machine):
    Conflict.objects.create(connection=connection, kind="account", object_id=account.pk, field="tax_id")
    change(account, website="a.example", tax_id="X")
    acme.fails(Unavailable("down"), on="PATCH")
    assert send(connection).state == State.INCOMPLETE
    later(time_machine, connection, hours=1)
    assert send(connection).state == State.SUCCEEDED
    assert [request.json for request in acme.calls("PATCH")][-1] == {"website": "a.example"}
    assert Push.objects.get(state="waiting").fields == ["tax_id"]


def test_a_push_whose_worker_died_takes_in_what_was_changed_since(connection, acme, account, time_machine):
    change(account, website="a.example")
    collect()
    Push.objects.update(state="sending", job_id=0, attempts=1, lease_until=vendor.BEGAN + noting.LEASE)
    change(account, tax_id="X")
    later(time_machine, connection, hours=1)
    assert send(connection).state == State.SUCCEEDED
    (there,) = acme.records["account"].values()
    assert (there["website"], there["tax_id"]) == ("a.example", "X")
    assert not Push.objects.exclude(state__in=["done", "discarded"]).exists()


@pytest.mark.parametrize("who", ["the vendor", "a person"])
def test_a_lost_create_that_was_not_done_takes_in_what_was_changed_since(connection, acme, time_machine, who):
    account = make()
    acme.fails(Uncertain("cut"), on="POST")
    send(connection)
    change(account, website="a.example")
    collect()
    if who == "a person":
        assert uncertain.send_again(Push.objects.get(state="uncertain"))
    later(time_machine, connection, minutes=1)
    assert send(connection).state == State.SUCCEEDED
    (there,) = acme.records["account"].values()
    assert there["website"] == "a.example"
    assert Link.objects.get().object_id == Account.objects.get().pk
    assert not Push.objects.exclude(state__in=["done", "discarded"]).exists()


def test_a_record_deleted_since_is_not_made_by_a_second_try(connection, acme, time_machine):
    account = make()
    acme.fails(Uncertain("cut"), on="POST")
    send(connection)
    with someone():
        account.delete()
    collect()
    later(time_machine, connection, minutes=1)
    assert send(connection).state == State.SUCCEEDED
    assert acme.records["account"] == {}
    assert not Push.objects.exclude(state__in=["done", "discarded"]).exists()


# ── between planning and sending ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def before_the_claim(monkeypatch):
    """Does something once, after a push was planned: `before_the_claim(work)`."""

    def first(work):
        real, works = noting.claim, [work]

        def claim(plan, job_id):
            if works:
                works.pop()()
            return real(plan, job_id)

        monkeypatch.setattr(noting, "claim", claim)

    return first


def test_a_record_that_a_pull_has_just_joined_to_the_vendors_is_not_made_there_again(
    connection, acme, before_the_claim
):
    account = make(website="a.example")
    id = acme.add("account", name="Globex")
    before_the_claim(lambda: link(connection, account, str(id), base={"name": "Globex"}))
    send(connection)
    assert acme.calls("POST") == []
    assert acme.wire("account", id)["website"] == "a.example"


def test_news_that_a_pull_has_just_brought_is_not_overwritten(connection, acme, account, pull, before_the_claim):
    (id,) = acme.records["account"]

    def changed_there():
        acme.change("account", id, website="b.example")
        pull()

    before_the_claim(changed_there)
    change(account, website="a.example")
    send(connection)
    assert acme.wire("account", id)["website"] == "b.example"
    (conflict,) = Conflict.objects.filter(settled_at=None)
    assert (conflict.here, conflict.there) == ("a.example", "b.example")
