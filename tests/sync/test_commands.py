"""`manage.py connect`, `connections`, `sync` and `facade`."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Opportunity
from backoffice.jobs.models import Job
from backoffice.sync.models import Conflict, Connection, FacadeKey, Link
from connectors.kit.errors import LoginFailed

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]


@pytest.fixture(autouse=True)
def _nobody_works(monkeypatch):
    """No worker: the command does the job itself, at once, within the test's own transaction."""
    from backoffice.jobs.running import execute
    from backoffice.sync.management import asking

    monkeypatch.setattr(asking, "SECONDS_FOR_A_WORKER", -1)
    monkeypatch.setattr(asking, "execute", lambda job: execute(job, heartbeat=False))


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def came_to(*arguments):
    """The JSON of a sync, whatever its exit code; and the code."""
    out, code = io.StringIO(), 0
    try:
        call_command("sync", *arguments, "--json", stdout=out)
    except CommandError as error:
        code = error.returncode
    return json.loads(out.getvalue()), code


# connect, connections


def test_connect_makes_a_connection_that_pulls_and_pushes(make_connection, admin_user):
    words = run(
        "connect", "acme", "uk", "--base-url", "https://uk.example/", "--secret", "token=a=b", "--set", "threads=2"
    )
    assert "manage.py sync uk --wait" in words
    assert "a=b" not in words
    made = Connection.objects.get(name="uk")
    assert (made.pulls, made.pushes, made.secrets, made.settings) == (True, True, {"token": "a=b"}, {"threads": 2})
    change = Change.objects.filter(kind="connection").latest("id")
    assert (change.door, change.actor) == (Door.COMMAND, admin_user.pk)


def test_connect_needs_no_login_of_ours(make_connection):
    given = ("--secret", "token=x", "--directions", "pull", "--currency", "GBP", "--every", "0", "--json")
    shown = json.loads(run("connect", "acme", "uk", "--base-url", "https://uk.example", *given))
    assert (shown["directions"], shown["currency"], shown["every_minutes"]) == (["pull"], "GBP", None)
    assert "secrets" not in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--secret", "token"], "--secret as NAME=VALUE"),
        (["--set", "=1"], "--set as NAME=VALUE"),
        ([], "secrets.token: is required"),
        (["--secret", "token=x", "--directions", "up"], "pull,push"),
        (["--secret", "token=x", "--currency", "EURO"], "currency: “EURO”"),
        (["--secret", "token=x", "--user", "nobody"], "no login “nobody”"),
    ],
)
def test_connect_says_what_is_wrong(make_connection, arguments, words):
    with pytest.raises(CommandError, match=words):
        run("connect", "acme", "uk", "--base-url", "https://uk.example", *arguments)
    assert not Connection.objects.exists()


def test_connections_lists_them_with_how_they_do(connection):
    assert "never synced" in run("connections")
    run("sync", "acme", "--pull", "--wait")
    assert "last answer" in run("connections")
    (listed,) = json.loads(run("connections", "--json"))
    assert (listed["name"], listed["vendor"], listed["directions"]) == ("acme", "acme", ["pull", "push"])
    assert listed["health"]["last_good_at"]
    assert "token" not in json.dumps(listed)


def test_connections_says_when_there_are_none(db):
    assert "No connections yet" in run("connections")


# sync


def test_sync_pulls_and_answers_scripts_in_json(connection, acme):
    acme.add("opportunity", name="Chairs", account_id=acme.add("account", name="Globex"))
    first = came_to("acme", "--wait", "--pull")
    assert first == (
        {
            "state": "succeeded",
            "pulled": {"new": 2, "updated": 0, "unchanged": 0, "archived": 0, "set_aside": 0},
            "pushed": {"done": 0, "rejected": 0, "uncertain": 0, "waiting": 0},
            "conflicts": 0,
        },
        0,
    )
    again, _code = came_to("acme", "--wait", "--pull", "--full")
    assert again["pulled"] == {"new": 0, "updated": 0, "unchanged": 2, "archived": 0, "set_aside": 0}
    assert Opportunity.objects.get().name == "Chairs"


def test_sync_tells_people_in_words(connection, acme):
    acme.add("account", name="Globex")
    words = run("sync", "acme", "--pull", "--wait")
    assert "Pulled: 1 new, 0 updated" in words
    assert "Open conflicts: 0." in words


def test_sync_without_waiting_starts_the_jobs(connection, acme):
    words = run("sync", "acme")
    assert "Started: Pull" in words
    assert set(Job.objects.values_list("kind", "state")) == {("sync.pull", "queued"), ("sync.push", "queued")}
    assert not acme.requests


def test_sync_does_what_the_connection_does(make_connection):
    make_connection("b", pushes=False)
    shown, code = came_to("b", "--wait")
    assert (shown["state"], code) == ("succeeded", 0)
    assert [job.kind for job in Job.objects.all()] == ["sync.pull"]


def test_a_record_that_is_set_aside_makes_it_incomplete(connection, acme):
    acme.add("opportunity", name="Chairs", close_date="soon")
    shown, code = came_to("acme", "--pull", "--wait")
    assert (shown["state"], shown["pulled"]["set_aside"], code) == ("incomplete", 1, 2)


def test_a_vendor_that_refuses_us_makes_it_fail(connection, acme):
    acme.fails(LoginFailed("Who are you?"), times=9)
    shown, code = came_to("acme", "--pull", "--wait")
    assert (shown["state"], code) == ("failed", 1)
    with pytest.raises(CommandError, match="does not accept the credentials"):
        run("sync", "acme", "--pull", "--wait")


def test_open_conflicts_are_counted(connection):
    with acting(None, Door.COMMAND, label="test"):
        row = Opportunity.objects.create(name="Chairs")
    Conflict.objects.create(connection=connection, kind="opportunity", object_id=row.pk, field="name")
    assert came_to("acme", "--pull", "--wait")[0]["conflicts"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nobody"], "There are: acme, b"), (["b", "--push"], "does not push"), (["b"], "neither pulls nor pushes")],
)
def test_sync_says_why_it_cannot(connection, make_connection, arguments, words):
    make_connection("b", pushes=False, pulls=False)
    with pytest.raises(CommandError, match=words):
        run("sync", *arguments)


# facade


@pytest.fixture
def chairs(connection, rep_user):
    with acting(None, Door.COMMAND, label="test"):
        row = Opportunity.objects.create(name="Chairs", owner=rep_user.rep)
        other = Opportunity.objects.create(name="Nobody's")
    for remote_id, each in (("7", row), ("8", other)):
        Link.objects.create(connection=connection, kind="opportunity", remote_id=remote_id, object_id=each.pk)


def served(secret):
    answer = Client().get("/facade/acme/opportunities", headers={"authorization": secret})
    return [each["id"] for each in answer.json()["items"]] if answer.status_code == 200 else answer.status_code


def test_facade_prints_a_credential_alone_on_the_last_line(connection, chairs):
    *_words, secret = run("facade", "acme", "--enable").splitlines()
    assert served(secret) == [7, 8]
    assert len(secret) == 40


def test_a_credential_for_a_rep_sees_what_the_rep_sees(connection, chairs):
    secret = run("facade", "acme", "--enable", "--rep", "REN@example.com").splitlines()[-1]
    assert served(secret) == [7]


def test_facade_is_switched_off_and_on(connection, chairs):
    secret = run("facade", "acme", "--enable", "--host", "acme.crm.example").splitlines()[-1]
    assert Connection.objects.get().facade_host == "acme.crm.example"
    assert "is off" in run("facade", "acme", "--disable")
    assert served(secret) == 404
    run("facade", "acme", "--enable")
    assert served(secret) == [7, 8]


def test_credentials_are_listed_without_their_secrets_and_revoked(connection, chairs):
    secret = run("facade", "acme", "--enable").splitlines()[-1]
    served(secret)
    assert f"…{secret[-4:]}" in run("facade", "acme", "--list")
    (listed,) = json.loads(run("facade", "acme", "--list", "--json"))
    assert (listed["ending"], listed["state"], bool(listed["last_used_at"])) == (secret[-4:], "live", True)
    assert secret not in json.dumps(listed)
    run("facade", "acme", "--revoke", secret[-4:])
    assert served(secret) == 401
    assert json.loads(run("facade", "acme", "--list", "--json"))[0]["state"] == "revoked"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--enable", "--rep", "nobody@example.com"], "no rep with the email"),
        (["--enable", "--host", "not a host"], "no host name"),
        (["--revoke", "9999"], "Name one of the credentials"),
    ],
)
def test_facade_says_what_is_wrong(connection, arguments, words):
    with pytest.raises(CommandError, match=words):
        run("facade", "acme", *arguments)
    assert not FacadeKey.objects.exists()
    assert not Connection.objects.get().facade
