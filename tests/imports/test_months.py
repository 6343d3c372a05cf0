"""Months in any form, in cells and above columns."""

import datetime as dt

import pytest

from backoffice.imports.faults import Invalid, Refused
from backoffice.imports.reading.months import MonthShapes, is_month_without_year, month, month_called
from backoffice.imports.reading.values import DateOrder

pytestmark = pytest.mark.unit
JANUARY = dt.date(2026, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01", "2026/1", "2026.01", "2026 01", "01/2026", "1-2026", "01.2026", "202601", "2026_01"),
        *("Jan 2026", "January 2026", "JAN-2026", "jan. 2026", "Jan-26", "Jan 26", "Jan '26", "Jan’26", "jan_2026"),
        *("enero 2026", "Enero de 2026", "enero del 2026", "ene-26", "ene. 2026", "Ene/2026", "Jan, 2026", "2026 Jan"),
        *("2026-01-01", "2026-01-31", "2026/01/15", "20260131", "1 Jan 2026", "15 de enero de 2026", "Jan 31, 2026"),
        *("2026-01-01 00:00:00", "31-Jan-26"),
    ],
)
def test_a_month_is_understood_in_cells_and_headers(text):
    assert month(None)(text) == JANUARY
    assert month_called(text) == JANUARY


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Quota Jan 2026", JANUARY),
        ("Jan 2026 Quota", JANUARY),
        ("Sales target 2026-01", JANUARY),
        ("Meta de enero de 2026", JANUARY),
        ("Cuota ene-26 (MXN)", JANUARY),
        ("amount_2026_01", JANUARY),
        ("\ufeff2026-01*", JANUARY),
        ("Septiembre 2026", dt.date(2026, 9, 1)),
        ("Sept 2026", dt.date(2026, 9, 1)),
        ("diciembre 2026", dt.date(2026, 12, 1)),
        # Of two small numbers the one that is 1 is the day, whichever comes first.
        ("01/02/2026", dt.date(2026, 2, 1)),
        ("2/1/2026", dt.date(2026, 2, 1)),
        ("1/1/2026", JANUARY),
        ("31/01/2026", JANUARY),
        ("01/31/2026", JANUARY),
    ],
)
def test_a_column_of_a_month_is_known_by_its_header(header, found):
    assert month_called(header) == found


@pytest.mark.parametrize(
    "header",
    [
        *("", "Total", "Total 2026", "2026", "FY2026", "Q1 2026", "2026-13", "13/2026", "Jan", "Enero", "1", "2026.1"),
        *("05/06/2026", "Month", "Amount", "Smarch 2026", "1799-01", "Jan 2026 - Mar 2026", "01/26", "2026-00"),
        *("Quota", "Meta", "May", "Email", "2026-02-30", "２０２６-01"),
    ],
)
def test_what_is_no_month_for_certain_heads_no_column_of_one(header):
    assert month_called(header) is None


@pytest.mark.parametrize("cell", ["Jan", "2026", "2026-13", "13/2026", "Total", "soon", "1/26", "2026.1", "１/2026"])
def test_a_cell_that_names_no_month_is_refused(cell):
    with pytest.raises(Invalid) as invalid:
        month(None)(cell)
    assert invalid.value.code == "not_a_month"


def test_a_date_of_a_month_must_exist():
    with pytest.raises(Invalid) as invalid:
        month(None)("2026-02-30")
    assert invalid.value.code == "no_such_day"


@pytest.mark.parametrize(
    ("header", "is_one"), [("Jan", True), ("ene.", True), ("Meta Enero", True), ("Jan 2026", False)]
)
def test_a_month_without_its_year_is_noticed(header, is_one):
    assert is_month_without_year(header) is is_one


def shapes(*cells):
    found = MonthShapes("Month")
    for cell in cells:
        found.add(cell)
    return found


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["1/1/2026", "1/2/2026", "1/3/2026"], DateOrder.DAY_FIRST),
        (["01/01/2026", "02/01/2026", "03/01/2026"], DateOrder.MONTH_FIRST),
        (["1/1/2026", "2/1/2026", "31/3/2026"], DateOrder.DAY_FIRST),
        (["2026-01-01", "Feb 2026"], None),
        (["1/1/2026"], None),
    ],
)
def test_first_days_of_months_show_which_number_is_the_day(cells, order):
    assert shapes(*cells).decide() == order


@pytest.mark.parametrize(
    "cells",
    [
        ["1/2/2026"],
        ["1/2/2026", "1/3/2026"],
        ["1/2/2026", "2/1/2026", "1/4/2026", "4/1/2026"],
        ["15/1/2026", "1/15/2026"],
    ],
)
def test_too_few_or_contradicting_dates_are_asked_about(cells):
    with pytest.raises(Refused) as refused:
        shapes(*cells).decide()
    assert refused.value.option == "date_order"
