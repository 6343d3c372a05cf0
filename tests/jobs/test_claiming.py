"""Who gets a job, and who no longer has it."""

import threading

import pytest
from django.db import connection

from backoffice.jobs.claiming import claim, release
from backoffice.jobs.models import State
from backoffice.jobs.running import execute
from backoffice.jobs.starting import start
from tests.jobs.conftest import begin, claimed, expire_lease, fresh, run
from tests.jobs.kinds import written

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]

committed = pytest.mark.django_db(transaction=True)


def at_once(work, times):
    """Call it in as many threads, each with a connection of its own; what they returned."""
    barrier, results = threading.Barrier(times), []

    def one():
        barrier.wait()
        try:
            results.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@committed
def test_of_many_who_are_told_of_a_job_one_gets_it():
    for _ in range(10):
        job = begin()
        winners = [got for got in at_once(lambda job=job: claim(job.pk), 4) if got]
        assert len(winners) == 1
        assert fresh(job).token == winners[0].token == 1


@committed
def test_of_many_who_find_a_crashed_job_one_resumes_it():
    for _ in range(10):
        job = claimed()
        expire_lease(job)
        winners = [got for got in at_once(lambda job=job: claim(job.pk), 4) if got]
        assert [got.token for got in winners] == [2]
        assert fresh(job).crashes == 1


def test_claiming_takes_the_lease_and_counts_the_attempt():
    job = claimed()
    assert job.state == State.RUNNING
    assert (job.token, job.attempts, job.crashes) == (1, 1, 0)
    assert 28 < (job.lease_until - job.claimed_at).total_seconds() <= 30.1
    assert job.started_at is not None


def test_a_message_delivered_twice_does_nothing(table):
    job = begin("tests.write_rows", total=5)
    assert run(job) == State.SUCCEEDED
    assert run(job) is None
    assert written(job.pk) == [0, 1, 2, 3, 4]
    assert fresh(job).attempts == 1


def test_a_message_for_a_job_that_is_gone_does_nothing(db):
    assert execute(10**9, heartbeat=False) is None


def test_a_job_put_back_in_line_has_not_crashed():
    job = claimed()
    assert release(job)
    again = claim(job.pk)
    assert (again.token, again.attempts, again.crashes) == (2, 2, 0)
    assert not release(job)


def test_a_third_crash_fails_the_job_with_the_place_where_it_died():
    job = begin("tests.write_rows", total=50)
    for crash in range(3):
        taken = claim(job.pk)
        assert taken.crashes == crash
        with connection.cursor() as cursor:
            cursor.execute("UPDATE jobs_job SET done = 17, total = 50, checkpoint = '{\"next\": 10}'")
        taken.lines.create(at=taken.claimed_at, level="info", text=f"Reading page {crash}")
        expire_lease(taken)
    assert claim(job.pk) is None
    job = fresh(job)
    assert (job.state, job.crashes, job.attempts) == (State.FAILED, 3, 3)
    assert "3 crashes" in job.error
    assert "17 of 50" in job.error
    assert '{"next": 10}' in job.error
    assert job.error.endswith("Reading page 2")


def test_each_crash_is_told_in_the_log():
    job = claimed()
    expire_lease(job)
    claim(job.pk)
    assert "crash 1 of 3" in job.lines.get().text


@committed
def test_the_same_idempotency_key_starts_one_job():
    jobs = at_once(lambda: start("tests.nothing", {}, asked_by=None, idempotency_key="monday"), 6)
    assert len({job.pk for job in jobs}) == 1


@committed
def test_a_worker_is_told_once_the_row_is_committed(no_broker):
    from django.db import transaction

    with transaction.atomic():
        job = begin()
        assert no_broker == []
    assert no_broker == [("jobs.run", job.pk, "default")]


@committed
def test_nobody_is_told_of_a_job_that_was_rolled_back(no_broker):
    from django.db import transaction

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        begin()
        raise ZeroDivisionError
    assert no_broker == []
