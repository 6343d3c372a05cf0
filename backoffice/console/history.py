"""A record's history as the change log tells it: who, when, through which door, what before and after."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple

from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from backoffice.changes.describing import ChangeLine, describe
from backoffice.changes.models import Change
from backoffice.changes.reading import history
from backoffice.changes.registry import kind_of, model_of

PER_PAGE = 50
LATEST = 3


class Moment(NamedTuple):
    """What one login did to the record and its parts at once."""

    first: ChangeLine
    lines: list[ChangeLine]


def moments(changes: Iterable[Change], viewer: Any) -> list[Moment]:
    """Entries put together by the transaction they were written in."""
    lines = [_without_parent(line) for line in describe(changes, viewer)]
    together = groupby(lines, key=lambda line: (line.change.xid, line.who, line.door))
    return [Moment(group[0], group) for group in (list(part) for _key, part in together)]


def _without_parent(line: ChangeLine) -> ChangeLine:
    """A part's line without the record it is a part of: the page is that record's."""
    if line.change.child_kind is None:
        return line
    parent = str(model_of(line.change.kind)._meta.verbose_name)
    return replace(line, fields=[field for field in line.fields if field.label != parent])


class HistoryMixin(BaseModelAdmin):  # type: ignore[type-arg]
    """Puts the change log in the place of Django's own history."""

    admin_site: Any

    @property
    def keeps_history(self) -> bool:
        return hasattr(self.model, "change_kind")

    def latest(self, record: Any, viewer: Any) -> list[Moment]:
        """The last few changes, for the record's own page."""
        if not self.keeps_history:
            return []
        return moments(history(kind_of(self.model), record.pk)[:LATEST], viewer)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        record = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        if record is None or not self.keeps_history:
            raise Http404(gettext("There is no such record."))
        if not self.has_view_or_change_permission(request, record):
            raise PermissionDenied
        page = max(int(number), 1) if (number := request.GET.get("p", "1")).isdecimal() else 1
        start = (page - 1) * PER_PAGE
        found = list(history(kind_of(self.model), record.pk)[start : start + PER_PAGE + 1])
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("History of %(record)s") % {"record": record},
            "moments": moments(found[:PER_PAGE], request.user),
            "page": page,
            "has_next": len(found) > PER_PAGE,
            "object": record,
            "opts": self.opts,
            "preserved_filters": self.get_preserved_filters(request),  # type: ignore[attr-defined]
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/object_history.html", context)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        record = context.get("original")
        context["show_history"] = self.keeps_history
        context["latest"] = self.latest(record, request.user) if record is not None else []
        return super().render_change_form(request, context, *args, **options)  # type: ignore[misc]
