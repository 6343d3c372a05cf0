"""Exchange rates pinned per month, and the quotas that the sales of the demo are held against."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import NamedTuple

from django.db import connection

from backoffice.crm.models import RepPlace
from backoffice.local.demo.copying import uid_at
from backoffice.local.demo.window import at_hour, month_of, months_on
from backoffice.local.demo.world import Seller, World
from backoffice.quotas.models import ExchangeRate, Quota
from backoffice.quotas.revising import because

# US dollars for one unit, over the 24 months.
DOLLARS = {
    "USD": ("1",) * 24,
    "EUR": (
        *("1.0812", "1.0759", "1.0868", "1.0904", "1.0847", "1.0781", "1.0698", "1.0743", "1.0825", "1.0911", "1.0986"),
        *("1.1042", "1.1090", "1.1013", "1.0957", "1.1008", "1.1121", "1.1204", "1.1266", "1.1188", "1.1235", "1.1302"),
        *("1.1347", "1.1389"),
    ),
    "MXN": (
        *("0.0583", "0.0579", "0.0571", "0.0562", "0.0557", "0.0549", "0.0541", "0.0538", "0.0533", "0.0526", "0.0519"),
        *("0.0514", "0.0509", "0.0503", "0.0498", "0.0501", "0.0507", "0.0513", "0.0519", "0.0524", "0.0530", "0.0534"),
        *("0.0537", "0.0541"),
    ),
}
TEN_PLACES = Decimal("0.0000000001")

PLANNED = "Annual plan"
REASONS = (
    ("Parental leave: half the target for the month.", Decimal("0.5")),
    ("Took over accounts of a colleague who left.", Decimal("1.15")),
    ("Price list went up on the first of the month.", Decimal("1.04")),
    ("Fair postponed to next year.", Decimal("0.9")),
)
REVISED_SHARE = 0.08
# Of what a rep won, the quota is the part that makes this attainment.
ATTAINMENT = (0.64, 1.26)
TEAM_SHARE = Decimal("0.95")  # a team's quota, of the sum of its reps'
# Before it sold anything: what a new rep is asked for in a month, in dollars.
FIRST_QUOTA = Decimal(20_000)


class RateRow(NamedTuple):
    uid: str
    created_at: datetime
    changed_at: datetime
    month: date
    currency: str
    rate: Decimal


class QuotaRow(NamedTuple):
    uid: str
    created_at: datetime
    changed_at: datetime
    rep_id: int | None
    team_id: int | None
    month: date
    amount: Decimal
    currency: str


class Target(NamedTuple):
    """What a rep was to sell in a month in the end."""

    seller: Seller
    month: date
    amount: Decimal


def load_rates(world: World) -> None:
    """Pin the rates of every month. One that is pinned already stays, and counts."""
    chance = world.random("rates")
    world.rates = {(row.month, row.currency): row.rate for row in ExchangeRate.objects.all()}
    rows = []
    for index, month in enumerate(world.window.months):
        for currency in DOLLARS:
            if currency == world.company_currency:
                continue
            rate = Decimal(DOLLARS[currency][index]) / Decimal(DOLLARS[world.company_currency][index])
            at = at_hour(month, 6 * 60)
            uid = uid_at(at, chance)
            if (month, currency) not in world.rates:
                rows.append(RateRow(uid, at, at, month, currency, rate.quantize(TEN_PLACES)))
                world.rates[month, currency] = rows[-1].rate
    world.copy(ExchangeRate, rows)


def load_quotas(world: World) -> None:
    """A quota for every rep and month, revised here and there with the reason why; and the teams' quotas."""
    chance = world.random("quotas")
    targets = [target for seller in world.sellers for target in _targets(world, seller, chance)]
    revised = {
        (target.seller.id, target.month): chance.choice(REASONS)
        for target in targets
        if chance.random() < REVISED_SHARE
    }
    because(PLANNED)
    world.copy(Quota, (_first_set(target, revised, chance) for target in targets))
    for reason in REASONS:
        _revise(reason[0], [target for target in targets if revised.get((target.seller.id, target.month)) == reason])
    because(PLANNED)
    world.copy(Quota, _team_quotas(world, targets, chance))
    because("")


def _targets(world: World, seller: Seller, chance: Random) -> Iterator[Target]:
    """Year by year: what was won there, half of it spread as the season goes, half where the big deals were due."""
    months = [month for month in world.window.months if seller.sells_in(month)]
    over = [month for month in months if month != month_of(world.window.today)]
    usual = FIRST_QUOTA  # in a month of an ordinary season
    for year in sorted({month.year for month in months}):
        past = [month for month in over if month.year == year]
        attainment = Decimal(str(round(chance.uniform(*ATTAINMENT), 3)))
        won = sum((world.won[seller.id, month] for month in past), Decimal())
        if won:
            usual = won / attainment / sum(map(world.season, past), Decimal())
        for month in (month for month in months if month.year == year):
            even = usual * world.season(month)
            foreseen = world.won[seller.id, month] / attainment if won and month in past else even
            yield Target(seller, month, _plain((even + foreseen) / 2 / world.rate(month, seller.currency)))


def _plain(amount: Decimal) -> Decimal:
    """Rounded as people set targets: two digits and a half."""
    step = Decimal(5).scaleb(max(amount.adjusted() - 2, 0))
    return max((amount / step).to_integral_value() * step, step)


def _first_set(target: Target, revised: dict[tuple[int, date], tuple[str, Decimal]], chance: Random) -> QuotaRow:
    """As planned in the December before, before any revision."""
    planned = at_hour(date(target.month.year - 1, 12, 5), 10 * 60)
    reason = revised.get((target.seller.id, target.month))
    amount = _plain(target.amount / reason[1]) if reason else target.amount
    return QuotaRow(
        *(uid_at(planned, chance), planned, planned, target.seller.id, None, target.month),
        amount=amount,
        currency=target.seller.currency,
    )


def _revise(why: str, targets: list[Target]) -> None:
    because(why)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE quotas_quota AS quota SET amount = target.amount "
            "FROM unnest(%s::bigint[], %s::date[], %s::numeric[]) AS target(rep_id, month, amount) "
            "WHERE quota.rep_id = target.rep_id AND quota.month = target.month",
            [
                [target.seller.id for target in targets],
                [target.month for target in targets],
                [target.amount for target in targets],
            ],
        )


def _team_quotas(world: World, targets: list[Target], chance: Random) -> Iterator[QuotaRow]:
    """Of each team its reps stood in that month."""
    sums: dict[tuple[int, date, str], Decimal] = {}
    stood = _teams_by_month(world)
    for target in targets:
        team = stood[target.seller.id, target.month]
        key = (team, target.month, target.seller.currency)
        sums[key] = sums.get(key, Decimal()) + target.amount
    for (team, month, currency), amount in sums.items():
        planned = at_hour(date(month.year - 1, 12, 12), 10 * 60)
        yield QuotaRow(
            *(uid_at(planned, chance), planned, planned, None, team, month),
            amount=_plain(amount * TEAM_SHARE),
            currency=currency,
        )


def _teams_by_month(world: World) -> dict[tuple[int, date], int]:
    stood: dict[tuple[int, date], int] = {}
    for place in RepPlace.objects.filter(rep__in=[seller.id for seller in world.sellers]):
        month = max(place.from_month, world.window.start)
        while place.team_id is not None and month <= (place.until_month or world.window.months[-1]):
            stood[place.rep_id, month] = place.team_id
            month = months_on(month, 1)
    return stood
