"""What of connections waits for a person: conflicts, pushes, records set aside, and records that look alike."""

from typing import Any, ClassVar, cast, override

import orjson
from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from backoffice.access.permissions import may
from backoffice.console import connection_conflicts, connection_pages, connection_pushes, connection_suggestions
from backoffice.console import connection_words as words
from backoffice.console.admin.base import login
from backoffice.console.admin.sync import OfConnectionsAdmin
from backoffice.console.connection_filters import OVER, ConnectionFilter, DismissedFilter, OpenFilter, PushStateFilter
from backoffice.console.connection_pages import Tab
from backoffice.console.connection_records import Key, Named, Titled, link_to, named
from backoffice.console.connection_values import Asked, Teller
from backoffice.console.errors import NotThere
from backoffice.sync.models import (
    UNSENT,
    Conflict,
    Connection,
    Link,
    Operation,
    Push,
    PushState,
    SetAside,
    Side,
    Suggestion,
)
from backoffice.sync.pushes import outbox

SHORT = 90


class QueueAdmin(OfConnectionsAdmin):
    """A list over all connections, or, narrowed to one, a tab of its page; records by name, in a query per kind."""

    tab = ""
    nothing: Any = ""  # what an empty list says
    where = ("connection",)  # does not narrow: it is the page the list is a tab of
    list_before_template = "console/connections/_list_tabs.html"
    list_select_related = ("connection",)
    ordering: ClassVar[Any] = ("-id",)

    @override
    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        self.name_records(changelist.result_list, login(request))
        return changelist

    def name_records(self, rows: list[Any], user: Any) -> None:
        names = named((key for row in rows for key in self.keys_of(row)), user)
        for row in rows:
            row.named = [names[key] for key in self.keys_of(row)]

    def keys_of(self, row: Any) -> list[Key]:
        return [(row.kind, row.object_id)]

    @override
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Of one connection alone, its tabs stand above the list."""
        self.hide_from_others(request)
        pk = request.GET.get("connection", "")
        shown = (extra_context or {}) | {"states": self.states(request)}
        if pk.isdecimal() and request.method == "GET":
            connection = connection_pages.visible_connection(request, pk)
            shown |= connection_pages.frame(request, connection, self.tab) | {"title": None, "original": None}
            shown |= {"more": self.more(connection, request)}
        return super().changelist_view(request, shown)

    def states(self, request: HttpRequest) -> list[Tab]:
        """Tabs by state, where the list has them."""
        return []

    def more(self, connection: Connection, request: HttpRequest) -> list[tuple[str, str]]:
        """Links beside the tabs, to what else there is of it."""
        return []

    @admin.display(description=_("record"))
    def record(self, row: Any) -> SafeString:
        return cast("Named", row.named[0]).cell

    @admin.display(description=_("connection"))
    def at(self, row: Any) -> str:
        return str(row.connection.name)


@admin.register(Conflict)
class ConflictAdmin(QueueAdmin):
    tab = "conflicts"
    nothing = _("No field was changed on both sides")
    list_display = ("field_shown", "record", "agreed", "ours", "theirs", "at", "since")
    list_select_related = ("connection",)
    list_filter = (OpenFilter, ConnectionFilter)
    actions = ("take_ours", "take_theirs")

    @override
    def name_records(self, rows: list[Any], user: Any) -> None:
        super().name_records(rows, user)
        values = {(row.pk, side): value for row in rows for side, value in _sides(row)}
        teller = Teller(values.values(), user)
        for row in rows:
            row.told = {side: teller.told(values[row.pk, side]) for side, _value in _sides(row)}

    @admin.display(description=_("field"))
    def field_shown(self, conflict: Conflict) -> str:
        return words.field_label(conflict.kind, conflict.field)

    @admin.display(description=_("agreed on"))
    def agreed(self, conflict: Any) -> str:
        return _short(conflict.told["base"])

    @admin.display(description=_("ours"))
    def ours(self, conflict: Any) -> SafeString:
        return _side(conflict, Side.HERE, "here")

    @admin.display(description=_("the vendor's"))
    def theirs(self, conflict: Any) -> SafeString:
        return _side(conflict, Side.THERE, "there")

    @admin.display(description=_("since"))
    def since(self, conflict: Conflict) -> str:
        return str(naturaltime(conflict.opened_at))

    @admin.action(description=_("Take ours"), permissions=["settle"])
    def take_ours(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        self._settle(request, queryset, Side.HERE)

    @admin.action(description=_("Take the vendor's"), permissions=["settle"])
    def take_theirs(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> None:
        self._settle(request, queryset, Side.THERE)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "change", Conflict)

    def _settle(self, request: HttpRequest, queryset: QuerySet[Conflict], side: Side) -> None:
        still_open = queryset.filter(settled_at=None).select_related("connection")
        connection_conflicts.settle_all(request, ((conflict, side) for conflict in still_open))

    @override
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return connection_conflicts.page(request, object_id, self.page_context(request))


def _sides(conflict: Conflict) -> list[tuple[str, Asked]]:
    values = {"base": conflict.base, "here": conflict.here, "there": conflict.there}
    return [(side, Asked(conflict.connection, conflict.kind, conflict.field, value)) for side, value in values.items()]


def _side(conflict: Any, side: Side, name: str) -> SafeString:
    """Of a settled one, whose value was taken stands out."""
    mark = format_html(' <span class="lv-badge" data-tone="success">{}</span>', gettext("taken"))
    return format_html("{}{}", _short(conflict.told[name]), mark if conflict.taken == side else "")


def _short(text: str) -> str:
    return Truncator(text).chars(SHORT) or "–"


@admin.register(Push)
class PushAdmin(QueueAdmin):
    tab = "outbox"
    nothing = _("Nothing waits to be sent")
    list_display = ("operation_shown", "record", "badge", "fields_shown", "why", "attempts", "next", "at")
    list_filter = (PushStateFilter, ConnectionFilter)
    actions = ("retry", "discard")

    @admin.display(description=_("operation"))
    def operation_shown(self, push: Push) -> str:
        return capfirst(str(Operation(push.operation).label))

    @admin.display(description=_("state"))
    def badge(self, push: Push) -> SafeString:
        return words.push_badge(push.state)

    @admin.display(description=_("fields"))
    def fields_shown(self, push: Push) -> str:
        return Truncator(", ".join(words.field_labels(push.kind, push.fields))).chars(SHORT) or "–"

    @admin.display(description=_("reason"))
    def why(self, push: Push) -> SafeString:
        return format_html('<span title="{}">{}</span>', push.reason, Truncator(push.reason).chars(SHORT) or "–")

    @admin.display(description=_("next attempt"))
    def next(self, push: Push) -> str:
        if push.state not in {*UNSENT, PushState.UNCERTAIN}:
            return str(self.get_empty_value_display())
        if push.next_at is None:
            return gettext("a person says") if push.state == PushState.UNCERTAIN else gettext("in a moment")
        return str(naturaltime(push.next_at))

    @override
    def states(self, request: HttpRequest) -> list[Tab]:
        """With how many there are of each, but of those that are over: they are without end."""
        rows, pk = self.get_queryset(request), request.GET.get("connection", "")
        if pk.isdecimal() and len(pk) < 19:
            rows = rows.filter(connection=pk)
        rows = rows.exclude(state__in=OVER).order_by().values_list("state")
        numbers: dict[str, int] = dict(rows.annotate(number=Count("*")))
        waiting = sum(numbers.get(state, 0) for state in (*UNSENT, PushState.SENDING))
        of_it = f"connection={pk}&" if pk.isdecimal() else ""
        chosen = request.GET.get("state", "")
        shown: list[tuple[str, Any, int | None]] = [
            ("", _("Open"), sum(numbers.values())),
            (PushState.WAITING, PushState.WAITING.label, waiting),
            (PushState.UNCERTAIN, PushState.UNCERTAIN.label, numbers.get(PushState.UNCERTAIN, 0)),
            (PushState.REJECTED, PushState.REJECTED.label, numbers.get(PushState.REJECTED, 0)),
            *((state, state.label, None) for state in OVER),
        ]
        return [
            Tab(word or "open", capfirst(str(label)), f"?{of_it}state={word}", word == chosen, number)
            for word, label, number in shown
        ]

    @override
    def more(self, connection: Connection, request: HttpRequest) -> list[tuple[str, str]]:
        if not connection_pages.keeps(request.user):
            return []
        return [(gettext("What would be sent"), connection_pages.address(connection, "preview"))]

    @admin.action(description=_("Send again"), permissions=["keep"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Push]) -> None:
        done = sum(outbox.retry(push) for push in queryset)
        text = ngettext("%(count)d push waits to be sent again.", "%(count)d pushes wait to be sent again.", done)
        _say(request, text % {"count": done}, done, gettext("Only rejected pushes are sent again."))

    @admin.action(description=_("Discard"), permissions=["keep"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Push]) -> None:
        done = sum(outbox.discard(push) for push in queryset)
        text = ngettext("%(count)d push discarded.", "%(count)d pushes discarded.", done)
        _say(request, text % {"count": done}, done, gettext("What is sent, or being sent, can't be discarded."))

    def has_keep_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "change", Push)

    @override
    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(connection_pushes.act)
        return [path("<int:push_id>/act/", act, name="sync_push_act"), *super().get_urls()]

    @override
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return connection_pushes.page(request, object_id, self.page_context(request))


def _say(request: HttpRequest, text: str, done: int, otherwise: str) -> None:
    messages.add_message(request, messages.SUCCESS if done else messages.WARNING, text if done else otherwise)


@admin.register(SetAside)
class SetAsideAdmin(QueueAdmin):
    tab = "aside"
    nothing = _("Every record could be taken in")
    list_display = ("remote", "kind_shown", "why", "at", "seen")
    list_filter = (ConnectionFilter,)
    actions = ("forget",)
    ordering = ("-last_at", "-id")

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super(QueueAdmin, self).get_queryset(request).defer("payload")

    @override
    def keys_of(self, row: Any) -> list[Key]:
        return []

    @admin.display(description=_("the vendor's id"))
    def remote(self, row: SetAside) -> str:
        return row.remote_id

    @admin.display(description=_("kind"))
    def kind_shown(self, row: SetAside) -> str:
        return words.kind_label(row.kind)

    @admin.display(description=_("reason"))
    def why(self, row: SetAside) -> str:
        return Truncator(row.reason).chars(2 * SHORT)

    @admin.display(description=_("last"))
    def seen(self, row: SetAside) -> str:
        return str(naturaltime(row.last_at))

    @admin.action(description=_("Forget"), permissions=["forget"])
    def forget(self, request: HttpRequest, queryset: QuerySet[SetAside]) -> None:
        done, _each = queryset.delete()
        text = ngettext("%(count)d record forgotten.", "%(count)d records forgotten.", done)
        self.message_user(request, text % {"count": done}, messages.SUCCESS)

    def has_forget_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "delete", SetAside)

    @override
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What came, as it came: for whoever sees everything, for nobody knows yet whose it is."""
        self.hide_from_others(request)
        found = SetAside.objects.visible_to(login(request)).select_related("connection")
        row = found.filter(pk=object_id).first() if object_id.isdecimal() and len(object_id) < 19 else None
        if row is None:
            raise NotThere(gettext("It is not set aside any more."))
        if request.method == "POST" and self.has_forget_permission(request):
            self.forget(request, SetAside.objects.filter(pk=row.pk))
            return HttpResponseRedirect(reverse("admin:sync_setaside_changelist"))
        context = self.page_context(request) | self._page(request, row)
        return TemplateResponse(request, "console/connections/set_aside.html", context)

    def _page(self, request: HttpRequest, row: SetAside) -> dict[str, Any]:
        connection = connection_pages.visible_connection(request, row.connection_id)
        sees_payload = login(request).sees_everything
        payload = orjson.dumps(row.payload, option=orjson.OPT_INDENT_2).decode() if sees_payload else ""
        link = Link.objects.filter(connection=connection, kind=row.kind, remote_id=row.remote_id).first()
        return connection_pages.frame(request, connection, self.tab) | {
            "title": f"{words.kind_label(row.kind)} {row.remote_id}",
            "original": Titled(row, f"{words.kind_label(row.kind)} {row.remote_id}"),
            "row": row,
            "payload": payload,
            "ours": link_to(link.kind, link.object_id) if link else "",
            "first": words.moment(row.first_at),
            "last": words.moment(row.last_at),
            "may_forget": self.has_forget_permission(request),
        }


@admin.register(Suggestion)
class SuggestionAdmin(QueueAdmin):
    tab = "suggestions"
    nothing = _("Nothing looks alike")
    list_display = ("why", "record", "like", "at", "since")
    list_filter = (DismissedFilter, ConnectionFilter)
    actions = ("dismiss",)

    @override
    def keys_of(self, row: Suggestion) -> list[Key]:
        return [(row.kind, row.object_id), (row.kind, row.like_id)]

    @admin.display(description=_("why"))
    def why(self, row: Suggestion) -> str:
        return gettext(row.reason)

    @admin.display(description=_("looks like"))
    def like(self, row: Any) -> SafeString:
        return cast("Named", row.named[1]).cell

    @admin.display(description=_("since"))
    def since(self, row: Suggestion) -> str:
        return str(naturaltime(row.created_at))

    @admin.action(description=_("Dismiss: they are two"), permissions=["settle"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Suggestion]) -> None:
        done = queryset.filter(dismissed_at=None).update(dismissed_at=timezone.now())
        text = ngettext("%(count)d suggestion dismissed.", "%(count)d suggestions dismissed.", done)
        self.message_user(request, text % {"count": done}, messages.SUCCESS)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "change", Suggestion)

    @override
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return connection_suggestions.page(request, object_id, self.page_context(request))
