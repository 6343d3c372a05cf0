"""What comes after the sale: tickets, and the papers that lie with a sale."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from backoffice.crm.models import Document, Opportunity, Status, Ticket, TicketTag
from backoffice.local.demo.copying import next_ids, uid_at
from backoffice.local.demo.window import at_hour
from backoffice.local.demo.world import World

# case, title, description
TROUBLES = (
    ("Machine down", "No pressure on group two", "Pump runs, gauge stays below 6 bar. Guests are waiting."),
    ("Machine down", "Display stays dark", "After the thunderstorm. Fuse is fine."),
    ("Machine down", "Boiler leaks", "A small puddle every morning."),
    ("Spare part", "Gaskets for the Dúo", "Ten group gaskets and two shower screens."),
    ("Spare part", "Burrs for the Molino 83", "Shots run too fast since last week."),
    ("Water quality", "Limescale in the kettle", "Softener was refilled in spring."),
    ("Invoice", "Wrong billing address", "Please issue the invoice again, with the RFC."),
    ("Training", "Two new baristas", "A half day would do, before noon."),
    ("Delivery", "Grinder arrived without hopper", "The box was closed."),
)
PAPERS = (
    ("Offer.txt", "text"),
    ("Price list.csv", "csv"),
    ("Water report.txt", "text"),
    ("Installation plan.pdf", ""),
    ("Photo of the counter.jpg", ""),
)
CONTENTS_FOR = 12
"""So many documents have their content on file; of the others only the name is known."""


class TicketRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    title: str
    description: str
    account_id: int
    contact_id: int | None
    owner_id: int
    origin_id: int
    case_id: int
    priority_id: int
    status_id: int
    due: date
    closed_at: datetime | None


class TicketTagRow(NamedTuple):
    ticket_id: int
    tag_id: int
    position: int


class DocumentRow(NamedTuple):
    uid: str
    created_at: datetime
    changed_at: datetime
    name: str
    size: int | None
    content: str
    author_id: int
    account_id: int
    opportunity_id: int


class Sale(NamedTuple):
    id: int
    name: str
    account: int
    owner: int
    closed_on: date


def load_tickets(world: World) -> None:
    ids = next_ids(Ticket, world.sizes.tickets)
    world.copy(Ticket, _tickets(world, ids))
    chance = world.random("ticket tags")
    world.copy(
        TicketTag, (TicketTagRow(number, chance.choice(world.tags), 0) for number in ids if chance.random() < 0.3)
    )


def _tickets(world: World, ids: list[int]) -> Iterator[TicketRow]:
    chance, window = world.random("tickets"), world.window
    span = (window.today - window.start).days
    for number in ids:
        index = chance.randrange(len(world.accounts))
        account, contact = world.accounts[index], chance.choice(world.contacts[index])
        opened = at_hour(window.start + timedelta(days=chance.randrange(span)), chance.randint(420, 1080))
        case, title, description = chance.choice(TROUBLES)
        due = opened.date() + timedelta(days=chance.randint(1, 14))
        closed = opened + timedelta(hours=chance.randint(2, 400))
        is_closed = closed < at_hour(window.today, 0)
        status = "Closed" if is_closed else chance.choice(("New", "In progress", "Waiting for customer"))
        priority = (
            "Urgent" if case == "Machine down" and chance.random() < 0.5 else chance.choice(("Low", "Normal", "High"))
        )
        yield TicketRow(
            id=number,
            uid=uid_at(opened, chance),
            created_at=opened,
            changed_at=closed if is_closed else opened,
            title=title,
            description=description,
            account_id=account.id,
            contact_id=contact,
            owner_id=account.seller,
            origin_id=chance.choice(world.choices_of("ticket_origin")),
            case_id=world.choice("case", case),
            priority_id=world.choice("priority", priority),
            status_id=world.choice("ticket_status", status),
            due=due,
            closed_at=closed if is_closed else None,
        )


def load_documents(world: World) -> None:
    """With the last sales that were won."""
    chance = world.random("documents")
    won = Opportunity.objects.filter(
        stage__status=Status.WON, owner__in=[seller.id for seller in world.sellers], close_date__isnull=False
    ).order_by("-close_date", "external_id")
    sales = won.values_list("id", "name", "account_id", "owner_id", "close_date")[: world.sizes.documents]
    world.copy(
        Document,
        [
            _document(Sale(number, name, account, owner, closed_on), index, chance)
            for index, (number, name, account, owner, closed_on) in enumerate(sales)
            if account and owner and closed_on
        ],
    )


def _document(sale: Sale, index: int, chance: Random) -> DocumentRow:
    name, kind = PAPERS[index % len(PAPERS)]
    text = _text(sale, kind) if kind and index < CONTENTS_FOR else ""
    at = at_hour(sale.closed_on, 600) - timedelta(hours=chance.randint(3, 200))
    return DocumentRow(
        *(uid_at(at, chance), at, at, name),
        size=len(text.encode()) if text else chance.choice((None, chance.randint(20_000, 4_000_000))),
        content=_stored(f"documents/demo/{index + 1:02} {name}".replace(" ", "-"), text) if text else "",
        author_id=sale.owner,
        account_id=sale.account,
        opportunity_id=sale.id,
    )


def _text(sale: Sale, kind: str) -> str:
    if kind == "csv":
        return "Article,Price,Currency\r\nDúo,9800.00,USD\r\nMolino 83,1980.00,USD\r\nSoftwell,640.00,USD\r\n"
    return f"Caldera Coffee Systems\n\n{sale.name}\n\nThank you for the tasting. This is what we agreed on.\n"


def _stored(path: str, text: str) -> str:
    """Where the content lies now; a file of an earlier load is replaced."""
    default_storage.delete(path)
    return default_storage.save(path, ContentFile(text.encode()))
