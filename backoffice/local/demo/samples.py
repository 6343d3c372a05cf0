"""Sample files to try an upload with, made from what is on file."""

import csv
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from django.utils import timezone

from backoffice.crm.models import Account, Opportunity, Status
from backoffice.local.demo.accounts import NAMESAKES
from backoffice.local.demo.loading import is_loaded
from backoffice.local.demo.opportunities import NEXT_STEPS, OPEN_STAGES

# As SalesDirector documents them.
HEADER = (
    "Opportunity ID",
    "Opportunity Name",
    "Amount",
    "Close Date",
    "Stage",
    "Opportunity Owner",
    "Opportunity Owner Email",
    "Account ID",
    "Account Name",
    "Account URL/Website",
    "Opportunity Type",
    "Next Step",
)
type Cells = list[str]

NEW_ROWS, KNOWN_ROWS, CHANGED_EVERY = 120, 60, 3


class Customer(NamedTuple):
    """An account as a file names it, with who sells to it."""

    account_id: str
    name: str
    website: str
    owner: str
    owner_email: str


# Nobody has these on file yet. The first brings a new rep, the last has neither ID nor website.
NEW_CUSTOMERS = (
    Customer(
        *("CCS-90001", "Marigold Tea & Coffee", "https://www.marigold-tea.example/"),
        *("Nayeli Coyoacán Peña", "nayeli.coyoacan@caldera.example"),
    ),
    Customer(
        *("", "Kaffeekontor Süßholz", "https://www.kaffeekontor-suessholz.example/"),
        *("Matthäus Strauß", "matthaus.strauss@caldera.example"),
    ),
    Customer("", "Fonda Doña Eñe", "", "Héctor Zavala Cordero", "hector.zavala@caldera.example"),
)


def sample_files(folder: Path) -> list[Path]:
    """Write the files that are not there yet; answers where all of them lie. None without the demo."""
    if not is_loaded():
        return []
    folder.mkdir(parents=True, exist_ok=True)
    makers: tuple[tuple[str, Callable[[date, Random], Iterator[Cells]]], ...] = (
        ("opportunities-new.csv", _new_rows),
        ("opportunities-changes.csv", _changed_rows),
        ("opportunities-with-mistakes.csv", _faulty_rows),
    )
    paths = []
    for name, maker in makers:
        path = folder / name
        if not path.exists():
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(HEADER)
                writer.writerows(maker(timezone.localdate(), Random(name)))  # noqa: S311 (nothing secret)
        paths.append(path)
    return paths


def _new_rows(today: date, chance: Random) -> Iterator[Cells]:
    """Opportunities nobody knows yet, for customers old and new, some by a rep who is new too."""
    customers = _customers()
    for number in range(1, NEW_ROWS + 1):
        customer = chance.choice(NEW_CUSTOMERS if number % 10 == 0 else customers)
        yield _row(f"CO-NEW-{number:04}", customer, today, chance)


def _changed_rows(_today: date, _chance: Random) -> Iterator[Cells]:
    """Opportunities of the demo: some moved on by two weeks and a stage, the others just as they are."""
    known = (
        Opportunity.objects.filter(
            external_id__startswith="CO-0",
            stage__status=Status.OPEN,
            currency="USD",
            account__external_id__isnull=False,
        )
        .select_related("account", "owner", "stage", "type")
        .order_by("external_id")
    )
    for index, opportunity in enumerate(known[:KNOWN_ROWS]):
        cells = _as_it_is(opportunity)
        if index % CHANGED_EVERY == 0:
            cells[2] = f"{Decimal(cells[2]) * Decimal('1.1'):.2f}"
            cells[3] = str(date.fromisoformat(cells[3]) + timedelta(days=14))
            cells[4] = "Negotiation"
        yield cells


def _faulty_rows(today: date, chance: Random) -> Iterator[Cells]:
    """Some rows that are well, and one for each thing that is often wrong."""
    customers = _customers()

    def row(number: int, **wrong: str) -> Cells:
        cells = _row(f"CO-TRY-{number:04}", chance.choice(customers), today, chance)
        for column, value in wrong.items():
            cells[HEADER.index(column.replace("_", " "))] = value
        return cells

    yield row(1)
    yield row(2, Amount="about 12k")
    yield row(3, Close_Date="2027-02-31")
    yield row(4, Opportunity_Name="")
    yield row(5, Opportunity_ID="")
    yield row(6, Opportunity_Owner_Email="oluchi.okonkwo(at)caldera.example")
    yield row(7, Account_ID="", Account_Name=next(iter(NAMESAKES.values())), **{"Account_URL/Website": ""})
    yield row(8)
    yield row(9, Amount="-", Close_Date="soon")
    yield row(10)


def _customers() -> list[Customer]:
    """Some customers of the demo."""
    accounts = (
        Account.objects.filter(external_id__startswith="CCS-1", owner__active=True)
        .select_related("owner")
        .order_by("external_id")
    )
    return [
        Customer(account.external_id or "", account.name, account.website, account.owner.name, account.owner.email)
        for account in accounts[:200]
    ]


def _row(number: str, customer: Customer, today: date, chance: Random) -> Cells:
    return [
        number,
        f"{customer.name} – {chance.choice(('Dúo', 'Solo Touch', 'Molino 83', 'Service 24/7'))}",
        f"{chance.randint(8, 400) * 125}.00",
        f"{today + timedelta(days=chance.randint(5, 120)):%Y-%m-%d}",
        chance.choice(OPEN_STAGES[:5]),
        *(customer.owner, customer.owner_email, customer.account_id, customer.name, customer.website),
        chance.choice(("New Business", "Existing Business")),
        chance.choice(NEXT_STEPS),
    ]


def _as_it_is(opportunity: Opportunity) -> Cells:
    account, owner = opportunity.account, opportunity.owner
    return [
        str(opportunity.external_id),
        opportunity.name,
        f"{opportunity.amount:.2f}",
        f"{opportunity.close_date:%Y-%m-%d}",
        str(opportunity.stage),
        *(owner.name, owner.email),
        *(account.external_id, account.name, account.website),
        str(opportunity.type),
        opportunity.next_step,
    ]
