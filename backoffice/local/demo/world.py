"""What is on file so far while the demo is loaded: each family of rows finds here what the ones before it left."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from random import Random

from django.db import models

from backoffice.local.demo.copying import Line, analyze, copy_rows
from backoffice.local.demo.window import Window

BASE_OPPORTUNITIES = 9_000
FIRST_ROWS = 1_000


@dataclass(frozen=True)
class Sizes:
    """How many rows of each kind. Everything but the sales force grows with the opportunities, up to a cap."""

    opportunities: int

    @property
    def accounts(self) -> int:
        return min(85 + max(0, self.opportunities - BASE_OPPORTUNITIES) // 50, 20_000)

    @property
    def activities(self) -> int:
        return min(self.opportunities * 6 // 10, 300_000)

    @property
    def notes(self) -> int:
        return min(self.opportunities * 3 // 10, 100_000)

    @property
    def opportunities_with_lines(self) -> int:
        return min(self.opportunities * 4 // 10, 150_000)

    @property
    def opportunities_with_roles(self) -> int:
        return min(self.opportunities * 6 // 10, 200_000)

    @property
    def tickets(self) -> int:
        return min(self.opportunities // 30, 20_000)

    @property
    def documents(self) -> int:
        return min(self.opportunities // 60, 5_000)


@dataclass(frozen=True)
class Seller:
    """A rep on file who sells, from and until which month, for which team."""

    id: int
    pace: float
    territory: str
    currency: str
    manager: int | None
    email: str
    first_month: date
    last_month: date | None

    def sells_in(self, month: date) -> bool:
        return self.first_month <= month and (self.last_month is None or month <= self.last_month)


@dataclass(frozen=True)
class OwnedAccount:
    id: int
    name: str
    country: str
    domain: str
    seller: int
    since: datetime


@dataclass(frozen=True)
class SoldProduct:
    id: int
    short_name: str
    price: int
    weight: float
    quantities: tuple[int, ...]
    renews: bool


@dataclass
class World:
    window: Window
    sizes: Sizes
    company_currency: str
    advance: Callable[[str, int], None]
    choices: dict[tuple[str, str], int] = field(default_factory=dict)
    teams: dict[str, int] = field(default_factory=dict)
    reps: dict[str, int] = field(default_factory=dict)
    sellers: list[Seller] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    products: list[SoldProduct] = field(default_factory=list)
    taxes: dict[str, Decimal] = field(default_factory=dict)
    campaigns: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    accounts: list[OwnedAccount] = field(default_factory=list)
    contacts: list[list[int]] = field(default_factory=list)
    """Ids of the contacts of each account, in the order of `accounts`."""
    rates: dict[tuple[date, str], Decimal] = field(default_factory=dict)
    """What a unit is worth in the company's currency."""
    won: defaultdict[tuple[int, date], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """What each seller won in each month, in the company's currency."""
    counts: Counter[str] = field(default_factory=Counter)

    def random(self, family: str) -> Random:
        """A stream of chances of its own: what one family draws never disturbs another."""
        return Random(f"{self.window.today:%Y-%m-%d} {family}")  # noqa: S311 (nothing secret)

    def copy(self, model: type[models.Model], rows: Iterable[Line]) -> None:
        """Load rows, count them, and tell whoever watches.

        A table's first rows are analyzed at once: to a planner that takes it for empty, any index with an id in it
        looks as good as the primary key, and each check of a reference would read such an index from end to end.
        """
        name = str(model._meta.db_table).partition("_")[2]
        coming = iter(rows)
        if not self.counts[name]:
            self.counts[name] = copy_rows(model, islice(coming, FIRST_ROWS))
            analyze(model)
            self.advance(name, self.counts[name])
        count = copy_rows(model, coming)
        self.counts[name] += count
        self.advance(name, count)

    def choice(self, list_name: str, label: str) -> int:
        return self.choices[list_name, label]

    def choices_of(self, list_name: str) -> list[int]:
        return [number for (name, _label), number in self.choices.items() if name == list_name]

    def season(self, month: date) -> Decimal:
        return Decimal(str(self.window.season(month)))

    def rate(self, month: date, currency: str) -> Decimal:
        return Decimal(1) if currency == self.company_currency else self.rates[month, currency]
