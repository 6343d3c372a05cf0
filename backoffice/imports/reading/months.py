"""Months as people write them: in a cell, where any day of a month means it, and above a column of its amounts."""

import datetime as dt
import re
from functools import lru_cache
from typing import override

from backoffice.imports.faults import Invalid, shown
from backoffice.imports.reading import dates
from backoffice.imports.reading.dates import MONTHS, DateShapes
from backoffice.imports.reading.values import REMEMBERED_CELLS, DateOrder, Parser
from backoffice.values import EARLIEST_YEAR, LATEST_YEAR

FEW = 3  # months; a list of fewer does not show which of two numbers is the day

# A point wants two digits after it: of 2026.10 a spreadsheet leaves 2026.1.
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?:\s?[-/_ ]\s?(?P<month>\d{1,2})|\.(?P<exact>\d{2}))", re.ASCII)
_MONTH_FIRST = re.compile(r"(?P<month>\d{1,2})\s?[-/._ ]\s?(?P<year>\d{4})", re.ASCII)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})", re.ASCII)
_NAMED = re.compile(r"(?P<name>[^\W\d_]+)\.?[-/,._\s]*(?:del?\s+)?['’]?(?P<year>[0-9]{4}|[0-9]{2})", re.IGNORECASE)
_YEAR_NAMED = re.compile(r"(?P<year>[0-9]{4})[-/,._\s]*(?P<name>[^\W\d_]+)\.?", re.IGNORECASE)
_TWO_NUMBERS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2\d{2,4}\b.*", re.ASCII)

_REMARK = re.compile(r"[(\[][^()\[\]]*[)\]]\s*\*?$")
# What stands beside the month in the header of a column of amounts.
_BESIDE = (
    *("amount", "goal", "month", "quota", "sales", "target"),
    *("cuota", "importe", "mes", "meta", "monto", "objetivo", "ventas"),
)
_AROUND = re.compile(
    rf"^(?:(?:{'|'.join(_BESIDE)}|de|for|of)[\s:_-]+)+|(?:[\s:_-]+(?:{'|'.join(_BESIDE)}))+$", re.IGNORECASE
)


class MonthShapes(DateShapes):
    """Months are mostly listed by their first day: the number that is 1 all the way down is the day."""

    def __init__(self, header: str) -> None:
        super().__init__(header)
        self.first: set[str] = set()
        self.second: set[str] = set()

    @override
    def add(self, cell: str) -> None:
        super().add(cell)
        if numbers := _TWO_NUMBERS.fullmatch(cell):
            self.first.add(numbers[1].lstrip("0"))
            self.second.add(numbers[3].lstrip("0"))

    @override
    def decide(self) -> DateOrder | None:
        if not self.examples and self.first == {"1"} and len(self.second) >= FEW:
            return DateOrder.DAY_FIRST
        if not self.examples and self.second == {"1"} and len(self.first) >= FEW:
            return DateOrder.MONTH_FIRST
        return super().decide()


def month(order: DateOrder | None) -> Parser:
    """The first day of the month that a cell names, or in which its date lies."""
    day = dates.day(order)

    @lru_cache(REMEMBERED_CELLS)
    def parse(cell: str) -> dt.date:
        if found := _written(cell):
            return found
        try:
            date = day(cell)
        except Invalid as invalid:
            if invalid.code != "not_a_date":
                raise
            raise Invalid("not_a_month", value=shown(cell)) from None
        assert isinstance(date, dt.date)
        return date.replace(day=1)

    return parse


def month_called(header: str) -> dt.date | None:
    """The month a column of amounts is headed by; None when the header names none, or not for certain."""
    text = _bare(header)
    return _written(text) or _of_its_date(text)


def is_month_without_year(header: str) -> bool:
    return _bare(header).rstrip(".").casefold() in MONTHS


def _bare(header: str) -> str:
    text = _REMARK.sub("", header.strip("\ufeff \t\"'*")).strip(" *")
    return " ".join(_AROUND.sub("", text).split())


def _written(text: str) -> dt.date | None:
    """What names a month and no day in it."""
    for pattern in (_YEAR_FIRST, _MONTH_FIRST, _COMPACT, _NAMED, _YEAR_NAMED):
        if found := pattern.fullmatch(text):
            parts = found.groupdict()
            name, number = parts.get("name"), parts.get("month") or parts.get("exact")
            return _first_of(parts["year"], MONTHS.get(name.casefold(), 0) if name else int(number or 0))
    return None


def _first_of(year: str, number: int) -> dt.date | None:
    full = int(year) + 2000 if len(year) == 2 else int(year)
    return dt.date(full, number, 1) if EARLIEST_YEAR <= full <= LATEST_YEAR and 1 <= number <= 12 else None


def _of_its_date(text: str) -> dt.date | None:
    """A day of the month. Of two small numbers the one that is 1 is the day: nobody heads a month by its second."""
    order = dates.date_shape(text)
    if order == "either":
        numbers = _TWO_NUMBERS.fullmatch(text)
        first, second = (int(numbers[1]), int(numbers[3])) if numbers else (0, 0)
        if 1 not in {first, second}:
            return None
        order = DateOrder.DAY_FIRST if first == 1 else DateOrder.MONTH_FIRST
    try:
        date = dates.day(order if isinstance(order, DateOrder) else None)(text)
    except Invalid:
        return None
    assert isinstance(date, dt.date)
    return date.replace(day=1)
