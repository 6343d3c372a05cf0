"""A push: what was to be written, what came of it, and, where its answer was lost, both records to decide by."""

from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext

from backoffice.access.permissions import may
from backoffice.console import connection_pages as pages
from backoffice.console import connection_words as words
from backoffice.console.connection_records import Titled, named
from backoffice.console.connection_values import Asked, Line, Teller, side_by_side
from backoffice.console.errors import NotThere
from backoffice.console.job_pages import Fact
from backoffice.jobs.models import Job
from backoffice.sync.models import UNSENT, Operation, Push, PushState
from backoffice.sync.pushes import outbox, uncertain

DISCARDABLE = (*UNSENT, PushState.REJECTED, PushState.UNCERTAIN)


class Candidate(NamedTuple):
    """A record at the vendor that may be what a lost create made, beside what was sent."""

    remote_id: str
    lines: list[Line]


def visible_push(request: HttpRequest, push_id: int | str) -> Push:
    user: Any = request.user
    is_id = str(push_id).isdecimal() and int(push_id) < 2**63
    seen = Push.objects.visible_to(user) if may(user, "view", Push) else None
    found = seen.filter(pk=push_id).select_related("connection").first() if seen is not None and is_id else None
    if found is None:
        raise NotThere(gettext("There is no such push."))
    return found


def page(request: HttpRequest, push_id: str, context: dict[str, Any]) -> HttpResponse:
    push, user = visible_push(request, push_id), request.user
    connection = pages.visible_connection(request, push.connection_id)
    record = named([(push.kind, push.object_id)], user)[push.kind, push.object_id]  # type: ignore[arg-type]
    state = PushState(push.state)
    keeps = may(user, "change", Push)
    context |= pages.frame(request, connection, "outbox") | {
        "title": record.name,
        "original": Titled(push, record.name),
        "push": push,
        "record": record,
        "push_badge": words.push_badge(push.state),
        "operation": capfirst(str(Operation(push.operation).label)),
        "facts": facts(push),
        "sent": _sent(push, user),
        "candidates": _candidates(push, user),
        "is_uncertain": state is PushState.UNCERTAIN,
        "is_looked_up": state is PushState.UNCERTAIN and push.next_at is not None,
        "may_retry": keeps and state is PushState.REJECTED,
        "may_discard": keeps and state in DISCARDABLE,
        "may_say": keeps and state is PushState.UNCERTAIN,
    }
    return TemplateResponse(request, "console/connections/push.html", context)


def facts(push: Push) -> list[Fact]:
    fields = ", ".join(words.field_labels(push.kind, push.fields))
    job = Job.objects.filter(pk=push.job_id).first() if push.job_id else None
    found = [
        Fact(gettext("operation"), str(Operation(push.operation).label)),
        Fact(gettext("fields"), fields or gettext("the whole record")),
        Fact(gettext("since"), words.moment(push.created_at)),
        Fact(gettext("attempts"), str(push.attempts)),
    ]
    for label, at in (
        (gettext("next attempt"), push.next_at),
        (gettext("sent at"), push.sent_at),
        (gettext("ended"), push.ended_at),
    ):
        if at:
            found.append(Fact(label, words.moment(at)))
    if push.remote_id:
        found.append(Fact(gettext("the vendor's id"), push.remote_id))
    if job is not None:
        found.append(Fact(gettext("job"), str(job), reverse("admin:jobs_job_change", args=[job.pk])))
    return found


def _sent(push: Push, user: Any) -> list[tuple[str, str]]:
    """Field by field, as it was sent."""
    asked = {name: Asked(push.connection, push.kind, name, value) for name, value in (push.sent or {}).items()}
    teller = Teller(asked.values(), user)
    told = [(words.field_label(push.kind, name), teller.told(each)) for name, each in asked.items()]
    return [(label, text) for label, text in told if text]


def _candidates(push: Push, user: Any) -> list[Candidate]:
    if push.state != PushState.UNCERTAIN:
        return []
    return [
        Candidate(
            str(each.get("id", "")),
            side_by_side(push.connection, push.kind, push.sent or {}, each.get("record") or {}, user),
        )
        for each in push.found or []
    ]


def act(request: HttpRequest, push_id: int) -> HttpResponse:
    """POST: `do` says what a person decides."""
    push = visible_push(request, push_id)
    if not may(request.user, "change", Push):
        raise PermissionDenied
    if request.method == "POST":
        done, said = _done(push, request.POST.get("do", ""), request.POST.get("remote_id", ""))
        if done:
            messages.success(request, said)
        else:
            messages.warning(request, gettext("It has moved on meanwhile: look at where it stands now."))
    return HttpResponseRedirect(reverse("admin:sync_push_change", args=[push.pk]))


def _done(push: Push, verb: str, remote_id: str) -> tuple[bool, str]:
    match verb:
        case "retry":
            return outbox.retry(push), gettext("It waits to be sent again.")
        case "discard":
            return outbox.discard(push), gettext("Discarded. What is different there stays so.")
        case "again":
            return uncertain.send_again(push), gettext("It is sent again.")
        case "adopt" if remote_id in {str(each.get("id")) for each in push.found or []}:
            return uncertain.adopt(push, remote_id), gettext("The vendor's record is this one now.")
    return False, ""
