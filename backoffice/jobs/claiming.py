"""Taking a job: deciding what a worker that got its id should do, and doing it by compare-and-set."""

from __future__ import annotations

import json
from enum import Enum

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

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
        case Action.START:
            return _take(job, crashed=False)
        case Action.RESUME:
            return _take(job, crashed=True)
        case Action.CANCEL:
            end_unowned(job, State.CANCELLED)
        case Action.FAIL:
            end_unowned(job, State.FAILED, error=where_it_died(job), crashed=True)
    return None


def end_unowned(job: Job, state: State, *, error: str = "", crashed: bool = False) -> bool:
    """End a job that nobody holds, as it was when `job` was read. The new token locks a frozen worker out."""
    return bool(
        Job.objects.filter(pk=job.pk, token=job.token, state=job.state, lease_until=job.lease_until).update(
            state=state,
            token=job.token + 1,
            crashes=job.crashes + crashed,
            lease_until=None,
            finished_at=timezone.now(),
            error=error,
            done=job.done_kept or job.done,
        )
    )


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


TAKE = """
    UPDATE jobs_job SET
        state = 'running', token = token + 1, attempts = attempts + 1, crashes = crashes + %(crashed)s,
        lease_until = clock_timestamp() + %(lease)s * interval '1 second', heartbeat_at = clock_timestamp(),
        started_at = COALESCE(started_at, clock_timestamp()), claimed_at = clock_timestamp(),
        done = done_kept, done_at_claim = done_kept
    WHERE id = %(id)s AND token = %(token)s AND state = %(state)s
        AND lease_until IS NOT DISTINCT FROM %(lease_until)s
    RETURNING *
"""


def _take(job: Job, *, crashed: bool) -> Job | None:
    values = {
        "id": job.pk,
        "token": job.token,
        "state": job.state,
        "lease_until": job.lease_until,
        "lease": settings.JOB_LEASE_SECONDS,
        "crashed": int(crashed),
    }
    if not crashed:
        return next(iter(Job.objects.raw(TAKE, values)), None)
    with transaction.atomic():
        taken = next(iter(Job.objects.raw(TAKE, values)), None)
        if taken:
            _note_crash(job, taken)
    return taken


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
