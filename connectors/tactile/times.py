"""What PHP's strtotime reads, in Europe/London: the filters of lists ("/opportunities", "Filtering").

A text is a row of pieces: a date, a time, a zone, words such as "tomorrow" or "last wednesday", amounts such as
"-7 days". Each piece is one pattern below; the first that fits is taken, and a text with a rest is refused.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.tactile.codecs import LONDON

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth",
    "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
)  # fmt: skip
WORDS = {word: number for number, word in enumerate(ORDINALS, start=1)} | {
    "next": 1,
    "last": -1,
    "previous": -1,
    "this": 0,
}
ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "wet": 0, "bst": 1, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
UNITS = {
    "sec": "seconds", "second": "seconds", "min": "minutes", "minute": "minutes", "hour": "hours", "day": "days",
    "week": "weeks", "fortnight": "fortnights", "month": "months", "year": "years",
}  # fmt: skip

YEAR = r"(?P<year>\d{4})"
SHORT_YEAR = r"(?P<year>\d{4}|\d{2})"
MONTH = r"(?P<month>1[0-2]|0?\d)"
DAY = r"(?P<day>3[01]|[0-2]?\d)"
TWO_MONTH, TWO_DAY = r"(?P<month>0\d|1[0-2])", r"(?P<day>[0-2]\d|3[01])"
NAMED = (
    r"(?P<named>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
ORDINAL = r"(?:st|nd|rd|th)?"
CLOCK = r"(?P<hour>2[0-4]|[01]?\d)"
MINUTE = r"(?P<minute>[0-5]\d)"
SECOND = r"(?P<second>60|[0-5]\d)(?:[.,:]\d+)?"
WEEKDAY = r"(?P<weekday>mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday|r|rs|s)?"
UNIT = r"(?P<unit>fortnight|second|minute|month|hour|week|year|day|sec|min)s?"
WORD = rf"(?P<word>{'|'.join(WORDS)})"
END = r"(?![a-z0-9])"


class Unreadable(ValueError):
    """strtotime would say false."""


@dataclass
class Reading:
    """What the pieces have said so far."""

    now: datetime  # in London
    day: tuple[int, int, int] | None = None  # year, month, day: the day may lie outside its month
    clock: time | None = None
    carried: int = 0  # days: 24:00 is the next one's beginning
    zone: tzinfo | None = None
    moment: datetime | None = None
    amounts: dict[str, int] = field(default_factory=dict)
    weekday: tuple[int, int] | None = None  # which, and how many of them from here
    edge: str = ""  # the month's "first" or "last" day
    clock_of_word: time | None = None  # "tomorrow" is its midnight, if no time is said

    def set_day(self, year: int, month: int, day: int) -> None:
        if self.day is not None:
            raise Unreadable("two dates")
        self.day = (year, month, day)

    def set_clock(self, clock: time) -> None:
        if self.clock is not None:
            raise Unreadable("two times")
        self.clock = clock

    def set_zone(self, zone: tzinfo) -> None:
        if self.zone is not None:
            raise Unreadable("two zones")
        self.zone = zone

    def add(self, unit: str, amount: int) -> None:
        self.amounts[unit] = self.amounts.get(unit, 0) + amount

    def result(self) -> datetime:
        if self.moment is not None:
            return self.moment + timedelta(seconds=self._seconds())
        year, month, day = self.day or (self.now.year, self.now.month, self.now.day)
        amounts = self.amounts
        year, month = _month(year + amounts.get("years", 0), month + amounts.get("months", 0))
        if self.edge:
            day = 1 if self.edge == "first" else monthrange(year, month)[1]
        days = amounts.get("days", 0) + 7 * amounts.get("weeks", 0) + 14 * amounts.get("fortnights", 0) + self.carried
        there = datetime(year, month, 1) + timedelta(days=day - 1 + days)  # noqa: DTZ001
        if self.weekday is not None:
            there += timedelta(days=_days_to(there.weekday(), *self.weekday))
        clock = self.clock if self.clock is not None else self.clock_of_word
        if clock is None:
            begins = self.day is not None or self.weekday is not None
            clock = time(0) if begins else self.now.time().replace(microsecond=0)
        aware = datetime.combine(there.date(), clock, self.zone or LONDON)
        return aware.astimezone(UTC) + timedelta(seconds=self._seconds())

    def _seconds(self) -> int:
        amounts = self.amounts
        return amounts.get("seconds", 0) + 60 * amounts.get("minutes", 0) + 3600 * amounts.get("hours", 0)


def strtotime(text: str, now: datetime) -> datetime:
    """The moment, in UTC. Raises Unreadable for what strtotime would refuse.

    What lies outside the years 1–9999 is the nearest moment inside.
    """
    reading = Reading(now.astimezone(LONDON))
    rest = text.strip(" \t\r\n").lower()
    if not rest or len(rest) > 200:
        raise Unreadable("empty, or too long")
    is_past = False
    try:
        while rest:
            match, take = _next(rest)
            is_past = is_past or (match.groupdict().get("year") or "9")[0] == "0" or rest.startswith("@-")
            take(reading, match)
            rest = rest[match.end() :].lstrip(" ,\t")
        return reading.result()
    except (OverflowError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        is_past = is_past or any(amount < 0 for amount in reading.amounts.values())
        return datetime.min.replace(tzinfo=UTC) if is_past else datetime.max.replace(tzinfo=UTC, microsecond=0)


def _next(rest: str) -> "tuple[re.Match[str], Taker]":
    for pattern, take in PIECES:
        if match := pattern.match(rest):
            return match, take
    raise Unreadable(f"no date or time: {rest[:40]}")


def _month(year: int, month: int) -> tuple[int, int]:
    """A month outside 1–12 lies in another year."""
    return year + (month - 1) // 12, (month - 1) % 12 + 1


def _days_to(today: int, wanted: int, count: int) -> int:
    """A plain weekday is today or the next; "next" and "last" ones are never today."""
    ahead = (wanted - today) % 7
    if count > 0:
        return (ahead or 7) + 7 * (count - 1)
    if count < 0:
        return (ahead or 7) - 7 + 7 * count + (7 if ahead else 0)
    return ahead


type Taker = Callable[[Reading, re.Match[str]], None]


def _take_stamp(reading: Reading, match: re.Match[str]) -> None:
    reading.moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(match["stamp"]))


def _take_day(reading: Reading, match: re.Match[str]) -> None:
    given = match.groupdict()
    month = MONTHS.index(given["named"][:3]) + 1 if given.get("named") else int(given["month"])
    year = given.get("year") or str(reading.now.year)
    if len(year) == 2:
        year = ("20" if int(year) < 70 else "19") + year
    reading.set_day(int(year), month, int(given.get("day") or 1))


def _take_clock(reading: Reading, match: re.Match[str]) -> None:
    given = match.groupdict()
    hour, minute, second = (int(given.get(name) or 0) for name in ("hour", "minute", "second"))
    if half := given.get("half"):
        if not 1 <= hour <= 12:
            raise Unreadable("no hour of half a day")
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour == 24:
        hour, reading.carried = 0, 1
    if second == 60:
        second = 59
        reading.add("seconds", 1)
    reading.set_clock(time(hour, minute, second))


def _take_day_and_clock(reading: Reading, match: re.Match[str]) -> None:
    _take_day(reading, match)
    _take_clock(reading, match)


def _take_year(reading: Reading, match: re.Match[str]) -> None:
    reading.set_day(int(match["year"]), reading.now.month, reading.now.day)


def _take_offset(reading: Reading, match: re.Match[str]) -> None:
    minutes = int(match["hours"]) * 60 + int(match["minutes"] or 0)
    reading.set_zone(timezone(timedelta(minutes=-minutes if match["sign"] == "-" else minutes)))


def _take_zone(reading: Reading, match: re.Match[str]) -> None:
    reading.set_zone(timezone(timedelta(hours=ZONES[match["zone"]])))


def _take_place(reading: Reading, match: re.Match[str]) -> None:
    name = "/".join("_".join(each.capitalize() for each in part.split("_")) for part in match["place"].split("/"))
    try:
        reading.set_zone(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Unreadable(f"no zone: {match['place']}") from error


def _take_amount(reading: Reading, match: re.Match[str]) -> None:
    sign = -1 if match["signs"].count("-") % 2 else 1
    reading.add(UNITS[match["unit"]], sign * int(match["amount"]))


def _take_worded_amount(reading: Reading, match: re.Match[str]) -> None:
    reading.add(UNITS[match["unit"]], WORDS[match["word"]])


def _take_ago(reading: Reading, match: re.Match[str]) -> None:
    reading.amounts = {unit: -amount for unit, amount in reading.amounts.items()}


def _take_weekday(reading: Reading, match: re.Match[str]) -> None:
    if reading.weekday is not None:
        raise Unreadable("two weekdays")
    reading.weekday = (WEEKDAYS.index(match["weekday"]), WORDS[match.groupdict().get("word") or "this"])


def _take_edge(reading: Reading, match: re.Match[str]) -> None:
    reading.edge = match["edge"]


def _take_now(reading: Reading, match: re.Match[str]) -> None:
    """As if nothing were said."""


def _takes_day(days: int, hour: int = 0) -> Taker:
    def take(reading: Reading, match: re.Match[str]) -> None:
        reading.add("days", days)
        if hour or reading.clock_of_word is None:
            reading.clock_of_word = time(hour)

    return take


def _pieces(*rows: tuple[str, Taker]) -> list[tuple[re.Pattern[str], Taker]]:
    return [(re.compile(pattern, re.ASCII), take) for pattern, take in rows]


PIECES: list[tuple[re.Pattern[str], Taker]] = _pieces(
    (r"@(?P<stamp>-?\d+)(?:\.\d+)?" + END, _take_stamp),
    # Dates, the longest forms first.
    (rf"{YEAR}{TWO_MONTH}{TWO_DAY}t?(?P<hour>2[0-4]|[01]\d){MINUTE}{SECOND}{END}", _take_day_and_clock),
    (rf"{YEAR}{TWO_MONTH}{TWO_DAY}(?=t\d|{END})", _take_day),
    (rf"{YEAR}-{MONTH}-{DAY}(?=t\d|{END})", _take_day),
    (rf"{YEAR}/{MONTH}/{DAY}(?=t\d|{END})", _take_day),
    (rf"{MONTH}/{DAY}/{SHORT_YEAR}{END}", _take_day),
    (rf"{DAY}[-.\t]{MONTH}[-.]{YEAR}{END}", _take_day),
    (rf"(?P<year>\d\d)-{TWO_MONTH}-{TWO_DAY}{END}", _take_day),
    (rf"{MONTH}/{DAY}{END}(?!/)", _take_day),
    (rf"{DAY}{ORDINAL}[ .\t-]*{NAMED}[ .,\t-]*{YEAR}{END}(?!:)", _take_day),
    (rf"{YEAR}[ .\t-]*{NAMED}[ .\t-]*{DAY}{ORDINAL}{END}(?!:)", _take_day),
    (rf"{NAMED}[ .\t-]*{DAY}{ORDINAL}[ .,\t]+{YEAR}{END}(?!:)", _take_day),
    (rf"{NAMED}[ .,\t-]*{YEAR}{END}(?!:)", _take_day),
    (rf"{DAY}{ORDINAL}[ .\t-]*{NAMED}{END}", _take_day),
    (rf"{NAMED}[ .\t-]*{DAY}{ORDINAL}{END}(?!:)", _take_day),
    (rf"{NAMED}{END}", _take_day),
    (rf"{YEAR}-{TWO_MONTH}{END}(?!-)", _take_day),
    # Amounts and words.
    (rf"(?P<signs>[+-]*)\s*(?P<amount>\d{{1,9}})\s*{UNIT}{END}", _take_amount),
    (rf"(?P<edge>first|last) day of{END}", _take_edge),
    (rf"{WORD}\s+{UNIT}{END}", _take_worded_amount),
    (rf"{WORD}\s+{WEEKDAY}{END}", _take_weekday),
    (rf"{WEEKDAY}{END}", _take_weekday),
    (rf"ago{END}", _take_ago),
    (rf"now{END}", _take_now),
    (rf"(?:today|midnight){END}", _takes_day(0)),
    (rf"noon{END}", _takes_day(0, 12)),
    (rf"tomorrow{END}", _takes_day(1)),
    (rf"yesterday{END}", _takes_day(-1)),
    # Times and zones. Four figures are a time before they are a year.
    (r"(?P<hour>1[0-2]|0?[1-9])(?:[:.](?P<minute>[0-5]\d)(?:[:.](?P<second>[0-5]\d))?)?\s*(?P<half>[ap])\.?m\b\.?",
     _take_clock),
    (rf"t?{CLOCK}[:.]{MINUTE}(?:[:.]{SECOND})?(?![0-9:])", _take_clock),
    (rf"t?(?P<hour>2[0-4]|[01]\d){MINUTE}{END}", _take_clock),
    (rf"{YEAR}{END}", _take_year),
    (r"(?:gmt|utc)?(?P<sign>[+-])(?P<hours>0?\d|1[0-4]):?(?P<minutes>[0-5]\d)?(?![0-9:])", _take_offset),
    (rf"(?P<zone>{'|'.join(sorted(ZONES, key=len, reverse=True))}){END}", _take_zone),
    (r"(?P<place>[a-z_]+/[a-z_]+(?:/[a-z_]+)?)" + END, _take_place),
)  # fmt: skip
