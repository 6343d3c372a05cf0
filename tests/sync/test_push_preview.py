"""What would be sent, shown before it is."""

from datetime import date

import orjson
import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Choice, Opportunity, Rep
from backoffice.sync.models import Link, Option, Push
from backoffice.sync.pushes import outbox
from backoffice.sync.pushes.planning import Action
from backoffice.sync.pushes.previewing import preview, volume
from connectors.kit import registry
from tests.sync import vendor

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _somebody():
    with acting(None, Door.COMMAND, label="test"):
        yield


def link(connection, row, remote_id, **base):
    return Link.objects.create(
        connection=connection, kind=row.change_kind, object_id=row.pk, remote_id=remote_id, base=base
    )


def test_a_new_record_is_shown_as_the_request_it_would_be(connection, acme):
    account = Account.objects.create(name="Globex", website="globex.example")
    outbox.enqueue(connection, "account", account.pk, "create")
    (planned,) = preview(connection)
    (request,) = planned.requests
    assert (planned.label, planned.operation, planned.action) == ("Globex", "create", Action.SEND)
    assert (request.method, request.url) == ("POST", "https://acme.example/accounts")
    assert orjson.loads(request.body) == {"name": "Globex", "website": "globex.example"}


def test_nobody_is_called_and_nothing_is_written(connection, acme):
    account = Account.objects.create(name="Globex")
    outbox.enqueue(connection, "account", account.pk, "create")
    before = Push.objects.values().get()
    preview(connection)
    assert (acme.requests, Push.objects.values().get(), Link.objects.count()) == ([], before, 0)


def test_a_change_is_shown_with_what_the_vendor_has_and_what_it_would_have(connection, acme):
    account = Account.objects.create(name="Globex", website="new.example")
    link(connection, account, "7", name="Globex", website="old.example")
    outbox.enqueue(connection, "account", account.pk, "update", ["website", "name"])
    (planned,) = preview(connection)
    assert [(field.label, field.there, field.here) for field in planned.fields] == [
        ("website", "old.example", "new.example")
    ]
    assert [(request.method, request.url) for request in planned.requests] == [
        ("PATCH", "https://acme.example/accounts/7")
    ]


def test_accounts_come_before_what_refers_to_them_and_what_waits_says_why(connection, acme):
    account = Account.objects.create(name="Globex")
    chairs = Opportunity.objects.create(name="Chairs", account=account)
    outbox.enqueue(connection, "opportunity", chairs.pk, "create")
    outbox.enqueue(connection, "account", account.pk, "create")
    first, second = preview(connection)
    assert (first.kind, first.action) == ("account", Action.SEND)
    assert (second.kind, second.action, second.requests) == ("opportunity", Action.WAIT, [])
    assert "Globex" in second.reason


def test_a_reference_the_vendor_has_goes_with_its_id(connection, acme):
    account = Account.objects.create(name="Globex")
    link(connection, account, "7", name="Globex")
    chairs = Opportunity.objects.create(name="Chairs", account=account)
    outbox.enqueue(connection, "opportunity", chairs.pk, "create")
    (planned,) = preview(connection)
    assert orjson.loads(planned.requests[0].body) == {"name": "Chairs", "account_id": 7}


def test_what_the_vendor_has_already_needs_no_request(connection, acme):
    account = Account.objects.create(name="Globex")
    link(connection, account, "7", name="Globex")
    outbox.enqueue(connection, "account", account.pk, "update", ["name"])
    (planned,) = preview(connection)
    assert (planned.action, planned.requests) == (Action.NOTHING_TO_SEND, [])


def test_of_a_vendor_without_a_facade_the_first_request_is_shown(connection, acme, monkeypatch):
    monkeypatch.delitem(registry._facades, "acme")
    outbox.enqueue(connection, "account", Account.objects.create(name="Globex").pk, "create")
    (planned,) = preview(connection)
    assert (len(planned.requests), planned.notes) == (1, [])


def test_as_many_as_asked_for_are_shown_and_all_are_counted(connection, acme, monkeypatch):
    monkeypatch.setattr(vendor.Acme, "calls_per_minute", 2)
    for number in range(5):
        outbox.enqueue(connection, "account", Account.objects.create(name=f"Account {number}").pk, "create")
    planned = preview(connection, 3)
    all_of_it = volume(connection, planned)
    assert (all_of_it.pushes, all_of_it.shown, all_of_it.calls, all_of_it.minutes) == (5, 3, 5, 3)


@pytest.fixture
def tactile(make_connection):
    connection = make_connection("sample", vendor="tactile", base_url="https://sample.tactilecrm.com", currency="GBP")
    connection.secrets = {"api_token": "9a0364b9e99bb480dd25e1f0284c8555dd25e1f0"}
    connection.save()
    return connection


def test_a_push_to_tactile_shows_its_real_requests_without_the_token(tactile):
    stage = Choice.objects.create(list="stage", label="Discussion", status="open")
    owner = Rep.objects.create(given="Greg", family="Test")
    Option.objects.create(connection=tactile, list="status", remote_id="3", label="Discussion", choice=stage)
    Option.objects.create(connection=tactile, list="user", remote_id="greg", label="greg", rep=owner)
    opportunity = Opportunity.objects.create(
        name="Website Redesign",
        amount=1200,
        currency="GBP",
        stage=stage,
        owner=owner,
        expected_close=date(2026, 12, 1),
        close_date=date(2026, 12, 1),
    )
    outbox.enqueue(tactile, "opportunity", opportunity.pk, "create")
    (planned,) = preview(tactile)
    assert planned.action is Action.SEND, planned.reason
    save = planned.requests[-1]
    assert save.url.startswith("https://sample.tactilecrm.com/opportunities/save?api_token=")
    shown = orjson.loads(save.body)["Opportunity"]
    assert (shown["name"], shown["cost"], shown["status_id"], shown["enddate"]) == (
        "Website Redesign",
        1200,
        3,
        "2026-12-01",
    )
    everything = str(planned)
    assert "9a0364b9" not in everything
    assert "preview-without" not in everything
    assert planned.notes == []
