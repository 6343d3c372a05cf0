"""Amounts for a vendor that knows one currency only."""

from datetime import date
from decimal import Decimal

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.records import LineItem, Opportunity
from backoffice.quotas.models import ExchangeRate
from backoffice.sync.models import Connection, Link
from backoffice.sync.pushes.converting import as_there
from connectors.kit.codecs import Amount
from connectors.kit.mapping import Field, Mapping
from tests.sync.vendor import OPPORTUNITY

pytestmark = [pytest.mark.db, pytest.mark.django_db]

IN_EUROS = Connection(currency="EUR")


@pytest.fixture(autouse=True)
def _november(settings, time_machine):
    settings.COMPANY_CURRENCY = "USD"
    time_machine.move_to("2026-11-22T12:00:00Z")


def pin(currency, rate, month=date(2026, 11, 1)):
    with acting(None, Door.COMMAND, label="test"):
        ExchangeRate.objects.create(month=month, currency=currency, rate=rate)


def opportunity(amount="2000", currency="MXN", **more):
    return Opportunity(
        **{"name": "Chairs", "close_date": date(2026, 11, 30)} | more, amount=Decimal(amount), currency=currency
    )


def there(record, *, connection=IN_EUROS, mapping=OPPORTUNITY, converted=None):
    links = {1: Link(converted=converted)} if converted else {}
    return as_there(connection, mapping, {1: record}, links)[1]


def test_an_amount_in_the_connections_currency_stays_as_it_is():
    record = opportunity(currency="EUR")
    assert there(record) == (record, None, "")


def test_an_amount_is_converted_over_the_companys_currency():
    pin("MXN", "0.05")
    pin("EUR", "1.25")
    result = there(opportunity())
    assert (result.record.amount, result.record.currency) == (Decimal("80.00"), "EUR")
    assert result.pair["amount"] == {
        "here": "2000",
        "here_currency": "MXN",
        "there": "80.00",
        "there_currency": "EUR",
        "rate": "0.04",
        "month": "2026-11-01",
    }


def test_the_companys_own_currency_needs_no_rate():
    pin("MXN", "0.05")
    assert there(opportunity(), connection=Connection(currency="USD")).record.amount == Decimal("100.00")


def test_the_rate_is_the_one_of_the_month_the_record_closes_in():
    pin("EUR", "1.25")
    pin("EUR", "1.00", date(2026, 10, 1))
    assert there(opportunity("50", "USD", close_date=date(2026, 10, 5))).record.amount == Decimal("50.00")


def test_a_month_ahead_without_a_rate_takes_this_months():
    pin("EUR", "1.25")
    result = there(opportunity("50", "USD", close_date=date(2027, 3, 5)))
    assert (result.record.amount, result.pair["amount"]["month"]) == (Decimal("40.00"), "2026-11-01")


def test_a_month_ahead_that_is_pinned_already_takes_its_own():
    pin("EUR", "1.25")
    pin("EUR", "2", date(2027, 3, 1))
    assert there(opportunity("50", "USD", close_date=date(2027, 3, 5))).record.amount == Decimal("25.00")


@pytest.mark.parametrize(("currency", "lacking"), [("MXN", "MXN"), ("USD", "EUR")])
def test_a_rate_that_is_missing_is_named(currency, lacking):
    result = there(opportunity(currency=currency, close_date=date(2026, 10, 5)))
    assert result.missing == f"There is no exchange rate of {lacking} for October 2026 yet."
    assert not result.record.amount


def test_what_was_sent_stays_what_was_sent_when_rates_move():
    pin("MXN", "0.05")
    pin("EUR", "1.25")
    sent = there(opportunity()).pair
    with acting(None, Door.COMMAND, label="test"):
        ExchangeRate.objects.filter(currency="MXN").update(rate="0.06")
    assert there(opportunity(), converted=sent).record.amount == Decimal("80.00")
    assert there(opportunity("3000"), converted=sent).record.amount == Decimal("144.00")


def test_lines_are_converted_with_their_opportunity():
    pin("EUR", "1.25")
    line = LineItem(quantity=2, unit_price=Decimal(10), discount=None, total=Decimal(20))
    (result,) = there(opportunity("20", "USD", lines=[line])).record.lines
    assert (result.quantity, result.unit_price, result.discount, result.total) == (
        2,
        Decimal("8.00"),
        None,
        Decimal("16.00"),
    )


def test_a_vendor_that_says_the_currency_gets_amounts_as_they_are():
    mapping = Mapping("opportunity", Opportunity, Field("a", "amount", Amount()), Field("c", "currency"))
    record = opportunity()
    assert there(record, mapping=mapping).record is record
