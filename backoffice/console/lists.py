"""A list's page at any length of the table: no full count, no sorting of what the page doesn't show."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast, override

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.translation import gettext
from unfold.views import ChangeList as UnfoldChangeList

from backoffice.console.searching import LIMIT, estimated_count, first_ids

if TYPE_CHECKING:
    from backoffice.console.admin.base import ModelAdmin

# By its number alone a page is found by counting off all rows before it; by the row it begins at, however far it is.
LAST_PAGE, FARTHEST_PAGE = 100, 100_000
AFTER, BEFORE = "after", "before"


class Edge(NamedTuple):
    """The row at which a page begins or, backwards, before which it ends: what it is sorted by, and its id."""

    value: str
    pk: int
    backwards: bool


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than it needs to say "1,000+"."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return len(first_ids(rows)) if isinstance(rows, QuerySet) else len(rows)


class ChangeList(UnfoldChangeList):
    """One page, how many there are (exactly, "1,000+" or "about"), and whether there is a next one."""

    model_admin: "ModelAdmin"
    preserved_filters: str
    page_num: int
    edge: "Edge | None" = None
    first_edge: str | None = None
    last_edge: str | None = None
    came_backwards = False
    is_about = False
    is_capped = False
    has_next = False

    @override
    def get_results(self, request: HttpRequest) -> None:
        if not self._steady_column():
            self.edge = None
        asked = max(self.page_num, 1)
        self.page_num = min(asked, FARTHEST_PAGE if self.edge else LAST_PAGE)
        self.sees_everything = cast(Any, request.user).sees_everything
        start = (self.page_num - 1) * self.list_per_page
        rows = self._about(start) or self._counted(start)
        self.has_next = len(rows) > self.list_per_page or self.came_backwards
        self.result_list = rows[: self.list_per_page]
        if rows and asked > self.page_num:
            text = gettext("Page numbers end at %(last)s. To see what comes later, narrow the list or sort it anew.")
            messages.info(request, text % {"last": LAST_PAGE})
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
    def is_narrowed(self) -> bool:
        """Whether something is asked for by which an empty list is no surprise."""
        where = getattr(self.model_admin, "where", ())
        return bool(self.query) or any(value for name, value in self.get_filters_params().items() if name not in where)

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
        page, backwards = self.queryset, False
        if self.edge is not None:
            page, backwards, start = self._from_edge(page, self.edge), self.edge.backwards, 0
        ids = _ids_in_order(page, start, start + self.list_per_page + 1)
        rows = self._shown(self.model._default_manager.filter(pk__in=ids), 0)
        if backwards:  # one more before the page says nothing about what comes after it
            rows = rows[-self.list_per_page :]
        self._note_edges(rows, more=backwards)
        return rows

    # A row's address, with the filters to come back to: made once. Unfold would parse and add them row by row.

    @override
    def url_for_result(self, result: Any) -> str:
        before, after = self._around_id
        return f"{before}{quote(result.pk)}{after}"

    @cached_property
    def _around_id(self) -> tuple[str, str]:
        kept, self.preserved_filters = self.preserved_filters, ""
        before = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return before, f"/change/?{kept}" if kept else "/change/"

    # From one page to the next by the row they meet at, however deep: nothing before it is read.

    @override
    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        given = {name: self.params.pop(name) for name in (AFTER, BEFORE) if name in self.params}
        for name in (AFTER, BEFORE):
            self.filter_params.pop(name, None)
        name, text = next(iter(given.items()), ("", ""))
        value, _tilde, pk = text.rpartition("~")
        if pk.isdecimal():
            self.edge = Edge(value, int(pk), backwards=name == BEFORE)
        return super().get_queryset(request, exclude_parameters)

    @override
    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Ties go the way of the column, as in its index; rows without a value come last, whatever the way."""
        ordering = list(super().get_ordering(request, queryset))
        if ordering[-1] == "-pk" and isinstance(ordering[0], str) and not ordering[0].startswith("-"):
            ordering[-1] = "pk"
        return [F(name[1:]).desc(nulls_last=True) if self._has_gaps(name) else name for name in ordering]

    def _has_gaps(self, name: Any) -> bool:
        """Whether this sorts downwards by a column that may have no value."""
        if not isinstance(name, str) or not name.startswith("-"):
            return False
        return any(field.name == name[1:] and field.null for field in self.model._meta.fields)

    def page_address(self, number: int) -> str:
        """The address of page `number`; of a neighbour, by the row where it begins."""
        edges = {AFTER: None, BEFORE: None, PAGE_VAR: str(number)}
        if number == self.page_num + 1:
            edges[AFTER] = self.last_edge
        elif number == self.page_num - 1 > 1:
            edges[BEFORE] = self.first_edge
        return str(self.get_query_string(edges))

    def _steady_column(self) -> str:
        """What the list is sorted by, "-" before it if downwards; nothing where it has gaps or ties go another way."""
        column, *rest = (str(name) for name in self.queryset.query.order_by)
        field = next((field for field in self.model._meta.fields if field.name == column.removeprefix("-")), None)
        sign = "-" if column.startswith("-") else ""
        steady = field is not None and not field.null and rest in ([f"{sign}id"], [f"{sign}pk"])
        return column if steady else ""

    def _from_edge(self, rows: QuerySet[Any], edge: "Edge") -> QuerySet[Any]:
        column = self._steady_column()
        name = column.removeprefix("-")
        try:
            value = self.model._meta.get_field(name).to_python(edge.value)
        except ValidationError:
            return rows
        if edge.backwards:
            rows = rows.reverse()
        beyond = "lt" if column.startswith("-") != edge.backwards else "gt"
        tie = Q(**{f"{name}__{beyond}": value}) | Q(**{f"pk__{beyond}": edge.pk})
        return rows.filter(tie, **{f"{name}__{beyond}e": value})

    def _note_edges(self, rows: list[Any], *, more: bool) -> None:
        column = self._steady_column().removeprefix("-")
        shown = rows[: self.list_per_page]
        if column and shown:
            self.first_edge, self.last_edge = (
                f"{value.isoformat() if isinstance(value, datetime) else value}~{row.pk}"
                for row, value in ((row, getattr(row, column)) for row in (shown[0], shown[-1]))
            )
        self.came_backwards = more

    def _shown(self, rows: QuerySet[Any], start: int) -> list[Any]:
        rows = self.model_admin.shown(self.apply_select_related(rows))
        return list(rows.order_by(*self.queryset.query.order_by)[start : start + self.list_per_page + 1])


def _ids_in_order(rows: QuerySet[Any], start: int, end: int) -> Any:
    """A page's ids, or the query for them. An index read downwards has the rows without a value first, and we have them
    last: so it is read for those with a value, then for those without."""
    first, *rest = rows.query.order_by
    if not (isinstance(first, OrderBy) and first.nulls_last):
        return rows.values("pk")[start:end]
    column = cast(Any, first.expression).name
    with_value, without = (
        rows.filter(**{f"{column}__isnull": empty}).order_by(f"-{column}", *rest).values("pk")[:end]
        for empty in (False, True)
    )
    return [row["pk"] for row in with_value.union(without, all=True).order_by()[start:end]]


def _rounded(estimate: int) -> int:
    """To three digits: an estimate that looks exact is believed."""
    step: int = 10 ** max(len(str(estimate)) - 3, 0)
    return round(estimate / step) * step
