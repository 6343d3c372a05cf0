"""The lists' filters. None of them loads a long table, and none tells of a record the login may not see."""

from collections.abc import Iterable
from typing import Any, override

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateFilter,
    RangeNumericFilter,
    RelatedDropdownFilter,
)
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from backoffice.crm.models import Choice

__all__ = [
    "ArchivedFilter",
    "ChoiceFilter",
    "ChoicesDropdownFilter",
    "RangeDateFilter",
    "RangeNumericFilter",
    "ReferenceFilter",
]

type Admin = admin.ModelAdmin[Any]

EVERYTHING, ARCHIVED = "all", "archived"


class ArchivedFilter(DropdownFilter):
    """Hides the archived unless one asks for them."""

    title = _("archive")
    parameter_name = "archive"

    @override
    def lookups(self, request: HttpRequest, model_admin: Admin) -> Iterable[tuple[str, Any]]:
        return ((ARCHIVED, _("Only archived")), (EVERYTHING, _("With archived")))

    @property
    def all_option(self) -> tuple[str, Any]:
        return ("", _("Not archived"))

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == EVERYTHING:
            return queryset
        return queryset.filter(archived_at__isnull=self.value() != ARCHIVED)


class ReferenceForm(AutocompleteDropdownForm):
    """Shows the chosen record's name only to those who may see it."""

    def __init__(self, request: HttpRequest, name: str, *args: Any, **options: Any) -> None:
        super().__init__(request, name, *args, **options)
        field: Any = self.fields[name]
        field.queryset = field.queryset.visible_to(request.user)


class ReferenceFilter(AutocompleteSelectFilter):
    """By an owner, an account, …: found by typing."""

    form_class = ReferenceForm


class ChoiceFilter(RelatedDropdownFilter):
    """By an entry of a pick list. All of a page's pick lists come in one query."""

    @override
    def field_choices(self, field: Any, request: Any, model_admin: Any) -> list[tuple[int, str]]:
        if not hasattr(request, "filtered_lists"):
            request.filtered_lists = _entries(request, model_admin)
        return list(request.filtered_lists.get(field.get_limit_choices_to()["list"], ()))


def _entries(request: HttpRequest, model_admin: Any) -> dict[str, list[tuple[int, str]]]:
    wanted = [
        model_admin.model._meta.get_field(entry[0]).get_limit_choices_to()["list"]
        for entry in model_admin.get_list_filter(request)
        if isinstance(entry, tuple) and entry[1] is ChoiceFilter
    ]
    lists: dict[str, list[tuple[int, str]]] = {}
    for pk, name, label in (
        Choice.objects.visible_to(request.user).filter(list__in=wanted).values_list("pk", "list", "label")
    ):
        lists.setdefault(name, []).append((pk, label))
    return lists
