"""Values as the API takes them: a text pattern decides before any number or date is made of it."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

import pycountry
from django.utils.translation import gettext as _
from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, WithJsonSchema

CONTROL = r"\u0000-\u0008\u000e-\u001f\u007f"
LONGEST_LINE, LONGEST_PROSE = 300, 100_000
LARGEST_ID = 2**63 - 1
LARGEST_INTEGER = 2**31 - 1
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199

AMOUNT = r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$"
FRACTION = r"^[01](\.[0-9]{1,6})?$"
CURRENCY = r"^[A-Z]{3}$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
MONTH = r"^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$"
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
EMAIL = re.compile(r"[^\s@,;:<>()\[\]\"\\]{1,64}@(?:[^\s@.,;:<>()\[\]\"\\/_]{1,63}\.)+[^\s@.,;:<>()\[\]\"\\/_\d]{2,63}")


def _decimal(pattern: str, most_decimals: int) -> BeforeValidator:
    """A decimal as text, or a JSON number that says the same; 1_000, NaN, 1e400 and full-width digits are neither."""
    shape = re.compile(pattern)

    def parse(value: Any) -> Any:
        if value is None:
            return None
        text = value if isinstance(value, str) else "" if isinstance(value, bool) else repr(value)
        if not shape.fullmatch(text) or text.endswith("\n"):
            raise ValueError(
                _("“{value}” is not a decimal such as 1234.50, with at most {places} decimals.").format(
                    value=str(value)[:60], places=most_decimals
                )
            )
        return Decimal(text)

    return BeforeValidator(parse)


def decimal_schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "string", "pattern": pattern}, {"type": "number"}]})


def _day(value: Any) -> Any:
    if value is None or type(value) is date:
        return value
    if not isinstance(value, str) or not re.fullmatch(DAY, value):
        raise ValueError(_("“{value}” is not a date such as 2026-11-30.").format(value=str(value)[:60]))
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError(_("“{value}” names a day that does not exist.").format(value=value)) from None
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise ValueError(_("The year lies between {first} and {last}.").format(first=EARLIEST_YEAR, last=LATEST_YEAR))
    return day


def _month(value: Any) -> Any:
    """Any day of a month, or the month alone, stands for its first day."""
    if isinstance(value, str) and re.fullmatch(MONTH, value):
        value = value if len(value) > len("2026-11") else f"{value}-01"
    day = _day(value)
    return day.replace(day=1) if isinstance(day, date) else day


def _moment(value: Any) -> Any:
    if value is None or isinstance(value, datetime):
        return value
    # A plus sign in an address that was not escaped arrives as a blank.
    text = re.sub(r" (\d\d:\d\d)$", r"+\1", value) if isinstance(value, str) else ""
    if not MOMENT.fullmatch(text):
        raise ValueError(
            _("“{value}” is not a time with its zone such as 2026-11-30T17:00:00Z.").format(value=str(value)[:60])
        )
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_("“{value}” names a time that does not exist.").format(value=text)) from None
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ValueError(_("The year lies between {first} and {last}.").format(first=EARLIEST_YEAR, last=LATEST_YEAR))
    return moment


@cache
def currencies() -> frozenset[str]:
    """The codes of ISO 4217."""
    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


def _currency(code: str) -> str:
    if code not in currencies():
        raise ValueError(_("“{value}” is not a currency code of ISO 4217 such as USD or MXN.").format(value=code))
    return code


def _email(value: str) -> str:
    if not EMAIL.fullmatch(value) or ".." in value or ".@" in value or value.startswith("."):
        raise ValueError(_("“{value}” is not an email address.").format(value=value[:60]))
    return value


def _digits(value: Any) -> Any:
    """A number in an address: ASCII digits alone."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError(_("“{value}” is not a number.").format(value=value[:60]))
    return value


def _yes_no(value: Any) -> Any:
    if isinstance(value, str):
        if value not in {"true", "false"}:
            raise ValueError(_("Write true or false."))
        return value == "true"
    return value


Line = Annotated[str, Field(max_length=LONGEST_LINE, pattern=f"^[^{CONTROL}]*$")]
Prose = Annotated[str, Field(max_length=LONGEST_PROSE, pattern=f"^[^{CONTROL}]*$")]
Name = Annotated[str, Field(max_length=LONGEST_LINE, pattern=rf"^[^{CONTROL}]*[^{CONTROL}\s][^{CONTROL}]*$")]
Email = Annotated[
    str, Field(max_length=254), AfterValidator(_email), WithJsonSchema({"type": "string", "format": "email"})
]
Amount = Annotated[Decimal, _decimal(AMOUNT, 4), decimal_schema(AMOUNT)]
Fraction = Annotated[Decimal, _decimal(FRACTION, 6), decimal_schema(FRACTION)]
Currency = Annotated[
    str,
    Field(pattern=CURRENCY, description="ISO 4217.", examples=["USD", "MXN"]),
    AfterValidator(_currency),
]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Month = Annotated[date, BeforeValidator(_month), WithJsonSchema({"type": "string", "pattern": MONTH})]
Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
YesNo = StrictBool
Percentage = Annotated[int, Field(ge=0, le=100, strict=True)]
Integer = Annotated[int, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER, strict=True)]
Degrees = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID, strict=True)]
# In addresses everything arrives as text.
QueryId = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=LARGEST_ID)]
QueryNumber = Annotated[int, BeforeValidator(_digits)]
QueryAmount = Annotated[Decimal, _decimal(AMOUNT, 4), WithJsonSchema({"type": "string", "pattern": AMOUNT})]
QueryYesNo = Annotated[bool, BeforeValidator(_yes_no)]
QueryText = Annotated[str, Field(max_length=200, pattern=f"^[^{CONTROL}]*$")]
