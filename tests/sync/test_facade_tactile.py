"""Tactile CRM's protocol served from our records: over HTTP as scripts ask, and read by our own connector."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client, RequestFactory

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Activity, Choice, Contact, Note, Opportunity
from backoffice.sync.facades import keys
from backoffice.sync.facades.door import FacadeDoor
from backoffice.sync.models import ConnectionState, HighestId, Link, Option
from connectors.kit import registry
from connectors.kit.contract import Site
from connectors.kit.testing import FacadeTransport
from connectors.tactile.connector import Tactile

pytestmark = [pytest.mark.db, pytest.mark.django_db]

BORN = datetime(2009, 2, 2, 15, 31, 43, tzinfo=UTC)


@pytest.fixture
def tactile(make_connection, rep_user):
    """A connection to a Tactile CRM that is no more, with an account, a person, a deal and two notes."""
    connection = make_connection("tactile", vendor="tactile", currency="GBP", facade=True)
    with acting(None, Door.COMMAND, label="test"):
        connection.state = ConnectionState.RETIRED
        connection.save()
        stage = Choice.objects.create(list="stage", label="Talking", status="open")
    option(connection, "status", "55", "R&D", choice=stage, extras={"status": "open"})
    option(connection, "user", "ren", "ren", rep=rep_user.rep)
    globex = linked(connection, "account", "44", Account, name="Globex", owner=rep_user.rep)
    ann = linked(connection, "contact", "12", Contact, name="Ann Ames", given="Ann", family="Ames", account=globex)
    deal = linked(
        connection,
        "opportunity",
        "1234",
        Opportunity,
        name="Website / Redesign",
        account=globex,
        primary_contact=ann,
        owner=rep_user.rep,
        assigned_to=rep_user.rep,
        amount=Decimal("1234.50"),
        currency="GBP",
        probability=50,
        close_date=date(2009, 3, 6),
        stage=stage,
    )
    note = {"opportunity": deal, "author": rep_user.rep}
    linked(connection, "note", "note:885", Note, title="Called", body="Ñ", **note)
    linked(connection, "note", "email:12", Note, kind="email", title="Hi", body="There", sender="a@b.example", **note)
    return connection


def option(connection, name, remote_id, label, **means):
    Option.objects.create(connection=connection, list=name, remote_id=remote_id, label=label, **means)


def linked(connection, kind, remote_id, model, /, **columns):
    with acting(None, Door.COMMAND, label="test"):
        row = model.objects.create(created_there=BORN, changed_there=BORN, **columns)
        model.objects.filter(pk=row.pk).update(changed_at=BORN)
    Link.objects.create(connection=connection, kind=kind, remote_id=remote_id, object_id=row.pk)
    return row


@pytest.fixture
def token(tactile):
    return keys.issue(tactile)[1]


@pytest.fixture
def ask(token):
    def ask(path, body=None, api_token=token):
        url = f"/facade/tactile/{path}{'&' if '?' in path else '?'}api_token={api_token}"
        return Client().get(url) if body is None else Client().post(url, body, content_type="application/json")

    return ask


def test_an_opportunity_is_answered_as_the_vendor_would(ask):
    answer = ask("opportunities/view/1234")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content.startswith(b'{"status":"success"')
    assert b'"name":"Website \\/ Redesign"' in answer.content
    shown = answer.json()["opportunity"]
    assert (shown["organisation"], shown["organisation_id"]) == ("Globex", 44)
    assert (shown["person"], shown["person_id"]) == ("Ann Ames", 12)
    assert (shown["cost"], shown["probability"], shown["owner"], shown["assigned_to"]) == (1234.5, 50, "ren", "ren")
    assert shown["enddate"] == "2009-03-06"


def test_lists_filter_by_what_they_show(ask):
    after, at = "2009-02-02T15:31:42Z", "2009-02-02T15:31:43Z"
    assert [each["id"] for each in ask(f"opportunities?updated_after={after}").json()["opportunities"]] == [1234]
    assert ask(f"opportunities?updated_after={at}").json()["opportunities"] == []
    assert [each["id"] for each in ask("organisations?name=glo*").json()["organisations"]] == [44]
    assert ask("organisations?name=lob*").json()["organisations"] == []
    assert [each["id"] for each in ask("organisations").json()["organisations"]] == [44]
    assert [each["id"] for each in ask("people").json()["people"]] == [12]


def test_options_are_the_vendors(ask):
    options = ask("opportunities/options").json()["opportunity_options"]
    assert (options["status"], options["assigned_to"]) == ({"55": "R&D"}, {"ren": "ren"})


def test_a_timeline_has_notes_and_emails(ask):
    entries = ask("opportunities/timeline?id=1234").json()["timeline"]
    assert {kind for entry in entries for kind in entry} == {"note", "email"}
    email = next(entry["email"] for entry in entries if "email" in entry)
    assert email["email_from"] == "a@b.example"


def test_a_saved_opportunity_goes_on_with_the_vendors_numbers(ask, tactile):
    HighestId.objects.create(connection=tactile, kind="opportunity", last=12345)
    body = {
        "Opportunity": {"name": "New", "enddate": "2026-12-01", "cost": 10, "organisation_id": 44, "date": "2026-11-25"}
    }
    assert ask("opportunities/save", body).json() == {"status": "success", "id": 12346}
    made = Opportunity.objects.get(name="New")
    assert (made.amount, made.currency, made.account.name, made.stage.label) == (10, "GBP", "Globex", "Talking")
    todo = Activity.objects.get()
    assert (todo.opportunity, todo.start_on, todo.kind) == (made, date(2026, 11, 25), "to_do")
    changed = {"Opportunity": {"id": 12346, "cost": 20, "enddate": "2026-12-02", "name": "Newer"}}
    assert ask("opportunities/save", changed).json()["id"] == 12346
    made.refresh_from_db()
    assert (made.name, made.amount, made.close_date) == ("Newer", 20, date(2026, 12, 2))


def test_a_tag_is_added(ask):
    assert ask("opportunities/add_tag?id=1234&tag=My%20Event").json() == {"status": "success", "tag": "My Event"}
    assert ask("opportunities/view/1234").json()["opportunity"]["tags"] == ["My Event"]


def test_a_note_is_saved(ask):
    answer = ask("notes/save", {"Note": {"title": "Later", "note": "Call again", "opportunity_id": 1234}}).json()
    assert answer["status"] == "success", answer
    note = Note.objects.get(title="Later")
    assert (note.body, note.opportunity.name) == ("Call again", "Website / Redesign")


def test_a_rep_writes_as_themselves(tactile, ask, rep_user):
    token = keys.issue(tactile, rep_user.rep)[1]
    body = {"Opportunity": {"name": "Mine", "enddate": "2026-12-01"}}
    assert ask("opportunities/save", body, token).json()["status"] == "success"
    assert Opportunity.objects.get(name="Mine").owner == rep_user.rep
    note = {"Note": {"title": "Secret", "note": "…", "opportunity_id": 1234, "private": True}}
    assert ask("notes/save", note, token).json()["status"] == "success"
    assert Note.objects.get(title="Secret").author == rep_user.rep


def test_a_bad_token_fails_to_log_in(ask):
    answer = ask("opportunities", api_token="0" * 40)
    assert answer.status_code == 200
    assert "Failed to login" in answer.content.decode()


def test_a_connection_that_only_pulls_refuses_in_the_vendors_words(tactile, ask):
    with acting(None, Door.COMMAND, label="test"):
        tactile.state, tactile.pushes = ConnectionState.ACTIVE, False
        tactile.save()
    answer = ask("opportunities/save", {"Opportunity": {"id": 1234, "name": "New", "enddate": "2026-12-01"}})
    assert (answer.status_code, answer.json()["status"]) == (200, "error")
    assert "permission" in answer.content.decode()


def test_our_own_connector_reads_it(tactile, token):
    door = FacadeDoor(tactile, RequestFactory().get("/"))
    transport = FacadeTransport(registry.facade("tactile"), door)
    connector = Tactile(Site("https://x", transport, {"threads": 1}, {"api_token": token}))
    items = [item for stream in connector.streams() for page in stream.pages({}, full=True) for item in page.items]
    found = {(item.kind, item.id) for item in items if not item.is_stub}
    assert {("account", "44"), ("contact", "12"), ("opportunity", "1234"), ("note", "note:885")} <= found
    deal = next(item for item in items if (item.kind, item.id) == ("opportunity", "1234"))
    record = deal.mapping.decode(deal.wire)
    assert (record.name, record.amount, record.changed_there) == ("Website / Redesign", Decimal("1234.5"), BORN)
