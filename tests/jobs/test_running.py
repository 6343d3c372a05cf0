"""What a job's function may rely on, and what becomes of its job."""

import threading
import time
from itertools import pairwise

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import translation
from django.utils.translation import gettext

from backoffice.changes.acting import Door, acting_now
from backoffice.jobs import registry, signs, stopping, verbs
from backoffice.jobs.claiming import claim
from backoffice.jobs.heartbeat import Heartbeat
from backoffice.jobs.models import Job, State
from backoffice.jobs.registry import Queue
from backoffice.jobs.running import Cancelled, Failure, LostLease, Run, Stopping, execute
from backoffice.jobs.signs import Signs
from tests.jobs.conftest import begin, claimed, expire_lease, fresh, run, until
from tests.jobs.kinds import written

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture
def work(monkeypatch):
    """Register a function as a kind for one test, and start a job of it."""

    def register(function, **parameters):
        monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
        registry.job("tests.once", queue=Queue.DEFAULT, label="Once", door=Door.COMMAND)(function)
        return begin("tests.once", **parameters)

    return register


def run_of(job):
    return Run(job, Signs(job))


def insert(number, job):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO written_row (job, number) VALUES (%s, %s)", [job.pk, number])


def test_rows_counts_checkpoint_and_progress_are_committed_together(table):
    job = begin("tests.write_rows", total=25, size=10)
    assert run(job) == State.SUCCEEDED
    job = fresh(job)
    assert written(job.pk) == list(range(25))
    assert (job.done, job.total, job.counts, job.checkpoint) == (25, 25, {"new": 25}, {"next": 25})
    assert job.finished_at
    assert job.lease_until is None


def test_a_chunk_that_fails_leaves_nothing_behind(table, work):
    def two_chunks(run):
        with run.chunk() as chunk:
            insert(1, run.job)
            chunk.checkpoint = {"next": 2}
            chunk.count(new=1)
        with run.chunk() as chunk:
            insert(2, run.job)
            chunk.checkpoint = {"next": 3}
            chunk.count(new=1)
            raise Failure("Row 2 is no row.")

    job = work(two_chunks)
    assert run(job) == State.FAILED
    job = fresh(job)
    assert written(job.pk) == [1]
    assert (job.error, job.checkpoint, job.counts, job.done) == ("Row 2 is no row.", {"next": 2}, {"new": 1}, 1)


@committed
def test_a_worker_frozen_past_its_lease_writes_nothing(table):
    frozen = claimed()
    run = run_of(frozen)
    with pytest.raises(LostLease), run.chunk() as chunk:
        insert(1, frozen)
        chunk.checkpoint = {"next": 1}
        expire_in_another_session(frozen)
        assert in_another_session(lambda: claim(frozen.pk)).token == 2
    assert written(frozen.pk) == []
    job = fresh(frozen)
    assert (job.token, job.checkpoint, job.state) == (2, None, State.RUNNING)


@committed
def test_a_frozen_worker_can_neither_end_the_job_nor_add_to_its_log(table, work):
    def lose_it(run):
        expire_lease(run.job)
        claim(run.job.pk)
        run.log.info("I am still here")
        run.progress(99, 100)

    job = work(lose_it)
    assert execute(job.pk) is None
    job = fresh(job)
    assert (job.state, job.token, job.done) == (State.RUNNING, 2, 0)
    assert not job.lines.filter(text="I am still here").exists()


def test_a_late_worker_that_nobody_replaced_goes_on(table):
    job = claimed()
    run = run_of(job)
    expire_lease(job)
    with run.chunk():
        insert(1, job)
    assert written(job.pk) == [1]
    assert claim(job.pk) is None


def in_another_session(work):
    result = []

    def one():
        try:
            result.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=one)
    thread.start()
    thread.join()
    return result[0]


def expire_in_another_session(job):
    in_another_session(lambda: expire_lease(job))


@committed
def test_cancel_stops_after_the_chunk_at_hand_and_keeps_it(table, work, operations_user):
    def write(run):
        for number in range(10):
            with run.chunk() as chunk:
                insert(number, run.job)
                chunk.count(new=1)
                if number == 3:
                    in_another_session(lambda: verbs.cancel(fresh(run.job), operations_user))

    job = work(write)
    Job.objects.update(total=10)
    assert execute(job.pk) == State.CANCELLED
    job = fresh(job)
    assert written(job.pk) == [0, 1, 2, 3]
    assert (job.done, job.counts) == (4, {"new": 4})
    assert tuple(job.tally) == (4, 0, 6)
    assert "4 of 10" in job.outcome


@committed
def test_a_cancel_is_heard_during_a_long_chunk(work, operations_user, monkeypatch):
    def dawdle(run):
        with run.chunk():
            in_another_session(lambda: verbs.cancel(fresh(run.job), operations_user))
            run.progress(1)
            until(lambda: run._signs.is_cancel_requested, what="the cancel to be heard")
            run.check()

    job = work(dawdle)
    assert execute(job.pk) == State.CANCELLED


def test_catching_every_exception_does_not_catch_the_end_of_the_job(work, operations_user):
    reached = []

    def greedy(run):
        run._signs.is_cancel_requested = True
        try:
            with run.chunk():
                reached.append("chunk")
        except Exception:
            reached.append("caught")

    assert run(work(greedy)) == State.CANCELLED
    assert reached == []


def test_a_worker_that_stops_puts_the_job_back_at_a_chunk_boundary(table, work, no_broker):
    def write(run):
        for number in range((run.checkpoint or {"next": 0})["next"], 6):
            with run.chunk() as chunk:
                insert(number, run.job)
                chunk.checkpoint = {"next": number + 1}
                chunk.count(new=1)
            if number == 2 and run.job.attempts == 1:
                stopping.ask()

    job = work(write)
    assert run(job) == State.QUEUED
    assert (fresh(job).crashes, fresh(job).done) == (0, 3)
    assert no_broker[-1] == ("jobs.run", job.pk, "default")
    stopping.forget()
    assert run(job) == State.SUCCEEDED
    assert written(job.pk) == [0, 1, 2, 3, 4, 5]
    assert fresh(job).counts == {"new": 6}


@pytest.mark.parametrize(("ask", "raised"), [("is_lost", LostLease), ("is_cancel_requested", Cancelled)])
def test_every_chunk_begins_by_asking_whether_the_run_should_end(ask, raised):
    run = run_of(claimed())
    setattr(run._signs, ask, True)
    with pytest.raises(raised), run.chunk():
        pytest.fail("The chunk was begun.")


def test_a_stop_is_noticed_before_a_chunk():
    run = run_of(claimed())
    stopping.ask()
    with pytest.raises(Stopping), run.chunk():
        pytest.fail("The chunk was begun.")


def test_a_deadlocked_chunk_is_done_again_from_its_beginning(table):
    run = run_of(claimed())
    tries = []

    def write(chunk):
        tries.append(chunk)
        insert(len(tries), run.job)
        chunk.count(new=1)
        if len(tries) < 3:
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = 'deadlock_detected'; END $$")
        return "written"

    assert run.in_chunk(write) == "written"
    assert written(run.job.pk) == [3]
    assert fresh(run.job).counts == {"new": 1}


def test_a_chunk_that_always_deadlocks_is_given_up():
    run = run_of(claimed())

    def never(chunk):
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = 'serialization_failure'; END $$")

    with pytest.raises(OperationalError):
        run.in_chunk(never)
    assert fresh(run.job).checkpoint is None


def test_no_secret_of_a_vendor_stands_in_a_jobs_log_or_error(work):
    def call(run):
        run.log.info("called", url="https://x.example/?api_token=0a1b2c3d")
        raise Failure("https://x.example/?api_token=0a1b2c3d did not answer.")

    job = work(call)
    assert run(job) == State.FAILED
    assert fresh(job).error == "https://x.example/?api_token=*** did not answer."
    [line] = job.lines.filter(text="called")
    assert line.fields == {"url": "https://x.example/?api_token=***"}


def test_an_unexpected_error_gives_the_person_a_number_and_operations_the_trace(rep_user, operations_user):
    job = begin("tests.stumble", asked_by=rep_user)
    assert run(job) == State.FAILED
    job = fresh(job)
    assert "ZeroDivisionError" in job.error
    assert "secret of the universe" not in job.error
    line = job.last_log_lines(operations_user)[0]
    assert "secret of the universe" in line.fields["trace"]
    assert line.text.split()[2] in job.error
    assert "trace" not in job.last_log_lines(rep_user)[0].fields


def test_a_failure_says_the_words_it_was_given(work):
    def refuse(run):
        raise Failure("The file holds\0 no rows.")

    job = work(refuse)
    assert run(job) == State.FAILED
    assert fresh(job).error == "The file holds\ufffd no rows."


def test_a_kind_nobody_knows_fails_with_its_name():
    job = begin()
    Job.objects.update(kind="tests.forgotten")
    assert run(job) == State.FAILED
    assert "tests.forgotten" in fresh(job).error
    assert fresh(job).label == "tests.forgotten"


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ({"new": 3}, State.SUCCEEDED),
        ({"new": 3, "failed": 0}, State.SUCCEEDED),
        ({"new": 3, "failed": 1}, State.INCOMPLETE),
        ({"rejected": 1}, State.INCOMPLETE),
        ({"set_aside": 1}, State.INCOMPLETE),
        ({"new": 2, "accounts": 9}, State.SUCCEEDED),
    ],
)
def test_a_job_with_rejected_rows_is_incomplete(counts, state):
    assert run(begin("tests.count", counts=counts)) == state


def test_the_rows_never_outnumber_the_total():
    job = begin("tests.count", counts={"new": 5, "failed": 2, "accounts": 4}, total=3)
    run(job)
    job = fresh(job)
    assert (job.done, job.total, job.tally.rows, job.tally.unprocessed) == (7, 7, 7, 0)


def test_a_function_may_say_how_its_job_ends(work):
    job = work(lambda run: run.finish(State.INCOMPLETE))
    assert run(job) == State.INCOMPLETE


def test_whoever_asked_is_the_one_who_acts_in_a_chunk(work, operations_user):
    seen = []

    def look(run):
        with run.chunk():
            seen.append(acting_now())

    job = work(look, asked_by=operations_user)
    run(job)
    assert (seen[0].actor, seen[0].door, seen[0].job) == (operations_user.pk, "command", job.pk)


@committed
def test_progress_is_visible_at_once_and_during_a_chunk(work):
    seen = []

    def dawdle(run):
        with run.chunk():
            run.progress(41, 50)
            seen.append(until(lambda: in_another_session(lambda: fresh(run.job).done), what="progress"))

    execute(work(dawdle).pk)
    assert seen == [41]


@committed
def test_progress_is_written_at_most_every_half_second(work, monkeypatch):
    writes = []
    write = Signs.write
    monkeypatch.setattr(Signs, "write", lambda self, to: writes.append(time.monotonic()) or write(self, to))

    def hurry(run):
        end = time.monotonic() + 1.2
        number = 0
        while time.monotonic() < end:
            number += 1
            run.progress(number)

    execute(work(hurry).pk)
    assert 2 <= len(writes) <= 5
    assert all(later - earlier > 0.4 for earlier, later in pairwise(writes[:-1]))


@committed
def test_a_slow_call_keeps_its_lease(work, settings):
    settings.JOB_LEASE_SECONDS = 0.4

    def slow(run):
        first = fresh(run.job).lease_until
        until(lambda: fresh(run.job).lease_until > first, what="the lease to be renewed")
        assert claim(run.job.pk) is None

    assert execute(work(slow).pk) == State.SUCCEEDED


def test_the_log_is_written_beside_the_chunk_and_survives_its_end(work):
    def talk(run):
        with run.chunk():
            run.log.warning("Row 3 is odd", row=3, cells=["a\0", object])
            raise Failure("Enough.")

    job = work(talk)
    run(job)
    line = job.lines.get()
    assert (line.level, line.text, line.fields["row"]) == ("warning", "Row 3 is odd", 3)


def test_the_log_of_a_job_is_bounded(monkeypatch):
    monkeypatch.setattr(signs, "LINES_KEPT", 20)
    job = begin("tests.chatter", lines=100)
    run(job)
    texts = list(job.lines.values_list("text", flat=True))
    assert texts[:19] == [f"Line {number}" for number in range(19)]
    assert texts[19:] == ["The log ends here: 20 lines are kept per job."]


@committed
def test_a_job_can_run_inside_a_callers_transaction_without_a_heartbeat(work):
    def talk(run):
        run.log.info("Hello")
        with run.chunk() as chunk:
            chunk.count(new=1)

    with transaction.atomic():
        job = work(talk)
        assert execute(job.pk, heartbeat=False) == State.SUCCEEDED
        assert [line.text for line in job.lines.all()] == ["Hello"]


@committed
def test_a_job_whose_database_goes_away_is_left_for_the_next_worker(work):
    def cut(run):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    job = work(cut)
    assert execute(job.pk) is None
    assert fresh(job).state == State.RUNNING
    expire_lease(job)
    assert claim(job.pk).crashes == 1


@committed
def test_a_worker_whose_idle_connection_was_cut_takes_the_next_job_all_the_same():
    job = begin()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]

    def cut():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    in_another_session(cut)
    assert execute(job.pk) == State.SUCCEEDED


@committed
def test_a_heartbeat_outlives_its_own_connection(monkeypatch):
    job = claimed()
    with Heartbeat(job) as signs:
        signs.progress(1, 9)
        until(lambda: fresh(job).done == 1, what="the first sign")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'backoffice heartbeat' AND datname = current_database()"
            )
        signs.progress(2, 9)
        until(lambda: fresh(job).done == 2, what="the sign over a new connection")


@committed
def test_no_second_connection_stays_open_in_a_process_that_is_no_worker():
    job = claimed()
    with Heartbeat(job) as signs:
        signs.progress(1, 9)
        until(lambda: fresh(job).done == 1, what="the first sign")
        assert second_connections() == 1
    until(lambda: second_connections() == 0, what="the second connection to be closed")


@committed
def test_the_jobs_of_one_process_share_the_second_connection():
    one, other = claimed(), claimed()
    with Heartbeat(one) as signs, Heartbeat(other) as others:
        signs.progress(1, 9)
        others.progress(2, 9)
        until(lambda: (fresh(one).done, fresh(other).done) == (1, 2), what="both signs")
        assert second_connections() == 1


def second_connections():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'backoffice heartbeat' AND datname = current_database()"
        )
        return cursor.fetchone()[0]


def test_two_kinds_cannot_share_a_name():
    with pytest.raises(ValueError, match="Two kinds"):
        registry.job("tests.nothing", queue=Queue.DEFAULT, label="", door=Door.COMMAND)(lambda run: None)


@committed
def test_signs_leave_no_trace_in_the_indexes():
    """Progress must be a HOT update: no index may hold a column it writes."""
    job = claimed()
    with Heartbeat(job) as signs:
        signs.progress(5, 10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), reloptions FROM pg_class WHERE relname = 'jobs_job'")
        assert "fillfactor=50" in cursor.fetchone()[1]
        cursor.execute(
            "SELECT DISTINCT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
            " WHERE indrelid = 'jobs_job'::regclass"
        )
        indexed = {name for (name,) in cursor.fetchall()}
    assert not indexed & {"lease_until", "heartbeat_at", "done", "done_kept", "total", "counts", "checkpoint"}


def test_a_job_speaks_the_language_of_whoever_asked_for_it(work):
    def say(run):
        run.log.info(gettext("Opportunities"))

    with translation.override("es-mx"):
        job = work(say)
    with translation.override("en"):
        run(job)
        assert translation.get_language() == "en"
    assert [line.text for line in fresh(job).lines.all()] == ["Oportunidades"]
