"""Jobs: a list to look through and a page that lives; read-only but for cancel and retry."""

from collections.abc import Iterable, Sequence
from typing import Any, override

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from backoffice.console import dashboard, job_pages
from backoffice.console.admin.base import ModelAdmin, login
from backoffice.console.live import Live
from backoffice.jobs.models import OPEN, Job, State
from backoffice.jobs.registry import kinds


class StateFilter(DropdownFilter):
    """By the state of a job, or, with `path`, of the job that works on the row."""

    title = _("state")
    parameter_name = "state"
    path = ""

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        return (("open", _("Waiting or running")), *((state.value, capfirst(str(state.label))) for state in State))

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case None | "":
                return queryset
            case "open":
                return queryset.filter(**{f"{self.path}state__in": OPEN})
            case state:
                return queryset.filter(**{f"{self.path}state": state})


class KindFilter(DropdownFilter):
    title = _("kind")
    parameter_name = "kind"

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        return [(kind.name, str(kind.label)) for kind in kinds()]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class MineFilter(DropdownFilter):
    """For those who see everybody's jobs."""

    title = _("asked by")
    parameter_name = "asked_by"

    @override
    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Iterable[tuple[str, Any]]:
        if not login(request).sees_everything:
            return ()
        return (("me", _("Me")), ("scheduler", _("The scheduler")))

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "me":
                return queryset.filter(asked_by=login(request))
            case "scheduler":
                return queryset.filter(asked_by=None)
            case _:
                return queryset


class ReadOnlyAdmin(ModelAdmin):
    """Rows that come and go by other ways than a form."""

    actions: Sequence[str] = ()
    actions_submit_line: Sequence[str] = ()

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("name", "badge", "progress", "counted", "asker", "created_at", "duration")
    list_select_related = ("asked_by",)
    list_filter = (StateFilter, KindFilter, MineFilter)
    ordering = ("-id",)

    @admin.display(description=_("job"))
    def name(self, job: Job) -> str:
        return job_pages.name(job)

    @admin.display(description=_("state"))
    def badge(self, job: Job) -> str:
        return badge(Live(job))

    @admin.display(description=_("progress"))
    def progress(self, job: Job) -> str:
        return Live(job).progress or self.get_empty_value_display()

    @admin.display(description=_("outcome"))
    def counted(self, job: Job) -> str:
        return counts(Live(job)) or job.error[:80] or self.get_empty_value_display()

    @admin.display(description=_("asked by"))
    def asker(self, job: Job) -> str:
        return job_pages.asker(job)

    @admin.display(description=_("took"))
    def duration(self, job: Job) -> str:
        return Live(job).duration or self.get_empty_value_display()

    @override
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("running/", view(job_pages.running), name="jobs_job_running"),
            path("latest/", view(dashboard.live), name="jobs_job_latest"),
            path("<int:job_id>/live/", view(job_pages.live), name="jobs_job_live"),
            path("<int:job_id>/cancel/", view(self.cancel_view), name="jobs_job_cancel"),
            path("<int:job_id>/retry/", view(self.retry_view), name="jobs_job_retry"),
            *super().get_urls(),
        ]

    @override
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = job_pages.visible_job(request, object_id)
        context = self.page_context(request) | {"title": str(job), "original": job, "object": job}
        return TemplateResponse(request, "console/jobs/job.html", context | job_pages.page(job, login(request)))

    def cancel_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        return job_pages.cancel(request, job_id, self.page_context(request))

    def retry_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        return job_pages.retry(request, job_id, self.page_context(request))

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}


def badge(live: Live) -> str:
    return format_html('<span class="lv-badge" data-tone="{}">{}</span>', live.tone, live.state)


def counts(live: Live) -> str:
    """ "8,800 new · 2 failed": what there is none of is left out."""
    figures = ((intcomma(count.number), count.label) for count in live.counts if count.number)
    return format_html_join(" · ", '<span class="lv-number">{} {}</span>', figures)
