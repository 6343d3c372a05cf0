"""The pick lists, tags and custom fields of the company."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from backoffice.crm.models import Choice, CustomField, Tag
from backoffice.local.demo.copying import as_json, next_ids, uid_at
from backoffice.local.demo.world import World

# label, status, probability
STAGES = (
    ("Prospecting", "open", 10),
    ("Qualified", "open", 25),
    ("Tasting", "open", 40),
    ("Proposal", "open", 60),
    ("Negotiation", "open", 80),
    ("On hold", "pending", 30),
    ("Won", "won", 100),
    ("Lost", "lost", 0),
)
TAXES = (("IVA 16 %", "0.16"), ("MwSt. 19 %", "0.19"), ("TVA 20 %", "0.20"), ("Sales tax 8.25 %", "0.0825"))
DISCOUNTS = (("None", "0"), ("Loyal customer", "0.05"), ("Volume", "0.08"), ("Trade fair", "0.12"))
VALIDITIES = (("30 days", 30), ("60 days", 60), ("One year", 365), ("Three years", 1095))
PLAIN_LISTS = {
    "type": ("New Business", "Existing Business", "Renewal"),
    "source": ("Website", "Referral", "Trade fair", "Cold call", "Partner", "Campaign", "Showroom visit"),
    "forecast": ("Pipeline", "Upside", "Commit", "Omitted"),
    "account_type": ("Customer", "Prospect", "Partner", "Reseller"),
    "account_status": ("Active", "Dormant", "Former"),
    "industry": (
        "Coffee roaster",
        "Café chain",
        "Hotel",
        "Restaurant",
        "Bakery",
        "Hospital",
        "University",
        "Office services",
        "Travel",
        "Grocery",
    ),
    "classification": ("A", "B", "C"),
    "rating": ("Hot", "Warm", "Cold"),
    "origin": ("Website", "Referral", "Trade fair", "Business card", "Call", "Newsletter"),
    "contact_status": ("Active", "Left the company", "Do not disturb"),
    "title": ("Ms.", "Mr.", "Mx.", "Dr.", "Lic.", "Ing.", "Frau", "Herr"),
    "position": ("Owner", "Director", "Manager", "Specialist", "Barista trainer", "Assistant"),
    "department": ("Purchasing", "Operations", "Food and beverage", "Finance", "Facilities", "Marketing"),
    "category": ("Espresso machine", "Grinder", "Brewer", "Roaster", "Water treatment", "Service", "Accessory"),
    "measure": ("Piece", "Set", "Kilogram", "Year", "Day"),
    "case": ("Machine down", "Spare part", "Water quality", "Invoice", "Training", "Delivery"),
    "priority": ("Low", "Normal", "High", "Urgent"),
    "ticket_origin": ("Phone", "Email", "Website", "Technician"),
    "ticket_status": ("New", "In progress", "Waiting for customer", "Closed"),
    "campaign_status": ("Planned", "Running", "Finished"),
    "group_status": ("Active", "Closed"),
}
TAGS = (
    "key account",
    "second showroom",
    "leasing",
    "press reference",
    "slow payer",
    "oat milk",
    "filter revival",
    "24/7 service",
    "barista champion",
    "bilingüe",
    "fair 2 follow-up",
    "refurbished",
)
# entity, slug, label, type, options
CUSTOM_FIELDS = (
    ("account", "outlets", "Outlets", "number", ()),
    ("account", "water_hardness", "Water hardness", "choice", ("soft", "medium", "hard")),
    ("account", "service_contract", "Service contract", "yes_no", ()),
    ("contact", "favourite_coffee", "Favourite coffee", "text", ()),
    ("contact", "newsletter", "Newsletter", "yes_no", ()),
    ("opportunity", "competitor", "Competitor", "choice", ("Forte Piston", "Nordkanne", "La Tazza", "none known")),
    ("opportunity", "installation", "Installation on", "date", ()),
    ("opportunity", "trade_in", "Trade-in value", "money", ()),
    ("product", "warranty_months", "Warranty in months", "number", ()),
)


class ChoiceRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    list: str
    label: str
    order: int
    status: str = ""
    probability: int | None = None
    rate: Decimal | None = None
    days: int | None = None


class TagRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    name: str


class CustomFieldRow(NamedTuple):
    uid: str
    created_at: datetime
    changed_at: datetime
    entity: str
    slug: str
    label: str
    type: str
    options: str
    required: bool
    read_only: bool
    order: int


def load_choices(world: World) -> None:
    """Fill the lists. An entry the company already has under that name is used as it is."""
    entries = list(_entries())
    known = _known("SELECT list, label_key, id FROM crm_choice")
    folded = _folded([label for _list, label, *_rest in entries])
    chance, founding = world.random("choices"), world.window.founding
    rows = []
    ids = iter(next_ids(Choice, len(entries)))
    for order, (list_name, label, status, probability, rate, days) in enumerate(entries):
        number = known.get((list_name, folded[label]))
        uid = uid_at(founding, chance)
        if number is None:
            number = next(ids)
            rows.append(
                ChoiceRow(
                    number, uid, founding, founding, list_name, label, order * 10, status, probability, rate, days
                )
            )
        world.choices[list_name, label] = number
    world.copy(Choice, rows)
    world.taxes = {label: Decimal(rate) for label, rate in TAXES}


def _entries() -> Iterator[tuple[str, str, str, int | None, Decimal | None, int | None]]:
    """(list, label, status, probability, rate, days)"""
    for label, status, probability in STAGES:
        yield "stage", label, status, probability, None, None
    for label, rate in TAXES:
        yield "tax", label, "", None, Decimal(rate), None
    for label, rate in DISCOUNTS:
        yield "discount", label, "", None, Decimal(rate), None
    for label, days in VALIDITIES:
        yield "validity", label, "", None, None, days
    for list_name, labels in PLAIN_LISTS.items():
        for label in labels:
            yield list_name, label, "", None, None, None


def load_tags(world: World) -> None:
    known = _known("SELECT name_key, id FROM crm_tag")
    folded = _folded(list(TAGS))
    chance, founding = world.random("tags"), world.window.founding
    rows = []
    for number, name in zip(next_ids(Tag, len(TAGS)), TAGS, strict=True):
        uid = uid_at(founding, chance)
        there = known.get((folded[name],))
        if there is None:
            rows.append(TagRow(number, uid, founding, founding, name))
        world.tags.append(there or number)
    world.copy(Tag, rows)


def load_custom_fields(world: World) -> None:
    known = _known("SELECT entity, slug, id FROM crm_customfield")
    chance, founding = world.random("custom fields"), world.window.founding
    rows = []
    for order, (entity, slug, label, kind, options) in enumerate(CUSTOM_FIELDS):
        uid = uid_at(founding, chance)
        if (entity, slug) not in known:
            rows.append(
                CustomFieldRow(
                    uid, founding, founding, entity, slug, label, kind, as_json(options), False, False, order
                )
            )
    world.copy(CustomField, rows)


def _known(query: str) -> dict[tuple[str, ...], int]:
    """The last column of each row by the ones before it."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {tuple(key): number for *key, number in cursor.fetchall()}


def _folded(labels: list[str]) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT label, fold(label) FROM unnest(%s::text[]) AS label", [labels])
        return dict(cursor.fetchall())
