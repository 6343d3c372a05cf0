"""Real workers, a real broker, real deaths: whatever is killed, every job ends and its effects are there once."""

import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
import redis
from django.db import connection

from backoffice.jobs import verbs
from backoffice.jobs.consuming import SECONDS_TO_ACKNOWLEDGE
from backoffice.jobs.models import Job, State
from backoffice.jobs.probes import ask_workers, last_worker_activity
from backoffice.jobs.registry import Queue
from backoffice.local.valkey import Valkey, free_port
from tests.jobs.conftest import begin, fresh, until
from tests.jobs.kinds import written

pytestmark = [pytest.mark.worker, pytest.mark.db, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def broker(settings, tmp_path):
    """A broker of the test's own, to be stopped, wiped and started again."""
    with own_broker(tmp_path) as broker:
        settings.BROKER_URL = broker.url
        yield broker


@contextmanager
def own_broker(folder):
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


class Broker:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        command = [Valkey(self.folder).binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen(
            [*map(str, command), "--dir", str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self.answers, what="the broker")

    def answers(self):
        with redis.Redis.from_url(self.url) as client:
            try:
                return client.ping()
            except redis.ConnectionError:
                return False

    def wipe(self):
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def kill(self):
        self.process.kill()
        self.process.wait()


def ended(*jobs):
    return lambda: not Job.objects.open().filter(pk__in=[job.pk for job in jobs]).exists()


def has_written(job, rows):
    return lambda: len(written(job.pk)) >= rows


def test_a_worker_runs_what_it_is_told_of(start_worker, broker):
    start_worker()
    job = begin("tests.write_rows", total=20)
    until(ended(job))
    assert fresh(job).state == State.SUCCEEDED
    assert written(job.pk) == list(range(20))
    ask_workers()
    until(lambda: last_worker_activity()[Queue.DEFAULT] > fresh(job).finished_at, what="the probe")


def test_a_job_whose_worker_is_killed_is_resumed_and_its_rows_are_there_once(start_worker, start_scheduler, broker):
    worker = start_worker()
    job = begin("tests.write_rows", total=60, size=5, seconds=0.15)
    until(has_written(job, 10))
    worker.kill()
    start_worker()
    start_scheduler()
    until(ended(job))
    job = fresh(job)
    assert (job.state, job.crashes, job.attempts) == (State.SUCCEEDED, 1, 2)
    assert written(job.pk) == list(range(60))
    assert job.counts == {"new": 60}


def test_jobs_outlive_a_broker_that_was_wiped_killed_and_restarted(start_worker, start_scheduler, broker):
    jobs = [begin("tests.write_rows", total=10) for _ in range(10)]
    broker.wipe()
    broker.kill()
    jobs += [begin("tests.write_rows", total=10) for _ in range(2)]
    start_scheduler()
    broker.start()
    start_worker()
    until(ended(*jobs))
    assert {fresh(job).state for job in jobs} == {State.SUCCEEDED}
    assert all(written(job.pk) == list(range(10)) for job in jobs)


def test_a_worker_whose_broker_is_there_stays_connected(start_worker, broker):
    worker = start_worker("--concurrency", "2", LOG_LEVEL="INFO")
    for _ in range(3):
        jobs = [begin() for _ in range(4)]
        for job in jobs:
            until(ended(job))
    time.sleep(1.5 * SECONDS_TO_ACKNOWLEDGE)
    until(ended(begin()))
    assert "worker_connects_again" not in worker.log.read_text()


def test_a_worker_hears_again_after_its_broker_was_restarted(start_worker, start_scheduler, broker):
    start_worker()
    start_scheduler()
    until(ended(begin()))
    broker.kill()
    waiting = begin("tests.write_rows", total=10)
    broker.start()
    until(ended(waiting))
    assert written(waiting.pk) == list(range(10))


def test_a_job_ends_undisturbed_while_the_broker_is_away_and_its_worker_hears_again(
    start_worker, start_scheduler, broker
):
    """The broker is still away when the worker acknowledges the message: Celery alone would be deaf from then on."""
    start_worker()
    job = begin("tests.write_rows", total=40, size=5, seconds=0.1)
    until(has_written(job, 5))
    broker.kill()
    until(ended(job))
    assert (fresh(job).state, fresh(job).attempts) == (State.SUCCEEDED, 1)
    broker.start()
    start_scheduler()
    later = begin("tests.write_rows", total=10)
    until(ended(later))
    assert written(later.pk) == list(range(10))


def test_a_worker_told_to_stop_puts_its_job_back_and_the_next_goes_on(start_worker, broker):
    worker = start_worker()
    job = begin("tests.write_rows", total=60, size=5, seconds=0.15)
    until(has_written(job, 10))
    worker.signal(signal.SIGTERM)
    assert worker.wait(15) == 0
    before = fresh(job)
    assert before.state == State.QUEUED
    assert 0 < before.done < 60
    start_worker()
    until(ended(job))
    job = fresh(job)
    assert (job.state, job.crashes, job.attempts) == (State.SUCCEEDED, 0, 2)
    assert written(job.pk) == list(range(60))


def test_a_supervisor_that_signals_every_process_interrupts_no_chunk(start_worker, broker):
    worker = start_worker()
    job = begin("tests.write_rows", total=60, size=5, seconds=0.15)
    until(has_written(job, 10))
    worker.signal_all(signal.SIGTERM)
    worker.wait(15)
    assert (fresh(job).state, fresh(job).crashes) == (State.QUEUED, 0)
    assert fresh(job).done == len(written(job.pk))


def test_a_job_without_a_chunk_boundary_in_sight_is_put_back_in_time(start_worker, broker):
    worker = start_worker()
    job = begin("tests.dawdle")
    until(lambda: fresh(job).state == State.RUNNING, what="the start")
    worker.signal(signal.SIGTERM)
    worker.wait(15)
    assert fresh(job).state == State.QUEUED
    start_worker()
    until(ended(job))
    assert (fresh(job).state, fresh(job).crashes, fresh(job).counts) == (State.SUCCEEDED, 0, {"new": 1})


def test_a_job_that_kills_its_worker_is_given_up_and_delays_no_other(start_worker, start_scheduler, broker):
    start_worker()
    start_scheduler()
    poison = begin("tests.crash")
    healthy = [begin("tests.write_rows", total=5) for _ in range(5)]
    until(ended(*healthy))
    assert fresh(poison).is_open
    until(ended(poison), seconds=60)
    poison = fresh(poison)
    assert (poison.state, poison.crashes) == (State.FAILED, 3)
    assert "7 of 20" in poison.error
    assert "About to divide by zero, hard" in poison.error
    assert {fresh(job).state for job in healthy} == {State.SUCCEEDED}


def test_a_frozen_worker_that_awakes_writes_nothing_more(start_worker, start_scheduler, broker):
    frozen = start_worker()
    job = begin("tests.write_rows", total=60, size=5, seconds=0.15)
    until(has_written(job, 10))
    frozen.signal_all(signal.SIGSTOP)
    other = start_worker("--hostname", "other@localhost")
    start_scheduler()
    until(lambda: fresh(job).attempts == 2, what="another worker")
    frozen.signal_all(signal.SIGCONT)
    until(ended(job))
    assert written(job.pk) == list(range(60))
    assert (fresh(job).state, fresh(job).crashes) == (State.SUCCEEDED, 1)
    assert other.popen.poll() is None


def test_a_cancel_reaches_a_running_worker(start_worker, broker, operations_user):
    start_worker()
    job = begin("tests.write_rows", total=600, size=5, seconds=0.15)
    until(has_written(job, 10))
    verbs.cancel(fresh(job), operations_user)
    until(ended(job), seconds=5)
    job = fresh(job)
    assert job.state == State.CANCELLED
    assert job.done == len(written(job.pk)) == job.counts["new"] < 600


def test_the_database_cutting_every_connection_costs_no_row(start_worker, start_scheduler, broker):
    start_worker()
    start_scheduler()
    job = begin("tests.write_rows", total=60, size=5, seconds=0.15)
    until(has_written(job, 10))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    until(ended(job))
    assert fresh(job).state == State.SUCCEEDED
    assert written(job.pk) == list(range(60))


def test_two_schedulers_make_one_run(start_scheduler, broker):
    """Every tick that either of them claims is written down by a trigger; none may be there twice."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE_TICKS)
    try:
        schedulers = [start_scheduler(), start_scheduler()]
        until(lambda: len(ticks()) >= 4, what="four ticks")
        for scheduler in schedulers:
            scheduler.signal(signal.SIGTERM)
            assert scheduler.wait(15) == 0
        assert len(ticks()) == len(set(ticks()))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION note_tick CASCADE; DROP TABLE claimed_tick")


NOTE_TICKS = """
    CREATE TABLE claimed_tick (tick bigint);
    CREATE FUNCTION note_tick() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO claimed_tick VALUES (NEW.tick); RETURN NULL; END $$;
    CREATE TRIGGER note_tick AFTER INSERT OR UPDATE OF tick ON jobs_slot FOR EACH ROW
        WHEN (NEW.name = 'dispatch') EXECUTE FUNCTION note_tick();
"""


def ticks():
    with connection.cursor() as cursor:
        cursor.execute("SELECT tick FROM claimed_tick")
        return [tick for (tick,) in cursor.fetchall()]
