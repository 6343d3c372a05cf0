"""Jobs over the JSON API: what is shown, to whom, and the two verbs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.access import keys
from backoffice.jobs.models import Job, State
from backoffice.jobs.starting import Subject, start
from tests.jobs.conftest import begin, claimed, fresh, run

pytestmark = [
    pytest.mark.db,
    pytest.mark.django_db,
    pytest.mark.urls("tests.jobs.urls"),
    pytest.mark.usefixtures("no_broker"),
]


@pytest.fixture
def ask(client):
    """Call the API as somebody."""

    def call(user, path, method="get", scopes=()):
        _key, token = keys.issue(user, "test", scopes)
        return getattr(client, method)(f"/api{path}", headers={"Authorization": f"Bearer {token}"})

    return call


def test_a_job_shows_how_it_went(ask, operations_user):
    job = start(
        "tests.count",
        {"counts": {"new": 6, "failed": 2}, "total": 10},
        asked_by=operations_user,
        subject=Subject("upload", 7, "opportunities.csv"),
    )
    run(job)
    answer = ask(operations_user, f"/jobs/{job.pk}").json()
    assert answer["state"] == "incomplete"
    assert (answer["done"], answer["total"]) == (8, 10)
    assert answer["counts"] == {"new": 6, "failed": 2}
    assert answer["rows"] == {"ok": 6, "rejected": 2, "unprocessed": 2}
    assert answer["subject"] == {"kind": "upload", "id": 7, "label": "opportunities.csv"}
    assert answer["asked_by"] == {"id": operations_user.pk, "name": "olga"}
    assert answer["label"] == "Count"
    assert answer["error"] == ""
    assert answer["finished_at"] is not None


def test_a_waiting_job_without_subject_or_asker_can_be_shown(ask, operations_user):
    answer = ask(operations_user, f"/jobs/{begin().pk}").json()
    assert (answer["state"], answer["subject"], answer["asked_by"], answer["log"]) == ("queued", None, None, [])


def test_a_job_shows_the_last_lines_of_its_log(ask, operations_user):
    job = begin("tests.chatter", lines=205)
    run(job)
    log = ask(operations_user, f"/jobs/{job.pk}").json()["log"]
    assert [line["text"] for line in log] == [f"Line {number}" for number in range(5, 205)]
    assert log[0]["fields"] == {"number": 5}


def test_only_operations_read_the_trace_of_an_unexpected_error(ask, manager_user, operations_user):
    job = begin("tests.stumble", asked_by=manager_user)
    run(job)
    assert "secret of the universe" not in ask(manager_user, f"/jobs/{job.pk}").text
    assert "secret of the universe" in ask(operations_user, f"/jobs/{job.pk}").text


def test_the_list_is_narrowed_by_state_and_kind(ask, operations_user):
    waiting, ended, other = begin(), begin(), begin("tests.count", counts={"new": 1})
    run(ended)

    def ids(query):
        return [item["id"] for item in ask(operations_user, f"/jobs{query}").json()["items"]]

    assert ids("") == [other.pk, ended.pk, waiting.pk]
    assert ids("?state=succeeded") == [ended.pk]
    assert ids("?kind=tests.count") == [other.pk]
    assert ids("?state=queued&kind=tests.nothing") == [waiting.pk]


def test_a_filter_with_a_slip_in_its_name_is_refused(ask, operations_user):
    answer = ask(operations_user, "/jobs?stat=failed")
    assert answer.status_code == 422
    assert "Choose from: limit, cursor, state, kind" in answer.json()["errors"][0]["message"]


def test_the_list_is_read_page_by_page(ask, operations_user):
    jobs = [begin().pk for _ in range(5)]
    first = ask(operations_user, "/jobs?limit=2").json()
    second = ask(operations_user, f"/jobs?limit=2&cursor={first['next']}").json()
    last = ask(operations_user, f"/jobs?limit=2&cursor={second['next']}").json()
    assert [item["id"] for part in (first, second, last) for item in part["items"]] == jobs[::-1]
    assert last["next"] is None


def test_the_list_takes_as_many_queries_for_many_jobs_as_for_one(ask, operations_user, rep_user):
    def queries():
        with CaptureQueriesContext(connection) as context:
            ask(operations_user, "/jobs")
        return len(context)

    begin(asked_by=rep_user)
    few = queries()
    for _ in range(10):
        begin(asked_by=rep_user)
    assert queries() == few


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "limit=501", "cursor=nonsense"])
def test_a_question_that_makes_no_sense_is_refused(ask, operations_user, query):
    answer = ask(operations_user, f"/jobs?{query}")
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "verb"), [("get", ""), ("post", "/cancel"), ("post", "/retry")])
def test_somebody_elses_job_does_not_exist(ask, manager_user, outsider_user, method, verb):
    job = begin(asked_by=manager_user)
    assert ask(outsider_user, f"/jobs/{job.pk}{verb}", method).status_code == 404
    assert ask(outsider_user, "/jobs").json()["items"] == []
    assert fresh(job).state == State.QUEUED


@pytest.mark.parametrize("number", [0, 10**9, 10**30])
def test_a_number_no_job_has_is_not_found(ask, operations_user, number):
    assert ask(operations_user, f"/jobs/{number}").status_code == 404


def test_cancel_ends_a_waiting_job_and_asks_a_running_one(ask, operations_user):
    waiting, running = begin(), claimed()
    assert ask(operations_user, f"/jobs/{waiting.pk}/cancel", "post").json()["state"] == "cancelled"
    answer = ask(operations_user, f"/jobs/{running.pk}/cancel", "post").json()
    assert (answer["state"], answer["cancel_requested"]) == ("running", True)


def test_retry_puts_a_cancelled_job_back_in_line(ask, operations_user):
    job = begin()
    ask(operations_user, f"/jobs/{job.pk}/cancel", "post")
    answer = ask(operations_user, f"/jobs/{job.pk}/retry", "post")
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")


def test_a_verb_sent_again_with_its_key_is_answered_again_and_done_once(client, operations_user):
    job = begin()
    client.force_login(operations_user)
    answers = [client.post(f"/api/jobs/{job.pk}/cancel", headers={"Idempotency-Key": "monday"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert job.lines.count() == 1


def test_a_verb_in_the_wrong_state_says_where_the_job_stands(ask, operations_user):
    job = begin()
    run(job)
    for verb in ("cancel", "retry"):
        answer = ask(operations_user, f"/jobs/{job.pk}/{verb}", "post")
        assert answer.status_code == 409
        assert "succeeded" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("scopes", "look", "touch"),
    [((), 200, 200), (("read",), 200, 403), (("jobs",), 200, 200), (("imports",), 200, 403), (("write",), 403, 403)],
)
def test_a_key_looks_and_touches_as_its_scopes_say(ask, operations_user, scopes, look, touch):
    job = begin()
    assert ask(operations_user, f"/jobs/{job.pk}", scopes=scopes).status_code == look
    assert ask(operations_user, "/jobs", scopes=scopes).status_code == look
    assert ask(operations_user, f"/jobs/{job.pk}/cancel", "post", scopes=scopes).status_code == touch


def test_every_state_can_be_shown(ask, operations_user):
    for state in State:
        job = begin()
        values = {"state": state, "finished_at": None if state.is_open else job.created_at}
        Job.objects.filter(pk=job.pk).update(
            **values, lease_until=job.created_at if state == State.RUNNING else None, error="Why."
        )
        assert ask(operations_user, f"/jobs/{job.pk}").json()["state"] == state
