"""The months the demo tells of, and how much is sold in each."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

MONTHS = 24

# Coffee machines sell before the cold months and at the ends of quarters; nobody decides in high summer.
SEASON = (0.82, 0.88, 1.10, 0.94, 0.98, 1.12, 0.78, 0.80, 1.16, 1.06, 1.14, 1.22)
GROWTH = 0.008  # a month


def month_of(day: date) -> date:
    return day.replace(day=1)


def months_on(month: date, by: int) -> date:
    """The first day of the month `by` months after `month`, before it when negative."""
    years, index = divmod(month.month - 1 + by, 12)
    return date(month.year + years, index + 1, 1)


def at_hour(day: date, minutes: int) -> datetime:
    """A moment of `day`, that many minutes after midnight."""
    return datetime.combine(day, time(minutes // 60, minutes % 60), UTC)


@dataclass(frozen=True)
class Window:
    """The two years that end with the month of `today`."""

    today: date

    @cached_property
    def months(self) -> tuple[date, ...]:
        return tuple(months_on(month_of(self.today), index - MONTHS + 1) for index in range(MONTHS))

    @property
    def start(self) -> date:
        return self.months[0]

    @cached_property
    def founding(self) -> datetime:
        """When the company began to use the system: before anything it tells of."""
        return at_hour(months_on(self.start, -14), 9 * 60)

    def season(self, month: date) -> float:
        return SEASON[month.month - 1] * (1 + GROWTH * self.months.index(month))

    def closing_days(self, month: date) -> int:
        """How many days of `month` are over: what closed did so before today."""
        if month == month_of(self.today):
            return self.today.day - 1
        return monthrange(month.year, month.month)[1]

    def closing_weight(self, month: date) -> float:
        return self.season(month) * self.closing_days(month) / monthrange(month.year, month.month)[1]


def working_day(day: date, earliest: date, latest: date) -> date:
    """`day`, or the working day next to it that still lies between the two."""
    for shift in (0, -1, 1, -2, 2):
        moved = day + timedelta(days=shift)
        if moved.weekday() < 5 and earliest <= moved <= latest:
            return moved
    return day


def shares(total: int, weights: list[float]) -> list[int]:
    """`total` cut into whole parts in proportion to the weights; the parts add up to it."""
    whole = sum(weights)
    parts, given, seen = [], 0, 0.0
    for weight in weights:
        seen += weight
        upto = round(total * seen / whole) if whole else 0
        parts.append(upto - given)
        given = upto
    return parts
