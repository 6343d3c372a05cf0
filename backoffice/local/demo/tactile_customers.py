"""The organisations and people of the demo's Tactile CRM account, a part of them on file here as well."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from django.db.models import Count

from backoffice.crm.models import Account, Choice, Contact, Rep
from backoffice.crm.records import Account as AccountRecord
from backoffice.crm.records import Contact as ContactRecord
from backoffice.crm.records import Email, Known, Phone, Record, Ref
from backoffice.local.demo.accounts import DESCRIPTIONS, NAMINGS, company_name
from backoffice.local.demo.contacts import JOB_TITLES
from backoffice.local.demo.names import ascii_word, email_at, person_of
from backoffice.local.demo.places import COUNTRIES, address_in, office_phone
from backoffice.local.demo.window import at_hour
from backoffice.sync.rows import rows
from connectors.kit.memory import World
from connectors.tactile import mapping as lists

ORGANISATIONS, PEOPLE_THERE = 120, 300
MOST_SHARED = 30
LISTED = ("type", "industry", "status", "source", "classification", "rating")
CURRENCY = "EUR"
TERRITORY = ("DE", "DE", "DE", "AT", "CH", "FR", "FR", "BE", "GB")
# An assistant who is no rep of ours: whom to take her for, a person is to say.
STRANGER = "wilma.assistenz"

STATUSES = {
    "Prospecting": "open",
    "Qualified": "open",
    "Tasting": "open",
    "Proposal Sent": "open",
    "Negotiation": "open",
    "Won": "won",
    "Lost": "lost",
}
LISTS: dict[str, Sequence[str]] = {
    lists.TYPES: ("New Business", "Existing Business", "Renewal"),
    # One of them means nothing here, until somebody says what.
    lists.SOURCES: ("Website", "Word of Mouth", "Trade fair", "Telemarketing", "Partner", "Gelbe Seiten"),
    lists.ORGANISATION_STATUSES: ("Active", "Dormant"),
    lists.ORGANISATION_TYPES: ("Customer", "Prospect", "Reseller"),
    lists.ORGANISATION_SOURCES: (
        *("Website", "Referral", "Trade fair", "Cold call", "Partner", "Campaign", "Showroom visit"),
    ),
    lists.INDUSTRIES: (
        *("Coffee roaster", "Café chain", "Hotel", "Restaurant", "Bakery", "Hospital", "University", "Office services"),
        *("Travel", "Grocery"),
    ),
    lists.CLASSIFICATIONS: ("A", "B", "C"),
    lists.RATINGS: ("Hot", "Warm", "Cold"),
}
LANGUAGES = {"DE": "de", "AT": "de", "CH": "de", "FR": "fr", "BE": "fr", "GB": "en"}
TITLES = ("Mr", "Ms", "Dr")


@dataclass(frozen=True)
class Organisation:
    """One that opportunities are made for."""

    id: str
    name: str
    country: str
    owner: str
    since: datetime
    ours: int = 0  # the account here
    people: list[str] = field(default_factory=list)


@dataclass
class Making:
    """The account so far."""

    world: World
    today: date
    users: Sequence[str]
    organisations: list[Organisation] = field(default_factory=list)

    def chances(self, family: str) -> Random:
        """What one family draws never disturbs another."""
        return Random(f"{self.today:%Y-%m-%d} tactile {family}")  # noqa: S311 (nothing secret)

    def moment(self, chance: Random, first: date, last: date) -> datetime:
        """In office hours, on a day between the two and before today."""
        last = min(last, self.today - timedelta(days=1))
        day = first + timedelta(days=int(chance.random() * (max((last - first).days, 0) + 1)))
        return at_hour(min(day, last), 8 * 60 + int(chance.random() * 600)) + timedelta(seconds=chance.randint(0, 59))

    def moment_after(self, chance: Random, first: datetime) -> datetime:
        return max(self.moment(chance, first.date(), self.today), first)


# ── organisations ────────────────────────────────────────────────────────────────────────────────────────────────────


def make_organisations(making: Making) -> None:
    _add_known_organisations(making)
    chance = making.chances("organisations")
    taken = {name for (name,) in Account.objects.values_list("name")}
    while len(making.organisations) < ORGANISATIONS:
        country = chance.choice(TERRITORY)
        _add_organisation(making, _new_organisation(making, country, chance, taken), country)


def _add_organisation(making: Making, record: AccountRecord, country: str, ours: int = 0) -> str:
    id = making.world.add("account", record)
    owner, since = record.owner, record.created_there
    assert isinstance(owner, Ref)
    assert isinstance(since, datetime)
    making.organisations.append(Organisation(id, str(record.name), country, owner.id, since, ours))
    return id


def _add_known_organisations(making: Making) -> None:
    """Customers of the European reps, as these have them there: with less, and here and there otherwise."""
    reps = Rep.objects.filter(username__in=making.users)
    ids = Account.objects.filter(owner__in=reps).exclude(website="").order_by("id").values_list("id", flat=True)
    chance, there = making.chances("known organisations"), Theirs(making)
    for id, record in _read(AccountRecord, "account", [*ids[: 2 * MOST_SHARED]]):
        place, is_apart = len(there.accounts), record.parent and int(record.parent.id) not in there.accounts
        if is_apart or place == MOST_SHARED:
            continue
        addresses = [each for each in record.addresses or [] if each.kind == "main"][:1]
        since = making.moment(chance, making.today - timedelta(days=700), making.today - timedelta(days=300))
        kept = AccountRecord(
            name=f"{record.name} (HQ)" if place % 10 == 4 else record.name,
            description="Prefers the showroom in Cologne." if place % 9 == 2 else record.description,
            client_number=record.client_number if place % 3 else "",
            phones=[Phone(each.number, "office") for each in (record.phones or [])[:1]],
            emails=record.emails,
            addresses=addresses if place % 4 else [],
            parent=there.account(record.parent),
            owner=there.login(record.owner),
            assigned_to=there.login(record.assigned_to),
            created_there=since,
            changed_there=making.moment_after(chance, since),
        )
        for name in LISTED:
            setattr(kept, name, there.entry("account", name, getattr(record, name)))
        there.accounts[id] = _add_organisation(making, kept, addresses[0].country_code if addresses else "DE", id)


def _new_organisation(making: Making, country: str, chance: Random, taken: set[str]) -> AccountRecord:
    city = chance.choice(COUNTRIES[country].cities)
    kind, industry = chance.choice(NAMINGS[country].kinds)
    name = company_name(kind, country, city, chance, taken)
    since = making.moment(chance, making.today - timedelta(days=900), making.today - timedelta(days=60))
    return AccountRecord(
        name=name,
        description=chance.choice(DESCRIPTIONS),
        client_number=f"EU-{chance.randint(2000, 9999)}" if chance.random() < 0.5 else "",
        phones=[Phone(office_phone(country, chance).number, "office")] if chance.random() < 0.9 else [],
        emails=[Email(f"info@{ascii_word(name)}.example")] if chance.random() < 0.8 else [],
        addresses=[address_in(country, city, chance)],
        owner=Ref(id=chance.choice(making.users)),
        type=Ref(label=chance.choices(("Customer", "Prospect"), (6, 4))[0]),
        industry=Ref(label=industry),
        status=Ref(label="Active"),
        source=Ref(label=chance.choice(LISTS[lists.ORGANISATION_SOURCES])),
        classification=Ref(label=chance.choices("ABC", (1, 3, 5))[0]),
        rating=Ref(label=chance.choice(LISTS[lists.RATINGS])) if chance.random() < 0.5 else None,
        tags=chance.sample(("key account", "leasing", "loan machine", "fair 2 follow-up"), 1)
        if chance.random() < 0.2
        else [],
        created_there=since,
        changed_there=making.moment_after(chance, since),
    )


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def make_people(making: Making) -> None:
    count = _add_known_people(making)
    chance = making.chances("people")
    taken = {str(email) for (email,) in Contact.objects.values_list("email")}
    while count < PEOPLE_THERE:
        # Every organisation has somebody before one has two.
        place = count if count < ORGANISATIONS else int(chance.random() * ORGANISATIONS)
        organisation = making.organisations[place]
        record = _new_person(making, organisation, chance)
        address = record.emails[0].address if record.emails else ""
        if address in taken:
            continue
        taken.add(address)
        organisation.people.append(making.world.add("contact", record))
        count += 1


def _add_known_people(making: Making) -> int:
    """Of the organisations that are accounts here; without what Tactile CRM has no place for. How many there are."""
    places = {each.ours: each for each in making.organisations if each.ours}
    ids = Contact.objects.filter(account__in=places, second_family="").exclude(email=None).order_by("id")
    chance, there, seen = making.chances("known people"), Theirs(making), set[str]()
    count = Contact.objects.order_by().values("email").annotate(rows=Count("id"))
    twice = set(count.filter(rows__gt=1).values_list("email", flat=True))
    for id, record in _read(ContactRecord, "contact", [*ids.values_list("id", flat=True)]):
        address = record.emails[0].address if record.emails else ""
        boss_is_apart = record.reports_to and int(record.reports_to.id) not in there.contacts
        salutation = there.entry("contact", "salutation", record.salutation)
        is_said_otherwise = bool(record.salutation) and salutation is None and len(seen) % 20
        if boss_is_apart or is_said_otherwise or address in seen or chance.random() < 0.2:
            continue
        seen.add(address)
        organisation = places[int(record.account.id)] if record.account else making.organisations[0]
        since = making.moment(chance, organisation.since.date(), making.today)
        title = "Head of Coffee" if len(seen) % 12 == 5 else record.job_title if len(seen) % 4 else ""
        kept = _person(
            organisation,
            str(record.given),
            str(record.family),
            since,
            salutation=salutation,
            description=record.description,
            job_title=title,
            emails=record.emails,
            phones=[Phone(each.number, "office") for each in record.phones or [] if each.kind == "office"][:1],
            language=record.language,
            birthday=record.birthday,
            reports_to=there.contact(record.reports_to),
            can_call=record.can_call,
            can_email=record.can_email,
            changed_there=making.moment_after(chance, since),
        )
        remote_id = making.world.add("contact", kept)
        organisation.people.append(remote_id)
        if address not in twice:  # whom of the two is meant, nobody can tell
            there.contacts[id] = remote_id
    return len(seen)


def _new_person(making: Making, organisation: Organisation, chance: Random) -> ContactRecord:
    person = person_of(organisation.country, chance)
    domain = f"{ascii_word(organisation.name)}.example"
    since = making.moment(chance, organisation.since.date(), making.today)
    title, _department, _position = chance.choice(JOB_TITLES)
    return _person(
        organisation,
        person.given,
        person.family,
        since,
        salutation=Ref(id=(word := chance.choice(TITLES)), label=word) if chance.random() < 0.3 else None,
        job_title=title,
        emails=[Email(email_at(domain, person))] if chance.random() < 0.9 else [],
        phones=[Phone(office_phone(organisation.country, chance).number, "office")] if chance.random() < 0.7 else [],
        language=LANGUAGES.get(organisation.country, "en"),
        can_call=chance.random() > 0.05,
        can_email=chance.random() > 0.05,
        changed_there=making.moment_after(chance, since),
    )


def _person(organisation: Organisation, given: str, family: str, since: datetime, **more: Any) -> ContactRecord:
    return ContactRecord(
        name=f"{given} {family}",
        given=given,
        family=family,
        account=Ref(id=organisation.id),
        owner=Ref(id=organisation.owner),
        created_there=since,
        **more,
    )


# ── what is on file here, in the words of the account there ──────────────────────────────────────────────────────────


class Theirs:
    """References of ours as the account has them; None for what it does not have."""

    def __init__(self, making: Making) -> None:
        self.world = making.world
        self.accounts: dict[int, str] = {}
        self.contacts: dict[int, str] = {}
        self.labels = dict(Choice.objects.values_list("id", "label"))
        self.logins = dict(Rep.objects.filter(username__in=making.users).values_list("id", "username"))

    def account(self, ours: Known[Ref | None]) -> Ref | None:
        return Ref(id=self.accounts[int(ours.id)]) if ours else None

    def contact(self, ours: Known[Ref | None]) -> Ref | None:
        return Ref(id=self.contacts[int(ours.id)]) if ours else None

    def login(self, ours: Known[Ref | None]) -> Ref | None:
        name = self.logins.get(int(ours.id)) if ours else None
        return Ref(id=name) if name else None

    def entry(self, kind: str, field: str, ours: Known[Ref | None]) -> Ref | None:
        label = self.labels[int(ours.id)] if ours else ""
        if field == "salutation":
            word = label.rstrip(".")
            return Ref(id=word, label=word) if word in TITLES else None
        entries = self.world.lists[self.world.list_of(kind, field)]
        return next((Ref(id=each.id, label=each.label) for each in entries if each.label == label), None)


def _read[R: Record](record_type: type[R], kind: str, ids: list[int]) -> Iterator[tuple[int, R]]:
    for id, record in rows.read(kind, ids).items():
        assert isinstance(record, record_type)
        yield id, record
