"""Accounts to try an upload with."""

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.imports.samples import Cells, Sample

NAMES = (
    *("Alder Works", "Birch & Sons", "Cedar Clinics", "Dogwood Dairy", "Elm Street Bank", "Fir Freight"),
    *("Ginkgo Games", "Hazel Hotels", "Ivy Insurance", "Juniper Jets", "Katsura Kitchens", "Larch Legal"),
    *("Maple Media", "Nutmeg Noodles", "Oak Optics"),
)
CITIES = (("Austin", "Texas", "73301"), ("Portland", "Oregon", "97201"), ("Albany", "New York", "12207"))
INDUSTRIES = ("Manufacturing", "Services", "Health", "Food", "Finance")


def new(user: User, today: date) -> Iterator[dict[str, str]]:
    for number, name in enumerate(NAMES, start=1):
        city, state, postcode = CITIES[number % len(CITIES)]
        yield {
            "account_id": f"SAMPLE-ACC-{number}",
            "name": name,
            "website": f"https://sample{number:02}.example.com",
            "phone": f"+1-555-555-01{number:02}",
            "type": "Customer" if number % 3 else "Prospect",
            "industry": INDUSTRIES[number % len(INDUSTRIES)],
            "tax_id": f"SAMPLE-{number:04}",
            "street": f"{number * 10} Sample Street",
            "city": city,
            "state": state,
            "postcode": postcode,
            "country": "United States",
        }


def changed(user: User, today: date) -> Iterator[Cells]:
    """The same rows: six with another phone and street, the others as they were."""
    for number, row in enumerate(new(user, today), start=1):
        if number <= 6:
            row |= {"phone": f"+1-555-555-01{number + 50:02}", "street": f"{number * 10 + 1} Sample Avenue"}
        yield row


def failing(user: User, today: date) -> Iterator[Cells]:
    """The same rows, four of them wrong, each in a way of its own."""
    wrong = {
        3: {"name": ""},
        5: {"website": "not a website"},
        9: {"owner_email": "nobody.we.know@example.com"},
        13: {"owner_email": "not an email"},
    }
    for number, row in enumerate(new(user, today), start=1):
        yield row | wrong.get(number, {})


SAMPLES = (
    Sample("new", _("New rows"), _("15 new accounts"), new),
    Sample("changes", _("Changes"), _("the same 15, six of them changed"), changed),
    Sample("failing", _("Some fail"), _("11 good rows and four wrong ones"), failing),
)
