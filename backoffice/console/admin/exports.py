"""Exports: the files that jobs write of long lists, each with its page, and the way from any list to its file."""

from typing import Any, override

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from backoffice.console import export_pages
from backoffice.console.admin.base import login
from backoffice.console.admin.jobs import ReadOnlyAdmin, badge
from backoffice.console.live import Live
from backoffice.imports.exports import exporting
from backoffice.imports.models import Export
from backoffice.sizes import size_in_words


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("kind_label", "format", "badge", "number_of_rows", "size_shown", "by", "created_at")
    list_select_related = ("job", "asked_by")
    begins_elsewhere = _("Open a list, narrow it as you like, and export it there.")
    ordering = ("-id",)

    @admin.display(description=_("kind"))
    def kind_label(self, export: Export) -> str:
        return export_pages.kind_label(export)

    @admin.display(description=_("state"))
    def badge(self, export: Export) -> str:
        return badge(Live(export.job)) if export.job else self.get_empty_value_display()

    @admin.display(description=_("rows"))
    def number_of_rows(self, export: Export) -> str:
        return format_html('<span class="lv-number">{}</span>', intcomma(export.rows))

    @admin.display(description=_("size"))
    def size_shown(self, export: Export) -> str:
        return size_in_words(export.size) if exporting.is_there(export) else self.get_empty_value_display()

    @admin.display(description=_("by"))
    def by(self, export: Export) -> str:
        return str(export.asked_by or self.get_empty_value_display())

    @override
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("of/<slug:kind>/", view(self.list_view), name="imports_export_of_list"),
            path("<int:export_id>/live/", view(export_pages.live), name="imports_export_live"),
            path("<int:export_id>/file/", view(export_pages.file), name="imports_export_file"),
            *super().get_urls(),
        ]

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """An export begins at a list."""
        self.message_user(request, str(self.begins_elsewhere))
        return HttpResponseRedirect(reverse("admin:crm_opportunity_changelist"))

    def list_view(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return export_pages.of_list(request, kind, login(request))

    @override
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        export = export_pages.visible_export(request, object_id)
        title = exporting.job_of(export).subject_label or str(export)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "original": export,
            "object": export,
        }
        return TemplateResponse(request, "console/exports/export.html", context | export_pages.page(export))
