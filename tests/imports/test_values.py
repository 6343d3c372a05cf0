"""Cells to values: text patterns first, and never a guess cell by cell."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.imports.faults import Fault, Invalid, Refused, restored, stored
from backoffice.imports.options import Blank, Options, options
from backoffice.imports.reading import dates, values
from backoffice.imports.reading.dates import DateShapes
from backoffice.imports.reading.formulas import protect, quoted, unprotect, unquoted
from backoffice.imports.reading.values import AmountShapes, DateOrder, DecimalMark

pytestmark = pytest.mark.unit
POINT, COMMA = DecimalMark.POINT, DecimalMark.COMMA


def amount(cell, mark=POINT, currency="USD"):
    return values.amount(mark, currency, 19, 4)(cell)


def day(cell, order=None):
    return dates.day(order)(cell)


def code(parse, *arguments):
    with pytest.raises(Invalid) as invalid:
        parse(*arguments)
    return invalid.value.code


def says(parse):
    """A value, or a sentence that says why there is none."""
    try:
        return parse()
    except Invalid as invalid:
        return str(invalid.fault("Column"))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0", "0"),
        ("1250.50", "1250.5"),
        ("1,250.50", "1250.5"),
        ("1,234,567", "1234567"),
        ("$60,000.00", "60000"),
        ("$1,000.00 USD", "1000"),
        ("$5 usd", "5"),
        ("USD 1,000.25", "1000.25"),
        ("(12.5)", "-12.5"),
        ("($1,000)", "-1000"),
        ("-5", "-5"),
        ("−5", "-5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("+5", "5"),
        ("1 234 567.89", "1234567.89"),
        ("1\u202f234", "1234"),
        ("1'234.50", "1234.5"),
        (".5", "0.5"),
        ("1.50000000", "1.5"),
    ],
)
def test_amounts_as_people_write_them(cell, value):
    assert amount(cell) == Decimal(value)


@pytest.mark.parametrize(("cell", "value"), [("1.250,50", "1250.5"), ("1250,5", "1250.5"), ("(1.234.567)", "-1234567")])
def test_amounts_with_a_decimal_comma(cell, value):
    assert amount(cell, COMMA) == Decimal(value)


@pytest.mark.parametrize(
    "cell",
    [
        *("lots", "1_000", "１２", "NaN", "Infinity", "1e5", "1e400", "12k", "1,2,3", "1,23", "12,34,567", "--5", "5-"),
        *("(5", "5)", "(-5)", "$5$", "$", "-", ".", "1 2", "0x10", "1,000 000", "٣"),
    ],
)
def test_what_is_no_amount_is_said_to_be_none(cell):
    assert code(amount, cell) in {"not_an_amount", "other_decimal_mark"}


@pytest.mark.parametrize(
    ("parse", "cell", "plainly"),
    [
        (amount, "5%", "percentage"),
        (amount, "=1+1", "formula"),
        (amount, "#NUM!", "spreadsheet_error"),
        (day, "46356", "serial_date"),
        (day, "#N/A", "spreadsheet_error"),
        (values.email(), "#¿NOMBRE?", "spreadsheet_error"),
        (values.website(50), "=A1", "formula"),
        (values.text(50), "####", "spreadsheet_error"),
    ],
)
def test_what_a_cell_plainly_is_instead_is_said(parse, cell, plainly):
    assert code(parse, cell) == plainly


@pytest.mark.parametrize("cell", ["#", "##", "#1", "#N/A so far", "#hashtag", "=me"])
def test_a_text_that_only_begins_like_an_error_or_a_formula_is_a_text(cell):
    assert values.text(50)(cell) == cell


def test_an_amount_in_the_other_notation_names_the_option():
    assert code(amount, "1.250,50") == "other_decimal_mark"
    assert code(amount, "1,250.50", COMMA) == "other_decimal_mark"


@pytest.mark.parametrize("cell", ["EUR 5", "€ 5", "5 €", "£5", "€5 EUR"])
def test_an_amount_that_names_another_currency_is_refused(cell):
    assert code(amount, cell) == "other_currency"


def test_a_sign_of_one_currency_only_is_that_currency():
    assert amount("€ 12", currency="EUR") == amount("12 €", currency="EUR") == amount("€12 EUR", currency="EUR") == 12
    assert code(lambda cell: amount(cell, currency="EUR"), "€5 USD") == "not_an_amount"


@pytest.mark.parametrize(
    ("cell", "taken", "refused"),
    [("$5", ["USD", "MXN", "BRL"], ["EUR", "GBP", "JPY"]), ("5 ¥", ["JPY", "CNY"], ["USD", "EUR"])],
)
def test_a_sign_of_several_currencies_is_none_of_the_others(cell, taken, refused):
    assert [amount(cell, currency=currency) for currency in taken] == [5] * len(taken)
    assert [code(amount, cell, POINT, currency) for currency in refused] == ["other_currency"] * len(refused)


def test_amounts_fit_the_column():
    assert code(amount, "1" + "0" * 15) == "amount_too_large"
    assert code(amount, "1.23456") == "amount_too_fine"
    assert amount("9" * 15) == Decimal("9" * 15)


@given(st.decimals(-(10**15) + 1, 10**15 - 1, places=2, allow_nan=False), st.sampled_from([POINT, COMMA]))
def test_every_amount_written_in_a_notation_is_read_in_it(value, mark):
    plain = f"{value:,.2f}"
    cell = plain if mark is POINT else plain.translate(str.maketrans(",.", ".,"))
    assert amount(cell, mark) == value


@given(st.text(max_size=15))
def test_any_text_is_an_amount_or_invalid(cell):
    assert says(lambda: amount(cell).is_finite())


def shapes(kind, *cells):
    found = kind("Column")
    for cell in cells:
        found.add(cell)
    return found


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["5", "1000", "1000000"], None),
        (["1,250.50"], POINT),
        (["1.250,50"], COMMA),
        (["1,250", "1,250.5"], POINT),
        (["1,250", "0,5"], COMMA),
        (["1.250", "1.234.567"], COMMA),
        (["1,250", "1,234,567"], POINT),
        (["1234.567"], POINT),
        (["0.125"], POINT),
        (["1,250", "lots", "3.14"], POINT),
        (["lots", ""], None),
    ],
)
def test_the_whole_column_tells_the_decimal_mark(cells, mark):
    assert shapes(AmountShapes, *cells).decide() is mark


@pytest.mark.parametrize("cells", [["1,250"], ["1.250", "7"], ["$60,000", "12"], ["1,250.5", "1.250,5"]])
def test_a_column_that_does_not_tell_asks_for_the_option(cells):
    with pytest.raises(Refused) as refused:
        shapes(AmountShapes, *cells).decide()
    assert refused.value.option == "decimal_mark"
    assert "Say which" in str(refused.value)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2026-11-30", (2026, 11, 30)),
        ("2026/1/5", (2026, 1, 5)),
        ("2026.01.05", (2026, 1, 5)),
        ("20261130", (2026, 11, 30)),
        ("2026-11-30 10:15:00", (2026, 11, 30)),
        ("2026-11-30T10:15:00.123Z", (2026, 11, 30)),
        ("2026-11-30T10:15:00+02:00", (2026, 11, 30)),
        ("15-Feb-2017", (2017, 2, 15)),
        ("Feb 15, 2017", (2017, 2, 15)),
        ("February 15th, 2017", (2017, 2, 15)),
        ("15 de febrero de 2017", (2017, 2, 15)),
        ("15-ene-26", (2026, 1, 15)),
        ("Monday, 30 November 2026", (2026, 11, 30)),
        ("5/5/2026", (2026, 5, 5)),
    ],
)
def test_dates_that_read_one_way_only(cell, value):
    assert day(cell) == dt.date(*value)


def test_two_small_numbers_are_read_in_the_columns_order():
    assert day("3/4/2026", DateOrder.MONTH_FIRST) == dt.date(2026, 3, 4)
    assert day("3/4/2026", DateOrder.DAY_FIRST) == dt.date(2026, 4, 3)
    assert day("3.4.26", DateOrder.DAY_FIRST) == dt.date(2026, 4, 3)
    assert day("12/31/2026 5:00 PM", DateOrder.MONTH_FIRST) == dt.date(2026, 12, 31)


def test_a_date_in_the_other_order_names_the_option():
    assert code(day, "31/12/2026", DateOrder.MONTH_FIRST) == "other_date_order"


@pytest.mark.parametrize("cell", ["2026-02-30", "31/11/2026", "2026-13-01", "29 Feb 2027"])
def test_a_day_that_does_not_exist_is_said_not_to(cell):
    assert code(day, cell, DateOrder.DAY_FIRST) == "no_such_day"


@pytest.mark.parametrize(
    "cell",
    [
        "soon",
        "19999",
        "70000",
        "2026",
        "11/2026",
        "2026-11",
        "0026-11-30",
        "3026-11-30",
        "٢٠٢٦-11-30",
        "1/2/3/4",
        "15-Foo-2026",
    ],
)
def test_what_is_no_date_is_said_to_be_none(cell):
    assert code(day, cell, DateOrder.DAY_FIRST) == "not_a_date"


@given(st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31)))
def test_every_day_is_read_in_every_notation(value):
    assert day(value.isoformat()) == value
    assert day(f"{value:%d/%m/%Y}", DateOrder.DAY_FIRST) == value
    assert day(f"{value:%m/%d/%Y}", DateOrder.MONTH_FIRST) == value
    assert day(f"{value.day} {value:%b} {value.year}") == value


@given(st.text(max_size=15))
def test_any_text_is_a_date_or_invalid(cell):
    assert says(lambda: day(cell, DateOrder.DAY_FIRST))


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["2026-01-02", "Jan 2, 2026"], None),
        (["1/2/2026", "1/13/2026"], DateOrder.MONTH_FIRST),
        (["1/2/2026", "13/1/2026"], DateOrder.DAY_FIRST),
        (["4/4/2026"], None),
        (["soon", "99/99/2026"], None),
    ],
)
def test_the_whole_column_tells_the_order_of_dates(cells, order):
    assert shapes(DateShapes, *cells).decide() is order


@pytest.mark.parametrize("cells", [["1/2/2026"], ["1/13/2026", "13/1/2026"]])
def test_dates_that_do_not_tell_ask_for_the_option(cells):
    with pytest.raises(Refused) as refused:
        shapes(DateShapes, *cells).decide()
    assert refused.value.option == "date_order"


@pytest.mark.parametrize("cell", ["ana@example.com", "Ana.López@exämple.com", "a+b@mail.example.co"])
def test_emails_are_kept_in_lower_case(cell):
    assert values.email()(cell) == cell.lower()


@pytest.mark.parametrize(
    "cell", ["ana", "ana@", "@example.com", "ana@example", "a na@example.com", "a@b.c", "a@b@c.com"]
)
def test_what_is_no_email_is_said_to_be_none(cell):
    assert code(values.email(), cell) == "not_an_email"


@pytest.mark.parametrize("cell", ["https://www.acme.example/", "acme.example", "HTTP://Acme.Example:8080/a?b#c"])
def test_websites_are_kept_as_given(cell):
    assert values.website(300)(cell) == cell


@pytest.mark.parametrize("cell", ["acme", "javascript:alert(1)", "https://", "a b.com", "ana@acme.example"])
def test_what_is_no_website_is_said_to_be_none(cell):
    assert code(values.website(300), cell) == "not_a_website"


def test_text_has_a_length_and_no_control_characters():
    parse = values.text(5)
    assert parse("ñandú") == "ñandú"
    assert code(parse, "too long") == "too_long"
    assert code(parse, "a\x07b") == "control_character"
    assert parse("a\nb") == "a\nb"


def test_options_are_read_leniently_and_refused_by_name():
    assert options({"date_order": "dmy", "decimal_mark": "comma", "currency": "mxn", "blank": " Clear "}) == Options(
        date_order=DateOrder.DAY_FIRST, decimal_mark=COMMA, currency="MXN", blank=Blank.CLEAR
    )
    assert options({"date_order": "", "currency": None}) == Options()
    for name, value in [("date_order", "YDM"), ("currency", "XYZ"), ("blank", "zero"), ("colour", "red")]:
        with pytest.raises(Refused) as refused:
            options({name: value})
        assert refused.value.option == name


def test_faults_come_back_as_they_were_stored():
    faults = [Fault("missing", "Amount"), Fault("too_many_cells", values={"cells": 3, "columns": 2})]
    assert restored(stored(faults)) == faults


@given(st.text(max_size=8))
def test_a_text_written_for_a_spreadsheet_is_read_as_it_was(text):
    assert unprotect(protect(text)) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\ta", "\ra", "＝1", "＋1", "－1", "＠a"])
def test_no_formula_is_written_unprotected(text):
    assert protect(text) == "'" + text


@pytest.mark.parametrize("text", ["a=1", "'quoted'", "O'Neill", "", "'"])
def test_harmless_text_is_left_alone(text):
    assert protect(text) == text
    assert unprotect(text) == text


@given(st.text(st.sampled_from("'=+-@ a\t＝"), max_size=6))
def test_a_workbooks_text_is_read_as_it_was_written(text):
    assert unquoted(quoted(text)) == text


def test_a_text_written_as_a_formula_is_the_text():
    assert unprotect('="007"') == "007"
    assert unprotect(protect('="007"')) == '="007"'
