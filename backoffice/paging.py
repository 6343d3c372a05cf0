"""Pages of a list by keyset: the next page begins after the sort value and id of the last row, however deep.

Rows without a sort value come last, in both directions. A cursor is signed and bound to its list, sort and filters.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Schema
from pydantic import ConfigDict

from backoffice.problems import Problem, invalid
from backoffice.values import QueryNumber

USUAL_LIMIT, MOST = 50, 500
SALT = "backoffice.paging"
LONGEST_CURSOR = 4000

type Fetch[M: models.Model, I] = Callable[[QuerySet[M], str], Sequence[tuple[int, Any, I]]]
"""Reads rows in their order: of each its id, the value of the column named, and what the page shows of it."""


class PageQuery(Schema):
    """What every list takes. A list's own filters inherit it."""

    model_config = ConfigDict(extra="forbid")

    limit: QueryNumber = Field(USUAL_LIMIT, ge=1, le=MOST, description="How many at most.")
    cursor: str = Field(
        "", max_length=LONGEST_CURSOR, description="The `next` of the page before, with the same sort and filters."
    )


def refuse_unknown(request: HttpRequest, query: PageQuery) -> None:
    """A filter with a slip in its name would find everything: refused, naming those there are."""
    known = type(query).model_fields
    unknown = sorted(request.GET.keys() - known.keys())
    if unknown:
        message = _("There is no such filter. Choose from: {known}.").format(known=", ".join(known))
        raise invalid((name, message) for name in unknown)


class Page[T](Schema):
    """A part of a list. `next` is the cursor of the following page; null on the last."""

    items: list[T]
    next: str | None = Field(description="The cursor of the following page; null on the last.")


@dataclass(frozen=True)
class Sort:
    """A column to sort by, then by id in the same direction. `nullable`: rows may have no value."""

    column: str
    descending: bool = False
    nullable: bool = False

    def reversed(self) -> "Sort":
        return Sort(self.column, not self.descending, self.nullable)

    def apply[M: models.Model](self, rows: QuerySet[M]) -> QuerySet[M]:
        columns = dict.fromkeys((self.column, "id"))
        return rows.order_by(*(F(column).desc() if self.descending else F(column).asc() for column in columns))

    def after[M: models.Model](self, rows: QuerySet[M], value: Any, number: int) -> QuerySet[M]:
        """The rows that follow the one with this value and id, among those with a value (or, for None, without)."""
        if value is None or self.column == "id":
            return rows.filter(**{f"id__{'lt' if self.descending else 'gt'}": number})
        compare = TupleLessThan if self.descending else TupleGreaterThan
        # A comparison of rows, not of columns: only it lets the index begin in the midst of many equal values.
        return rows.filter(compare(Tuple(F(self.column), F("id")), (value, number)))


NEWEST = Sort("id", descending=True)


def sort_named(name: str, sorts: Mapping[str, Sort]) -> Sort:
    """`amount` or `-amount`, out of those a list allows."""
    sort = sorts.get(name.removeprefix("-"))
    if sort is None:
        known = ", ".join(sorts)
        raise invalid([("sort", _("Sort by one of: {names}; a minus before it reverses.").format(names=known))])
    return sort.reversed() if name.startswith("-") else sort


def page_of[M: models.Model, I](
    rows: QuerySet[M],
    show: Callable[[M], I],
    *,
    cursor: str = "",
    limit: int = USUAL_LIMIT,
    sort: Sort = NEWEST,
    bound_to: str = "",
) -> dict[str, Any]:
    """A page as an answer, of rows shown one by one. `bound_to` says which list and filters the cursor belongs to."""

    def fetch(part: QuerySet[M], column: str) -> list[tuple[int, Any, I]]:
        return [(row.pk, getattr(row, column), show(row)) for row in part]

    items, following = page(rows, fetch, cursor=cursor, limit=limit, sort=sort, bound_to=bound_to)
    return {"items": items, "next": following}


def page[M: models.Model, I](
    rows: QuerySet[M], fetch: Fetch[M, I], *, cursor: str, limit: int, sort: Sort, bound_to: str
) -> tuple[list[I], str | None]:
    """The items of a page and the cursor of the next one. One query; two where the rows without a value begin."""
    found = list(_found(rows, fetch, _position(cursor, rows, sort, bound_to), limit + 1, sort))
    following = None
    if len(found) > limit:
        number, value, _item = found[limit - 1]
        following = cursor_after(value, number, sort, bound_to)
    return [item for _number, _value, item in found[:limit]], following


def _found[M: models.Model, I](
    rows: QuerySet[M], fetch: Fetch[M, I], position: tuple[Any, int] | None, most: int, sort: Sort
) -> Iterable[tuple[int, Any, I]]:
    ordered = sort.apply(rows)
    if not sort.nullable:
        return fetch(_beginning(ordered, position, sort)[:most], sort.column)
    found: list[tuple[int, Any, I]] = []
    if position is None or position[0] is not None:
        valued = _beginning(ordered.filter(**{f"{sort.column}__isnull": False}), position, sort)
        found.extend(fetch(valued[:most], sort.column))
        position = None
    if len(found) < most:
        empty = _beginning(ordered.filter(**{f"{sort.column}__isnull": True}), position, sort)
        found.extend(fetch(empty[: most - len(found)], sort.column))
    return found


def _beginning[M: models.Model](rows: QuerySet[M], position: tuple[Any, int] | None, sort: Sort) -> QuerySet[M]:
    return rows if position is None else sort.after(rows, *position)


def cursor_after(value: Any, number: int, sort: Sort, bound_to: str) -> str:
    """The cursor of the page that begins after the row with this sort value and id."""
    content = msgspec.json.encode([_binding(sort, bound_to), value, number])
    return signing.b64_encode(_mark(content, settings.SECRET_KEY) + content).decode()


def _position[M: models.Model](cursor: str, rows: QuerySet[M], sort: Sort, bound_to: str) -> tuple[Any, int] | None:
    """Where the cursor says the page begins; None at the start. Only what we signed is looked into."""
    if not cursor:
        return None
    try:
        raw = signing.b64_decode(cursor.encode("ascii"))
    except ValueError:
        raise _no_cursor() from None
    mark, content = raw[:MARK_BYTES], raw[MARK_BYTES:]
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(mark, _mark(content, key)) for key in keys):
        raise _no_cursor()
    binding, value, number = msgspec.json.decode(content)
    if binding != _binding(sort, bound_to):
        raise Problem(
            422,
            _("Not valid"),
            _("This cursor belongs to another list, sort or filter. Begin without a cursor."),
            errors=[("cursor", _("Belongs to another query."))],
        )
    field: Any = rows.model._meta.get_field(sort.column)
    return getattr(field, "output_field", field).to_python(value), number


MARK_BYTES = 12


def _mark(content: bytes, key: str) -> bytes:
    return hmac.digest((SALT + key).encode(), content, hashlib.sha256)[:MARK_BYTES]


def _binding(sort: Sort, bound_to: str) -> str:
    direction = "-" if sort.descending else "+"
    return hashlib.sha256(f"{direction}{sort.column} {bound_to}".encode()).hexdigest()[:12]


def _no_cursor() -> Problem:
    return invalid([("cursor", _("Not a cursor of ours. Begin without one."))])
