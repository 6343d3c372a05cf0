"""Cancel and retry: from which states, by whom, with what effect."""

import pytest

from backoffice.jobs import verbs
from backoffice.jobs.claiming import claim
from backoffice.jobs.models import Job, State
from tests.jobs.conftest import begin, claimed, expire_lease, fresh, run
from tests.jobs.kinds import written

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]


def test_a_waiting_job_is_cancelled_at_once(operations_user):
    job = begin()
    verbs.cancel(job, operations_user)
    assert fresh(job).state == State.CANCELLED
    assert run(job) is None
    assert "olga" in job.lines.get().text


def test_a_running_job_is_asked_to_stop(operations_user):
    job = claimed()
    verbs.cancel(job, operations_user)
    job = fresh(job)
    assert job.state == State.RUNNING
    assert job.cancel_requested_at is not None
    assert not job.can_cancel


def test_asking_to_cancel_twice_is_asking_once(operations_user):
    job = claimed()
    first = verbs.cancel(job, operations_user).cancel_requested_at
    assert verbs.cancel(job, operations_user).cancel_requested_at == first
    assert job.lines.count() == 1


def test_a_job_whose_worker_is_gone_is_cancelled_at_once_and_the_worker_locked_out(operations_user):
    job = claimed()
    expire_lease(job)
    assert fresh(job).is_stale
    verbs.cancel(job, operations_user)
    assert (fresh(job).state, fresh(job).token) == (State.CANCELLED, 2)


def test_a_job_that_ended_cannot_be_cancelled(operations_user):
    job = begin()
    run(job)
    with pytest.raises(verbs.WrongState, match="succeeded"):
        verbs.cancel(job, operations_user)


def test_a_crashed_job_that_was_to_be_cancelled_ends(operations_user):
    job = claimed()
    verbs.cancel(job, operations_user)
    expire_lease(job)
    assert claim(job.pk) is None
    assert fresh(job).state == State.CANCELLED


def test_a_failed_job_goes_on_from_its_checkpoint(table, operations_user):
    job = begin("tests.write_rows", total=30, size=10)
    claim(job.pk)
    Job.objects.update(
        state=State.FAILED,
        lease_until=None,
        finished_at=job.created_at,
        error="The disk is full.",
        crashes=3,
        checkpoint={"next": 20},
        done=20,
        done_kept=20,
        counts={"new": 20},
    )
    verbs.retry(fresh(job), operations_user)
    again = fresh(job)
    assert (again.state, again.error, again.crashes, again.finished_at) == (State.QUEUED, "", 0, None)
    assert run(job) == State.SUCCEEDED
    assert written(job.pk) == list(range(20, 30))
    assert fresh(job).counts == {"new": 30}


def test_a_cancelled_job_can_be_tried_again(operations_user):
    job = verbs.cancel(claimed(), operations_user)
    expire_lease(job)
    claim(job.pk)
    verbs.retry(fresh(job), operations_user)
    assert run(job) == State.SUCCEEDED


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.SUCCEEDED, State.INCOMPLETE])
def test_only_failed_and_cancelled_jobs_are_tried_again(state, operations_user):
    job = begin()
    if state != State.QUEUED:
        job = claim(job.pk)
    if not state.is_open:
        Job.objects.update(state=state, lease_until=None, finished_at=job.created_at)
    job = fresh(job)
    assert not job.can_retry
    with pytest.raises(verbs.WrongState, match=str(state.label)):
        verbs.retry(job, operations_user)
    assert fresh(job).state == state


def test_two_who_try_again_start_one_attempt(operations_user, django_capture_on_commit_callbacks):
    job = verbs.cancel(begin(), operations_user)
    with django_capture_on_commit_callbacks() as messages:
        verbs.retry(fresh(job), operations_user)
        with pytest.raises(verbs.WrongState):
            verbs.retry(job, operations_user)
    assert len(messages) == 1


@pytest.mark.parametrize("verb", [verbs.cancel, verbs.retry])
def test_nobody_touches_a_job_they_do_not_see(verb, manager_user, outsider_user):
    job = begin(asked_by=manager_user)
    with pytest.raises(verbs.NotAllowed):
        verb(job, outsider_user)
    assert fresh(job).state == State.QUEUED


def test_the_one_who_asked_may_cancel(manager_user):
    assert verbs.cancel(begin(asked_by=manager_user), manager_user).state == State.CANCELLED


def test_reps_and_managers_see_their_own_jobs_operations_and_admins_all(
    rep_user, manager_user, outsider_user, operations_user, admin_user
):
    jobs = [begin(asked_by=who) for who in (rep_user, manager_user, None)]
    for who, seen in (
        (rep_user, jobs[:1]),
        (manager_user, jobs[1:2]),
        (outsider_user, []),
        (operations_user, jobs),
        (admin_user, jobs),
    ):
        assert list(Job.objects.visible_to(who).order_by("id")) == seen
    assert jobs[0].log_lines(outsider_user) == []
