"""The people at the accounts."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from backoffice.crm.models import Contact, ContactTag
from backoffice.crm.records import Assistant, Email, Phone
from backoffice.local.demo.copying import as_json, next_ids, uid_at
from backoffice.local.demo.names import PersonName, ascii_word, email_at, person_of
from backoffice.local.demo.places import COUNTRIES, address_in, mobile_phone, office_phone
from backoffice.local.demo.world import OwnedAccount, World

JOB_TITLES = (
    ("Head of Purchasing", "Purchasing", "Director"),
    ("Buyer", "Purchasing", "Specialist"),
    ("Operations Manager", "Operations", "Manager"),
    ("Café Manager", "Food and beverage", "Manager"),
    ("Food & Beverage Director", "Food and beverage", "Director"),
    ("Head Barista", "Food and beverage", "Barista trainer"),
    ("Chief Financial Officer", "Finance", "Director"),
    ("Facilities Manager", "Facilities", "Manager"),
    ("Owner", "Operations", "Owner"),
    ("Executive Assistant", "Operations", "Assistant"),
)
SALUTATIONS = {"MX": ("Lic.", "Ing."), "DE": ("Frau", "Herr"), "AT": ("Frau", "Herr"), "CH": ("Frau", "Herr")}
COFFEES = ("cortado", "flat white", "filter", "espresso doppio", "café de olla", "Melange", "decaf")
TWINS_EVERY = 60
"""How often a contact is on file twice, with one email: vendors allow it."""


class ContactRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    name: str
    salutation_id: int | None
    given: str
    family: str
    second_family: str
    job_title: str
    department_id: int
    position_id: int
    company_name: str
    account_id: int
    emails: str
    phones: str
    addresses: str
    skype: str
    linkedin: str
    twitter: str
    assistant: str | None
    origin_id: int
    status_id: int
    description: str
    language: str
    birthday: date | None
    reports_to_id: int | None
    can_call: bool
    can_email: bool
    owner_id: int
    custom: str


class ContactTagRow(NamedTuple):
    contact_id: int
    tag_id: int
    position: int


def load_contacts(world: World) -> None:
    world.contacts = _numbered(world)
    world.copy(Contact, _contacts(world))
    chance = world.random("contact tags")
    world.copy(
        ContactTag,
        (
            ContactTagRow(contact, tag, position)
            for contacts in world.contacts
            for contact in contacts
            if chance.random() < 0.08
            for position, tag in enumerate(chance.sample(world.tags, chance.randint(1, 2)))
        ),
    )


def _numbered(world: World) -> list[list[int]]:
    """Ids for the contacts of each account: the first accounts have many, of thousands each has a few."""
    chance = world.random("contact numbers")
    sizes = [chance.randint(3, 9) if index < 85 else chance.randint(1, 5) for index in range(len(world.accounts))]
    ids = iter(next_ids(Contact, sum(sizes)))
    return [[next(ids) for _ in range(size)] for size in sizes]


def _contacts(world: World) -> Iterator[ContactRow]:
    chance = world.random("contacts")
    count = 0
    for account, numbers in zip(world.accounts, world.contacts, strict=True):
        before = PersonName("", "")
        for number in numbers:
            count += 1
            is_twin = count % TWINS_EVERY == 0 and number != numbers[0]
            person = before if is_twin else person_of(account.country, chance)
            before = person
            boss = numbers[0] if number != numbers[0] and chance.random() < 0.6 else None
            yield _contact(world, chance, number, account, person, boss)


def _contact(
    world: World, chance: Random, number: int, account: OwnedAccount, person: PersonName, boss: int | None
) -> ContactRow:
    title, department, position = chance.choice(JOB_TITLES)
    country = COUNTRIES[account.country]
    domain = account.domain or "mail.example"
    since = account.since + timedelta(days=chance.randint(0, 25), minutes=chance.randint(0, 400))
    greeting = chance.choice(SALUTATIONS.get(account.country, ("Ms.", "Mr.", "Dr.", "Mx.")))
    handle = f"{ascii_word(person.given)}-{ascii_word(person.family)}"
    return ContactRow(
        id=number,
        uid=uid_at(since, chance),
        created_at=since,
        changed_at=since + timedelta(days=chance.randint(0, 200)),
        name=person.full,
        salutation_id=world.choice("title", greeting) if chance.random() < 0.4 else None,
        given=person.given,
        family=person.family,
        second_family=person.second_family,
        job_title=title,
        department_id=world.choice("department", department),
        position_id=world.choice("position", position),
        company_name=account.name,
        account_id=account.id,
        emails=as_json([Email(address=email_at(domain, person), kind="work")] if chance.random() < 0.95 else []),
        phones=as_json(_phones(account.country, chance)),
        addresses=as_json(
            [address_in(account.country, chance.choice(country.cities), chance)] if chance.random() < 0.15 else []
        ),
        skype=f"live:{handle}" if chance.random() < 0.1 else "",
        linkedin=f"https://social.example/in/{handle}" if chance.random() < 0.5 else "",
        twitter=f"@{handle}" if chance.random() < 0.1 else "",
        assistant=as_json(_assistant(account, chance)) if position == "Director" and chance.random() < 0.3 else None,
        origin_id=chance.choice(world.choices_of("origin")),
        status_id=world.choice("contact_status", chance.choices(("Active", "Left the company"), (19, 1))[0]),
        description="Prefers to be written to." if chance.random() < 0.05 else "",
        language=country.language,
        birthday=date(chance.randint(1958, 2001), chance.randint(1, 12), chance.randint(1, 28))
        if chance.random() < 0.2
        else None,
        reports_to_id=boss,
        can_call=chance.random() > 0.05,
        can_email=chance.random() > 0.05,
        owner_id=account.seller,
        custom=as_json(_custom(chance)),
    )


def _phones(country: str, chance: Random) -> list[Phone]:
    phones = [office_phone(country, chance)] if chance.random() < 0.9 else []
    return [*phones, mobile_phone(country, chance)] if chance.random() < 0.7 else phones


def _assistant(account: OwnedAccount, chance: Random) -> Assistant:
    person = person_of(account.country, chance)
    return Assistant(
        name=person.given,
        surname=person.family,
        second_surname=person.second_family,
        email=email_at(account.domain or "mail.example", person),
        phone=office_phone(account.country, chance).number,
        extension=str(chance.randint(100, 499)),
    )


def _custom(chance: Random) -> dict[str, object]:
    values: dict[str, object] = {}
    if chance.random() < 0.15:
        values["favourite_coffee"] = chance.choice(COFFEES)
    if chance.random() < 0.5:
        values["newsletter"] = chance.random() < 0.8
    return values
