"""How fast a list of the JSON API answers: ours, and a plain ninja list with offset and count, in one run.

    DATABASE_URL=… python benchmarks/api.py [--rounds 300] [--limit 100]

Both answer the same opportunities (the demo's: `manage.py demo --opportunities 1000000`) through Django's whole stack
on one thread of this process: the key is checked, scopes and visibility apply.

ours   all fields of an opportunity, keyset on (changed_at, id), shaped by PostgreSQL
plain  thirteen of its fields, COUNT and OFFSET, select_related, a pydantic schema per row

"first" is the first page, "deep" one that begins at nine tenths of the rows. Goals: ours at least 10 × plain on the
first page and 100 × deep; p95 of a deep page at most 1.2 × that of the first.
"""

import argparse
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

import django  # noqa: E402

if __name__ == "__main__":
    django.setup()

from django.conf import settings  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import include, path  # noqa: E402
from ninja import NinjaAPI, Schema  # noqa: E402

from backoffice.access import keys  # noqa: E402
from backoffice.access.api import ApiAuth, scope  # noqa: E402
from backoffice.access.models import Role, User  # noqa: E402
from backoffice.crm.filters import CHANGED, OpportunityFilters  # noqa: E402
from backoffice.crm.models import Opportunity  # noqa: E402
from backoffice.paging import cursor_after  # noqa: E402

FIRST_GOAL, DEEP_GOAL, DEEPER_GOAL = 10.0, 100.0, 1.2
DEPTH = 0.9
EVERY = {"ours first": 1, "ours deep": 1, "plain first": 5, "plain deep": 50}
LOGIN = "api-benchmark"


class Named(Schema):
    id: int
    name: str


class Owner(Named):
    email: str | None


class PlainOpportunity(Schema):
    id: int
    uid: UUID
    external_id: str | None
    name: str
    amount: Decimal | None
    currency: str
    status: str
    stage: str | None
    probability: int | None
    close_date: date | None
    account: Named | None
    owner: Owner | None
    changed_at: datetime

    @staticmethod
    def resolve_stage(row: Opportunity) -> str | None:
        return row.stage.label if row.stage else None


class PlainPage(Schema):
    items: list[PlainOpportunity]
    count: int


plain = NinjaAPI(auth=ApiAuth(), docs_url=None, urls_namespace="plain")


@plain.get("/opportunities", response=PlainPage)
@scope("read")
def plain_opportunities(request: HttpRequest, limit: int = 100, offset: int = 0) -> dict[str, object]:
    rows = Opportunity.objects.visible_to(request.auth).filter(archived_at=None)  # type: ignore[attr-defined]
    rows = rows.select_related("account", "owner", "stage").order_by("-changed_at", "-id")
    return {"items": list(rows[offset : offset + limit]), "count": rows.count()}


urlpatterns = [path("plain/", plain.urls), path("", include("backoffice.urls"))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--limit", type=int, default=100)
    options = parser.parse_args()
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.ROOT_URLCONF = __name__
    rows = Opportunity.objects.filter(archived_at=None).count()
    if rows < options.limit:
        print("Too few opportunities: run manage.py demo first.")
        return 2
    print(f"{rows:,} opportunities, pages of {options.limit}")
    with asking() as client:
        return measure(client, rows, options.limit, options.rounds)


@contextmanager
def asking() -> Iterator[Client]:
    """A client with an API key of a login that sees everything; both are gone at the end."""
    User.objects.filter(username=LOGIN).delete()
    user = User.objects.create_user(LOGIN, role=Role.OPERATIONS)
    token = keys.issue(user, "benchmark", ["read"])[1]
    try:
        yield Client(headers={"Authorization": f"Bearer {token}"})
    finally:
        user.delete()


def measure(client: Client, rows: int, limit: int, rounds: int) -> int:
    depth = int(rows * DEPTH)
    sort = CHANGED.reversed()
    value, number = sort.apply(Opportunity.objects.filter(archived_at=None)).values_list("changed_at", "id")[depth]
    cursor = cursor_after(value, number, sort, f"/api/v1/opportunities {OpportunityFilters(limit=limit).asked()}")
    ways = {
        "ours first": f"/api/v1/opportunities?limit={limit}",
        "ours deep": f"/api/v1/opportunities?limit={limit}&cursor={cursor}",
        "plain first": f"/plain/opportunities?limit={limit}",
        "plain deep": f"/plain/opportunities?limit={limit}&offset={depth}",
    }
    times = timed(client, ways, limit, rounds)
    for name, taken in times.items():
        print(f"{name:12} {1 / statistics.median(taken):8.1f} req/s   p95 {p95(taken) * 1000:8.1f} ms   n={len(taken)}")
    return judge(times)


def timed(client: Client, ways: dict[str, str], limit: int, rounds: int) -> dict[str, list[float]]:
    """The ways take turns, so that a busy moment of the machine falls on all; the slow ones take fewer."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(-1, rounds):
        for name, address in ways.items():
            if turn % EVERY[name]:
                continue
            begun = time.perf_counter()
            response = client.get(address)
            seconds = time.perf_counter() - begun
            if response.status_code != 200 or len(response.json()["items"]) != limit:
                raise RuntimeError(f"{address} answered {response.status_code}: {response.content[:500]!r}")
            if turn >= 0:
                taken[name].append(seconds)
    return taken


def judge(times: dict[str, list[float]]) -> int:
    def ratio(place: str) -> float:
        return statistics.median(times[f"plain {place}"]) / statistics.median(times[f"ours {place}"])

    deeper = p95(times["ours deep"]) / p95(times["ours first"])
    print(f"first page {ratio('first'):.1f} × plain (goal {FIRST_GOAL:g})")
    print(f"deep page {ratio('deep'):.1f} × plain (goal {DEEP_GOAL:g})")
    print(f"p95 deep {deeper:.2f} × first (goal at most {DEEPER_GOAL})")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    return 0 if ratio("first") >= FIRST_GOAL and ratio("deep") >= DEEP_GOAL and deeper <= DEEPER_GOAL else 1


def p95(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.95)]


if __name__ == "__main__":
    sys.exit(main())
