"""Jobs over the JSON API: what runs, how it went, cancel and retry."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from backoffice.access.api import api_key_of, scope, who_asks
from backoffice.access.idempotency import answers_once
from backoffice.access.models import User
from backoffice.jobs import verbs
from backoffice.jobs.models import Job, JobQuerySet, LogLine, State
from backoffice.jobs.registry import Queue
from backoffice.paging import Page, PageQuery, page_of, refuse_unknown
from backoffice.problems import Problem, forbidden, not_found, unauthorized

router = Router(tags=["jobs"])

LINES_SHOWN = 200
LARGEST_ID = 2**63 - 1
MAY_LOOK = ("read", "jobs", "imports", "sync")  # whoever uploads or pulls wants to know how it goes


class JobFilters(PageQuery):
    state: State | None = None
    kind: str = Field("", max_length=100)


class PersonOut(Schema):
    id: int
    name: str


class SubjectOut(Schema):
    kind: str
    id: int
    label: str


class RowsOut(Schema):
    """The rows of the job: the three always add up to all of them."""

    ok: int
    rejected: int
    unprocessed: int


class JobOut(Schema):
    id: int
    kind: str
    label: str
    queue: Queue
    state: State
    done: int
    total: int | None
    counts: dict[str, int]
    rows: RowsOut
    error: str
    outcome: str
    attempts: int
    crashes: int
    cancel_requested: bool
    asked_by: PersonOut | None
    subject: SubjectOut | None
    rate: float | None = Field(description="Per second.")
    seconds_left: float | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class LineOut(Schema):
    at: datetime
    level: str
    text: str
    fields: dict[str, Any]


class JobWithLog(JobOut):
    log: list[LineOut] = Field(description=f"The last {LINES_SHOWN} lines, oldest first.")


@router.get("/jobs", response=Page[JobOut])
def list_jobs(request: HttpRequest, filters: Query[JobFilters]) -> dict[str, Any]:
    """Jobs you may see, the newest first."""
    refuse_unknown(request, filters)
    jobs = _visible(request)
    if filters.state:
        jobs = jobs.filter(state=filters.state)
    if filters.kind:
        jobs = jobs.filter(kind=filters.kind)
    bound_to = f"jobs {filters.state} {filters.kind}"
    return page_of(jobs, shown, cursor=filters.cursor, limit=filters.limit, bound_to=bound_to)


@router.get("/jobs/{int:job_id}", response=JobWithLog)
def get_job(request: HttpRequest, job_id: int) -> dict[str, Any]:
    """One job, with the last lines of its log."""
    return _with_log(request, _find(request, job_id))


@router.post("/jobs/{int:job_id}/cancel", response=JobWithLog)
@answers_once
@scope("jobs")
def cancel_job(request: HttpRequest, job_id: int) -> dict[str, Any]:
    """Ends a waiting job; asks a running one to stop. What was committed is kept. 409 when it has ended."""
    return _do(request, job_id, verbs.cancel)


@router.post("/jobs/{int:job_id}/retry", response=JobWithLog)
@answers_once
@scope("jobs")
def retry_job(request: HttpRequest, job_id: int) -> dict[str, Any]:
    """Puts a failed or cancelled job back in line; it goes on from its checkpoint. 409 in any other state."""
    return _do(request, job_id, verbs.retry)


def shown(job: Job) -> dict[str, Any]:
    """A job as the API shows it; `state`, `done`, `total` and `counts` are all a poller needs."""
    by = job.asked_by
    subject = {"kind": job.subject_kind, "id": job.subject_id, "label": job.subject_label}
    return {
        **{name: getattr(job, name) for name in PLAIN},
        "rows": job.tally._asdict(),
        "cancel_requested": job.cancel_requested_at is not None,
        "asked_by": {"id": by.pk, "name": by.get_full_name() or by.get_username()} if by else None,
        "subject": subject if job.subject_id is not None else None,
    }


PLAIN = [name for name in JobOut.model_fields if name not in {"rows", "cancel_requested", "asked_by", "subject"}]


def _do(request: HttpRequest, job_id: int, verb: Callable[[Job, User], Job]) -> dict[str, Any]:
    try:
        return _with_log(request, verb(_find(request, job_id), _asker(request)))
    except verbs.WrongState as refusal:
        raise Problem(409, _("Not in this state"), str(refusal)) from refusal


def _find(request: HttpRequest, job_id: int) -> Job:
    job = _visible(request).filter(pk=job_id).first() if job_id <= LARGEST_ID else None
    if job is None:
        raise not_found()
    return job


def _with_log(request: HttpRequest, job: Job) -> dict[str, Any]:
    lines = job.last_log_lines(_asker(request), limit=LINES_SHOWN)
    return shown(job) | {"log": [_line(line) for line in lines]}


def _line(line: LogLine) -> dict[str, Any]:
    return {"at": line.at, "level": line.level.value, "text": line.text, "fields": line.fields}


def _visible(request: HttpRequest) -> JobQuerySet:
    key = api_key_of(request)
    if key is not None and not any(map(key.allows, MAY_LOOK)):
        raise forbidden(_("This API key may not look at jobs."))
    return Job.objects.visible_to(_asker(request)).select_related("asked_by")


def _asker(request: HttpRequest) -> User:
    user = who_asks(request)
    if user is None:
        raise unauthorized()
    return user
