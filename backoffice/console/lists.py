"""A list's page at any length of the table: no full count, no sorting of what the page doesn't show."""

from typing import TYPE_CHECKING, Any, cast, override

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.translation import gettext
from unfold.views import ChangeList as UnfoldChangeList

from backoffice.console.searching import LIMIT, estimated_count, first_ids

if TYPE_CHECKING:
    from backoffice.console.admin.base import ModelAdmin

LAST_PAGE = 100_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than it needs to say "1,000+"."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return len(first_ids(rows)) if isinstance(rows, QuerySet) else len(rows)


class ChangeList(UnfoldChangeList):
    """One page, how many there are (exactly, "1,000+" or "about"), and whether there is a next one."""

    model_admin: "ModelAdmin"
    is_about = False
    is_capped = False
    has_next = False

    @override
    def get_results(self, request: HttpRequest) -> None:
        self.page_num = min(max(self.page_num, 1), LAST_PAGE)
        self.sees_everything = cast(Any, request.user).sees_everything
        start = (self.page_num - 1) * self.list_per_page
        rows = self._about(start) or self._counted(start)
        self.has_next = len(rows) > self.list_per_page
        self.result_list = rows[: self.list_per_page]
        self.paginator = CappedPaginator(self.result_list, self.list_per_page)
        self.multi_page = self.has_next or self.page_num > 1
        self.can_show_all = self.show_full_result_count = False
        self.full_result_count = self.result_count
        self.show_admin_actions = True

    @property
    def is_whole(self) -> bool:
        """Whether nothing narrows the list but hiding the archived."""
        narrows = self.query or self.has_active_filters or self.get_filters_params()
        return self.sees_everything and not narrows

    @property
    def count_in_words(self) -> str:
        number = number_format(self.result_count, use_l10n=True, force_grouping=True)
        if self.is_about:
            return gettext("about %(number)s") % {"number": number}
        return gettext("%(number)s+") % {"number": number} if self.is_capped else number

    def _about(self, start: int) -> list[Any]:
        """A page of a long list that nothing narrows; nothing when it is short, narrowed or unknown."""
        estimate = estimated_count(self.model) if self.is_whole else -1
        if estimate <= LIMIT * 2:
            return []
        self.is_about = True
        self.result_count = _rounded(estimate)
        return self._walked(start)

    def _counted(self, start: int) -> list[Any]:
        self.is_about = False
        ids = first_ids(self.queryset)
        if len(ids) > LIMIT:
            self.is_capped, self.result_count = True, LIMIT
            return self._walked(start)
        self.result_count = len(ids)
        return self._shown(self.model._default_manager.filter(pk__in=ids), start)

    def _walked(self, start: int) -> list[Any]:
        """The page's ids by the order's index, its rows by their ids: a deep page reads no row it skips."""
        page = self.queryset.values("pk")[start : start + self.list_per_page + 1]
        return self._shown(self.model._default_manager.filter(pk__in=page), 0)

    def _shown(self, rows: QuerySet[Any], start: int) -> list[Any]:
        rows = self.model_admin.shown(self.apply_select_related(rows))
        return list(rows.order_by(*self.queryset.query.order_by)[start : start + self.list_per_page + 1])


def _rounded(estimate: int) -> int:
    """To three digits: an estimate that looks exact is believed."""
    step: int = 10 ** max(len(str(estimate)) - 3, 0)
    return round(estimate / step) * step
