"""Amounts for a vendor that keeps them in one currency, the connection's: converted at the pinned rate of a month.

The month is the record's own (when it closes); one that lies ahead and has no rate yet takes this month's. What was
sent and what it stood for stay beside each other on the link (`Link.converted`, see `amounts`): as long as ours is the
same, the vendor's is the same, whatever rates do.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from msgspec import UNSET

from backoffice.crm.records import LineItem, Record
from backoffice.quotas.models import ExchangeRate, month_in_words
from backoffice.sync.models import Connection, Link
from backoffice.sync.pushes.outbox import AMOUNT_FIELDS
from connectors.kit.mapping import Mapping as RecordMapping

OF_A_LINE = ("unit_price", "discount", "total")
MONTHS = ("close_date", "expected_close", "closed_at", "created_there")
CENT = Decimal("0.01")

type Pair = dict[str, dict[str, str]]


class Converted(NamedTuple):
    """A record with its amounts as the vendor is to have them. With words in `missing` they are left unknown."""

    record: Any
    pair: Pair | None = None  # for `Link.converted`
    missing: str = ""


def as_there(
    connection: Connection,
    mapping: RecordMapping[Any],
    records: Mapping[int, Record],
    links: Mapping[int, Link],
) -> dict[int, Converted]:
    """Our records in the connection's currency, unless the vendor says the currency with each."""
    name = next((each for each in AMOUNT_FIELDS if each in mapping.takes_new | mapping.takes), None)
    if name is None or "currency" in mapping.holds:
        return {number: Converted(record) for number, record in records.items()}
    today = timezone.localdate()
    foreign = {number: record for number, record in records.items() if _is_foreign(record, name, connection.currency)}
    rates = _Rates(connection.currency, foreign.values(), today)
    return {
        number: _converted(record, name, rates, links.get(number)) if number in foreign else Converted(record)
        for number, record in records.items()
    }


def _is_foreign(record: Any, name: str, currency: str) -> bool:
    return getattr(record, name) not in {UNSET, None} and record.currency not in {UNSET, "", currency}


def _converted(record: Any, name: str, rates: "_Rates", link: Link | None) -> Converted:
    amount, currency = getattr(record, name), record.currency
    sent = (link.converted or {}).get(name) if link else None
    if sent and sent["here_currency"] == currency and Decimal(sent["here"]) == amount:
        rate, there, month = Decimal(sent["rate"]), Decimal(sent["there"]), sent["month"]
    else:
        found = rates.find(record, currency)
        if isinstance(found, str):
            return Converted(msgspec.structs.replace(record, **{name: UNSET}), missing=found)
        rate, month = found.rate, found.month.isoformat()
        there = (amount * rate).quantize(CENT, ROUND_HALF_UP)
    pair = {
        "here": format(amount, "f"),
        "here_currency": currency,
        "there": format(there, "f"),
        "there_currency": rates.currency,
        "rate": format(rate, "f"),
        "month": month,
    }
    changes: dict[str, Any] = {name: there, "currency": rates.currency}
    if getattr(record, "lines", UNSET) is not UNSET:
        changes["lines"] = [_line(line, rate) for line in record.lines]
    return Converted(msgspec.structs.replace(record, **changes), {name: pair})


def _line(line: LineItem, rate: Decimal) -> LineItem:
    money = {each: value for each in OF_A_LINE if isinstance(value := getattr(line, each), Decimal)}
    return msgspec.structs.replace(
        line, **{each: (value * rate).quantize(CENT, ROUND_HALF_UP) for each, value in money.items()}
    )


class _Rate(NamedTuple):
    rate: Decimal
    month: date


class _Rates:
    """The rates that some records need, read once. Each is what one unit is worth in the company's currency."""

    def __init__(self, currency: str, records: Iterable[Any], today: date) -> None:
        self.currency = currency
        self.this_month = today.replace(day=1)
        months = {_month_of(record, today) for record in records}
        self._known: dict[tuple[date, str], Decimal] = {}
        if months:
            pinned = ExchangeRate.objects.filter(month__in={*months, self.this_month}, archived_at=None)
            self._known = {(rate.month, rate.currency): rate.rate for rate in pinned}

    def find(self, record: Any, currency: str) -> _Rate | str:
        """From the record's currency to the connection's; or, in words, the rate that is missing."""
        own = _month_of(record, self.this_month)
        for month in (own, self.this_month) if own > self.this_month else (own,):
            worth, costs = self._worth(currency, month), self._worth(self.currency, month)
            if worth and costs:
                return _Rate(worth / costs, month)
        lacking = self.currency if self._worth(currency, own) else currency
        return _("There is no exchange rate of %(currency)s for %(month)s yet.") % {
            "currency": lacking,
            "month": month_in_words(min(own, self.this_month)),
        }

    def _worth(self, currency: str, month: date) -> Decimal | None:
        return Decimal(1) if currency == settings.COMPANY_CURRENCY else self._known.get((month, currency))


def _month_of(record: Any, today: date) -> date:
    for name in MONTHS:
        when = getattr(record, name, UNSET)
        if when is not UNSET and when is not None:
            day = timezone.localtime(when).date() if isinstance(when, datetime) else when
            return day.replace(day=1)
    return today.replace(day=1)
