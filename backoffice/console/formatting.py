"""Figures as people read them, in the language of whoever looks."""

from datetime import date
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale
from babel.numbers import UnknownCurrencyError, format_currency, format_decimal, format_percent
from django.utils import timezone
from django.utils.translation import get_language, ngettext, to_locale

from backoffice.sizes import size_in_words


def locale() -> Locale:
    return _locale(get_language() or "en")


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(to_locale(language))


def money(amount: Decimal | None, currency: str) -> str:
    """ "US$1,200.50"; nothing where there is no amount."""
    return "" if amount is None else _money(amount, currency, locale())


@lru_cache(maxsize=10_000)
def _money(amount: Decimal, currency: str, where: Locale) -> str:
    try:
        return format_currency(amount, currency, locale=where)
    except UnknownCurrencyError:
        return f"{decimal(amount)} {currency}".strip()


def whole_money(amount: Decimal, currency: str) -> str:
    """ "$1,201": for sums, whose cents nobody reads."""
    try:
        return format_currency(amount, currency, "¤#,##0", locale=locale(), currency_digits=False)
    except UnknownCurrencyError:
        return f"{decimal(amount.quantize(Decimal(1)))} {currency}".strip()


def decimal(number: Decimal | int | None) -> str:
    return "" if number is None else format_decimal(number, locale=locale())


def percent(number: Decimal | int | None) -> str:
    """35 as "35%"."""
    return "" if number is None else fraction(Decimal(number) / 100)


def fraction(number: Decimal | None) -> str:
    """0.16 as "16%"."""
    return "" if number is None else format_percent(number, format="#,##0.##%", locale=locale())


def size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else size_in_words(size_bytes)


def days(count: int | None) -> str:
    return "" if count is None else ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def this_month() -> date:
    return timezone.localdate().replace(day=1)
