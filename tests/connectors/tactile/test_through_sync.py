"""Pulls and pushes of a connection to a Tactile CRM that answers over real HTTP: the facade, in front of a world."""

import io
import re
from datetime import date
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from werkzeug import Response

from backoffice.changes.acting import Door, acting
from backoffice.crm import records
from backoffice.crm.models import Account, Activity, Choice, Contact, Note, Opportunity
from backoffice.jobs.running import execute
from backoffice.sync.calls.connecting import open_connector
from backoffice.sync.models import Connection, Push, PushState, SetAside
from backoffice.sync.pulls.pulling import start_pull
from connectors.kit.facades import Call
from connectors.tactile.facade import facade
from tests.connectors.tactile import there
from tests.sync import pushes

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def clock():
    return there.Clock()


@pytest.fixture
def world(clock):
    return there.account(clock)


@pytest.fixture
def no_broker(monkeypatch):
    monkeypatch.setattr("backoffice.jobs.dispatching.send_task", lambda *args, **more: True)


@pytest.fixture
def connection(world, httpserver, settings, no_broker):
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS or [Fernet.generate_key().decode()]

    def answer(request):
        call = Call(
            method=request.method,
            path=request.path.removeprefix("/"),
            query=list(request.args.items(multi=True)),
            headers={name.lower(): value for name, value in request.headers.items()},
            stream=io.BytesIO(request.get_data()),
        )
        reply = facade.answer(call, world.door)
        return Response(reply.body, reply.status, dict(reply.headers), content_type=reply.content_type)

    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    with acting(None, Door.COMMAND, label="test"):
        for label, status in (("New", "open"), ("Discussion", "open"), ("Won", "won"), ("Lost", "lost")):
            if not Choice.objects.filter(list="stage", label=label).exists():
                Choice.objects.create(list="stage", label=label, status=status)
        made = Connection(
            name="tactile", vendor="tactile", base_url=httpserver.url_for("/"), currency="GBP", pushes=True
        )
        made.secrets = {"api_token": there.TOKEN}
        made.save()
    return made


@pytest.fixture
def pull(connection):
    def pulled(*, full=False):
        job = start_pull(connection, None, full=full)
        execute(job.pk, heartbeat=False)
        job.refresh_from_db()
        return job

    return pulled


@pytest.fixture
def push(connection):
    return lambda: pushes.send(connection)


def counts(job):
    return {word: number for word, number in job.counts.items() if number}


def test_the_connection_is_tested(connection):
    found = open_connector(connection).test()
    assert "1 open opportunities" in found.text


def test_the_documented_account_arrives(pull):
    job = pull()
    assert (job.state, SetAside.objects.count()) == ("succeeded", 0), job.error
    boats = Opportunity.objects.select_related("account", "primary_contact", "stage").get()
    assert (boats.name, boats.amount, boats.currency) == ("Boating eCommerce Website", Decimal(100000), "GBP")
    assert (boats.account.name, boats.primary_contact.name) == ("Acme Boats Ltd.", "Bill Smith")
    assert (boats.stage.label, boats.probability, boats.close_date) == ("New", 70, date(2009, 3, 6))
    note = Note.objects.get()
    assert (note.title, note.opportunity, note.kind) == ("Invoices Sent", boats, "note")
    assert Account.objects.count() == 2
    assert Contact.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_second_pull_changes_nothing(pull, push):
    pull()
    assert "new" not in counts(job := pull())
    assert "updated" not in counts(job)
    full = pull(full=True)
    assert (full.state, set(counts(full)) - {"unchanged"}) == ("succeeded", set())
    push()
    assert not Push.objects.exists()


def test_a_change_there_arrives(pull, world, clock):
    pull()
    clock.tick(minutes=5)
    world.change("opportunity", "1234", records.Opportunity(amount=Decimal("55.5"), stage=records.Ref("5", "Won")))
    pull()
    boats = Opportunity.objects.select_related("stage").get()
    assert (boats.amount, boats.stage.status) == (Decimal("55.5"), "won")


@pytest.mark.django_db(transaction=True)
def test_a_change_here_is_written_there(pull, push, world):
    pull()
    with acting(None, Door.COMMAND, label="test"):
        boats = Opportunity.objects.get()
        boats.amount, boats.next_step = Decimal(7), "Call"
        boats.save()
    push()
    assert [(each.state, each.reason) for each in Push.objects.all()] == [(PushState.DONE, "")]
    assert world.all("opportunity")["1234"].amount == 7
    assert "updated" not in counts(pull())


@pytest.mark.django_db(transaction=True)
def test_an_opportunity_from_here_is_made_there_once(pull, push, world):
    pull()
    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.create(
            name="Anchors",
            account=Account.objects.get(name="Acme Boats Ltd."),
            amount=Decimal(12),
            currency="GBP",
            close_date=date(2026, 12, 1),
            probability=41,
        )
    push()
    push()
    made = [record for record in world.all("opportunity").values() if record.name == "Anchors"]
    assert [(record.amount, record.probability, record.account.id) for record in made] == [(12, 40, "9876")]
    job = pull()
    assert Opportunity.objects.filter(name="Anchors").count() == 1
    assert "conflicts" not in counts(job)


@pytest.mark.django_db(transaction=True)
def test_people_notes_and_activities_from_here_are_made_there_and_come_back_as_the_same(pull, push, world):
    pull()
    with acting(None, Door.COMMAND, label="test"):
        boats = Opportunity.objects.get()
        Contact.objects.create(name="Ana Ruiz Soto", account=boats.account)
        Note.objects.create(body="Called.\nNobody there.", opportunity=boats)
        Activity.objects.create(subject="Call again", kind="call", opportunity=boats, start_on=date(2026, 12, 3))
    push()
    assert {each.state for each in Push.objects.all()} == {PushState.DONE}
    (ana,) = [each for each in world.all("contact").values() if each.family == "Soto"]
    assert (ana.given, ana.account.id) == ("Ana Ruiz", "9876")
    assert [each.title for each in world.all("note").values()] == ["Invoices Sent", "Called."]
    assert [each.start_on for each in world.all("activity").values()] == [date(2026, 12, 3)]
    pull(full=True)
    push()
    assert [model.objects.count() for model in (Contact, Note, Activity)] == [2, 2, 1]
    assert Push.objects.count() == 3
    assert Activity.objects.get().kind == "call"


@pytest.mark.django_db(transaction=True)
def test_an_opportunity_without_a_close_date_waits_for_one_and_says_so(pull, push, world):
    pull()
    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.create(name="Anchors", account=Account.objects.first())
    push()
    waiting = Push.objects.get()
    assert waiting.state == PushState.WAITING
    assert "close date" in waiting.reason
    assert len(world.all("opportunity")) == 1
    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.filter(name="Anchors").update(close_date=date(2026, 12, 1))
    push()
    assert Push.objects.get().state == PushState.DONE
    assert len(world.all("opportunity")) == 2


def test_an_opportunity_archived_there_is_archived_here_by_a_full_pass(pull, world, clock):
    world.add("opportunity", records.Opportunity(name="Other", close_date=date(2026, 12, 1), amount=Decimal(1)))
    pull()
    clock.tick(minutes=5)
    world.change("opportunity", "1234", records.Opportunity(archived_at=clock.now))
    assert pull(full=True).state == "succeeded"
    archived = {row.name: row.archived_at is not None for row in Opportunity.objects.all()}
    assert archived == {"Boating eCommerce Website": True, "Other": False}
    year = Opportunity.objects.get(name="Boating eCommerce Website").archived_at.year
    assert year >= 2026
    assert counts(pull(full=True)).keys() <= {"unchanged"}
