"""Campaigns and groups, and who is in them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import models

from backoffice.crm.models import Campaign, CampaignMember, Group, GroupMember
from backoffice.local.demo.copying import next_ids, uid_at
from backoffice.local.demo.window import at_hour
from backoffice.local.demo.world import World

# name, description, status, months from the start of the window
CAMPAIGNS = (
    ("Winter Warm-up", "Bean-to-cup machines for offices, two months to try.", "Finished", 1),
    ("Messe Röstfrisch", "Everybody who left a card at our stand.", "Finished", 4),
    ("Expo Café Niñera", "Visitors of the fair in Querétaro, with an invitation to the showroom.", "Finished", 8),
    ("Trade in your old group", "Credit for any two-group machine older than eight years.", "Finished", 11),
    ("Filter is back", "Batch brewers for bakeries.", "Finished", 15),
    ("Soft Water Week", "Softeners and osmosis for the hard-water regions.", "Running", 20),
    ("24/7 upgrade", "Service customers, from Basic to 24/7.", "Running", 21),
    ("Next year's roasters", "Preview for roasters who bought five years ago.", "Planned", 23),
)
# name, description, status
GROUPS = (
    ("Hotel buyers' circle", "Meets in spring and autumn.", "Active"),
    ("Reference customers", "May be called by prospects.", "Active"),
    ("Beta: connected machines", "Machines that report their shots.", "Active"),
    ("Club de tostadores", "Roasters in central Mexico.", "Active"),
    ("Bürokaffee Nord", "Offices around Hamburg.", "Active"),
    ("Pilot 2-group leasing", "Closed when leasing became regular.", "Closed"),
)


class NamedRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    name: str
    description: str
    owner_id: int
    status_id: int


class CampaignMemberRow(NamedTuple):
    campaign_id: int
    account_id: int | None
    contact_id: int | None
    since: date


class GroupMemberRow(NamedTuple):
    group_id: int
    account_id: int | None
    contact_id: int | None
    since: date


def load_campaigns(world: World) -> None:
    months = world.window.months
    world.campaigns = next_ids(Campaign, len(CAMPAIGNS))
    begun = [min(at_hour(months[index], 600), at_hour(world.window.today, 0)) for *_texts, index in CAMPAIGNS]
    world.copy(Campaign, _named(world, "campaign", world.campaigns, [entry[:3] for entry in CAMPAIGNS], begun))
    _load_members(world, "campaign", CampaignMember, CampaignMemberRow, world.campaigns, begun)


def load_groups(world: World) -> None:
    world.groups = next_ids(Group, len(GROUPS))
    begun = [world.window.founding] * len(GROUPS)
    world.copy(Group, _named(world, "group", world.groups, list(GROUPS), begun))
    _load_members(world, "group", GroupMember, GroupMemberRow, world.groups, begun)


def _named(
    world: World, kind: str, ids: list[int], entries: list[tuple[str, str, str]], begun: list[datetime]
) -> Iterator[NamedRow]:
    chance = world.random(f"{kind}s")
    for number, (name, description, status), since in zip(ids, entries, begun, strict=True):
        yield NamedRow(
            *(number, uid_at(since, chance), since, since, name, description),
            owner_id=chance.choice(world.sellers).id,
            status_id=world.choice(f"{kind}_status", status),
        )


def _load_members(
    world: World,
    kind: str,
    model: type[models.Model],
    row: type[CampaignMemberRow] | type[GroupMemberRow],
    ids: list[int],
    begun: list[datetime],
) -> None:
    """Mostly people; here and there a whole account. Nobody twice."""
    chance = world.random(f"{kind} members")
    contacts = [contact for of_account in world.contacts for contact in of_account]

    def members() -> Iterator[tuple[int, int | None, int | None, date]]:
        for number, since in zip(ids, begun, strict=True):
            for contact in chance.sample(contacts, min(len(contacts), chance.randint(25, 70))):
                yield number, None, contact, (since + timedelta(days=chance.randint(0, 40))).date()
            for account in chance.sample(world.accounts, chance.randint(2, 8)):
                yield number, account.id, None, since.date()

    world.copy(model, (row(*member) for member in members()))
