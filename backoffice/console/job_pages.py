"""Pages and fragments about one job: its live page, cancel and retry, and what runs in the header of every page."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format, number_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext

from backoffice.access.models import User
from backoffice.changes.acting import Door
from backoffice.console.live import Live
from backoffice.jobs import verbs
from backoffice.jobs.models import Job, LogLine
from backoffice.jobs.registry import Queue

# The answer to a poll that makes htmx stop polling.
STOP_POLLING = 286
LINES_SHOWN = 200
RUNNING_SHOWN = 9
# The pages of what jobs work on; a subject of another kind is named without a link.
PAGES_OF_SUBJECTS = {
    "upload": "admin:imports_upload_change",
    "export": "admin:imports_export_change",
    "connection": "admin:sync_connection_change",
}


class Fact(NamedTuple):
    label: str
    value: str
    link: str = ""


def visible_job(request: HttpRequest, job_id: int | str) -> Job:
    """The job, if it exists for whoever asks; else 404."""
    jobs = Job.objects.visible_to(request.user).select_related("asked_by")
    job = jobs.filter(pk=job_id).first() if str(job_id).isdecimal() and int(job_id) < 2**63 else None
    if job is None:
        raise Http404(gettext("There is no such job, or it is not yours."))
    return job


def page(job: Job, user: User) -> dict[str, Any]:
    """What the job's page shows at first."""
    lines = job.last_log_lines(user, limit=LINES_SHOWN)
    return fragment(job, user, lines) | {
        "is_log_cut": len(lines) == LINES_SHOWN,
        "parameters": job.parameters if user.sees_everything else {},
    }


def fragment(job: Job, user: User, lines: list[LogLine], after: int = 0) -> dict[str, Any]:
    live = Live(job)
    return {
        "live": live,
        "counts": live.counts,
        "besides": live.besides,
        "heading": gettext("Progress") if job.is_open else gettext("Outcome"),
        "back": reverse("admin:jobs_job_change", args=[job.pk]),
        "facts": facts(job, user),
        "lines": lines,
        "last_line": lines[-1].id if lines else after,
    }


def facts(job: Job, user: User) -> list[Fact]:
    """What is fixed about a job, and when things happened to it."""
    found = [Fact(gettext("kind"), job.label)]
    if job.subject_label:
        found.append(Fact(gettext("worked on"), job.subject_label, link_to_subject(job)))
    found.append(Fact(gettext("asked by"), asker(job)))
    found += [
        Fact(label, moment(at))
        for label, at in (
            (gettext("asked for"), job.created_at),
            (gettext("started"), job.started_at),
            (gettext("finished"), job.finished_at),
        )
        if at
    ]
    if job.attempts > 1:
        found.append(Fact(gettext("attempts"), number_format(job.attempts)))
    if user.sees_everything:
        found.append(Fact(gettext("queue"), str(Queue(job.queue).label)))
    return found


def asker(job: Job) -> str:
    if job.asked_by is None:
        return gettext("the scheduler")
    name = job.asked_by.get_full_name() or job.asked_by.get_username()
    if job.api_key_id is not None or job.door == Door.API:
        return gettext("%(name)s, with an API key") % {"name": name}
    return name


def link_to_subject(job: Job) -> str:
    page = PAGES_OF_SUBJECTS.get(job.subject_kind)
    try:
        return reverse(page, args=[job.subject_id]) if page and job.subject_id else ""
    except NoReverseMatch:
        return ""


def moment(at: Any) -> str:
    return date_format(localtime(at), "DATETIME_FORMAT")


def live(request: HttpRequest, job_id: int) -> HttpResponse:
    """A poll of the job's page: what is new since the log line `after`."""
    user = _login(request)
    job = visible_job(request, job_id)
    said = request.GET.get("after", "")
    after = int(said) if said.isdecimal() and len(said) < 19 else 0
    context = fragment(job, user, job.log_lines(user, after=after, limit=LINES_SHOWN), after) | {"again": True}
    return TemplateResponse(request, "console/jobs/_live.html", context, status=200 if job.is_open else STOP_POLLING)


def running(request: HttpRequest) -> HttpResponse:
    """The corner of every page's header: what runs or waits for a worker. The index of open jobs makes it cheap."""
    jobs = Job.objects.visible_to(request.user).open().order_by("id").prefetch_related(None)
    shown = list(jobs[: RUNNING_SHOWN + 1])
    first = next((job for job in shown if job.started_at), shown[0] if shown else None)
    number = min(len(shown), RUNNING_SHOWN)
    context = {
        "number": number,
        "is_more": len(shown) > RUNNING_SHOWN,
        "first": Live(first) if first else None,
        "name": _named(first, number) if first else "",
        "title": "\n".join(name(job) for job in shown),
        "link": _link(first, number) if first else "",
    }
    return TemplateResponse(request, "console/shell/running.html", context)


def cancel(request: HttpRequest, job_id: int, context: dict[str, Any]) -> HttpResponse:
    question = {
        "question": gettext("Cancel this job?"),
        "consequence": gettext(
            "It stops at its next step. What it has done until then stays, and the outcome says what that is."
        ),
        "verb": gettext("Cancel the job"),
        "is_danger": True,
    }
    return _after_asking(request, job_id, verbs.cancel, gettext("The job is being cancelled."), context | question)


def retry(request: HttpRequest, job_id: int, context: dict[str, Any]) -> HttpResponse:
    question = {
        "question": gettext("Try this job again?"),
        "consequence": gettext("It goes on from the last step it finished. Nothing is done twice."),
        "verb": gettext("Try again"),
    }
    return _after_asking(request, job_id, verbs.retry, gettext("The job waits for a worker again."), context | question)


def _after_asking(
    request: HttpRequest,
    job_id: int,
    verb: Callable[[Job, User], Job],
    done: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Ask first (GET), then do it (POST) and go back to where the question came from."""
    job = visible_job(request, job_id)
    back = _back(request, job)
    if request.method != "POST":
        context |= {"original": job, "next": back, "title": context["question"]}
        return TemplateResponse(request, "console/jobs/confirm.html", context)
    try:
        verb(job, _login(request))
    except verbs.WrongState as wrong:
        messages.warning(request, str(wrong))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(back)


def _back(request: HttpRequest, job: Job) -> str:
    said = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(said, {request.get_host()}, require_https=request.is_secure()):
        return said
    return reverse("admin:jobs_job_change", args=[job.pk])


def name(job: Job) -> str:
    return f"{job.label}: {job.subject_label}" if job.subject_label else job.label


def _named(first: Job, number: int) -> str:
    if number == 1:
        return first.subject_label or first.label
    return ngettext("%(number)d job", "%(number)d jobs", number) % {"number": number}


def _link(first: Job, number: int) -> str:
    if number == 1:
        return link_to_subject(first) or reverse("admin:jobs_job_change", args=[first.pk])
    return reverse("admin:jobs_job_changelist") + "?state=open"


def _login(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the site lets nobody else in
    return request.user
