"""The scheduler: a loop of our own, not a task on the broker it heals. Run one or several."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from backoffice.jobs import schedules
from backoffice.jobs.dispatching import send, waiting_messages
from backoffice.jobs.models import Slot
from backoffice.jobs.running import is_connection_lost
from backoffice.jobs.schedules import Schedule, every

logger = structlog.get_logger(__name__)

# So many messages may lie in the broker per queue. A long line of jobs is not sent again while it holds these.
MESSAGES_PER_QUEUE = 1000
LONGEST_PAUSE_SECONDS = 15.0

# Materialized: as a subquery PostgreSQL may run it once per row of the table, and pick another few each time.
PICK = """
    WITH late AS MATERIALIZED (
        SELECT id FROM jobs_job
        WHERE state IN ('queued', 'running') AND queue = %(queue)s
            AND (state = 'queued' OR lease_until < clock_timestamp())
            AND dispatched_at < clock_timestamp() - %(resend)s * interval '1 second'
        ORDER BY dispatched_at, id
        LIMIT %(room)s
        FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs_job SET dispatched_at = clock_timestamp() FROM late WHERE jobs_job.id = late.id
    RETURNING jobs_job.id
"""
QUEUES_WITH_OPEN_JOBS = "SELECT DISTINCT queue FROM jobs_job WHERE state IN ('queued', 'running')"


@every(seconds=settings.SCHEDULER_TICK_SECONDS, name="dispatch")
def dispatch() -> None:
    """Send again what the broker may have lost: jobs long in line, and running ones whose lease ran out."""
    with connection.cursor() as cursor:
        cursor.execute(QUEUES_WITH_OPEN_JOBS)
        queues = [queue for (queue,) in cursor.fetchall()]
    for queue in queues:
        waiting = waiting_messages(queue)
        if waiting is None:
            return
        if not all(send(job_id, queue) for job_id in _pick(queue, MESSAGES_PER_QUEUE - waiting)):
            return


def _pick(queue: str, room: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            PICK,
            {
                "queue": queue,
                "resend": settings.JOB_RESEND_SECONDS,
                "room": max(room, 0),
            },
        )
        return sorted(job_id for (job_id,) in cursor.fetchall())


class Scheduler:
    """Calls each schedule's task once per period. Goes on when the database went away and came back."""

    def __init__(self, clock: Callable[[], datetime] = timezone.now) -> None:
        self._clock = clock
        self._stop = threading.Event()
        self._failures = 0

    def stop(self) -> None:
        """End after the task at hand; fit to be called by a signal handler."""
        self._stop.set()

    def run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self.turn())

    def turn(self) -> float:
        """Run what is due. The seconds until the next look."""
        try:
            self.run_due()
        except (OperationalError, InterfaceError) as error:
            if not is_connection_lost(error):
                raise
            return self._pause(error)
        self._failures = 0
        return min(
            (each.seconds_to_next(self._clock()) for each in schedules.schedules()),
            default=1.0,
        )

    def run_due(self) -> None:
        for schedule in schedules.schedules():
            if not self._stop.is_set() and schedules.claim_tick(schedule, self._clock()):
                self._run_one(schedule)

    def _run_one(self, schedule: Schedule) -> None:
        try:
            schedule.task()
        except Exception as error:
            if is_connection_lost(error):
                raise
            logger.exception("schedule_failed", schedule=schedule.name)
            schedules.note_end(schedule, f"{type(error).__name__}: {error}")
        else:
            schedules.note_end(schedule)

    def _pause(self, error: Exception) -> float:
        connection.close()
        self._failures += 1
        seconds = pause_after(self._failures)
        logger.warning("scheduler_waits_for_database", error=str(error), seconds=seconds)
        return seconds


def pause_after(failures: int) -> float:
    """Half a second, then twice as long each time, up to a cap."""
    return min(0.25 * 2.0 ** min(failures, 10), LONGEST_PAUSE_SECONDS)


def last_tick() -> datetime | None:
    """When a scheduler last looked for lost jobs."""
    return Slot.objects.filter(name="dispatch").values_list("at", flat=True).first()
