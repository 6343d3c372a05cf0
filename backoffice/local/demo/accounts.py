"""The customers: roasters, cafés, hotels and whoever else serves coffee, in nine countries."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from backoffice.crm.models import Account, AccountTag
from backoffice.crm.records import Address, Email
from backoffice.local.demo.copying import as_json, next_ids, uid_at
from backoffice.local.demo.names import ascii_word
from backoffice.local.demo.places import COUNTRIES, TERRITORIES, City, address_in, office_phone
from backoffice.local.demo.world import OwnedAccount, Seller, World


class Naming(NamedTuple):
    """How a country names its companies: kinds with their industry, and what they are called after."""

    kinds: tuple[tuple[str, str], ...]
    stems: tuple[str, ...]
    legal: tuple[str, ...]


ENGLISH = Naming(
    (
        ("{} Coffee Roasters", "Coffee roaster"),
        ("{} Cafés", "Café chain"),
        ("{} Hotels", "Hotel"),
        ("{} Kitchen", "Restaurant"),
        ("{} Bakery", "Bakery"),
        ("{} Medical Center", "Hospital"),
        ("{} College Dining", "University"),
        ("{} Office Services", "Office services"),
        ("{} Airport Lounges", "Travel"),
        ("{} Grocers", "Grocery"),
    ),
    (
        *("Bluebird", "Cedar & Main", "Copper Kettle", "Dockside", "Elm Hollow", "Foxglove", "Granite Bay"),
        *("Wagtail", "Ironwood", "Jackdaw", "Kestrel", "Lantern", "Magpie", "Northfield", "Old Foundry"),
        *("Paper Crane", "Quarry Lake", "Redwing", "Saltmarsh", "Tamarack", "Upper Deck", "Wild Fennel"),
    ),
    ("Inc.", "LLC", "Holdings Inc."),
)
SPANISH = Naming(
    (
        ("Tostadores {}", "Coffee roaster"),
        ("Cafeterías {}", "Café chain"),
        ("Hoteles {}", "Hotel"),
        ("Restaurantes {}", "Restaurant"),
        ("Panadería {}", "Bakery"),
        ("Hospital {}", "Hospital"),
        ("Universidad {}", "University"),
        ("Servicios {}", "Office services"),
        ("Autobuses {}", "Travel"),
        ("Abarrotes {}", "Grocery"),
    ),
    (
        *("Agua Clara", "Bugambilia", "Cañón Verde", "Cerro Pinto", "Colibrí Dorado", "del Albañil", "El Ñandú"),
        *("Estación Norte", "Jícara Azul", "La Cigüeña", "Las Cañadas", "Luz de Otoño", "Maíz Morado", "Nogalera"),
        *("Ocho Ríos", "Piñón Rojo", "Puente Viejo", "San Ánimo", "Tierra Añil", "Volcán Niño"),
    ),
    ("S.A. de C.V.", "S. de R.L. de C.V."),
)
GERMAN = Naming(
    (
        ("Rösterei {}", "Coffee roaster"),
        ("{} Kaffeehäuser", "Café chain"),
        ("Hotel {}", "Hotel"),
        ("Gasthof {}", "Restaurant"),
        ("Bäckerei {}", "Bakery"),
        ("Klinikum {}", "Hospital"),
        ("Studierendenwerk {}", "University"),
        ("{} Bürodienste", "Office services"),
        ("{} Reisen", "Travel"),
        ("{} Feinkost", "Grocery"),
    ),
    (
        *("Abendröte", "Brückentor", "Drosselgrund", "Eichenhöh", "Flüsterbach", "Goldähre", "Heidelerche"),
        *("Kupfermühle", "Lärchenhof", "Morgenweiß", "Möwenkiek", "Nebelhöhe", "Querfurt", "Rößlein"),
        *("Schönblick", "Süßmann", "Straußenhof", "Überlinden", "Weißdorn", "Zwölf Apostel"),
    ),
    ("GmbH", "GmbH & Co. KG", "AG"),
)
FRENCH = Naming(
    (
        ("Torréfaction {}", "Coffee roaster"),
        ("Cafés {}", "Café chain"),
        ("Hôtel {}", "Hotel"),
        ("Brasserie {}", "Restaurant"),
        ("Boulangerie {}", "Bakery"),
        ("Clinique {}", "Hospital"),
        ("Campus {}", "University"),
        ("Bureaux {}", "Office services"),
        ("Voyages {}", "Travel"),
        ("Épicerie {}", "Grocery"),
    ),
    (
        *("de l'Écluse", "Belle Étoile", "Cœur de Ville", "des Mésanges", "du Chêne Bleu", "Fleur de Sel"),
        *("La Grenouillère", "Le Héron", "Maître Noël", "Pont-Neuf-des-Prés", "Rosée", "Saint-Clément", "Trois Épis"),
    ),
    ("SARL", "SAS"),
)
NAMINGS = {
    "US": ENGLISH,
    "GB": ENGLISH,
    "MX": SPANISH,
    "ES": SPANISH,
    "DE": GERMAN,
    "AT": GERMAN,
    "CH": GERMAN,
    "FR": FRENCH,
    "BE": FRENCH,
}
# Two cafés that share their name and have no account ID: an upload by name alone can't tell them apart.
NAMESAKES = {40: "Café Central", 77: "Cafe Central"}
WITHOUT_ID_FROM = 80
DESCRIPTIONS = (
    "",
    "",
    "Replaces machines every five years.",
    "Water is hard: always quote the softener.",
    "Wants one invoice for all outlets.",
    "Baristas trained by us.\nAsks for loan machines in December.",
    "Purchasing decides in committee, first Tuesday of the month.",
)


class AccountRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    name: str
    external_id: str | None
    billing_name: str
    tax_id: str
    client_number: str
    description: str
    website: str
    emails: str
    phones: str
    addresses: str
    type_id: int
    industry_id: int
    status_id: int
    source_id: int
    classification_id: int
    rating_id: int | None
    parent_id: int | None
    owner_id: int
    assigned_to_id: int | None
    custom: str


class AccountTagRow(NamedTuple):
    account_id: int
    tag_id: int
    position: int


def load_accounts(world: World) -> None:
    ids = next_ids(Account, world.sizes.accounts)
    world.copy(Account, _accounts(world, ids))
    chance = world.random("account tags")
    world.copy(
        AccountTag,
        (
            AccountTagRow(account.id, tag, position)
            for account in world.accounts
            if chance.random() < 0.3
            for position, tag in enumerate(chance.sample(world.tags, chance.randint(1, 3)))
        ),
    )


class Customer(NamedTuple):
    """What is known of a customer before the details."""

    id: int
    place: int
    """In the order of all."""
    name: str
    domain: str
    country: str
    city: City
    industry: str
    seller: Seller
    since: datetime


def _accounts(world: World, ids: list[int]) -> Iterator[AccountRow]:
    chance = world.random("accounts")
    here = [seller for seller in world.sellers if seller.last_month is None]
    taken: set[str] = set()
    for index, number in enumerate(ids):
        seller = here[index % len(here)]
        country = chance.choice(TERRITORIES[seller.territory])
        city = chance.choice(COUNTRIES[country].cities)
        kind, industry = chance.choice(NAMINGS[country].kinds)
        name = NAMESAKES.get(index) or company_name(kind, country, city, chance, taken)
        domain = "" if index in NAMESAKES else f"{ascii_word(name)}.example"
        since = world.window.founding + timedelta(days=chance.randint(0, 400), minutes=chance.randint(0, 600))
        yield _account(world, Customer(number, index, name, domain, country, city, industry, seller, since), chance)
        world.accounts.append(OwnedAccount(number, name, country, domain, seller.id, since))


def company_name(kind: str, country: str, city: City, chance: Random, taken: set[str]) -> str:
    name = plain = kind.format(chance.choice(NAMINGS[country].stems))
    if name in taken:
        name = plain = f"{plain} {city.name}"
    again = 1
    while name in taken:
        again += 1
        name = f"{plain} {again}"
    taken.add(name)
    return name


def _account(world: World, customer: Customer, chance: Random) -> AccountRow:
    pick, choice = chance.choice, world.choice
    country, index, since = customer.country, customer.place, customer.since
    parent = pick(world.accounts) if index > 20 and chance.random() < 0.12 else None
    emails = [Email(address=f"info@{customer.domain}", kind="office")] if customer.domain else []
    without_id = index in NAMESAKES or WITHOUT_ID_FROM <= index < WITHOUT_ID_FROM + 5
    size = chance.choices("ABC", (1, 3, 5))[0]
    return AccountRow(
        id=customer.id,
        uid=uid_at(since, chance),
        created_at=since,
        changed_at=since + timedelta(days=chance.randint(0, 300)),
        name=customer.name,
        external_id=None if without_id else f"CCS-{10001 + index}",
        billing_name=f"{customer.name} {pick(NAMINGS[country].legal)}",
        tax_id=_tax_id(country, customer.name, chance),
        client_number=f"{country}{4200 + index}",
        description=pick(DESCRIPTIONS),
        website=f"https://www.{customer.domain}/" if customer.domain else "",
        emails=as_json(emails),
        phones=as_json([office_phone(country, chance)]),
        addresses=as_json(_addresses(customer, chance)),
        type_id=choice("account_type", chance.choices(("Customer", "Prospect", "Reseller"), (7, 2, 1))[0]),
        industry_id=choice("industry", customer.industry),
        status_id=choice("account_status", chance.choices(("Active", "Dormant"), (9, 1))[0]),
        source_id=pick(world.choices_of("source")),
        classification_id=choice("classification", size),
        rating_id=pick(world.choices_of("rating")) if chance.random() < 0.7 else None,
        parent_id=parent.id if parent and parent.country == country else None,
        owner_id=customer.seller.id,
        assigned_to_id=customer.seller.manager if size == "A" else None,
        custom=as_json(_custom(size, chance)),
    )


def _addresses(customer: Customer, chance: Random) -> list[Address]:
    country = customer.country
    addresses = [address_in(country, customer.city, chance)]
    if chance.random() < 0.4:
        addresses.append(address_in(country, chance.choice(COUNTRIES[country].cities), chance, "shipping"))
    if chance.random() < 0.2:
        addresses.append(address_in(country, customer.city, chance, "billing"))
    return addresses


def _tax_id(country: str, name: str, chance: Random) -> str:
    """Shaped like the country's own, an RFC in Mexico; belongs to nobody."""
    if country == "MX":
        letters = ascii_word(name).replace("-", "").upper()[:3].ljust(3, "X")
        founded = f"{chance.randint(70, 99)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
        return f"{letters}{founded}{chance.choice('ABCHJKMN')}{chance.choice('ABCHJKMN')}{chance.randint(0, 9)}"
    if country == "US":
        return f"00-{chance.randint(0, 9_999_999):07}"
    return f"{country}{chance.randint(0, 999_999_999):09}"


def _custom(size: str, chance: Random) -> dict[str, object]:
    outlets = chance.randint(1, 4) * {"A": 20, "B": 4, "C": 1}[size]
    values: dict[str, object] = {"outlets": outlets}
    if chance.random() < 0.6:
        values["water_hardness"] = chance.choice(("soft", "medium", "hard"))
    if chance.random() < 0.4:
        values["service_contract"] = True
    return values
