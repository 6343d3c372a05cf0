"""Opportunities to try an upload with."""

from collections.abc import Iterator
from datetime import date, timedelta

from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.crm.models import Rep
from backoffice.imports.samples import Cells, Sample

ROWS = 25
COMPANIES = ("Alder Works", "Birch & Sons", "Cedar Clinics", "Dogwood Dairy", "Elm Street Bank")
STAGES = ("Prospecting", "Qualification", "Proposal", "Negotiation", "Won")
# For a company without reps yet: the upload adds them, as it does for anyone it is given name and email of.
OWNERS = (("Ana Torres", "ana.torres@example.com"), ("Ben Okoye", "ben.okoye@example.com"))


def new(user: User, today: date) -> Iterator[dict[str, str]]:
    """New rows, owned by reps that `user` sees."""
    reps = Rep.objects.visible_to(user).filter(active=True, archived_at=None).exclude(email=None).order_by("email")
    owners = [(str(rep), str(rep.email)) for rep in reps[: len(COMPANIES)]] or OWNERS
    for number in range(1, ROWS + 1):
        company = COMPANIES[number % len(COMPANIES)]
        owner_name, owner_email = owners[number % len(owners)]
        yield {
            "opportunity_id": f"SAMPLE-{number:03}",
            "name": f"{company} – sample {number}",
            "amount": f"{1250 * number}.00",
            "close_date": (today + timedelta(days=7 * number)).isoformat(),
            "stage": STAGES[number % len(STAGES)],
            "owner_name": owner_name,
            "owner_email": owner_email,
            "account_id": f"SAMPLE-ACC-{number % len(COMPANIES) + 1}",
            "account_name": company,
            "type": "New Business",
        }


def changed(user: User, today: date) -> Iterator[Cells]:
    """The same rows: ten with another amount and a next step, the others as they were."""
    for number, row in enumerate(new(user, today), start=1):
        if number <= 10:
            row |= {"amount": f"{1500 * number}.00", "next_step": "Call about the new offer"}
        yield row


def failing(user: User, today: date) -> Iterator[Cells]:
    """The same rows, five of them wrong, each in a way of its own."""
    wrong = {
        3: {"name": ""},
        7: {"amount": "lots"},
        11: {"close_date": "2026-02-30"},
        15: {"owner_name": "", "owner_email": "nobody.we.know@example.com"},
        19: {"owner_email": "not an email"},
    }
    for number, row in enumerate(new(user, today), start=1):
        yield row | wrong.get(number, {})


SAMPLES = (
    Sample("new", _("New rows"), _("25 new opportunities"), new),
    Sample("changes", _("Changes"), _("the same 25, ten of them changed"), changed),
    Sample("failing", _("Some fail"), _("20 good rows and five wrong ones"), failing),
)
