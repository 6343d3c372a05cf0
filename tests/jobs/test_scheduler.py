"""The scheduler's loop: what it sends again, that each tick runs once, and that it outlives its database."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from backoffice.jobs import jobs, probes, schedules, verbs
from backoffice.jobs import scheduler as loop
from backoffice.jobs.models import Job, JobLog, Slot, WorkerSign
from backoffice.jobs.registry import Queue
from backoffice.jobs.scheduler import Scheduler, dispatch
from backoffice.jobs.schedules import Schedule, claim_tick, every
from tests.jobs.conftest import begin, claimed, expire_lease, fresh, run

pytestmark = [pytest.mark.db, pytest.mark.django_db]
committed = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def sent(no_broker, monkeypatch):
    """What the dispatcher sent; its broker is up and empty."""
    monkeypatch.setattr(loop, "waiting_messages", lambda queue: 0)
    return no_broker


@pytest.fixture
def only(monkeypatch):
    """Leave no schedules but those of the test."""
    mine = {}
    monkeypatch.setattr(schedules, "_schedules", mine)
    return mine


def sent_ago(job, seconds):
    Job.objects.filter(pk=job.pk).update(dispatched_at=timezone.now() - timedelta(seconds=seconds))
    return job


def test_a_job_long_in_line_is_sent_again(sent):
    job = sent_ago(begin(), 16)
    sent.clear()
    dispatch()
    assert sent == [("jobs.run", job.pk, "default")]
    dispatch()
    assert len(sent) == 1


def test_a_job_sent_just_now_is_not_sent_again(sent):
    sent_ago(begin(), 14)
    sent.clear()
    dispatch()
    assert sent == []


def test_a_job_whose_worker_is_gone_is_sent_again(sent):
    job, busy = sent_ago(claimed(), 60), sent_ago(claimed(), 60)
    expire_lease(job)
    sent.clear()
    dispatch()
    assert sent == [("jobs.run", job.pk, "default")]
    assert busy.state == "running"


def test_an_ended_job_is_never_sent_again(sent, operations_user):
    verbs.cancel(sent_ago(begin(), 60), operations_user)
    job = begin()
    run(job)
    sent_ago(job, 60)
    sent.clear()
    dispatch()
    assert sent == []


def test_a_long_line_is_not_sent_again_while_the_broker_holds_it(sent, monkeypatch):
    waiting = {"default": 3}
    monkeypatch.setattr(loop, "waiting_messages", waiting.get)
    monkeypatch.setattr(loop, "MESSAGES_PER_QUEUE", 5)
    oldest_first = [sent_ago(begin(), 100 - number) for number in range(4)]
    sent.clear()
    dispatch()
    assert sent == [("jobs.run", job.pk, "default") for job in oldest_first[:2]]
    waiting["default"] = 9
    dispatch()
    assert len(sent) == 2


def test_nothing_is_sent_while_the_broker_does_not_answer(sent, monkeypatch):
    job = sent_ago(begin(), 60)
    before = fresh(job).dispatched_at
    monkeypatch.setattr(loop, "waiting_messages", lambda queue: None)
    sent.clear()
    dispatch()
    assert sent == []
    assert fresh(job).dispatched_at == before


@committed
def test_one_tick_is_claimed_once_however_many_ask():
    schedule = Schedule("sweep", 15, print)
    barrier, won = threading.Barrier(6), []

    def one():
        barrier.wait()
        won.append(claim_tick(schedule, NOON))
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]


def test_the_next_tick_can_be_claimed_again_but_never_an_earlier_one():
    schedule = Schedule("sweep", 15, print)
    assert claim_tick(schedule, NOON)
    assert not claim_tick(schedule, NOON + timedelta(seconds=14))
    assert claim_tick(schedule, NOON + timedelta(seconds=15))
    assert not claim_tick(schedule, NOON)


def test_each_schedule_runs_once_per_period(only):
    ran = []
    every(seconds=10, name="often")(lambda: ran.append("often"))
    every(minutes=1, name="seldom")(lambda: ran.append("seldom"))
    for seconds in range(0, 61, 5):
        Scheduler(clock=lambda seconds=seconds: NOON + timedelta(seconds=seconds)).run_due()
    assert ran.count("often") == 7
    assert ran.count("seldom") == 2


def test_a_failing_task_stops_no_other_and_leaves_a_trace(only):
    ran = []

    @every(minutes=1, name="broken")
    def broken():
        raise ZeroDivisionError("by zero")

    every(minutes=1, name="fine")(lambda: ran.append("fine"))
    Scheduler(clock=lambda: NOON).run_due()
    assert ran == ["fine"]
    assert Slot.objects.get(name="broken").error == "ZeroDivisionError: by zero"
    assert Slot.objects.get(name="fine").error == ""
    assert Slot.objects.get(name="fine").ended_at is not None


@committed
def test_the_scheduler_waits_for_a_database_that_went_away(only):
    ran = []

    @every(minutes=1, name="cut")
    def cut():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    every(seconds=1, name="alive")(lambda: ran.append("alive"))
    scheduler = Scheduler(clock=lambda: NOON)
    assert scheduler.turn() == 0.5
    del only["cut"]
    assert scheduler.turn() == 1.0
    assert ran == ["alive"]


def test_the_scheduler_says_what_the_database_refused(only, monkeypatch):
    def refuse(*args):
        raise OperationalError("disk full") from FakeError("53100")

    monkeypatch.setattr(schedules, "claim_tick", refuse)
    every(seconds=1, name="any")(print)
    with pytest.raises(OperationalError, match="disk full"):
        Scheduler(clock=lambda: NOON).turn()


class FakeError(Exception):
    def __init__(self, sqlstate):
        self.sqlstate = sqlstate


def test_the_scheduler_looks_again_when_the_next_tick_begins(only):
    every(seconds=15, name="a")(int)
    every(minutes=1, name="b")(int)
    assert Scheduler(clock=lambda: NOON + timedelta(seconds=4)).turn() == 11


def test_a_stopped_scheduler_ends_after_the_task_at_hand(only):
    ran = []
    scheduler = Scheduler(clock=lambda: NOON)

    @every(seconds=1, name="first")
    def first():
        ran.append("first")
        scheduler.stop()

    every(seconds=1, name="second")(lambda: ran.append("second"))
    scheduler.run()
    assert ran == ["first"]


def test_the_last_tick_is_remembered(sent):
    assert loop.last_tick() is None
    Scheduler(clock=lambda: NOON).run_due()
    assert loop.last_tick() == NOON


def test_a_worker_is_alive_when_it_answered_a_probe_or_works(no_broker):
    assert set(probes.last_worker_activity().values()) == {None}
    probes.answer(Queue.PULLS)
    job = claimed()
    found = probes.last_worker_activity()
    assert found[Queue.PULLS] == WorkerSign.objects.get().at
    job = fresh(job)
    times = [job.heartbeat_at, job.started_at, job.claimed_at]
    assert min(times) <= found[Queue.DEFAULT] <= max(times)  # a microsecond apart at most
    assert found[Queue.IMPORTS] is None


def test_queues_with_waiting_work_are_not_probed(no_broker, monkeypatch):
    monkeypatch.setattr(probes, "waiting_messages", {"imports": 4, "pulls": 0, "pushes": 0, "default": 0}.get)
    asked = []
    monkeypatch.setattr(probes, "send_task", lambda name, queue, to, expires: asked.append(to))
    jobs.ask_workers()
    assert asked == ["pulls", "pushes", "default"]


def test_old_log_lines_are_swept_and_their_jobs_kept(no_broker):
    old, new = begin("tests.chatter", lines=3), begin("tests.chatter", lines=3)
    run(old)
    run(new)
    Job.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=91))
    jobs.sweep_old_log_lines()
    assert set(JobLog.objects.values_list("job", flat=True)) == {new.pk}
    assert Job.objects.count() == 2


def test_a_schedule_needs_a_period():
    with pytest.raises(ValueError, match="period"):
        every(minutes=0)
