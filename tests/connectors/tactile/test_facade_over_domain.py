"""The facade at its address in the back office, over our own records: a retired connection's scripts go on working."""

import json
from datetime import date

import pytest
from cryptography.fernet import Fernet
from django.test import Client

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Activity, Choice, Note, Opportunity, Rep
from backoffice.sync.facades import keys
from backoffice.sync.models import Connection, Link, Option
from connectors.tactile import mapping as maps

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def connection(settings):
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS or [Fernet.generate_key().decode()]
    with acting(None, Door.COMMAND, label="test"):
        connection = Connection(
            name="tactile",
            vendor="tactile",
            base_url="https://sample.tactilecrm.example",
            currency="GBP",
            state="retired",
            facade=True,
        )
        connection.secrets = {"api_token": "a" * 40}
        connection.save()
        paul = Rep.objects.create(given="Paul", family="Sample", email="paul@example.com")
        won = Choice.objects.create(list="stage", label="Closed won", status="won")
        new = Choice.objects.create(list="stage", label="Prospecting", status="open")
        deal = Opportunity.objects.create(
            name="Boats",
            amount=100000,
            currency="GBP",
            probability=70,
            close_date=date(2009, 3, 6),
            stage=new,
            owner=paul,
        )
        note = Note.objects.create(kind="note", title="Invoices Sent", body="Again", opportunity=deal, author=paul)
    Option.objects.bulk_create(
        [
            Option(connection=connection, list=maps.STATUSES, remote_id="5", label="Won", choice=won),
            Option(connection=connection, list=maps.STATUSES, remote_id="1", label="New", choice=new),
            Option(connection=connection, list=maps.USERS, remote_id="paul", label="paul", rep=paul),
        ]
    )
    Link.objects.create(connection=connection, kind="opportunity", remote_id="1234", object_id=deal.pk)
    Link.objects.create(connection=connection, kind="note", remote_id="note:885", object_id=note.pk)
    return connection


@pytest.fixture
def ask(connection):
    _key, token = keys.issue(connection, Rep.objects.get())
    client = Client(enforce_csrf_checks=True)

    def ask(target, body=None, content_type="application/json", token=token):
        address = f"/facade/tactile{target}{'&' if '?' in target else '?'}api_token={token}"
        answer = client.get(address) if body is None else client.post(address, body, content_type=content_type)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
        return answer.json()

    return ask


def test_an_opportunity_is_shown_with_the_vendors_ids_and_names(ask):
    shown = ask("/opportunities/view/1234")["opportunity"]
    assert len(shown) == 19
    keys = ("id", "name", "cost", "probability", "status", "owner", "enddate", "archived")
    assert [shown[key] for key in keys] == [1234, "Boats", 100000, 70, "New", "paul", "2009-03-06", False]


def test_a_script_makes_changes_tags_and_finds_an_opportunity(ask, connection):
    body = json.dumps(
        {
            "Opportunity": {"name": "Website / ñ", "enddate": "2026-12-01", "cost": 12.5, "time": "9:30"}
            | {"date": "2026-11-30"}
        }
    )
    assert ask("/opportunities/save/", body) == {"status": "success", "id": 1235}
    row = Opportunity.objects.get(name="Website / ñ")
    assert (row.amount, row.currency, row.stage.label, row.owner.email) == (
        12.5,
        "GBP",
        "Prospecting",
        "paul@example.com",
    )
    assert Activity.objects.get(opportunity=row).start_at is not None
    assert ask("/opportunities/save", json.dumps({"Opportunity": {"id": 1235, "status_id": 5}}))["id"] == 1235
    assert ask("/opportunities/add_tag?id=1235&tag=vip") == {"status": "success", "tag": "vip"}
    shown = ask("/opportunities/view/1235")["opportunity"]
    assert [shown[key] for key in ("status", "cost", "assigned_to", "tags")] == ["Won", 12.5, "paul", ["vip"]]
    assert [each["id"] for each in ask("/opportunities?updated_after=-1+hour&limit=1&page=2")["opportunities"]] == [
        1235
    ]
    assert ask("/opportunities/recently_won")["total"] == 1


def test_a_timeline_has_our_notes_and_takes_a_new_one(ask):
    body = json.dumps({"Note": {"title": "t", "note": "n", "opportunity_id": 1234}})
    assert ask("/notes/save", body) == {"status": "success", "id": 886}
    titles = {
        entry["note"]["id"]: entry["note"]["title"] for entry in ask("/opportunities/timeline?id=1234")["timeline"]
    }
    assert titles == {885: "Invoices Sent", 886: "t"}


def test_organisations_and_people_are_made_and_pointed_at(ask):
    organisation = ask("/organisations/save", json.dumps({"Organisation": {"name": "Globex"}}))["id"]
    person = ask(
        "/people/save", json.dumps({"Person": {"firstname": "Ana", "surname": "Zuse", "organisation_id": organisation}})
    )["id"]
    form = f"Opportunity[id]=1234&Opportunity[person_id]={person}&Opportunity[organisation_id]={organisation}"
    assert ask("/opportunities/save", form, "application/x-www-form-urlencoded")["status"] == "success"
    shown = ask("/opportunities/view?id=1234")["opportunity"]
    assert (shown["organisation"], shown["person"]) == ("Globex", "Ana Zuse")
    assert ask("/people?name=ana*")["people"][0]["organisation"] == "Globex"
    assert ask("/organisations?name=glo*")["total"] == 1


def test_a_connection_that_is_only_read_from_refuses_in_the_vendors_words(ask, connection):
    with acting(None, Door.COMMAND, label="test"):
        Connection.objects.update(state="active", pushes=False)
    answer = ask("/opportunities/save", json.dumps({"Opportunity": {"id": 1234, "name": "b"}}))
    assert answer == {"status": "error", "messages": ["You don't have permission to edit this item"]}
    assert ask("/opportunities/add_tag?id=1234&tag=b")["messages"] == ["You do not have permission to edit this item"]
    assert Opportunity.objects.get().name == "Boats"


def test_another_token_gets_the_same_answer_whatever_it_is(ask):
    for token in ("b" * 40, "x"):
        assert ask("/opportunities", token=token) == {"status": "error", "messages": ["Failed to login"]}
