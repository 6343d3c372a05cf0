"""Uploads: the page that takes a file, a page for each upload, and the list of them."""

from collections.abc import Iterable
from typing import Any, override

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from backoffice.console import upload_pages
from backoffice.console.admin.base import login
from backoffice.console.admin.jobs import ReadOnlyAdmin, StateFilter, badge
from backoffice.console.live import Live
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Outcome, Upload


class KindFilter(DropdownFilter):
    title = _("kind")
    parameter_name = "kind"

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        return [(kind.name, kind.label) for kind in KINDS.values()]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class OutcomeFilter(StateFilter):
    title = _("outcome")
    parameter_name = "outcome"
    path = "job__"


class MineFilter(DropdownFilter):
    """For those who see everybody's uploads."""

    title = _("by")
    parameter_name = "by"

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        return (("me", _("Me")),) if login(request).sees_everything else ()

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(asked_by=login(request)) if self.value() == "me" else queryset


def number_of(outcome: Outcome) -> Any:
    """A column with the rows of one outcome."""

    @admin.display(description=outcome.label)
    def number(self: "UploadAdmin", upload: Upload) -> str:
        rows = upload.counts.get(outcome.value, 0)
        tone = "danger" if rows and outcome is Outcome.FAILED else ""
        return format_html('<span class="lv-number" data-tone="{}">{}</span>', tone, intcomma(rows))

    return number


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind_label", "badge", "new", "updated", "unchanged", "failed", "by", "created_at")
    list_select_related = ("job", "asked_by")
    list_filter = (KindFilter, OutcomeFilter, MineFilter)
    list_per_page = 50
    ordering = ("-id",)

    new, updated, unchanged, failed = (number_of(outcome) for outcome in Outcome)

    @admin.display(description=_("kind"))
    def kind_label(self, upload: Upload) -> str:
        return str(KINDS[upload.kind].label) if upload.kind in KINDS else upload.kind

    @admin.display(description=_("state"))
    def badge(self, upload: Upload) -> str:
        return badge(Live(upload.job)) if upload.job else self.get_empty_value_display()

    @admin.display(description=_("by"))
    def by(self, upload: Upload) -> str:
        return str(upload.asked_by or self.get_empty_value_display())

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("imports.add_upload")

    @override
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("template/<slug:kind>/", view(self.template_view), name="imports_upload_template"),
            path("sample/<slug:kind>/<slug:name>/", view(self.sample_view), name="imports_upload_sample"),
            path("<int:upload_id>/live/", view(upload_pages.live), name="imports_upload_live"),
            path("<int:upload_id>/errors/", view(upload_pages.errors), name="imports_upload_errors"),
            *super().get_urls(),
        ]

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._allow(request)
        return upload_pages.new(request, login(request), self.page_context(request))

    @override
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        upload = upload_pages.visible_upload(request, object_id)
        context = self.page_context(request) | {"title": upload.name, "original": upload, "object": upload}
        return TemplateResponse(request, "console/uploads/upload.html", context | upload_pages.page(upload))

    def template_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        self._allow(request)
        return upload_pages.template_file(request, kind)

    def sample_view(self, request: HttpRequest, kind: str, name: str) -> HttpResponse:
        self._allow(request)
        return upload_pages.sample(request, kind, name, login(request))

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "has_add_permission": self.has_add_permission(request),
        }

    def _allow(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied
