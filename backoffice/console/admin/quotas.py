"""Quotas and exchange rates."""

from typing import Any, override

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice.console import formatting
from backoffice.console.admin.base import ModelAdmin, TabularInline, visible
from backoffice.console.admin.forms import ConsoleForm
from backoffice.console.columns import Changed, Valued, month_name
from backoffice.console.filters import RangeDateFilter, ReferenceFilter
from backoffice.crm.models import Rep, Team
from backoffice.crm.searching import has_word, words_of
from backoffice.quotas.models import ExchangeRate, Quota, QuotaRevision
from backoffice.quotas.revising import because


class QuotaForm(ConsoleForm):
    why = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=500,
        help_text=_("The reason of this change; it stays with the revision."),
        widget=UnfoldAdminTextInputWidget(),
    )


class Revisions(TabularInline):
    """What the quota was, who set it and why."""

    model = QuotaRevision
    fields = ("at", "value", "actor_label", "why")
    readonly_fields = fields
    ordering = ("-id",)
    per_page = 50
    can_delete = False
    verbose_name_plural = _("revisions")

    @display(description=_("amount"))
    def value(self, revision: QuotaRevision) -> str:
        return formatting.money(revision.amount, revision.currency)

    @override
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Quota)
class QuotaAdmin(Valued, Changed, ModelAdmin):
    form = QuotaForm
    list_display = ("whose", "month_shown", "value", "changed")
    list_select_related = ("rep", "team")
    list_filter = (("rep", ReferenceFilter), ("team", ReferenceFilter), ("month", RangeDateFilter))
    search_fields = ("rep__search",)
    search_help_text = _("Rep or team")
    sortable_by = ("month_shown",)
    inlines = (Revisions,)
    fieldsets = (
        (
            None,
            {
                "fields": (("rep", "team"), "month", ("amount", "currency"), "why"),
                "description": _("A quota is a rep's or a team's, for one month."),
            },
        ),
    )

    @display(description=_("rep or team"))
    def whose(self, quota: Quota) -> str:
        return str(quota.rep or quota.team)

    @display(description=_("month"), ordering="month")
    def month_shown(self, quota: Quota) -> str:
        return month_name(quota.month)

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        for word in words_of(search_term):
            reps = visible(request, Rep).filter(has_word(word)).order_by().values("id")
            teams = visible(request, Team).filter(has_word(word)).order_by().values("id")
            queryset = queryset.filter(Q(rep__in=reps) | Q(team__in=teams))
        return queryset, False

    @override
    def save_model(self, request: HttpRequest, obj: Quota, form: Any, change: bool) -> None:
        because(form.cleaned_data.get("why") or "")
        super().save_model(request, obj, form, change)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(Changed, ModelAdmin):
    list_display = ("month_shown", "currency", "rate_shown", "changed")
    list_filter = (("month", RangeDateFilter),)
    search_fields = ("currency",)
    search_help_text = _("Currency")
    sortable_by = ("month_shown",)
    fieldsets = ((None, {"fields": ("month", "currency", "rate")}),)

    @display(description=_("month"), ordering="month")
    def month_shown(self, rate: ExchangeRate) -> str:
        return month_name(rate.month)

    @display(description=_("rate"))
    def rate_shown(self, rate: ExchangeRate) -> str:
        return formatting.decimal(rate.rate.normalize())
