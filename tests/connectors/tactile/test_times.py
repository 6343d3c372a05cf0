"""strtotime in Europe/London: what was measured with PHP's own function, and that nothing makes it fall over."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.tactile.times import Unreadable, strtotime

pytestmark = [pytest.mark.unit]

NOW = datetime(2026, 11, 22, 15, 30, 45, tzinfo=UTC)  # a Sunday


def read(text, now=NOW):
    return strtotime(text, now).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2009-03-01", "2009-03-01 00:00:00"),
        ("2009-03-01 12:30:12", "2009-03-01 12:30:12"),
        ("2009-03-01T12:30:12Z", "2009-03-01 12:30:12"),
        ("2009-03-01T12:30:12+00:00", "2009-03-01 12:30:12"),
        ("2009-03-01T12:30:12+0000", "2009-03-01 12:30:12"),
        ("2009-03-01T12:30:12-05:30", "2009-03-01 18:00:12"),
        ("12/25/2009", "2009-12-25 00:00:00"),
        ("25-12-2009", "2009-12-25 00:00:00"),
        ("1 March 2009", "2009-03-01 00:00:00"),
        ("March 1st, 2009", "2009-03-01 00:00:00"),
        ("20090301", "2009-03-01 00:00:00"),
        ("20090301T123012", "2009-03-01 12:30:12"),
        ("@1235000000", "2009-02-18 23:33:20"),
        ("-7 days", "2026-11-15 15:30:45"),
        ("+1 week 2 days", "2026-12-01 15:30:45"),
        ("2 days ago", "2026-11-20 15:30:45"),
        ("90 minutes ago", "2026-11-22 14:00:45"),
        ("last wednesday", "2026-11-18 00:00:00"),
        ("last sunday", "2026-11-15 00:00:00"),
        ("sunday", "2026-11-22 00:00:00"),
        ("next sunday", "2026-11-29 00:00:00"),
        ("last month", "2026-10-22 14:30:45"),
        ("tomorrow", "2026-11-23 00:00:00"),
        ("tomorrow 3pm", "2026-11-23 15:00:00"),
        ("yesterday noon", "2026-11-21 12:00:00"),
        ("today", "2026-11-22 00:00:00"),
        ("now", "2026-11-22 15:30:45"),
        ("NOW", "2026-11-22 15:30:45"),
        (" 2009-03-01 ", "2009-03-01 00:00:00"),
        ("2009-02-31", "2009-03-03 00:00:00"),
        ("2009", "2026-11-22 20:09:00"),
        ("1960", "1960-11-22 00:00:00"),
        ("Thu, 21 Dec 2000 16:01:07 +0200", "2000-12-21 14:01:07"),
        ("last day of february 2008", "2008-02-29 00:00:00"),
        ("2009-03-01 12:30:12 Europe/Paris", "2009-03-01 11:30:12"),
    ],
)
def test_it_reads_what_strtotime_reads(text, moment):
    assert read(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "25/12/2009",
        "1235000000",
        "2009-13-01",
        "words",
        "2009-02-02T15:31:43 00:00",
        "",
        "  ",
        "2009-03-01 2009-03-02",
        "10:00 11:00",
        "2009-03-01 Mars/Olympus",
        "13pm",
        "\u0661\u0662/25/2009",
        "next",
        "x" * 300,
    ],
)
def test_it_refuses_what_strtotime_refuses(text):
    with pytest.raises(Unreadable):
        strtotime(text, NOW)


def test_a_time_without_a_zone_is_londons():
    assert read("2009-07-01 12:00") == "2009-07-01 11:00:00"
    assert read("2009-07-01 12:00 UTC") == "2009-07-01 12:00:00"


def test_days_are_londons_days():
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert read("today", late) == "2026-07-01 23:00:00"
    assert read("tomorrow", late) == "2026-07-02 23:00:00"


def test_a_month_before_the_end_of_march_runs_over_as_phps_does():
    assert read("-1 month", datetime(2026, 3, 31, 12, tzinfo=UTC)) == "2026-03-03 13:00:00"


@pytest.mark.parametrize("text", ["@-99999999999999", "0000-00-00", "-99999999 years"])
def test_what_lies_before_all_calendars_is_their_beginning(text):
    assert strtotime(text, NOW) == datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["@99999999999999", "+99999999 years", "9999-12-31 24:00"])
def test_what_lies_after_all_calendars_is_their_end(text):
    assert strtotime(text, NOW).year == 9999


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-12, 12))
def test_any_time_with_its_offset_is_read_as_it_is(moment, hours):
    aware = moment.replace(microsecond=0, tzinfo=UTC)
    text = (aware + timedelta(hours=hours)).strftime(f"%Y-%m-%dT%H:%M:%S{hours:+03d}:00")
    assert strtotime(text, NOW) == aware


PIECES = re.findall(r"\S+", "2009 -03 -01 T 12:30 Z 00 25/12 march 12 , last next wednesday day days of -7 + @ ago")
PIECE = st.sampled_from(PIECES)


@given(
    st.one_of(st.text(max_size=30), st.lists(PIECE, max_size=6).map(" ".join), st.lists(PIECE, max_size=6).map("".join))
)
def test_whatever_is_asked_is_a_moment_or_refused(text):
    try:
        moment = strtotime(text, NOW)
    except Unreadable:
        return
    assert moment.tzinfo is UTC
