"""A stretch of a long table of rows by their number, and the addresses of the ones before and after it."""

from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import Model, QuerySet
from django.http import QueryDict

ROWS_SHOWN = 50


class Numbered(Protocol):
    number: int


@dataclass(frozen=True)
class Stretch[T: Numbered]:
    """`earlier` and `later` are query strings; empty where there is nothing more."""

    rows: list[T]
    earlier: str
    later: str


def stretch[M: Model](rows: "QuerySet[M]", query: QueryDict) -> "Stretch[Any]":
    """The rows that `query` asks for with `after` or `before`; the first ones without. One query, however far in."""
    before, after = _number(query.get("before")), _number(query.get("after")) or 0
    if before is not None:
        found: list[Any] = list(rows.filter(number__lt=before).order_by("-number")[: ROWS_SHOWN + 1])
        shown = found[:ROWS_SHOWN][::-1]
        has_earlier, has_later = len(found) > ROWS_SHOWN, True
    else:
        found = list(rows.filter(number__gt=after).order_by("number")[: ROWS_SHOWN + 1])
        shown = found[:ROWS_SHOWN]
        has_earlier, has_later = after > 0, len(found) > ROWS_SHOWN
    if not shown:
        return Stretch([], _asking(query) if has_earlier else "", "")
    return Stretch(
        shown,
        _asking(query, before=shown[0].number) if has_earlier else "",
        _asking(query, after=shown[-1].number) if has_later else "",
    )


def _number(said: str | None) -> int | None:
    return int(said) if said and said.isdecimal() and len(said) < 10 else None


def _asking(query: QueryDict, **more: int) -> str:
    asked = query.copy()
    for name in ("after", "before"):
        asked.pop(name, None)
    asked.update({name: str(value) for name, value in more.items()})
    return "?" + asked.urlencode()
