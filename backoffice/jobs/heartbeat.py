"""Signs of life of running jobs: lease, progress and log lines, over a database connection of their own.

A long chunk holds the first connection's transaction open; over the second one neither progress nor a cancel
waits for it. Losing a sign is harmless, so nothing here waits for the disk (`synchronous_commit` off).
"""

from __future__ import annotations

import os
import threading
from time import monotonic
from typing import Any, Self

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db import connection as first_connection

from backoffice.jobs import stopping
from backoffice.jobs.claiming import RELEASE
from backoffice.jobs.dispatching import send
from backoffice.jobs.models import Job
from backoffice.jobs.signs import Signs

logger = structlog.get_logger(__name__)

SECONDS_BETWEEN_WRITES = 0.5
SECONDS_BETWEEN_LOOKS = 1.0


class Heartbeat(Signs):
    """Signs given by the process's `pulse`, at most every half second. Leaving the block writes what is left."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.last_write = float("-inf")
        self.last_beat = monotonic()
        self.writing = threading.Lock()

    def __enter__(self) -> Self:
        pulse.add(self)
        return self

    def __exit__(self, *exception: object) -> None:
        pulse.remove(self)
        with self.writing:
            if not self._has_news or self.is_lost:
                return
            try:
                self.write(first_connection)
            except (psycopg.Error, DatabaseError) as error:
                logger.warning("last_sign_failed", job=self.job_id, error=str(error))

    def seconds_to_wait(self, now: float) -> float:
        if self._has_news:
            return self.last_write + SECONDS_BETWEEN_WRITES - now
        return self.last_beat + float(settings.JOB_LEASE_SECONDS) / 4 - now

    def _tell_news(self) -> None:
        self._has_news = True
        pulse.wake()


class Pulse:
    """The one thread of a process that gives the signs of all its running jobs, over one second connection.

    Once the worker was told to stop, jobs that find no chunk boundary in time are put back in line and the
    process ends.
    """

    def __init__(self) -> None:
        self.keeps_connection = False
        self._beating: set[Heartbeat] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._stop_noticed: float | None = None

    def add(self, heartbeat: Heartbeat) -> None:
        with self._changed:
            self._beating.add(heartbeat)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()

    def remove(self, heartbeat: Heartbeat) -> None:
        with self._changed:
            self._beating.discard(heartbeat)
            if not self._beating and not self.keeps_connection:
                self._changed.notify()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while due := self._wait_for_due():
            for heartbeat in due:
                self._write(heartbeat)
            self._leave_if_stopped_too_long()
        self._close()

    def _wait_for_due(self) -> list[Heartbeat]:
        """Those to write for. Nobody, and the thread ends, when nobody runs in a process that is no worker."""
        with self._changed:
            while True:
                now = monotonic()
                if not self._beating and not self.keeps_connection:
                    self._thread = None
                    return []
                waits = {each: each.seconds_to_wait(now) for each in self._beating if not each.is_lost}
                if due := [each for each, seconds in waits.items() if seconds <= 0]:
                    return due
                self._changed.wait(min([SECONDS_BETWEEN_LOOKS, *waits.values()]))
                self._leave_if_stopped_too_long()

    def _write(self, heartbeat: Heartbeat) -> None:
        with heartbeat.writing:
            if heartbeat not in self._beating:
                return
            try:
                self._connection = self._connection or connect()
                heartbeat.write(self._connection)
            except Exception as error:  # the outermost loop: without it every lease of this process would run out
                logger.warning("heartbeat_failed", job=heartbeat.job_id, error=repr(error))
                self._close()
            heartbeat.last_write = heartbeat.last_beat = monotonic()

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _leave_if_stopped_too_long(self) -> None:
        if not stopping.asked() or not self._beating:
            return
        self._stop_noticed = self._stop_noticed or monotonic()
        if monotonic() - self._stop_noticed > stopping.GRACE_SECONDS:
            try:
                for heartbeat in self._beating:
                    self._put_back(heartbeat)
            finally:
                os._exit(0)

    def _put_back(self, heartbeat: Heartbeat) -> None:
        self._connection = self._connection or connect()
        self._connection.execute(RELEASE, [heartbeat.job_id, heartbeat.token])
        send(heartbeat.job_id, heartbeat.queue)
        logger.warning("job_put_back_in_mid_chunk", job=heartbeat.job_id)


pulse = Pulse()


def connect(purpose: str = "heartbeat", more_options: str = "") -> psycopg.Connection[Any]:
    """A second connection to the same database: its own statements, committed at once, never waiting long."""
    given = first_connection.get_connection_params()
    wanted = {name: given[name] for name in given if name not in NOT_FOR_PSYCOPG}
    options = f"{wanted.pop('options', '')} -c synchronous_commit=off -c lock_timeout=5s -c statement_timeout=10s"
    wanted |= {
        "connect_timeout": 5,
        "application_name": f"backoffice {purpose}",
        "options": f"{options} {more_options}".strip(),
    }
    return psycopg.connect(**wanted, autocommit=True)


NOT_FOR_PSYCOPG = {
    "context",
    "cursor_factory",
    "assume_role",
    "pool",
    "isolation_level",
    "server_side_binding",
}
