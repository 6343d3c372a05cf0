"""Connections: the list of them, and the pages of each."""

from collections.abc import Callable
from typing import Any, override

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma, naturaltime
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.sites import UnfoldAdminSite

from backoffice.console import (
    connection_editing,
    connection_facade,
    connection_map,
    connection_matrix,
    connection_pages,
    connection_sending,
    connection_verbs,
)
from backoffice.console import connection_words as words
from backoffice.console.admin.base import login
from backoffice.console.admin.jobs import ReadOnlyAdmin
from backoffice.console.admin.jobs import badge as run_badge
from backoffice.console.connection_counts import counted, with_last_run
from backoffice.console.live import Live
from backoffice.jobs.models import Job
from backoffice.sync.models import Connection


class OfConnectionsAdmin(ReadOnlyAdmin):
    """What is of connections does not exist for whoever may not see them: 404, no page that says so."""

    @override
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self.hide_from_others(request)
        return super().changelist_view(request, extra_context)

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self.hide_from_others(request)
        return super().add_view(request, form_url, extra_context)

    @override
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self.hide_from_others(request)
        return super().history_view(request, object_id, extra_context)

    def hide_from_others(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise Http404(gettext("There is no such page."))

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}


def count_of(name: str, label: Any, page: str, tone: str = "") -> Any:
    """A column with how much of the connection waits; a figure leads to it."""

    @admin.display(description=label)
    def number(self: "ConnectionAdmin", connection: Connection) -> str:
        figure = getattr(connection, f"count_{name}")
        if not figure:
            return str(self.get_empty_value_display())
        address = page.format(pk=connection.pk) if page.startswith("?") else ""
        where = connection_pages.address(connection, "map") if not address else _list_of(name) + address
        return format_html(
            '<a class="lv-link lv-number" data-tone="{}" href="{}">{}</a>', tone, where, intcomma(figure)
        )

    return number


def _list_of(name: str) -> str:
    model = {"conflicts": "conflict", "set_aside": "setaside"}.get(name, "push")
    return reverse(f"admin:sync_{model}_changelist")


@admin.register(Connection)
class ConnectionAdmin(OfConnectionsAdmin):
    list_display = (
        "name",
        "health_shown",
        "badge",
        "vendor_shown",
        "directions",
        "last_run",
        "waiting",
        "rejected",
        "uncertain",
        "conflicts",
        "set_aside",
        "unmapped",
    )
    nothing = _("No vendor is connected yet")
    list_select_related = ("health",)
    list_filter = (("state", ChoicesDropdownFilter),)
    search_fields = ("name", "base_url")
    search_help_text = _("Name or address")
    ordering = ("name",)

    waiting = count_of("waiting", _("waiting"), "?connection={pk}&state=waiting")
    rejected = count_of("rejected", _("rejected"), "?connection={pk}&state=rejected", "danger")
    uncertain = count_of("uncertain", _("uncertain"), "?connection={pk}&state=uncertain", "danger")
    conflicts = count_of("conflicts", _("conflicts"), "?connection={pk}", "danger")
    set_aside = count_of("set_aside", _("set aside"), "?connection={pk}", "danger")
    unmapped = count_of("unmapped", _("unmapped"), "map")

    @override
    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Counts of the page's connections in one query, their last runs in another."""
        changelist = super().get_changelist_instance(request)
        ids = [connection.pk for connection in changelist.result_list]
        rows = with_last_run(counted(Connection.objects.filter(pk__in=ids), login(request)))
        found: dict[int, Any] = {row.pk: row for row in rows}
        runs = Job.objects.in_bulk([row.last_run_id for row in found.values() if row.last_run_id])
        for connection in changelist.result_list:
            vars(connection).update({n: v for n, v in vars(found[connection.pk]).items() if n.startswith("count_")})
            connection.last_run_found = runs.get(found[connection.pk].last_run_id)
        return changelist

    @admin.display(description=_("vendor"))
    def vendor_shown(self, connection: Connection) -> str:
        return str(connection.vendor_label)

    @admin.display(description=_("state"))
    def badge(self, connection: Connection) -> SafeString:
        return words.state_badge(connection)

    @admin.display(description=_("directions"))
    def directions(self, connection: Connection) -> str:
        return words.directions(connection)

    @admin.display(description=_("health"))
    def health_shown(self, connection: Connection) -> SafeString:
        found = words.condition(connection)
        return format_html('<span title="{}">{}</span>', found.sentence, words.badge(found.word, found.tone))

    @admin.display(description=_("last run"))
    def last_run(self, connection: Connection) -> str:
        job: Job | None = getattr(connection, "last_run_found", None)
        if job is None:
            return str(self.get_empty_value_display())
        when = naturaltime(job.finished_at or job.created_at)
        return format_html('{} <span class="lv-quiet">{}, {}</span>', run_badge(Live(job)), job.label, when)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sync.add_connection")

    @override
    def get_urls(self) -> list[URLPattern]:
        page = self._page
        return [
            at("<int:connection_id>/live/", self.admin_site.admin_view(connection_pages.live), "live"),
            at("<int:connection_id>/settings/", page(connection_editing.edit), "settings"),
            at("<int:connection_id>/can/", page(connection_matrix.page), "matrix"),
            at("<int:connection_id>/map/", page(connection_map.page), "map"),
            at("<int:connection_id>/map/adopt/", page(connection_map.adopt), "adopt"),
            at("<int:connection_id>/preview/", page(connection_sending.previewed), "preview"),
            at("<int:connection_id>/exchanges/", page(connection_sending.exchanges), "exchanges"),
            at("<int:connection_id>/exchanges/<int:exchange_id>/", page(connection_sending.exchange), "exchange"),
            at("<int:connection_id>/facade/", page(connection_facade.page), "facade"),
            at("<int:connection_id>/facade/switch/", page(connection_facade.switch), "facade_switch"),
            at("<int:connection_id>/facade/issue/", page(connection_facade.issue), "facade_issue"),
            at("<int:connection_id>/facade/<int:key_id>/revoke/", self._verb(connection_facade.revoke), "revoke"),
            at("<int:connection_id>/test/", self._slow(connection_verbs.test), "test"),
            at("<int:connection_id>/pull/", self._verb(connection_verbs.pull), "pull"),
            at("<int:connection_id>/push/", self._verb(connection_verbs.push), "push"),
            at("<int:connection_id>/pause/", self._verb(connection_verbs.pause), "pause"),
            at("<int:connection_id>/resume/", self._verb(connection_verbs.resume), "resume"),
            at("<int:connection_id>/retire/", page(connection_verbs.retire), "retire"),
            *super().get_urls(),
        ]

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self.hide_from_others(request)
        if not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        return connection_editing.add(request, self.page_context(request))

    @override
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        connection = connection_pages.visible_connection(request, object_id)
        return connection_pages.overview(request, connection, self.page_context(request))

    def _page(self, view: Callable[..., HttpResponse]) -> Callable[..., Any]:
        """A page within the console's frame."""

        def shown(request: HttpRequest, **where: int) -> HttpResponse:
            return view(request, context=self.page_context(request), **where)

        return self.admin_site.admin_view(shown)

    def _verb(self, view: Callable[..., HttpResponse]) -> Callable[..., Any]:
        return self.admin_site.admin_view(view)

    def _slow(self, view: Callable[..., HttpResponse]) -> Callable[..., Any]:
        """For what waits for a vendor: without the transaction the console's site opens around a POST."""
        return UnfoldAdminSite.admin_view(self.admin_site, view)


def at(route: str, view: Callable[..., Any], name: str) -> URLPattern:
    return path(route, view, name=f"sync_connection_{name}")
