"""The opportunities of two years and of the pipeline, with their lines, people, tags, activities and notes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import accumulate, batched
from random import Random
from typing import NamedTuple

from django.db import models

from backoffice.crm.models import Activity, LineItem, Note, Opportunity, OpportunityContact, OpportunityTag
from backoffice.local.demo.choices import STAGES
from backoffice.local.demo.copying import as_json, next_ids, uid_at
from backoffice.local.demo.places import COUNTRIES
from backoffice.local.demo.stories import ActivityRow, NoteRow, Story, activities_of, notes_of
from backoffice.local.demo.window import at_hour, month_of, shares, working_day
from backoffice.local.demo.world import OwnedAccount, Seller, SoldProduct, World

BATCH = 10_000
OPEN_SHARE = 0.1
WIN_SHARE = 0.46
LONGEST_PIPELINE = 150  # days ahead
OPEN_STAGES = ("Prospecting", "Qualified", "Tasting", "Proposal", "Negotiation", "On hold")
OPEN_WEIGHTS = (22, 24, 16, 20, 12, 6)
PROBABILITIES = {label: probability for label, _status, probability in STAGES}
# A price list per currency: dollars times this, in tens.
PRICE_FACTORS = {"USD": Decimal(1), "EUR": Decimal("0.93"), "MXN": Decimal("18.5")}
OTHER_CURRENCY = {"USD": ("USD", 0.0), "MXN": ("USD", 0.22), "EUR": ("USD", 0.04)}
TAX_OF = {"MX": "IVA 16 %", "DE": "MwSt. 19 %", "FR": "TVA 20 %", "US": "Sales tax 8.25 %"}
CENT = Decimal("0.01")
NEXT_STEPS = (
    "Send the revised quote",
    "Book the tasting",
    "Wait for the water report",
    "Call the head barista",
    "Get the leasing papers signed",
    "Agree on the installation date",
    "Present to the purchasing committee",
    "Offer a loan machine for two weeks",
    "Ask for the purchase order",
    "Find out who signs",
)
DESCRIPTIONS = (
    "",
    "",
    "",
    "Replaces a machine of 2014.",
    "For the second outlet, opens in spring.",
    "Came through the showroom.\nWants training for six people.",
    "Trade-in of two old grinders.",
)
LOST_STEPS = ("", "", "Lost on price", "No decision", "Went with a used machine")
ROLES = ("Decision maker", "User", "Finance", "Technical", "Influencer")


class OpportunityRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    name: str
    external_id: str
    account_id: int
    primary_contact_id: int | None
    group_id: int | None
    campaign_id: int | None
    owner_id: int
    assigned_to_id: int | None
    altered_by_id: int | None
    amount: Decimal
    currency: str
    probability: int
    close_date: date
    expected_close: date
    closed_at: datetime | None
    stage_id: int
    stage_system: str
    forecast_system: str
    forecast_category_id: int | None
    type_id: int
    source_id: int
    prospect_type: str
    operation: str
    next_step: str
    description: str
    product_text: str
    wants_products: bool
    wants_tax: bool
    active: bool
    activity_index: int
    relationship_index: int
    custom: str


class LineRow(NamedTuple):
    opportunity_id: int
    product_id: int
    position: int
    quantity: int
    unit_price: Decimal
    discount: Decimal
    tax: Decimal | None
    total: Decimal


class RoleRow(NamedTuple):
    opportunity_id: int
    contact_id: int
    role: str
    position: int


class OpportunityTagRow(NamedTuple):
    opportunity_id: int
    tag_id: int
    position: int


class Sold(NamedTuple):
    """So many of a product at that price and discount each."""

    product: SoldProduct
    quantity: int
    unit_price: int
    discount: int

    @property
    def net(self) -> int:
        return self.quantity * (self.unit_price - self.discount)


class Draft(NamedTuple):
    """When something closes, and how it stands today."""

    close_date: date
    stage: str


@dataclass
class Parts:
    """What goes with a batch of opportunities."""

    lines: list[LineRow] = field(default_factory=list)
    roles: list[RoleRow] = field(default_factory=list)
    tags: list[OpportunityTagRow] = field(default_factory=list)
    activities: list[ActivityRow] = field(default_factory=list)
    notes: list[NoteRow] = field(default_factory=list)


PARTS: tuple[tuple[type[models.Model], str], ...] = (
    (LineItem, "lines"),
    (OpportunityContact, "roles"),
    (OpportunityTag, "tags"),
    (Activity, "activities"),
    (Note, "notes"),
)


def load_opportunities(world: World) -> None:
    """Batch by batch, so that a million take no more memory than ten thousand."""
    writer = Writer(world)
    for batch in batched(drafts(world), BATCH):
        parts = Parts()
        world.copy(Opportunity, writer.rows(batch, parts))
        for model, name in PARTS:
            world.copy(model, getattr(parts, name))


def drafts(world: World) -> Iterator[Draft]:
    """What closed month by month, then the pipeline."""
    chance, window = world.random("drafts"), world.window
    total = world.sizes.opportunities
    still_open = round(total * OPEN_SHARE)
    weights = [window.closing_weight(month) for month in window.months]
    for month, count in zip(window.months, shares(total - still_open, weights), strict=True):
        latest = month.replace(day=max(window.closing_days(month), 1))
        days = sorted(1 + int(chance.random() * window.closing_days(month)) for _ in range(count))
        for day in days:
            stage = "Won" if chance.random() < WIN_SHARE else "Lost"
            yield Draft(working_day(month.replace(day=day), month, latest), stage)
    tomorrow = window.today + timedelta(days=1)
    last = window.today + timedelta(days=LONGEST_PIPELINE)
    for stage in chance.choices(OPEN_STAGES, OPEN_WEIGHTS, k=still_open):
        ahead = min(int(chance.expovariate(1 / 45)), LONGEST_PIPELINE - 1)
        yield Draft(working_day(tomorrow + timedelta(days=ahead), tomorrow, last), stage)


class Writer:
    """Turns drafts into rows. Each kind of part draws from chances of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chance = world.random("opportunities")
        self.part_chances = {name: world.random(name) for _model, name in PARTS}
        self.written = 0
        self.won_before: set[int] = set()
        self.contacts = {account.id: contacts for account, contacts in zip(world.accounts, world.contacts, strict=True)}
        self.accounts: defaultdict[int, list[OwnedAccount]] = defaultdict(list)
        for account in world.accounts:
            self.accounts[account.seller].append(account)
        for seller in world.sellers:  # one who left: the accounts are a colleague's now
            if not self.accounts[seller.id]:
                colleague = next(other for other in world.sellers if other.manager == seller.manager != other.id)
                self.accounts[seller.id] = self.accounts[colleague.id]
        self.sellers = {month: _sellers_in(world, month) for month in world.window.months}
        self.sold = [product for product in world.products if product.weight]
        self.product_weights = list(accumulate(product.weight for product in self.sold))
        self.sources, self.types = world.choices_of("source"), dict(self._labelled("type"))
        self.forecasts = dict(self._labelled("forecast"))
        self.stages = dict(self._labelled("stage"))
        sizes = world.sizes
        total = max(sizes.opportunities, 1)
        # Two activities and one and a half notes on average where there are any.
        self.shares = {
            "lines": sizes.opportunities_with_lines / total,
            "roles": sizes.opportunities_with_roles / total,
            "tags": 0.08 * min(1, 100_000 / total),
            "activities": sizes.activities / total / 2,
            "notes": sizes.notes / total / 1.5,
        }

    def _labelled(self, list_name: str) -> Iterator[tuple[str, int]]:
        for (name, label), number in self.world.choices.items():
            if name == list_name:
                yield label, number

    def rows(self, batch: Iterable[Draft], parts: Parts) -> Iterator[OpportunityRow]:
        coming = list(batch)
        for number, draft in zip(next_ids(Opportunity, len(coming)), coming, strict=True):
            self.written += 1
            yield self.row(number, draft, parts)

    def row(self, number: int, draft: Draft, parts: Parts) -> OpportunityRow:
        chance, world = self.chance, self.world
        month = min(month_of(draft.close_date), world.window.months[-1])
        seller = self._seller(month)
        account = chance.choice(self.accounts[seller.id])
        currency = _currency(seller, chance)
        sold = self._sold(currency)
        lead = sold[0]
        amount = Decimal(sum(line.net for line in sold))
        is_open = draft.stage not in {"Won", "Lost"}
        created, closed_at, changed = self._times(draft.close_date, account, is_open)
        contact = chance.choice(self.contacts[account.id])
        is_renewal = lead.product.renews and account.id in self.won_before and chance.random() < 0.7
        is_existing = account.id in self.won_before
        probability = PROBABILITIES[draft.stage]
        forecast = _forecast(draft.stage, probability) if is_open else ""
        has_lines = self._has("lines")
        wants_tax = has_lines and account.country in TAX_OF
        if draft.stage == "Won":
            self.won_before.add(account.id)
            world.won[seller.id, month] += amount * world.rate(month, currency)
        if has_lines:
            parts.lines.extend(_lines(number, sold, world.taxes[TAX_OF[account.country]] if wants_tax else None))
        self._surround(number, seller, account, contact, lead, created, closed_at, parts)
        return OpportunityRow(
            id=number,
            uid=uid_at(created, chance),
            created_at=created,
            changed_at=changed,
            name=_name(account, lead),
            external_id=f"CO-{self.written:07}",
            account_id=account.id,
            primary_contact_id=contact,
            group_id=chance.choice(world.groups) if chance.random() < 0.04 else None,
            campaign_id=chance.choice(world.campaigns) if chance.random() < 0.12 else None,
            owner_id=seller.id,
            assigned_to_id=chance.choice(world.sellers).id if chance.random() < 0.05 else None,
            altered_by_id=seller.manager if chance.random() < 0.1 else None,
            amount=amount,
            currency=currency,
            probability=probability,
            close_date=draft.close_date,
            expected_close=draft.close_date + timedelta(days=chance.randint(-12, 8)) if closed_at else draft.close_date,
            closed_at=closed_at,
            stage_id=self.stages[draft.stage],
            stage_system=draft.stage,
            forecast_system=forecast.lower(),
            forecast_category_id=self.forecasts[forecast] if forecast else None,
            type_id=self.types["Renewal" if is_renewal else "Existing Business" if is_existing else "New Business"],
            source_id=chance.choice(self.sources),
            prospect_type="existing" if is_existing else "new",
            operation="renew" if is_renewal else "new",
            next_step=chance.choice(NEXT_STEPS)
            if is_open
            else chance.choice(LOST_STEPS)
            if draft.stage == "Lost"
            else "",
            description=chance.choice(DESCRIPTIONS),
            product_text=lead.product.short_name,
            wants_products=has_lines,
            wants_tax=wants_tax,
            active=True,
            activity_index=int(chance.random() * 101),
            relationship_index=int(chance.random() * 101),
            custom=_custom(draft.close_date, chance),
        )

    def _seller(self, month: date) -> Seller:
        return self.chance.choices(*self.sellers[month])[0]

    def _sold(self, currency: str) -> list[Sold]:
        """What is wanted: mostly one product, sometimes up to four."""
        chance = self.chance
        count = 1 + (chance.random() < 0.45) + (chance.random() < 0.25) + (chance.random() < 0.1)
        wanted = dict.fromkeys(chance.choices(self.sold, cum_weights=self.product_weights, k=count))
        off = (0, 0, 0, 5, 8, 12)[int(chance.random() * 6)]
        sold = []
        for product in wanted:
            price = _listed(product.price, currency)
            sold.append(Sold(product, chance.choice(product.quantities), price, price * off // 100))
        return sold

    def _times(self, close: date, account: OwnedAccount, is_open: bool) -> tuple[datetime, datetime | None, datetime]:
        """Created, closed and last changed: in this order, and before today."""
        chance = self.chance
        cycle = min(max(int(chance.lognormvariate(3.6, 0.6)), 3), 240)
        yesterday = self.world.window.today - timedelta(days=1)
        begun = min(close, yesterday) - timedelta(days=cycle)
        created = max(at_hour(begun, 480 + int(chance.random() * 540)), account.since)
        if not is_open:
            closed_at = at_hour(close, 600 + int(chance.random() * 480))
            return min(created, closed_at), closed_at, closed_at
        idle = int(chance.random() * (at_hour(yesterday, 0) - created).total_seconds() * 0.6)
        return created, None, at_hour(yesterday, 1080) - timedelta(seconds=max(idle, 0))

    def _surround(
        self,
        number: int,
        seller: Seller,
        account: OwnedAccount,
        contact: int,
        lead: Sold,
        created: datetime,
        closed_at: datetime | None,
        parts: Parts,
    ) -> None:
        chances, world = self.part_chances, self.world
        if self._has("roles"):
            parts.roles.extend(_roles(number, contact, self.contacts[account.id], chances["roles"]))
        if self._has("tags"):
            tags = chances["tags"].sample(world.tags, chances["tags"].randint(1, 3))
            parts.tags.extend(OpportunityTagRow(number, tag, position) for position, tag in enumerate(tags))
        tells, notes = self._has("activities"), self._has("notes")
        if not (tells or notes):
            return
        language = COUNTRIES[account.country].language
        story = Story(
            *(number, account.id, contact, seller.id, seller.email, seller.manager, language),
            *(lead.product.short_name, created, closed_at),
        )
        if tells:
            parts.activities.extend(activities_of(world, story, chances["activities"]))
        if notes:
            parts.notes.extend(notes_of(world, story, chances["notes"]))

    def _has(self, part: str) -> bool:
        return self.part_chances[part].random() < self.shares[part]


def _sellers_in(world: World, month: date) -> tuple[list[Seller], list[float]]:
    """Who sells in that month, and how much of all they sell."""
    sellers = [seller for seller in world.sellers if seller.sells_in(month)]
    return sellers, [seller.pace for seller in sellers]


def _currency(seller: Seller, chance: Random) -> str:
    """The seller's own, or dollars here and there."""
    other, share = OTHER_CURRENCY[seller.currency]
    return other if chance.random() < share else seller.currency


@cache
def _listed(price: int, currency: str) -> int:
    return int((price * PRICE_FACTORS[currency] / 10).to_integral_value()) * 10 if currency != "USD" else price


def _name(account: OwnedAccount, lead: Sold) -> str:
    wanted = f"{lead.quantity} × {lead.product.short_name}" if lead.quantity > 1 else lead.product.short_name
    return f"{account.name} – {wanted}"


def _forecast(stage: str, probability: int) -> str:
    if stage == "On hold":
        return "Omitted"
    return "Commit" if probability >= 80 else "Upside" if probability >= 60 else "Pipeline"


def _lines(number: int, sold: list[Sold], tax: Decimal | None) -> Iterator[LineRow]:
    for position, line in enumerate(sold):
        total = (line.net * (1 + (tax or Decimal()))).quantize(CENT, ROUND_HALF_UP)
        yield LineRow(
            *(number, line.product.id, position, line.quantity),
            *(Decimal(line.unit_price), Decimal(line.discount), tax, total),
        )


def _roles(number: int, first: int, contacts: list[int], chance: Random) -> Iterator[RoleRow]:
    yield RoleRow(number, first, ROLES[0], 0)
    others = [contact for contact in contacts if contact != first]
    for position, other in enumerate(chance.sample(others, min(len(others), chance.randint(0, 2))), start=1):
        yield RoleRow(number, other, chance.choice(ROLES[1:]), position)


def _custom(close: date, chance: Random) -> str:
    drawn = chance.random()
    if drawn > 0.25:
        return "{}"
    values: dict[str, object] = {"competitor": chance.choice(("Forte Piston", "Nordkanne", "La Tazza", "none known"))}
    if drawn < 0.1:
        values["installation"] = close + timedelta(days=chance.randint(14, 60))
    if drawn < 0.04:
        values["trade_in"] = f"{chance.randint(2, 30) * 100}.00"
    return as_json(values)
