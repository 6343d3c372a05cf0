"""Quotas to try an upload with."""

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.crm.models import Rep
from backoffice.imports.samples import Cells, Sample

ROWS = 24
MOST_REPS = 4
YEARS_AHEAD = 3  # nobody has planned that far, so no quota of anyone is touched
# For a company without reps yet: the option create_reps adds them.
NOBODY_YET = (("Ana Torres", "ana.torres@example.com"), ("Ben Okoye", "ben.okoye@example.com"))


def new(user: User, today: date) -> Iterator[dict[str, str]]:
    """Some months of reps that `user` sees."""
    reps = Rep.objects.visible_to(user).filter(active=True, archived_at=None).exclude(email=None).order_by("email")
    people = [(str(rep), str(rep.email)) for rep in reps[:MOST_REPS]] or NOBODY_YET
    for number in range(ROWS):
        month, place = divmod(number, len(people))
        name, email = people[place]
        first = date(today.year + YEARS_AHEAD + month // 12, month % 12 + 1, 1)
        yield {"email": email, "month": first.isoformat(), "amount": f"{20_000 + 500 * number}.00", "name": name}


def changed(user: User, today: date) -> Iterator[Cells]:
    """The same rows, ten of them with another amount."""
    for number, row in enumerate(new(user, today)):
        yield row | {"amount": f"{25_000 + 500 * number}.00"} if number < 10 else row


def failing(user: User, today: date) -> Iterator[Cells]:
    """The same rows, five of them wrong, each in a way of its own."""
    wrong = {
        2: {"email": "nobody.we.know@example.com", "name": ""},
        6: {"month": "2026-13"},
        10: {"amount": "lots"},
        14: {"amount": "-500"},
        18: {"email": ""},
    }
    for number, row in enumerate(new(user, today)):
        yield row | wrong.get(number, {})


SAMPLES = (
    Sample("new", _("New rows"), _("24 new quotas, three years ahead"), new),
    Sample("changes", _("Changes"), _("the same 24, ten of them changed"), changed),
    Sample("failing", _("Some fail"), _("19 good rows and five wrong ones"), failing),
)
