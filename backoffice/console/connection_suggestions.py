"""Two records that look alike, side by side: for a person to say whether they are one."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from backoffice.access.permissions import may
from backoffice.changes.registry import model_of
from backoffice.console import connection_pages as pages
from backoffice.console.connection_records import Titled, named
from backoffice.console.connection_values import records_side_by_side
from backoffice.console.errors import NotThere
from backoffice.sync.models import Link, Suggestion


def visible_suggestion(request: HttpRequest, suggestion_id: int | str) -> Suggestion:
    user: Any = request.user
    is_id = str(suggestion_id).isdecimal() and int(suggestion_id) < 2**63
    seen = Suggestion.objects.visible_to(user) if may(user, "view", Suggestion) else None
    found = seen.filter(pk=suggestion_id).select_related("connection").first() if seen is not None and is_id else None
    if found is None:
        raise NotThere(gettext("There is no such suggestion."))
    return found


def page(request: HttpRequest, suggestion_id: str, context: dict[str, Any]) -> HttpResponse:
    """POST dismisses it."""
    suggestion, user = visible_suggestion(request, suggestion_id), request.user
    if request.method == "POST":
        if not may(user, "change", Suggestion):
            raise PermissionDenied
        Suggestion.objects.filter(pk=suggestion.pk, dismissed_at=None).update(dismissed_at=timezone.now())
        messages.success(request, gettext("Dismissed: they stay two records."))
        return HttpResponseRedirect(reverse("admin:sync_suggestion_changelist"))
    connection = pages.visible_connection(request, suggestion.connection_id)
    kind, ids = suggestion.kind, (suggestion.object_id, suggestion.like_id)
    names = named([(kind, pk) for pk in ids], user)  # type: ignore[arg-type]
    rows = _rows(kind, ids, user)
    context |= pages.frame(request, connection, "suggestions") | {
        "title": names[kind, suggestion.object_id].name,
        "original": Titled(suggestion, names[kind, suggestion.object_id].name),
        "suggestion": suggestion,
        "reason": gettext(suggestion.reason),
        "records": [names[kind, pk] for pk in ids],
        "lines": records_side_by_side(kind, rows.get(ids[0]), rows.get(ids[1])),
        "linked": [_linked(kind, pk) for pk in ids],
        "may_dismiss": may(user, "change", Suggestion) and suggestion.dismissed_at is None,
    }
    return TemplateResponse(request, "console/connections/suggestion.html", context)


def _rows(kind: str, ids: tuple[int, int], user: Any) -> dict[int, Any]:
    model: Any = model_of(kind)
    references = [field.name for field in model._meta.fields if isinstance(field, ForeignKey)]
    rows = model.objects.visible_to(user).select_related(*references or (None,))
    return dict(rows.in_bulk(list(ids)))


def _linked(kind: str, object_id: int) -> str:
    """Where it is linked: "tactile-uk 1234"."""
    links = (
        Link.objects.filter(kind=kind, object_id=object_id).select_related("connection").order_by("connection__name")
    )
    return ", ".join(f"{link.connection.name} {link.remote_id}" for link in links)
