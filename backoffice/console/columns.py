"""Columns that several lists have."""

from datetime import date, datetime
from functools import lru_cache
from html import escape
from typing import Any

from django.utils import formats, timezone
from django.utils.dates import MONTHS
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from backoffice.console.formatting import money
from backoffice.crm.models import Status

STATUS_TONES = {Status.OPEN: "info", Status.PENDING: "warning", Status.WON: "success", Status.LOST: "danger"}


def pill(text: Any, tone: str = "default") -> SafeString:
    """A word in colour; unfold's own label costs a template per row."""
    return mark_safe(f'<span class="bo-pill bo-pill-{escape(tone)}">{escape(str(text))}</span>')  # noqa: S308


class Named:
    """The name first, sorted as people sort names."""

    @display(description=_("name"), ordering="name_key")
    def named(self, row: Any) -> str:
        return str(row)


class Changed:
    """When we last changed the row, and whether it is archived."""

    @display(description=_("changed"), ordering="changed_at")
    def changed(self, row: Any) -> str:
        day = short_date(timezone.localtime(row.changed_at))
        return f"{day} · {_('archived')}" if row.archived_at else day


class Valued:
    """An amount with its currency."""

    @display(description=_("amount"), ordering="amount")
    def value(self, row: Any) -> str:
        return money(row.amount, row.currency)


class Closing:
    """The close date, short."""

    @display(description=_("close date"), ordering="close_date")
    def closing(self, row: Any) -> str:
        return short_date(row.close_date)


def short_date(day: date | None) -> str:
    if day is None:
        return ""
    return _short_date(day.date() if isinstance(day, datetime) else day, get_language())


@lru_cache(maxsize=10_000)
def _short_date(day: date, language: str | None) -> str:
    return formats.date_format(day, "SHORT_DATE_FORMAT")


def month_name(day: date | None) -> str:
    return f"{MONTHS[day.month]} {day.year}" if day else ""
