"""Running a job: what its function gets to work with, and what becomes of the job when it returns or raises.

A function's effects belong into chunks. A chunk is one transaction: rows, counts, checkpoint and progress are
committed together or not at all, and only while the job is still this worker's.
"""

from __future__ import annotations

import secrets
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import translation
from django.utils.translation import gettext as _

from backoffice.changes.acting import Door, acting
from backoffice.jobs import ending, stopping
from backoffice.jobs.claiming import claim, release
from backoffice.jobs.dispatching import send
from backoffice.jobs.heartbeat import Heartbeat
from backoffice.jobs.models import Job, Level, State
from backoffice.jobs.progress import tally
from backoffice.jobs.registry import UnknownKind, besides, kind_called
from backoffice.jobs.signs import Signs, storable, storable_json
from connectors.kit.redaction import known

logger = structlog.get_logger(__name__)

TRIES_PER_CHUNK = 5
DEADLOCK, SERIALIZATION_FAILURE = "40P01", "40001"


class Failure(Exception):
    """Raise it to end the job as failed, with words for the person who asked for it."""


# Not `Exception`s: a function that catches whatever a row may raise must not catch the end of its job.
class Interrupted(BaseException):
    """The run ends here; what was committed stays."""


class LostLease(Interrupted):
    """Another worker holds the job: nothing may be written any more."""


class Cancelled(Interrupted):
    """Somebody asked for it."""


class Stopping(Interrupted):
    """This worker shuts down; the next one goes on from the checkpoint."""


class Chunk:
    """What one transaction brings the job forward by. Read when the block is left."""

    def __init__(self) -> None:
        self.checkpoint: dict[str, Any] | None = None
        self.counts: Counter[str] = Counter()
        self.done: int | None = None
        self.total: int | None = None

    def count(self, **numbers: int) -> None:
        """Add to the job's counts: `chunk.count(new=3, failed=1)`. See `backoffice.jobs.progress` for the words."""
        self.counts.update(numbers)


class Log:
    """Lines for the job's page. Beside the chunks: a line stays when its chunk is rolled back."""

    def __init__(self, signs: Signs) -> None:
        self._signs = signs

    def info(self, text: str, **fields: Any) -> None:
        self._signs.log(Level.INFO, text, fields)

    def warning(self, text: str, **fields: Any) -> None:
        self._signs.log(Level.WARNING, text, fields)

    def error(self, text: str, **fields: Any) -> None:
        self._signs.log(Level.ERROR, text, fields)


KEEP_CHUNK = """
    UPDATE jobs_job SET
        checkpoint = %s::jsonb, counts = %s::jsonb, done = %s, done_kept = %s, total = COALESCE(%s, total),
        lease_until = clock_timestamp() + %s * interval '1 second', heartbeat_at = clock_timestamp()
    WHERE id = %s AND token = %s AND state = 'running'
    RETURNING cancel_requested_at IS NOT NULL
"""


class Run:
    """One attempt at a job, as its function sees it."""

    def __init__(self, job: Job, signs: Signs) -> None:
        self.job = job
        self.parameters: dict[str, Any] = job.parameters
        self.checkpoint: dict[str, Any] | None = job.checkpoint
        self.counts: Counter[str] = Counter(job.counts)
        self.log = Log(signs)
        self.connection_id: int | None = None
        self.ends_as: State | None = None
        self._signs = signs
        self._done = job.done_kept

    def progress(self, done: int, total: int | None = None) -> None:
        """Show how far the work is. Cheap: call it for every row. Shown at once, then at most every half second."""
        self._signs.progress(done, total)

    def check(self) -> None:
        """Raise when the run should end: lost, cancelled, or its worker stops. Every chunk begins with it."""
        if self._signs.is_lost:
            raise LostLease
        if self._signs.is_cancel_requested:
            raise Cancelled
        if stopping.asked():
            raise Stopping

    @contextmanager
    def chunk(self) -> Iterator[Chunk]:
        """One transaction, in which whoever asked for the job is the one who acts.

        Its last statement keeps the chunk, if the job is still this worker's; else everything is rolled back
        and `LostLease` is raised. What the chunk leaves unsaid (checkpoint, done) stays as it was; `done` is
        then moved on by the rows it counted.
        """
        self.check()
        chunk = Chunk()
        by = self.job.asked_by
        with acting(
            by,
            Door(self.job.door),
            job=self.job.pk,
            connection=self.connection_id,
            api_key=self.job.api_key_id,
            label="" if by else "scheduler",
        ):
            yield chunk
            kept = self._keep(chunk)
        self.checkpoint, self.counts, self._done = kept

    def in_chunk[T](self, work: Callable[[Chunk], T]) -> T:
        """Call `work` in a chunk; again from its beginning when PostgreSQL broke it off for a deadlock."""
        for again in range(1, TRIES_PER_CHUNK + 1):
            try:
                with self.chunk() as chunk:
                    return work(chunk)
            except OperationalError as error:
                if sqlstate(error) not in {DEADLOCK, SERIALIZATION_FAILURE} or again == TRIES_PER_CHUNK:
                    raise
                self.log.info(_("Two writers met; the chunk is done again."), attempt=again)
                time.sleep(secrets.SystemRandom().uniform(0, 0.02 * 2**again))
        raise AssertionError("unreachable")

    def finish(self, state: State) -> None:
        """How the job ends when the function returns, instead of succeeded or incomplete by its counts."""
        self.ends_as = state

    @property
    def final_state(self) -> State:
        if self.ends_as:
            return self.ends_as
        rejected = tally(self.counts, besides(self.job.kind)).rejected
        return State.INCOMPLETE if rejected else State.SUCCEEDED

    def _keep(self, chunk: Chunk) -> tuple[dict[str, Any] | None, Counter[str], int]:
        checkpoint = self.checkpoint if chunk.checkpoint is None else chunk.checkpoint
        counts = self.counts + chunk.counts
        done = self._done + tally(chunk.counts, besides(self.job.kind)).rows if chunk.done is None else chunk.done
        total = self._signs.total if chunk.total is None else chunk.total
        if total is not None:
            total = self._signs.total = max(total, tally(counts, besides(self.job.kind)).rows)
        values = [
            None if checkpoint is None else storable_json(checkpoint),
            storable_json(dict(counts)),
            done,
            done,
            total,
            settings.JOB_LEASE_SECONDS,
            self.job.pk,
            self.job.token,
        ]
        with connection.cursor() as cursor:
            cursor.execute(KEEP_CHUNK, values)
            row = cursor.fetchone()
        if row is None:
            raise LostLease
        if row[0]:
            self._signs.is_cancel_requested = True
        return checkpoint, counts, done


def execute(job_id: int, *, heartbeat: bool = True) -> State | None:
    """Claim the job and run it to wherever it gets. Its state afterwards; None when there was nothing to claim.

    Without a heartbeat (in a test that holds a transaction open) signs are written over the one connection.
    """
    job = _claim_over_a_live_connection(job_id)
    if job is None:
        return None
    with stopping.at_work():
        try:
            return _run(job, Heartbeat(job) if heartbeat else Signs(job))
        except (OperationalError, InterfaceError) as error:
            if not is_connection_lost(error):
                raise
            # The row says running; when its lease runs out, the dispatcher sends it again.
            logger.warning("job_lost_its_database", job=job.pk, error=str(error))
            connection.close()
            return None


def _claim_over_a_live_connection(job_id: int) -> Job | None:
    """A worker keeps its connection for long; the server may have been restarted while it had nothing to do."""
    try:
        return claim(job_id)
    except (OperationalError, InterfaceError) as error:
        if connection.in_atomic_block or not is_connection_lost(error):
            raise
        connection.close()
        return claim(job_id)


def _run(job: Job, signs: Signs) -> State | None:
    error = ""
    with signs, translation.override(job.language or None):
        run = Run(job, signs)
        try:
            kind_called(job.kind).work(run)
            state = run.final_state
        except LostLease:
            logger.warning("job_lease_lost", job=job.pk, token=job.token)
            return None
        except Stopping:
            return _step_back(job)
        except Cancelled:
            state = State.CANCELLED
        except Failure as failure:
            state, error = State.FAILED, str(failure)
        except UnknownKind:
            state, error = (
                State.FAILED,
                _("No function is known for jobs of the kind %(kind)s.") % {"kind": job.kind},
            )
        except Exception as unexpected:
            if is_connection_lost(unexpected):
                raise
            state, error = State.FAILED, _explain(unexpected, run)
        except BaseException:
            _step_back(job)
            raise
    return state if _end(job, state, error) else None


def _explain(unexpected: Exception, run: Run) -> str:
    """Words with an id for the person; the trace for operations, in the log under that id."""
    error_id, name = secrets.token_hex(4), type(unexpected).__name__
    logger.error("job_failed_unexpectedly", job=run.job.pk, kind=run.job.kind, error_id=error_id, exc_info=unexpected)
    trace = "".join(traceback.format_exception(unexpected))
    text = _("Unexpected error %(id)s (%(name)s).") % {"id": error_id, "name": name}
    run.log.error(text, trace=trace)
    return _("Stopped by an error nobody foresaw (%(name)s). Operations find it in the log as %(id)s.") % {
        "name": name,
        "id": error_id,
    }


# Not waiting for the disk: should PostgreSQL lose this one, the job is called again after its last chunk, and ends.
END = """
    WITH quickly AS (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE jobs_job SET
        state = %(state)s, error = %(error)s, lease_until = NULL, finished_at = clock_timestamp(),
        done = CASE WHEN %(state)s IN ('failed', 'cancelled') AND done_kept > 0 THEN done_kept ELSE done END
    FROM quickly
    WHERE id = %(id)s AND token = %(token)s AND state = 'running'
"""


def _end(job: Job, state: State, error: str) -> bool:
    values: dict[str, str | int] = {
        "state": state.value,
        "error": storable(known.text(error)),
        "id": job.pk,
        "token": job.token,
    }

    def write() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(END, values)
            return bool(cursor.rowcount == 1)

    return ending.end(job.pk, job.kind, write)


def _step_back(job: Job) -> State | None:
    if not release(job):
        return None
    send(job.pk, job.queue)
    return State.QUEUED


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's own code for what happened, as psycopg gives it."""
    return getattr(error.__cause__, "sqlstate", None)


def is_connection_lost(error: BaseException) -> bool:
    """The server went away, not: it refused a statement."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    code = sqlstate(error)
    return code is None or code.startswith("08") or code in {"57P01", "57P02", "57P03"}
