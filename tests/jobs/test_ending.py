"""Whichever way a job ends, its kind is told once, in the transaction that ends it."""

import pytest
from django.db import transaction

from backoffice.changes.acting import Door
from backoffice.jobs import registry, verbs
from backoffice.jobs.claiming import claim
from backoffice.jobs.models import State
from backoffice.jobs.registry import Queue
from backoffice.jobs.running import Failure
from tests.jobs.conftest import begin, expire_lease, fresh, run

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]


@pytest.fixture
def told(monkeypatch):
    """The states in which jobs of the kind tests.told ended, as their kind heard of it."""
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    states = []

    @registry.job(
        "tests.told", queue=Queue.DEFAULT, label="Told", door=Door.COMMAND, ended=lambda job: states.append(job.state)
    )
    def told_of(run):
        if why := run.parameters.get("fails"):
            raise {"in words": Failure("No."), "unforeseen": KeyError("x")}[why]
        if run.parameters.get("rejects"):
            with run.chunk() as chunk:
                chunk.count(failed=1)

    return states


@pytest.mark.parametrize(
    ("parameters", "state"),
    [
        ({}, State.SUCCEEDED),
        ({"rejects": True}, State.INCOMPLETE),
        ({"fails": "in words"}, State.FAILED),
        ({"fails": "unforeseen"}, State.FAILED),
    ],
)
def test_a_job_that_ran_tells_how_it_ended(told, parameters, state):
    job = begin("tests.told", **parameters)
    run(job)
    run(job)
    assert told == [state]


def test_a_job_cancelled_before_it_began_is_told_of(told, operations_user):
    verbs.cancel(begin("tests.told"), operations_user)
    assert told == [State.CANCELLED]


def test_a_running_job_that_is_cancelled_is_told_of_when_it_stops(told, operations_user):
    job = begin("tests.told")
    claim(job.pk)
    verbs.cancel(job, operations_user)
    assert told == []
    expire_lease(job)
    run(job)
    assert told == [State.CANCELLED]


def test_a_job_given_up_after_crashes_is_told_of_once(told):
    job = begin("tests.told")
    for _ in range(3):
        claim(job.pk)
        expire_lease(job)
    assert claim(job.pk) is None
    assert claim(job.pk) is None
    assert told == [State.FAILED]


def test_a_job_that_is_tried_again_is_told_of_again(told, operations_user):
    job = begin("tests.told", fails="in words")
    run(job)
    verbs.retry(fresh(job), operations_user)
    run(job)
    assert told == [State.FAILED, State.FAILED]


def test_a_worker_that_lost_its_job_tells_nothing(told):
    from backoffice.jobs.running import _end

    job = begin("tests.told")
    frozen = claim(job.pk)
    expire_lease(job)
    claim(job.pk)
    assert not _end(frozen, State.SUCCEEDED, "")
    assert told == []


def test_what_telling_raises_keeps_no_job_from_ending_and_leaves_nothing_behind(told, monkeypatch):
    def broken(job):
        begin("tests.nothing")
        raise KeyError(job.pk)

    kind = registry._kinds["tests.told"]
    monkeypatch.setitem(registry._kinds, "tests.told", registry.Kind(**{**vars(kind), "ended": broken}))
    job = begin("tests.told")
    with transaction.atomic():
        run(job)
    assert fresh(job).state == State.SUCCEEDED
    assert type(job).objects.count() == 1
