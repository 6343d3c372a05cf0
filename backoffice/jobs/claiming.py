"""Taking a job: deciding what a worker that got its id should do, and doing it by compare-and-set."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import JSONField
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.jobs import ending
from backoffice.jobs.models import Job, JobLog, Level, State

CRASHES_ALLOWED = 3


class Action(Enum):
    """What to do with a job one was told about."""

    LEAVE = "leave"
    START = "start"
    RESUME = "resume"
    CANCEL = "cancel"
    FAIL = "fail"


def decide(state: str, *, lease_expired: bool, cancel_requested: bool, crashes: int) -> Action:
    """`crashes` are those before this one: a running job without a lease has just had another."""
    if state == State.QUEUED:
        return Action.CANCEL if cancel_requested else Action.START
    if state != State.RUNNING or not lease_expired:
        return Action.LEAVE
    if cancel_requested:
        return Action.CANCEL
    return Action.FAIL if crashes + 1 >= CRASHES_ALLOWED else Action.RESUME


def claim(job_id: int) -> Job | None:
    """The job, leased to the caller under a new token; None when there is nothing to do for it.

    The second of two deliveries finds the lease taken. A job that was running when its lease ran out has
    crashed: it is resumed from its checkpoint, or failed when that was the third time.
    """
    job = _first(TAKE_QUEUED, {"id": job_id, "lease": settings.JOB_LEASE_SECONDS})
    return job or _claim_any(job_id)


def _claim_any(job_id: int) -> Job | None:
    """The long way, for all but a job that simply waits in line."""
    seen = _look(job_id)
    if seen is None:
        return None
    job, lease_expired = seen
    action = decide(
        job.state,
        lease_expired=lease_expired,
        cancel_requested=job.cancel_requested_at is not None,
        crashes=job.crashes,
    )
    match action:
        case Action.START:  # put in line a moment ago
            return _first(TAKE_QUEUED, {"id": job_id, "lease": settings.JOB_LEASE_SECONDS})
        case Action.RESUME:
            return _take_crashed(job)
        case Action.CANCEL:
            end_unowned(job, State.CANCELLED)
        case Action.FAIL:
            end_unowned(job, State.FAILED, error=where_it_died(job), crashed=True)
    return None


def end_unowned(job: Job, state: State, *, error: str = "", crashed: bool = False) -> bool:
    """End a job that nobody holds, as it was when `job` was read. The new token locks a frozen worker out."""
    held = Job.objects.filter(pk=job.pk, token=job.token, state=job.state, lease_until=job.lease_until)

    def write() -> bool:
        return bool(
            held.update(
                state=state,
                token=job.token + 1,
                crashes=job.crashes + crashed,
                lease_until=None,
                finished_at=timezone.now(),
                error=error,
                done=job.done_kept or job.done,
            )
        )

    return ending.end(job.pk, job.kind, write)


def where_it_died(job: Job) -> str:
    """For the person who finds a job given up: how far it had come."""
    last = JobLog.objects.filter(job=job).order_by("-id").values_list("text", flat=True).first()
    return _(
        "Given up after %(crashes)d crashes of its worker. It died at %(done)d of %(total)s; "
        "checkpoint: %(checkpoint)s; last log line: %(line)s"
    ) % {
        "crashes": job.crashes + 1,
        "done": job.done,
        "total": "?" if job.total is None else job.total,
        "checkpoint": "–" if job.checkpoint is None else json.dumps(job.checkpoint, ensure_ascii=False),
        "line": last or "–",
    }


def _look(job_id: int) -> tuple[Job, bool] | None:
    sql = "SELECT *, lease_until < clock_timestamp() AS lease_expired FROM jobs_job WHERE id = %s"
    for job in Job.objects.raw(sql, [job_id]):
        return job, bool(vars(job)["lease_expired"])
    return None


# Not waiting for the disk: every later commit of this worker is behind it in PostgreSQL's log, so that a claim
# that is lost takes all that was done under it along.
TAKE = """
    WITH quickly AS (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE jobs_job SET
        state = 'running', token = token + 1, attempts = attempts + 1, crashes = crashes + {crashed},
        lease_until = clock_timestamp() + %(lease)s * interval '1 second', heartbeat_at = clock_timestamp(),
        started_at = COALESCE(started_at, clock_timestamp()), claimed_at = clock_timestamp(),
        done = done_kept, done_at_claim = done_kept
    FROM quickly
    WHERE id = %(id)s AND {condition}
    RETURNING {columns}
"""
COLUMNS = [field.attname for field in Job._meta.concrete_fields]
FROM_JSON = [index for index, field in enumerate(Job._meta.concrete_fields) if isinstance(field, JSONField)]
TAKE_QUEUED = TAKE.format(
    crashed=0, condition="state = 'queued' AND cancel_requested_at IS NULL", columns=", ".join(COLUMNS)
)
TAKE_CRASHED = TAKE.format(
    crashed=1,
    condition="token = %(token)s AND state = 'running' AND lease_until = %(lease_until)s",
    columns=", ".join(COLUMNS),
)


def _take_crashed(job: Job) -> Job | None:
    values = {
        "id": job.pk,
        "token": job.token,
        "lease_until": job.lease_until,
        "lease": settings.JOB_LEASE_SECONDS,
    }
    with transaction.atomic():
        taken = _first(TAKE_CRASHED, values)
        if taken:
            _note_crash(job, taken)
    return taken


def _first(sql: str, values: dict[str, Any]) -> Job | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
    if row is None:
        return None
    values_read = list(row)
    for index in FROM_JSON:
        if values_read[index] is not None:
            values_read[index] = json.loads(values_read[index])
    return Job.from_db(connection.alias, COLUMNS, values_read)


def _note_crash(before: Job, taken: Job) -> None:
    figures = {
        "done": before.done,
        "kept": taken.done,
        "crash": taken.crashes,
        "allowed": CRASHES_ALLOWED,
    }
    JobLog.objects.create(
        job=taken,
        at=timezone.now(),
        level=Level.WARNING,
        text=_("Its worker was lost at %(done)d. Another one goes on from %(kept)d (crash %(crash)d of %(allowed)d).")
        % figures,
        fields=figures,
    )


RELEASE = """
    UPDATE jobs_job SET state = 'queued', lease_until = NULL, done = done_kept, dispatched_at = clock_timestamp()
    WHERE id = %s AND token = %s AND state = 'running'
"""


def release(job: Job) -> bool:
    """Put a job back in line: its worker stops. No crash; the next worker goes on from the checkpoint."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, [job.pk, job.token])
        return bool(cursor.rowcount == 1)
