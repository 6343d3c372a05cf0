"""Uploads: the page that takes a file, a page for each upload, and the list of them."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, override

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from backoffice.access.models import User
from backoffice.console import upload_columns, upload_pages, upload_preview, upload_undo
from backoffice.console.admin.base import login
from backoffice.console.admin.jobs import ReadOnlyAdmin, StateFilter
from backoffice.console.job_pages import STOP_POLLING
from backoffice.console.upload_pages import state_badge
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Outcome, Phase, Upload
from backoffice.imports.undo import undoing
from backoffice.jobs.models import OPEN

PEOPLE_SHOWN = 50


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
    """By how the applying ended; or those that were not applied yet."""

    title = _("outcome")
    parameter_name = "outcome"
    path = "job__"

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        states = super().lookups(request, model_admin)
        return (("draft", _("Draft")), ("preview", _("Preview")), *states)

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "draft":
                return queryset.filter(job=None, preview_job=None)
            case "preview":
                return queryset.filter(job=None, preview_job__isnull=False)
            case "open":
                return queryset.filter(Q(job__state__in=OPEN) | Q(job=None, preview_job__state__in=OPEN))
            case _:
                return super().queryset(request, queryset)


def those_undone(uploads: QuerySet[Upload], is_undone: bool) -> QuerySet[Any]:
    marked: QuerySet[Any] = undoing.with_undone(uploads)
    return marked.filter(undone=is_undone)


class UndoneFilter(DropdownFilter):
    title = _("undone")
    parameter_name = "undone"

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        return (("yes", _("Undone")), ("no", _("Not undone")))

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes":
                return those_undone(queryset, True)
            case "no":
                return those_undone(queryset, False)
            case _:
                return queryset


class ByFilter(DropdownFilter):
    """For those who see everybody's uploads."""

    title = _("who uploaded")
    parameter_name = "by"

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        user = login(request)
        if not user.sees_everything:
            return ()
        uploads = Upload.objects.filter(asked_by=OuterRef("pk"))
        others = User.objects.filter(Exists(uploads)).exclude(pk=user.pk).order_by("username")[:PEOPLE_SHOWN]
        return (("me", _("Me")), *((str(other.pk), other.get_full_name() or other.username) for other in others))

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "me":
                return queryset.filter(asked_by=login(request))
            case str(pk) if pk.isdecimal() and len(pk) < 19:
                return queryset.filter(asked_by=int(pk))
            case _:
                return queryset


def number_of(outcome: Outcome) -> Any:
    """A column with the rows of one outcome; of a preview, those that would have it."""

    @admin.display(description=outcome.label)
    def number(self: "UploadAdmin", upload: Upload) -> str:
        if upload.phase is Phase.DRAFT:
            return str(self.get_empty_value_display())
        counts = upload.outcomes if upload.job else upload.expected
        rows = counts[outcome.value]
        tone = "danger" if rows and outcome is Outcome.FAILED else ""
        if upload.job:
            return format_html('<span class="lv-number" data-tone="{}">{}</span>', tone, intcomma(rows))
        said = gettext("would be")
        return format_html(
            '<span class="lv-number lv-quiet" data-tone="{}" title="{}">{}</span>', tone, said, intcomma(rows)
        )

    return number


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind_label", "badge", "new", "updated", "unchanged", "failed", "by", "created_at")
    list_select_related = ("job", "preview_job", "asked_by")
    list_filter = (KindFilter, OutcomeFilter, ByFilter, UndoneFilter)
    ordering = ("-id",)

    new, updated, unchanged, failed = (number_of(outcome) for outcome in Outcome)

    @override
    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Says of the page's uploads, in one query, which are undone."""
        changelist = super().get_changelist_instance(request)
        shown = Upload.objects.filter(pk__in=[upload.pk for upload in changelist.result_list])
        undone = set(those_undone(shown, True).values_list("pk", flat=True))
        for upload in changelist.result_list:
            upload.undone = upload.pk in undone
        return changelist

    @admin.display(description=_("kind"))
    def kind_label(self, upload: Upload) -> str:
        return str(KINDS[upload.kind].label) if upload.kind in KINDS else upload.kind

    @admin.display(description=_("state"))
    def badge(self, upload: Upload) -> str:
        shown = state_badge(upload)
        if not getattr(upload, "undone", False):
            return shown
        return format_html('{} <span class="lv-badge" data-tone="warning">{}</span>', shown, gettext("Undone"))

    @admin.display(description=_("by"))
    def by(self, upload: Upload) -> str:
        return str(upload.asked_by or self.get_empty_value_display())

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("imports.add_upload")

    @override
    def get_urls(self) -> list[URLPattern]:
        def at(route: str, page: Callable[..., HttpResponseBase], name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(page), name=f"imports_upload_{name}")

        return [
            at("template/<slug:kind>/", self.template_view, "template"),
            at("sample/<slug:kind>/<slug:name>/", self.sample_view, "sample"),
            at("<int:upload_id>/live/", self.live_view, "live"),
            at("<int:upload_id>/errors/", upload_pages.errors, "errors"),
            at("<int:upload_id>/columns/", self.columns_view, "columns"),
            at("<int:upload_id>/apply/", self.apply_view, "apply"),
            at("<int:upload_id>/discard/", self.discard_view, "discard"),
            at("<int:upload_id>/undo/", self.undo_view(upload_undo.begin), "undo_begin"),
            at("<int:upload_id>/undo/<int:undo_id>/", self.undo_page_view, "undo"),
            at("<int:upload_id>/undo/<int:undo_id>/live/", self.undo_view(upload_undo.live), "undo_live"),
            at("<int:upload_id>/undo/<int:undo_id>/go/", self.undo_view(upload_undo.go), "undo_go"),
            at("<int:upload_id>/undo/<int:undo_id>/back/", self.undo_view(upload_undo.begin), "undo_back"),
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
        if upload.phase is Phase.DRAFT:
            return HttpResponseRedirect(reverse("admin:imports_upload_columns", args=[upload.pk]))
        context = self.page_context(request) | {"title": upload.name, "original": upload, "object": upload}
        if upload.job is None:
            shown = upload_preview.page(upload, login(request), request.GET)
            return TemplateResponse(request, "console/uploads/preview.html", context | shown)
        shown = upload_pages.page(upload) | self._outcome(request, upload)
        return TemplateResponse(request, "console/uploads/upload.html", context | shown)

    def live_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        """A poll of the upload's page; `of` says which of its pages asks."""
        upload = upload_pages.visible_upload(request, upload_id)
        job = upload.job or upload.preview_job
        is_preview = upload.job is None
        if job is None or is_preview != (request.GET.get("of") == "preview"):
            return HttpResponse(headers={"HX-Refresh": "true"})
        if is_preview:
            name, shown = "_preview", upload_preview.page(upload, login(request), QueryDict())
        else:
            name, shown = "_live", self._outcome(request, upload)
        status = HTTPStatus.OK if job.is_open else STOP_POLLING
        return TemplateResponse(request, f"console/uploads/{name}.html", shown, status=status)

    def _outcome(self, request: HttpRequest, upload: Upload) -> dict[str, Any]:
        """Once it has ended, there is a way back."""
        is_over = upload.phase is Phase.APPLIED and self.has_add_permission(request)
        standing = upload_undo.standing(upload, login(request)) if is_over else None
        return upload_pages.fragment(upload) | {"standing": standing}

    def columns_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        self._allow(request)
        return upload_columns.step(request, upload_id, login(request), self.page_context(request))

    def apply_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        self._allow(request)
        return upload_preview.apply(request, upload_id, login(request))

    def discard_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        self._allow(request)
        return upload_preview.discard(request, upload_id, login(request), self.page_context(request))

    def undo_page_view(self, request: HttpRequest, upload_id: int, undo_id: int) -> HttpResponse:
        self._allow(request)
        return upload_undo.page(request, upload_id, undo_id, login(request), self.page_context(request))

    def undo_view(self, page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, **where: int) -> HttpResponse:
            self._allow(request)
            return page(request, user=login(request), **where)

        return view

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
