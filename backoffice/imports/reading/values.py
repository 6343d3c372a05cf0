"""Cells to values, strictly: a text pattern decides before any number or date is made of it.

How dates (`backoffice.imports.reading.dates`) and amounts are written is a property of the whole column (`Notation`),
never guessed cell by cell: `AmountShapes` and `DateShapes` collect what a column shows, and say what it must be, or
that nobody can tell.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

import msgspec
from django.utils.translation import gettext

from backoffice.imports.faults import Invalid, Refused, shown
from backoffice.values import EMAIL

type Parser = Callable[[str], object]

REMEMBERED_CELLS = 20_000


class DateOrder(StrEnum):
    DAY_FIRST = "DMY"
    MONTH_FIRST = "MDY"


class DecimalMark(StrEnum):
    POINT = "."
    COMMA = ","


class Notation(msgspec.Struct, frozen=True):
    """How this file writes dates and amounts. None, or the empty text: nothing in the file needs to know, or says."""

    date_order: DateOrder | None = None
    decimal_mark: DecimalMark | None = None
    currency: str = ""


def text(most: int | None) -> Parser:
    """Any text without control characters, up to so many characters."""

    def parse(cell: str) -> str:
        if most is not None and len(cell) > most:
            raise Invalid("too_long", length=len(cell), most=most)
        if cell[:1] == "#" and is_spreadsheet_error(cell):
            raise Invalid("spreadsheet_error", value=cell)
        if not cell.isprintable() and _CONTROL.search(cell):
            raise Invalid("control_character", value=shown(_CONTROL.sub("�", cell)))
        return cell

    return parse


# As the spreadsheet's language has them; dashes of a number sign stand where a column was too narrow.
_SPREADSHEET_ERROR = re.compile(
    r"#(?:N/[AD]|¡?(?:REF|DIV/0|VALUE|VALOR|NULL|NULO|NUM|N[UÚ]M|SPILL|CALC)!|¿?(?:NAME|NOMBRE)\?|GETTING_DATA|##+)"
)


def is_spreadsheet_error(cell: str) -> bool:
    return bool(_SPREADSHEET_ERROR.fullmatch(cell))


def wrong(code: str, cell: str) -> Invalid:
    """A cell that is none of what its column takes: `code`, or what it plainly is instead."""
    if is_spreadsheet_error(cell):
        return Invalid("spreadsheet_error", value=cell)
    return Invalid("formula" if cell.startswith("=") else code, value=shown(cell))


_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def email(most: int = 254) -> Parser:
    """Lower case, as every list of ours compares it."""

    @lru_cache(REMEMBERED_CELLS)
    def parse(cell: str) -> str:
        if len(cell) > most:
            raise Invalid("too_long", length=len(cell), most=most)
        if not EMAIL.fullmatch(cell) or ".." in cell or cell.startswith(".") or ".@" in cell:
            raise wrong("not_an_email", cell)
        return cell.lower()

    return parse


_WEBSITE = re.compile(r"(?:https?://)?[^\s/@:?#\"<>]+\.[^\s/@:?#\"<>.]{2,}(?::\d{1,5})?(?:[/?#]\S*)?", re.IGNORECASE)


def website(most: int | None) -> Parser:
    @lru_cache(REMEMBERED_CELLS)
    def parse(cell: str) -> str:
        if most is not None and len(cell) > most:
            raise Invalid("too_long", length=len(cell), most=most)
        if not _WEBSITE.fullmatch(cell):
            raise wrong("not_a_website", cell)
        return cell

    return parse


_CURRENCY = re.compile(r"[A-Za-z]{3}")


def currency(known: frozenset[str]) -> Parser:
    def parse(cell: str) -> str:
        code = cell.upper()
        if not _CURRENCY.fullmatch(cell) or code not in known:
            raise wrong("not_a_currency", cell)
        return code

    return parse


# Amounts: sign or brackets, one currency sign or code, groups of three, decimals.
_BLANKS = " \u00a0\u2009\u202f"
_MINUS = "-\u2212"
_SIGNS = "$€£¥"
_OF_SIGN = {"€": "EUR", "£": "GBP"}  # the others are the signs of several
_OF_YEN = {"JPY", "CNY"}
_NOT_OF_DOLLAR = {*_OF_SIGN.values(), *_OF_YEN}
_WRAPPED = re.compile(
    rf"(?P<open>\()?(?P<minus>[{_MINUS}+])?[{_BLANKS}]*"
    rf"(?:(?P<before>[A-Za-z]{{3}}|[{_SIGNS}])[{_BLANKS}]*)?(?P<inner_minus>[{_MINUS}+])?"
    rf"(?P<number>[0-9.,'’{_BLANKS}]*[0-9])"
    rf"(?:[{_BLANKS}]*(?P<after>[A-Za-z]{{3}}|[{_SIGNS}]))?(?P<close>\))?"
)
_PLAIN = {
    mark: re.compile(
        rf"(?:[0-9]+|[1-9][0-9]{{0,2}}(?:(?P<group>[{other}'’{_BLANKS}])[0-9]{{3}})(?:(?P=group)[0-9]{{3}})*)?"
        rf"(?:[{mark}][0-9]+)?"
    )
    for mark, other in ((DecimalMark.POINT, ","), (DecimalMark.COMMA, "."))
}
_PERCENTAGE = re.compile(r"[-+]?[0-9][0-9.,]*\s*%")
_SIMPLE = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,2})?")


class AmountShapes:
    """What a column of amounts shows of its decimal mark, as its cells go by."""

    def __init__(self, header: str) -> None:
        self.header = header
        self.examples: dict[DecimalMark, str] = {}
        self.undecided = ""

    def add(self, cell: str) -> None:
        if cell.isdigit() or len(self.examples) == 2:
            return
        kind = amount_shape(cell)
        if isinstance(kind, DecimalMark):
            self.examples.setdefault(kind, cell)
        elif kind == "either" and not self.undecided:
            self.undecided = cell

    def decide(self) -> DecimalMark | None:
        """Raises Refused, naming the option, when the cells contradict each other or none of them tells."""
        if len(self.examples) == 2:
            raise Refused(
                gettext(
                    "The column %(column)s writes decimals in two ways: “%(point)s” and “%(comma)s”. "
                    "Say which is right; rows of the other kind will fail."
                )
                % {
                    "column": self.header,
                    "point": shown(self.examples[DecimalMark.POINT]),
                    "comma": shown(self.examples[DecimalMark.COMMA]),
                },
                option="decimal_mark",
            )
        if self.undecided and not self.examples:
            raise Refused(
                gettext(
                    "The column %(column)s can be read in two ways: in “%(cell)s” the mark may stand for thousands or "
                    "for decimals. Say which."
                )
                % {"column": self.header, "cell": shown(self.undecided)},
                option="decimal_mark",
            )
        return next(iter(self.examples), None)


@lru_cache(REMEMBERED_CELLS)
def amount_shape(cell: str) -> DecimalMark | str:
    """The decimal mark this cell must have; "either" when both fit, with different values; "none" if it is silent."""
    wrapped = _WRAPPED.fullmatch(cell)
    if not wrapped:
        return "none"
    number = wrapped["number"]
    point = _PLAIN[DecimalMark.POINT].fullmatch(number)
    comma = _PLAIN[DecimalMark.COMMA].fullmatch(number)
    if point and comma:
        return "either" if "." in number or "," in number else "none"
    if point:
        return DecimalMark.POINT
    return DecimalMark.COMMA if comma else "none"


def amount(mark: DecimalMark | None, currency_code: str, digits: int, places: int) -> Parser:
    """Money with so many decimals at most. Trailing zeros beyond them are no decimals."""
    wanted = mark or DecimalMark.POINT
    thousands = re.compile(rf"[^0-9{re.escape(wanted)}]")
    largest = Decimal(10) ** (digits - places)

    @lru_cache(REMEMBERED_CELLS)
    def parse(cell: str) -> Decimal:
        if _SIMPLE.fullmatch(cell) and wanted is DecimalMark.POINT:
            return _sized(Decimal(cell), cell)
        wrapped = _WRAPPED.fullmatch(cell)
        if not wrapped or bool(wrapped["open"]) != bool(wrapped["close"]):
            raise wrong("percentage" if _PERCENTAGE.fullmatch(cell) else "not_an_amount", cell)
        number = wrapped["number"]
        if not _PLAIN[wanted].fullmatch(number):
            other = _PLAIN[DecimalMark.COMMA if wanted is DecimalMark.POINT else DecimalMark.POINT]
            if other.fullmatch(number):
                raise Invalid("other_decimal_mark", value=shown(cell), mark=str(wanted))
            raise Invalid("not_an_amount", value=shown(cell))
        return _sized(_signed(wrapped, thousands.sub("", number)), cell)

    def _signed(wrapped: re.Match[str], plain: str) -> Decimal:
        signs = [sign for sign in (wrapped["minus"], wrapped["inner_minus"]) if sign]
        marks = [mark for mark in (wrapped["before"], wrapped["after"]) if mark]
        named = _currencies_named(marks)
        if len(signs) > 1 or (wrapped["open"] and signs) or named is None or len(named) > 1:
            raise Invalid("not_an_amount", value=shown(wrapped[0]))
        given = next(iter(named), currency_code)
        foreign = [mark for mark in marks if not _may_be_sign_of(mark, currency_code)]
        if given != currency_code or foreign:
            given = given if given != currency_code else foreign[0]
            raise Invalid("other_currency", value=shown(wrapped[0]), given=given, currency=currency_code)
        negative = bool(wrapped["open"]) or any(sign in _MINUS for sign in signs)
        value = Decimal(plain.replace(wanted, "."))
        return -value if negative and value else value

    def _sized(value: Decimal, cell: str) -> Decimal:
        if abs(value) >= largest:
            raise Invalid("amount_too_large", value=shown(cell))
        rounded = round(value, places)
        if rounded != value:
            raise Invalid("amount_too_fine", value=shown(cell), places=places)
        return rounded

    return parse


def _may_be_sign_of(mark: str, currency_code: str) -> bool:
    """Of a sign that several currencies have."""
    return currency_code not in _NOT_OF_DOLLAR if mark == "$" else mark != "¥" or currency_code in _OF_YEN


def _currencies_named(marks: list[str]) -> set[str] | None:
    """By a code, a sign that only one currency has, or both; None where one of either stands twice."""
    codes = [mark.upper() for mark in marks if mark.isalpha()]
    if len(codes) > 1 or len(marks) - len(codes) > 1:
        return None
    return {*codes, *(_OF_SIGN[mark] for mark in marks if mark in _OF_SIGN)}
