"""What a running job shows of itself, progress and log lines, and what it hears: is it lost, is it to be cancelled?"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson
import psycopg
from django.conf import settings
from django.db import DatabaseError
from django.db import connection as first_connection
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.jobs.models import Job, Level
from connectors.kit.redaction import known

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
        self._lock = threading.Lock()
        self._done = 0
        self.total = job.total
        self._lines: list[Line] = []
        self._lines_left: int | None = None
        self._has_news = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.write(first_connection)

    def progress(self, done: int, total: int | None) -> None:
        self._done = done
        if total is not None:
            self.total = total
        if not self._has_news:
            self._tell_news()

    def log(self, level: Level, text: str, fields: dict[str, Any]) -> None:
        line = Line(timezone.now(), level, storable(known.text(text)), storable_json(known.value(fields)))
        with self._lock:
            self._lines.append(line)
        if not self._has_news:
            self._tell_news()

    def write(self, connection: Any) -> None:
        """Bring the row and the log up to date. Progress never goes back within one claim."""
        # Forgotten before it is read: what is reported from here on is news again.
        self._has_news = False
        with self._lock:
            lines, self._lines = self._lines, []
        values = [settings.JOB_LEASE_SECONDS, self._done, self.total, self.job_id, self.token]
        try:
            with connection.cursor() as cursor:
                cursor.execute(BEAT, values)
                self._heard(cursor.fetchone())
                if lines:
                    self._write_lines(cursor, lines)
        except (psycopg.Error, DatabaseError):
            with self._lock:
                self._lines = lines + self._lines
            self._has_news = True
            raise

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
            columns = zip(*((line.at, line.level.value, line.text, line.fields) for line in lines), strict=True)
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


def storable(text: str) -> str:
    """PostgreSQL keeps no NUL in a text, and no half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def storable_json(value: object) -> str:
    """As JSON; what has no JSON form, as its text."""
    plain = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return plain.replace("\\u0000", "\\ufffd")
