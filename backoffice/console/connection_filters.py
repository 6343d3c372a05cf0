"""How the lists of what waits are narrowed: to one connection, and, unless one asks for more, to what is still open."""

from collections.abc import Iterable
from typing import Any, cast, override

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from backoffice.sync.models import UNSENT, Connection, PushState

OVER = (PushState.DONE, PushState.DISCARDED)


class ConnectionFilter(DropdownFilter):
    title = _("connection")
    parameter_name = "connection"

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        names = Connection.objects.visible_to(request.user).values_list("pk", "name")
        return [(str(pk), name) for pk, name in names]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        pk = self.value() or ""
        return queryset.filter(connection=int(pk)) if pk.isdecimal() and len(pk) < 19 else queryset


class OpenFilter(DropdownFilter):
    """What is still to be settled, unless one asks for the rest."""

    title = _("state")
    parameter_name = "state"
    closed = "settled_at"
    words: Any = (("settled", _("Settled")), ("all", _("All")))

    @property
    def all_option(self) -> tuple[str, Any]:
        return ("", _("Open"))

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        return cast("Iterable[tuple[str, Any]]", self.words)

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(**{f"{self.closed}__isnull": self.value() != self.words[0][0]})


class DismissedFilter(OpenFilter):
    closed = "dismissed_at"
    words = (("dismissed", _("Dismissed")), ("all", _("All")))


class PushStateFilter(DropdownFilter):
    """What is still to be done or decided, unless one asks for another state."""

    title = _("state")
    parameter_name = "state"

    @property
    def all_option(self) -> tuple[str, Any]:
        return ("", _("Open"))

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        return (*((state.value, capfirst(str(state.label))) for state in PushState), ("all", _("All")))

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case None | "":
                return queryset.exclude(state__in=OVER)
            case "all":
                return queryset
            case PushState.WAITING:
                return queryset.filter(state__in=(*UNSENT, PushState.SENDING))
            case state:
                return queryset.filter(state=state)
