"""How fast the console's list of opportunities answers: ours, and a stock ModelAdmin of the same columns, in one run.

    DATABASE_URL=… python benchmarks/console_lists.py [--seconds 4] [--rounds 30]

Both show the same opportunities (the demo's: `manage.py demo --opportunities 1000000`) through Django's whole stack on
one thread of this process: session, login, queries, the whole page. Nothing is kept: the logins are rolled back.

ours   the console's own list
stock  a ModelAdmin of unfold: the same columns and rows a page, search over name, id and account, a date hierarchy,
       filters

SQL is the time spent in the database's hands; ratio is how often ours fits into stock, medians both. Goals: every page
of ours at most 100 ms at p95 and 8 queries; SQL at most 10 ms for page one and for searches that find little. The last
column names the goals missed; the exit code is 1 when there is one.
"""

import argparse
import math
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
os.environ.setdefault("BACKOFFICE_LOCAL", "1")  # as `manage.py up` runs it: without debugging

import django  # noqa: E402

if __name__ == "__main__":
    django.setup()

from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.db import connection, transaction  # noqa: E402, TID251
from django.test import Client  # noqa: E402
from django.urls import include, path  # noqa: E402
from unfold import admin as unfold  # noqa: E402

from backoffice.access.models import Role, User  # noqa: E402
from backoffice.changes.acting import Door, acting  # noqa: E402
from backoffice.console.admin.base import ModelAdmin  # noqa: E402
from backoffice.console.lists import LAST_PAGE  # noqa: E402
from backoffice.crm.models import Opportunity, Rep, RepPlace  # noqa: E402

MOST_MS, MOST_SQL_MS, MOST_QUERIES = 100, 10, 8
HELD_TO_SQL = {"page one", "one hit", "one hit, two words", "nothing", "one account", "a manager's page one"}
MANAGERS = {"a manager's page one": "", "a manager's search": "q=osmo", "a manager's two words": "q=osmo+hotel"}


class StockAdmin(unfold.ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "account", "amount", "stage", "owner", "close_date", "changed_at")
    list_select_related = ("account", "owner", "stage")
    search_fields = ("name", "external_id", "account__name")
    date_hierarchy = "close_date"
    list_filter = ("stage", "owner", "type", "source")
    list_per_page = ModelAdmin.list_per_page


stock = StockAdmin(Opportunity, admin.site)
urlpatterns = [
    path("", include("backoffice.urls")),
    path("stock/", admin.site.admin_view(stock.changelist_view)),
]


@dataclass
class Measured:
    """What repeated visits to one address took."""

    whole_ms: list[float] = field(default_factory=list)
    sql_ms: list[float] = field(default_factory=list)
    queries: int = 0

    @property
    def p95(self) -> float:
        return sorted(self.whole_ms)[math.ceil(len(self.whole_ms) * 0.95) - 1]

    @property
    def median(self) -> float:
        return statistics.median(self.whole_ms)

    @property
    def sql(self) -> float:
        return statistics.median(self.sql_ms)


class Clock:
    """Adds up what the database's answers take."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.queries = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - began
            self.queries += 1


def measure(client: Client, address: str, seconds: float, rounds: int) -> Measured:
    client.get(address)
    result = Measured()
    until = time.monotonic() + seconds
    while len(result.whole_ms) < rounds and (time.monotonic() < until or len(result.whole_ms) < 3):
        clock = Clock()
        began = time.perf_counter()
        with connection.execute_wrapper(clock):
            response = client.get(address)
        if response.status_code != 200:
            raise SystemExit(f"{address} answered {response.status_code}")
        result.whole_ms.append((time.perf_counter() - began) * 1000)
        result.sql_ms.append(clock.seconds * 1000)
        result.queries = clock.queries
    return result


@contextmanager
def visitors() -> Iterator[tuple[Client, Client]]:
    """An admin and a manager with a team, for as long as this run lasts."""
    with transaction.atomic():
        with acting(None, Door.COMMAND, label="benchmark"):
            boss = User.objects.create_user("bench-admin", role=Role.ADMIN, is_staff=True, is_superuser=True)
            manager = User.objects.create_user("bench-manager", role=Role.MANAGER)
            place = RepPlace.objects.filter(manager__isnull=False, until_month=None).first()
            if place is not None:
                Rep.objects.filter(user=manager).update(user=None)
                Rep.objects.filter(pk=place.manager_id).update(user=manager)
        clients = Client(SERVER_NAME="localhost"), Client(SERVER_NAME="localhost")
        for client, user in zip(clients, (boss, manager), strict=True):
            client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        yield clients
        transaction.set_rollback(True)


def cases() -> dict[str, str]:
    """Queries of the list by what they show."""
    rows = Opportunity.objects.count()
    middle = Opportunity.objects.order_by("id")[rows // 2]
    edge = Opportunity.objects.order_by("-changed_at", "-id")[rows * 9 // 10]
    account = str(middle.account)
    return {
        "page one": "",
        "page deep, by its link": f"p=9000&after={edge.changed_at.isoformat().replace('+', '%2B')}~{edge.pk}",
        f"page {LAST_PAGE}": f"p={LAST_PAGE}",
        "by amount": "o=-3",
        f"by amount, page {LAST_PAGE}": f"o=-3&p={LAST_PAGE}",
        "one hit": f"q={middle.external_id}",
        "one hit, two words": f"q={middle.external_id}+{account.split(maxsplit=1)[0]}",
        "nothing": "q=zzqx",
        "one account": "q=" + "+".join(account.split()),
        "a common word": "q=osmo",
        "two common words": "q=osmo+hotel",
        "two letters": "q=ho",
        "one owner": f"owner__id__exact={middle.owner_id}",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="at most so long per case and side (default 4)")
    parser.add_argument("--rounds", type=int, default=30, help="at most so many visits per case and side (default 30)")
    options = parser.parse_args()
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["localhost"]
    print(f"{Opportunity.objects.count():,} opportunities\n")
    print(f"{'':26}{'ours ms':>9}{'p95':>7}{'SQL':>7}{'queries':>9}{'stock ms':>10}{'SQL':>8}{'ratio':>8}  goal")
    met = True
    with visitors() as (boss, manager):
        for name, query in cases().items():
            ours = measure(boss, f"/admin/crm/opportunity/?{query}", options.seconds, options.rounds)
            offset = query.partition("&after=")[0]  # stock knows no other way to a deep page
            theirs = measure(boss, f"/stock/?{offset}", options.seconds, options.rounds)
            met &= report(name, ours, theirs)
        for name, query in MANAGERS.items():
            ours = measure(manager, f"/admin/crm/opportunity/?{query}", options.seconds, options.rounds)
            met &= report(name, ours, None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory {peak:.0f} MiB\n{'every goal met' if met else 'NOT every goal met'}")
    return 0 if met else 1


def report(name: str, ours: Measured, theirs: Measured | None) -> bool:
    missed = [
        goal
        for goal, is_missed in (
            ("p95", ours.p95 > MOST_MS),
            ("queries", ours.queries > MOST_QUERIES),
            ("SQL", name in HELD_TO_SQL and ours.sql > MOST_SQL_MS),
        )
        if is_missed
    ]
    beside = f"{theirs.median:10.0f}{theirs.sql:8.0f}{theirs.median / ours.median:8.1f}" if theirs else " " * 26
    figures = f"{ours.median:9.0f}{ours.p95:7.0f}{ours.sql:7.1f}{ours.queries:9}{beside}"
    print(f"{name:26}{figures}  {'MISSED ' + ', '.join(missed) if missed else 'met'}", flush=True)
    return not missed


if __name__ == "__main__":
    # Under its own name too: the settings name this module as the root of all addresses.
    sys.modules.setdefault("console_lists", sys.modules["__main__"])
    sys.exit(main())
