"""What is sold in the demo's Tactile CRM account: opportunities, their timelines and activities."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from backoffice.crm.records import Activity, Contact, Email, Note, Opportunity, Ref
from backoffice.local.demo.choices import STAGES
from backoffice.local.demo.opportunities import DESCRIPTIONS, PRICE_FACTORS
from backoffice.local.demo.people import DOMAIN
from backoffice.local.demo.products import CATALOGUE
from backoffice.local.demo.stories import WORDS, Words
from backoffice.local.demo.tactile_customers import CURRENCY, LANGUAGES, LISTS, STRANGER, Making, Organisation
from backoffice.local.demo.window import at_hour
from connectors.tactile import mapping as lists

OPPORTUNITIES = 400
OPEN_SHARE, ARCHIVED_SHARE = 0.4, 0.05
OPEN_STATUSES = ("Prospecting", "Qualified", "Tasting", "Proposal Sent", "Negotiation")
OPEN_WEIGHTS = (22, 24, 18, 20, 16)
PROBABILITIES = {label: probability for label, _status, probability in STAGES} | {"Proposal Sent": 60}
TAGS = ("leasing", "oat milk", "second showroom", "trade show Köln", "loan machine")


def make_opportunities(making: Making) -> None:
    chance = making.chances("opportunities")
    organisations = chance.choices(making.organisations, [_weight(each, chance) for each in making.organisations],
                                   k=OPPORTUNITIES)  # fmt: skip
    for organisation in organisations:
        record = _opportunity(making, organisation, chance)
        id = making.world.add("opportunity", record)
        _make_notes(making, organisation, id, record, chance)
        _make_activities(making, organisation, id, record, chance)


def _weight(organisation: Organisation, chance: Random) -> float:
    return len(organisation.people) * chance.uniform(0.3, 2)


def _opportunity(making: Making, organisation: Organisation, chance: Random) -> Opportunity:
    ware = chance.choices(CATALOGUE, [each.weight for each in CATALOGUE])[0]
    quantity = chance.choice(ware.quantities)
    status, created, close = _course(making, organisation, chance)
    is_open = status not in {"Won", "Lost"}
    changed = making.moment(chance, created.date(), making.today if is_open else close + timedelta(days=2))
    is_archived = not is_open and chance.random() < ARCHIVED_SHARE / (1 - OPEN_SHARE)
    owner = STRANGER if chance.random() < 0.02 else organisation.owner
    wanted = f"{quantity} × {ware.short_name}" if quantity > 1 else ware.short_name
    return Opportunity(
        name=f"{organisation.name} – {wanted}",
        description=chance.choice(DESCRIPTIONS),
        account=Ref(id=organisation.id),
        primary_contact=Ref(id=chance.choice(organisation.people)) if chance.random() < 0.9 else None,
        probability=PROBABILITIES[status],
        amount=Decimal(quantity * (round(ware.price * PRICE_FACTORS[CURRENCY] / 10) * 10)),
        archived_at=changed if is_archived else None,
        stage=Ref(label=status),
        type=Ref(label=chance.choices(LISTS[lists.TYPES], (6, 3, 1))[0]),
        source=Ref(label=chance.choices(LISTS[lists.SOURCES], (6, 5, 4, 3, 2, 1))[0]),
        owner=Ref(id=owner),
        assigned_to=Ref(id=chance.choice(making.users) if chance.random() < 0.08 else owner),
        altered_by=Ref(id=organisation.owner),
        close_date=close,
        tags=chance.sample(TAGS, chance.randint(1, 2)) if chance.random() < 0.12 else [],
        created_there=created,
        changed_there=max(changed, created),
    )


def _course(making: Making, organisation: Organisation, chance: Random) -> tuple[str, datetime, date]:
    """How it stands, since when it is there, and when it is to close, or did."""
    today = making.today
    if chance.random() < OPEN_SHARE:
        created = making.moment(chance, max(organisation.since.date(), today - timedelta(days=200)), today)
        # Here and there nobody has moved the day.
        close = today + timedelta(days=min(max(int(chance.expovariate(1 / 45)), 0), 150) - 6)
        return chance.choices(OPEN_STATUSES, OPEN_WEIGHTS)[0], created, close
    created = making.moment(chance, organisation.since.date(), today - timedelta(days=20))
    close = min(created.date() + timedelta(days=int(chance.lognormvariate(3.6, 0.6))), today - timedelta(days=1))
    return "Won" if chance.random() < 0.48 else "Lost", created, close


def _make_notes(making: Making, organisation: Organisation, id: str, record: Opportunity, chance: Random) -> None:
    """Half have some. An email's number is counted apart from the notes'."""
    if chance.random() < 0.5:
        return
    words, (created, changed) = _words(organisation), _span(record)
    for _ in range(chance.randint(1, 4)):
        at = max(making.moment(chance, created.date(), changed.date()), created)
        title, body = chance.choice(words.notes)
        is_email = chance.random() < 0.3
        author = record.owner
        assert isinstance(author, Ref)
        note = Note(
            kind="email" if is_email else "note",
            title=title or "Call",
            body=body.format(product=str(record.name).rpartition(" – ")[2]),
            private=not is_email and chance.random() < 0.1,
            author=author,
            opportunity=Ref(id=id),
            account=record.account,
            contact=record.primary_contact,
            happened_at=at,
            created_there=at,
            changed_there=at,
        )
        if is_email:
            note.sender, note.recipients = f"{author.id}@{DOMAIN}", _address(making, record)
        number = making.world.highest.get("note", 0) + 1
        making.world.add("note", note, id=f"{note.kind}:{number}")


def _make_activities(making: Making, organisation: Organisation, id: str, record: Opportunity, chance: Random) -> None:
    """A third have one; those of open opportunities are partly still to come."""
    if chance.random() > 0.35:
        return
    words, (created, changed) = _words(organisation), _span(record)
    is_to_come = record.close_date is not None and str(getattr(record.stage, "label", "")) in OPEN_STATUSES
    is_to_come = is_to_come and chance.random() < 0.5
    day = making.today + timedelta(days=chance.randint(1, 20)) if is_to_come else changed.date()
    at = at_hour(day, 9 * 60 + 15 * chance.randint(0, 30))
    is_event = chance.random() < 0.4
    subject = chance.choice(words.meetings if is_event else words.to_dos)
    making.world.add(
        "activity",
        Activity(
            kind="event" if is_event else "to_do",
            subject=subject.format(product=str(record.name).rpartition(" – ")[2]),
            location="Showroom" if is_event else "",
            start_at=at if is_event else None,
            start_on=None if is_event else day,
            end_at=at + timedelta(hours=1) if is_event else None,
            later=False,
            owner=record.owner,
            assigned_by=record.owner,
            completed_at=None if is_to_come else at,
            opportunity=Ref(id=id),
            account=record.account,
            contact=record.primary_contact,
            created_there=created,
            changed_there=changed,
        ),
    )


def _words(organisation: Organisation) -> Words:
    return WORDS[LANGUAGES.get(organisation.country, "en")]


def _span(record: Opportunity) -> tuple[datetime, datetime]:
    created, changed = record.created_there, record.changed_there
    assert isinstance(created, datetime)
    assert isinstance(changed, datetime)
    return created, changed


def _address(making: Making, record: Opportunity) -> str:
    contact = making.world.all("contact").get(record.primary_contact.id) if record.primary_contact else None
    emails: list[Email] = contact.emails or [] if isinstance(contact, Contact) else []
    return emails[0].address if emails else "einkauf@customer.example"
