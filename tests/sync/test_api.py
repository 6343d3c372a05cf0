"""Connections and conflicts over the JSON API."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Opportunity
from backoffice.jobs.models import Job
from backoffice.sync.bodies import EXAMPLE
from backoffice.sync.models import Conflict, Connection, ConnectionState, Link, Push, Suggestion
from backoffice.sync.rows.rows import KINDS
from connectors.kit.errors import LoginFailed
from tests.api.conftest import Caller, errors

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]

NEW = {
    "vendor": "acme",
    "name": "acme-uk",
    "base_url": "https://uk.example",
    "secrets": {"token": "s3cret-token"},
    "settings": {"threads": 2},
}


@pytest.fixture
def olga(operations_user):
    return Caller(operations_user)


@pytest.fixture
def otto(outsider_user):
    """A manager."""
    return Caller(outsider_user)


@pytest.fixture
def marta(manager_user):
    """The manager of the rep whose record is in conflict."""
    return Caller(manager_user)


@pytest.fixture
def ren(rep_user):
    return Caller(rep_user)


@pytest.fixture
def conflict(connection, rep_user):
    with acting(None, Door.COMMAND, label="test"):
        row = Opportunity.objects.create(name="Our chairs", owner=rep_user.rep)
    Link.objects.create(
        connection=connection, kind="opportunity", remote_id="7", object_id=row.pk, base={"name": "Chairs"}
    )
    values = {"base": "Chairs", "here": "Our chairs", "there": "Their chairs"}
    return Conflict.objects.create(connection=connection, kind="opportunity", object_id=row.pk, field="name", **values)


# Connections


def test_a_connection_is_made_and_read(make_connection, olga, operations_user):
    made = olga.post("/connections", NEW)
    assert made.status_code == 201, made.content
    assert made.headers["Location"] == "/api/v1/connections/acme-uk"
    assert olga.get("/connections/acme-uk").json() == made.json()
    shown = made.json()
    assert (shown["directions"], shown["settings"], shown["policy"]) == (["pull"], {"threads": 2}, "ask")
    assert {each["kind"] for each in shown["capabilities"]} == {"account", "contact", "opportunity"}
    assert Connection.objects.get().secrets == {"token": "s3cret-token"}
    change = Change.objects.filter(kind="connection").latest("id")
    assert (change.actor, change.door) == (operations_user.pk, Door.API)


def test_no_answer_shows_a_secret(make_connection, olga):
    answers = [olga.post("/connections", NEW), olga.get("/connections"), olga.get("/connections/acme-uk")]
    assert all(answer.status_code < 300 for answer in answers)
    assert not any(b"s3cret" in answer.content for answer in answers)


def test_what_a_vendor_needs_is_said_by_field(make_connection, olga):
    answer = olga.post("/connections", NEW | {"secrets": {}, "settings": {"threads": 99}, "time_zone": "Mars"})
    assert answer.status_code == 422
    assert sorted(errors(answer)) == ["secrets.token", "settings.threads", "time_zone"]
    assert olga.post("/connections", NEW | {"colour": "red"}).status_code == 422
    assert olga.post("/connections", NEW | {"vendor": "nobody"}).status_code == 422
    assert not Connection.objects.exists()


def test_the_list_has_every_connection_with_its_health(connection, make_connection, olga):
    make_connection("b", state=ConnectionState.PAUSED)
    shown = olga.get("/connections").json()["items"]
    assert [each["name"] for each in shown] == ["b", "acme"]
    assert shown[0]["health"]["trouble"] == ""
    assert [each["name"] for each in olga.every("/connections?state=active", limit=1)] == ["acme"]
    assert olga.get("/connections?vendor=tactile").json()["items"] == []
    assert olga.get("/connections?colour=red").status_code == 422


def test_the_list_costs_the_same_for_many(connection, make_connection, olga, django_assert_max_num_queries):
    for number in range(5):
        make_connection(f"b{number}")
    with django_assert_max_num_queries(4):
        assert len(olga.get("/connections").json()["items"]) == 6


def test_managers_read_and_reps_see_nothing(connection, conflict, otto, ren):
    assert otto.get("/connections/acme").status_code == 200
    assert otto.post("/connections", NEW).status_code == 403
    for verb in ("pull", "push", "test"):
        assert otto.post(f"/connections/acme/{verb}", None).status_code == 403
        assert ren.post(f"/connections/acme/{verb}", None).status_code == 404
    assert ren.get("/connections").status_code == 404
    assert ren.get("/connections/acme").status_code == 404
    assert ren.get("/conflicts").status_code == 404


def test_a_keys_scopes_count(connection, operations_user):
    reads, syncs, imports = (Caller(operations_user, [scope]) for scope in ("read", "sync", "imports"))
    assert reads.get("/connections").status_code == 200
    assert reads.post("/connections/acme/pull", None).status_code == 403
    assert syncs.get("/connections/acme").status_code == 200
    assert syncs.post("/connections/acme/pull", None).status_code == 202
    assert imports.get("/connections").status_code == 403


def test_a_pull_is_started_once(connection, olga, operations_user):
    first = olga.post("/connections/acme/pull", {"full": True})
    again = olga.post("/connections/acme/pull", None)
    assert (first.status_code, first.json()) == (202, again.json())
    job = Job.objects.get()
    assert (job.kind, job.asked_by, job.parameters["full"], job.state) == ("sync.pull", operations_user, True, "queued")
    assert first.headers["Location"] == f"/api/v1/jobs/{job.pk}"
    assert olga.get("/connections/acme").json()["last_pull"] == first.json()["job"]


def test_a_push_is_started(connection, olga):
    assert olga.post("/connections/acme/push", None).status_code == 202
    assert Job.objects.get().kind == "sync.push"


def test_what_cannot_be_done_now_is_said(make_connection, olga):
    make_connection("b", pushes=False, state=ConnectionState.PAUSED)
    for verb, words in (("pull", "paused"), ("push", "does not push")):
        answer = olga.post(f"/connections/b/{verb}", None)
        assert answer.status_code == 409
        assert words in answer.json()["detail"]
    assert olga.post("/connections/nobody/pull", None).status_code == 404


def test_a_test_says_in_words_what_came_of_it(connection, acme, olga):
    assert olga.post("/connections/acme/test", None).json() == {
        "works": True,
        "text": "Acme takes us for ren.",
        "hints": [],
    }
    acme.fails(LoginFailed("The token acme-secret-token is unknown"))
    answer = olga.post("/connections/acme/test", None).json()
    assert not answer["works"]
    assert "does not accept the credentials" in answer["text"]
    assert "acme-secret-token" not in answer["text"]


# Conflicts


def test_conflicts_are_listed_with_both_values(connection, conflict, olga):
    (shown,) = olga.get("/conflicts").json()["items"]
    assert (shown["connection"], shown["field"], shown["record_id"]) == ("acme", "name", conflict.object_id)
    assert (shown["base"], shown["here"], shown["there"]) == ("Chairs", "Our chairs", "Their chairs")
    assert (shown["settled_at"], shown["taken"]) == (None, None)
    assert olga.get("/conflicts?connection=other").json()["items"] == []
    assert olga.get("/conflicts?settled=true").json()["items"] == []
    assert len(olga.get(f"/conflicts?kind=opportunity&record={conflict.object_id}").json()["items"]) == 1


def test_a_conflict_is_settled_as_theirs(conflict, olga, operations_user):
    answer = olga.post(f"/conflicts/{conflict.pk}/resolve", {"take": "there"})
    assert (answer.status_code, answer.json()["taken"]) == (200, "there")
    assert answer.json()["settled_by"]["id"] == operations_user.pk
    assert Opportunity.objects.get().name == "Their chairs"
    assert [each["id"] for each in olga.get("/conflicts?settled=true").json()["items"]] == [conflict.pk]


def test_a_manager_may_settle_one_of_the_own_reps(conflict, marta):
    assert [each["id"] for each in marta.get("/conflicts").json()["items"]] == [conflict.pk]
    assert marta.post(f"/conflicts/{conflict.pk}/resolve", {"take": "here"}).status_code == 200
    assert Push.objects.get().fields == ["name"]


def test_conflicts_of_records_one_may_not_see_do_not_exist(conflict, otto):
    assert otto.get("/conflicts").json()["items"] == []
    assert otto.get(f"/conflicts?record={conflict.object_id}").json()["items"] == []
    assert otto.post(f"/conflicts/{conflict.pk}/resolve", {"take": "there"}).status_code == 404
    conflict.refresh_from_db()
    assert (conflict.settled_at, Opportunity.objects.get().name) == (None, "Our chairs")


@pytest.mark.parametrize(
    ("model", "what"),
    [(Conflict, {"field": "name"}), (Push, {"operation": "update"}), (Suggestion, {"like_id": 1, "reason": "Alike"})],
)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_tells_of_a_record_is_seen_by_whoever_sees_the_record(model, what, kind, connection, outsider_user):
    """Of a record that is not there, nobody sees it who doesn't see everything."""
    row = model.objects.create(connection=connection, kind=kind, object_id=0, **what)
    assert not model.objects.visible_to(outsider_user).exists()
    outsider_user.role = "operations"
    assert list(model.objects.visible_to(outsider_user)) == [row]


def test_a_conflict_is_settled_once_over_the_api(conflict, olga):
    assert olga.post(f"/conflicts/{conflict.pk}/resolve", {"take": "here"}).status_code == 200
    again = olga.post(f"/conflicts/{conflict.pk}/resolve", {"take": "there"})
    assert (again.status_code, Opportunity.objects.get().name) == (409, "Our chairs")
    assert olga.post("/conflicts/999999/resolve", {"take": "there"}).status_code == 404
    assert olga.post(f"/conflicts/{conflict.pk}/resolve", {"take": "mine"}).status_code == 422


def test_the_example_of_the_docs_works_word_for_word(make_connection, olga):
    made = olga.post("/connections", EXAMPLE)
    assert made.status_code == 201, made.content
    assert made.json()["directions"] == ["pull", "push"]
