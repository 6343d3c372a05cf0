"""Cells to days. A year first, or a month by name, is plain; two small numbers need to know which is the day."""

import calendar
import datetime as dt
import re
from functools import lru_cache

from django.utils.translation import gettext

from backoffice.imports.faults import Invalid, Refused, shown
from backoffice.imports.reading.values import REMEMBERED_CELLS, DateOrder, Parser, wrong
from backoffice.values import EARLIEST_YEAR, LATEST_YEAR

_TIME = (
    r"(?:(?:[T\s]\s*|,\s*)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
    r"\s*(?:[AaPp]\.?\s*[Mm]\.?)?\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_SERIAL = re.compile(r"([2-6]\d{4})(?:[.,]\d+)?", re.ASCII)
_NUMBERS = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}", re.ASCII)
_DAY_NAME = r"(?:[^\W\d_]+,?\s+)?"
_DAY_MONTH_NAME = re.compile(
    rf"{_DAY_NAME}(\d{{1,2}})(?:st|nd|rd|th|º)?[-/.\s]+(?:de\s+)?([^\W\d_]+)\.?[-/.,\s]+(?:de[l]?\s+)?(\d{{4}}|\d{{2}}){_TIME}",
    re.IGNORECASE,
)
_MONTH_NAME_DAY = re.compile(
    rf"{_DAY_NAME}([^\W\d_]+)\.?[-\s]+(\d{{1,2}})(?:st|nd|rd|th)?,?[-\s]+(\d{{4}}){_TIME}", re.IGNORECASE
)
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january ene enero",
            "feb february febrero",
            "mar march marzo",
            "apr april abr abril",
            "may mayo",
            "jun june junio",
            "jul july julio",
            "aug august ago agosto",
            "sep sept september septiembre setiembre",
            "oct october octubre",
            "nov november noviembre",
            "dec december dic diciembre",
        ),
        start=1,
    )
    for name in names.split()
}
_WRITTEN = {DateOrder.DAY_FIRST: "DD/MM/YYYY", DateOrder.MONTH_FIRST: "MM/DD/YYYY"}  # for a person


class DateShapes:
    """What a column of dates shows of the order of day and month, as its cells go by."""

    def __init__(self, header: str) -> None:
        self.header = header
        self.examples: dict[DateOrder, str] = {}
        self.undecided = ""

    def add(self, cell: str) -> None:
        if len(self.examples) == 2:
            return
        kind = date_shape(cell)
        if isinstance(kind, DateOrder):
            self.examples.setdefault(kind, cell)
        elif kind == "either" and not self.undecided:
            self.undecided = cell

    def decide(self) -> DateOrder | None:
        """Raises Refused, naming the option, when the cells contradict each other or none of them tells."""
        if len(self.examples) == 2:
            raise Refused(
                gettext(
                    "The column %(column)s writes dates in two ways: “%(day_first)s” has the day first, "
                    "“%(month_first)s” the month. Say which is right; rows of the other kind will fail."
                )
                % {
                    "column": self.header,
                    "day_first": shown(self.examples[DateOrder.DAY_FIRST]),
                    "month_first": shown(self.examples[DateOrder.MONTH_FIRST]),
                },
                option="date_order",
            )
        if self.undecided and not self.examples:
            raise Refused(
                gettext(
                    "The column %(column)s can be read in two ways: in “%(cell)s” either number may be the day. "
                    "Say which is."
                )
                % {"column": self.header, "cell": shown(self.undecided)},
                option="date_order",
            )
        return next(iter(self.examples), None)


@lru_cache(REMEMBERED_CELLS)
def date_shape(cell: str) -> DateOrder | str:
    """The order this cell must have; "either" when both fit with different days; "none" if it tells nothing."""
    numbers = _NUMBERS.fullmatch(cell)
    if not numbers:
        return "none"
    first, second = int(numbers[1]), int(numbers[3])
    if first == second:
        return "none"
    if 1 <= first <= 12 and 1 <= second <= 12:
        return "either"
    if 12 < first <= 31 and 1 <= second <= 12:
        return DateOrder.DAY_FIRST
    if 1 <= first <= 12 and 12 < second <= 31:
        return DateOrder.MONTH_FIRST
    return "none"


def day(order: DateOrder | None) -> Parser:
    """A calendar day; a time of day after it is dropped."""

    @lru_cache(REMEMBERED_CELLS)
    def parse(cell: str) -> dt.date:
        found = _year_month_day(cell, order)
        if found is None:
            raise _serial(cell) or wrong("not_a_date", cell)
        year, month, number = found
        if not EARLIEST_YEAR <= year <= LATEST_YEAR or not 1 <= month <= 12:
            raise Invalid("not_a_date" if 1 <= month <= 12 else "no_such_day", value=shown(cell))
        if not 1 <= number <= calendar.monthrange(year, month)[1]:
            raise Invalid("no_such_day", value=shown(cell))
        return dt.date(year, month, number)

    return parse


def _year_month_day(cell: str, order: DateOrder | None) -> tuple[int, int, int] | None:
    if found := _YEAR_FIRST.fullmatch(cell):
        return int(found[1]), int(found[3]), int(found[4])
    if found := _COMPACT.fullmatch(cell):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _NUMBERS.fullmatch(cell):
        return _by_order(cell, found, order)
    if found := _DAY_MONTH_NAME.fullmatch(cell):
        return _by_name(found[3], found[2], found[1])
    if found := _MONTH_NAME_DAY.fullmatch(cell):
        return _by_name(found[3], found[1], found[2])
    return None


def _serial(cell: str) -> Invalid | None:
    """Days since the end of 1899, mostly. Which of the two ways of counting a file has, no cell tells."""
    found = _SERIAL.fullmatch(cell)
    if not found:
        return None
    day = dt.date(1899, 12, 30) + dt.timedelta(days=int(found[1]))
    return Invalid("serial_date", value=shown(cell), day=day.isoformat())


def _by_name(year: str, name: str, number: str) -> tuple[int, int, int] | None:
    month = MONTHS.get(name.casefold())
    return (_full_year(year), month, int(number)) if month else None


def _by_order(cell: str, found: re.Match[str], order: DateOrder | None) -> tuple[int, int, int]:
    first, second, year = int(found[1]), int(found[3]), _full_year(found[4])
    if order is None or order is DateOrder.MONTH_FIRST:
        month, number = first, second
    else:
        month, number = second, first
    if month > 12 and 1 <= number <= 12:
        raise Invalid("other_date_order", value=shown(cell), order=_WRITTEN[order or DateOrder.MONTH_FIRST])
    return year, month, number


def _full_year(digits: str) -> int:
    return int(digits) + 2000 if len(digits) == 2 else int(digits)
