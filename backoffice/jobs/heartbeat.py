"""Signs of life of a running job: lease, progress and log lines, over a database connection of their own.

A long chunk holds the first connection's transaction open; over the second one neither progress nor a cancel
waits for it. Losing a sign is harmless, so nothing here waits for the disk (`synchronous_commit` off).
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Self

import orjson
import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db import connection as first_connection
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.jobs import stopping
from backoffice.jobs.claiming import RELEASE
from backoffice.jobs.dispatching import send
from backoffice.jobs.models import Job, Level

logger = structlog.get_logger(__name__)

SECONDS_BETWEEN_WRITES = 0.5
LINES_KEPT = 5000

BEAT = """
    UPDATE jobs_job SET
        lease_until = clock_timestamp() + %s * interval '1 second', heartbeat_at = clock_timestamp(),
        done = GREATEST(done, %s), total = COALESCE(%s, total)
    WHERE id = %s AND token = %s AND state = 'running'
    RETURNING cancel_requested_at IS NOT NULL
"""
WRITE_LINES = """
    INSERT INTO jobs_joblog (job_id, at, level, text, fields)
    SELECT job.id, line.at, line.level, line.text, line.fields::jsonb
    FROM jobs_job job, unnest(%s::timestamptz[], %s::text[], %s::text[], %s::text[]) line (at, level, text, fields)
    WHERE job.id = %s AND job.token = %s AND job.state = 'running'
"""


@dataclass(frozen=True)
class Line:
    at: datetime
    level: Level
    text: str
    fields: str


class Signs:
    """What a run wants shown, and what came back: is the job still ours, has somebody asked to cancel it?

    This plain form writes over the caller's own connection, when told to: for one who has no second one.
    """

    def __init__(self, job: Job) -> None:
        self.job_id, self.token, self.queue = job.pk, job.token, job.queue
        self.is_lost = False
        self.is_cancel_requested = job.cancel_requested_at is not None
        self._lock = threading.Condition()
        self._done = 0
        self._total: int | None = None
        self._lines: list[Line] = []
        self._lines_left: int | None = None
        self._has_news = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.write()

    def progress(self, done: int, total: int | None) -> None:
        with self._lock:
            self._done = done
            self._total = total if total is not None else self._total
            self._tell_news()

    def log(self, level: Level, text: str, fields: dict[str, Any]) -> None:
        line = Line(timezone.now(), level, storable(text), storable_json(fields))
        with self._lock:
            self._lines.append(line)
            self._tell_news()

    def write(self) -> None:
        """Bring the row and the log up to date. Progress never goes back within one claim."""
        with self._lock:
            done, total, lines = self._done, self._total, self._lines
            self._lines, self._has_news = [], False
        try:
            with self._cursor() as cursor:
                cursor.execute(
                    BEAT,
                    [settings.JOB_LEASE_SECONDS, done, total, self.job_id, self.token],
                )
                self._heard(cursor.fetchone())
                if lines:
                    self._write_lines(cursor, lines)
        except (psycopg.Error, DatabaseError):
            with self._lock:
                self._lines = lines + self._lines
                self._has_news = True
            raise

    def _cursor(self) -> Any:
        return first_connection.cursor()

    def _heard(self, row: tuple[bool] | None) -> None:
        if row is None:
            self.is_lost = True
        elif row[0]:
            self.is_cancel_requested = True

    def _tell_news(self) -> None:
        self._has_news = True

    def _write_lines(self, cursor: Any, lines: list[Line]) -> None:
        lines = self._within_limit(cursor, lines)
        if lines:
            columns = zip(
                *((line.at, line.level.value, line.text, line.fields) for line in lines),
                strict=True,
            )
            cursor.execute(WRITE_LINES, [*map(list, columns), self.job_id, self.token])

    def _within_limit(self, cursor: Any, lines: list[Line]) -> list[Line]:
        if self._lines_left is None:
            cursor.execute("SELECT count(*) FROM jobs_joblog WHERE job_id = %s", [self.job_id])
            self._lines_left = LINES_KEPT - int(cursor.fetchone()[0])
        if self._lines_left <= 0:
            return []
        kept = lines[: self._lines_left]
        self._lines_left -= len(kept)
        if self._lines_left == 0:
            notice = _("The log ends here: %(limit)d lines are kept per job.") % {"limit": LINES_KEPT}
            kept[-1] = Line(kept[-1].at, Level.WARNING, notice, "{}")
        return kept


class Heartbeat(Signs):
    """Signs given by a thread with a connection of its own, at most every half second.

    Leaving the block writes what is left. Once the worker was told to stop, a job that finds no chunk
    boundary in time is put back in line and its process ended.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._closing = False
        self._last_write = float("-inf")
        self._last_beat = monotonic()
        self._stop_noticed: float | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._thread = threading.Thread(target=self._keep_beating, name=f"heartbeat-{job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._closing = True
            self._lock.notify()
        self._thread.join()
        if self._has_news:
            self._try_to_write()
        if self._connection:
            spare.put(self._connection)

    def _tell_news(self) -> None:
        if not self._has_news:
            self._has_news = True
            self._lock.notify()

    def _keep_beating(self) -> None:
        while not self.is_lost:
            with self._lock:
                while not self._closing and (wait := self._seconds_to_wait(monotonic())) > 0:
                    self._lock.wait(min(wait, 1.0))
                    self._leave_if_stopped_too_long()
                if self._closing:
                    return
            self._try_to_write()

    def _seconds_to_wait(self, now: float) -> float:
        if self._has_news:
            return self._last_write + SECONDS_BETWEEN_WRITES - now
        return self._last_beat + float(settings.JOB_LEASE_SECONDS) / 4 - now

    def _try_to_write(self) -> None:
        try:
            self.write()
        except psycopg.Error as error:
            logger.warning("heartbeat_failed", job=self.job_id, error=str(error))
            self._drop_connection()
        self._last_write = self._last_beat = monotonic()

    def _cursor(self) -> Any:
        self._connection = self._connection or spare.take()
        return self._connection.cursor()

    def _drop_connection(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _leave_if_stopped_too_long(self) -> None:
        if not stopping.asked():
            return
        self._stop_noticed = self._stop_noticed or monotonic()
        if monotonic() - self._stop_noticed > stopping.GRACE_SECONDS:
            try:
                self._cursor().execute(RELEASE, [self.job_id, self.token])
                send(self.job_id, self.queue)
                logger.warning("job_put_back_in_mid_chunk", job=self.job_id)
            finally:
                os._exit(0)


class Spare:
    """Second connections. A worker keeps one between jobs; anybody else closes it at once."""

    def __init__(self) -> None:
        self.keeps = False
        self._idle: list[psycopg.Connection[Any]] = []

    def take(self) -> psycopg.Connection[Any]:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return connect()

    def put(self, connection: psycopg.Connection[Any]) -> None:
        if self.keeps and not self._idle and not connection.closed:
            self._idle.append(connection)
        else:
            connection.close()


spare = Spare()


def connect() -> psycopg.Connection[Any]:
    """A second connection to the same database: its own statements, committed at once, never waiting long."""
    given = first_connection.get_connection_params()
    wanted = {name: given[name] for name in given if name not in NOT_FOR_PSYCOPG}
    options = f"{wanted.pop('options', '')} -c synchronous_commit=off -c lock_timeout=5s -c statement_timeout=10s"
    wanted |= {
        "connect_timeout": 5,
        "application_name": "backoffice heartbeat",
        "options": options.strip(),
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


def storable(text: str) -> str:
    """PostgreSQL keeps no NUL in a text, and no half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def storable_json(value: object) -> str:
    """As JSON; what has no JSON form, as its text."""
    plain = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return plain.replace("\\u0000", "\\ufffd")
