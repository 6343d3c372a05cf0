"""What the change log costs bulk writes: the same statements with its triggers and with them disabled.

    DATABASE_URL=postgres://…/a_database_of_its_own python benchmarks/change_log.py [--rows 20000] [--rounds 5]

Opportunities, with all their columns and indexes: inserted by COPY, then updated all at once, twice. Goal: at
most 1.5 times the time without the log. Each side's best round counts, since a busy machine only ever adds.
Everything is rolled back.
"""

import argparse
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402, TID251

from backoffice.changes.acting import Door, acting  # noqa: E402

GOAL = 1.5
COLUMNS = (
    "external_id, name, account_id, owner_id, stage_id, amount, currency, probability, close_date, next_step, "
    "description, stage_system, forecast_system"
)
STEPS = ("COPY", "update of two columns", "update of every second row")


class Undo(Exception):
    """Ends a round and everything it wrote."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    times: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for number in range(options.rounds + 1):  # the first one warms up
        for logged in (True, False) if number % 2 else (False, True):
            vacuum()
            for step, seconds in one_round(options.rows, logged=logged).items():
                if number:
                    times[step, logged].append(seconds)
    worst = report(options.rows, times)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    return 0 if worst <= GOAL else 1


def one_round(rows: int, *, logged: bool) -> dict[str, float]:
    """Seconds of each step."""
    seconds: dict[str, float] = {}
    try:
        with transaction.atomic(), acting(None, Door.UPLOAD, job=1, label="benchmark"), connection.cursor() as cursor:
            references = prepare(cursor)
            if not logged:
                for operation in ("insert", "update", "delete"):
                    cursor.execute(f"ALTER TABLE crm_opportunity DISABLE TRIGGER change_log_{operation}")
            lines = list(opportunities(rows, references))
            seconds[STEPS[0]] = timed(lambda: copy(cursor, lines))
            cursor.execute("SELECT count(*) FROM changes_change WHERE kind = 'opportunity'")
            assert cursor.fetchone()[0] == (rows if logged else 0)
            seconds[STEPS[1]] = timed(
                lambda: cursor.execute("UPDATE crm_opportunity SET amount = amount + 1, next_step = 'Send the offer'")
            )
            seconds[STEPS[2]] = timed(
                lambda: cursor.execute("UPDATE crm_opportunity SET probability = 90 WHERE id % 2 = 0")
            )
            raise Undo
    except Undo:
        return seconds


def vacuum() -> None:
    """Both sides begin alike, and autovacuum finds nothing to do in between."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE crm_opportunity, changes_change")


def prepare(cursor) -> tuple[list[int], list[int]]:
    """Accounts and reps to point to."""
    cursor.execute("INSERT INTO crm_account (name) SELECT 'Account ' || g FROM generate_series(1, 85) g RETURNING id")
    accounts = [row[0] for row in cursor.fetchall()]
    cursor.execute("INSERT INTO crm_rep (given) SELECT 'Rep ' || g FROM generate_series(1, 35) g RETURNING id")
    return accounts, [row[0] for row in cursor.fetchall()]


def opportunities(rows: int, references: tuple[list[int], list[int]]):
    accounts, reps = references
    for number in range(rows):
        yield (
            *(f"B-{number}", f"Website redesign number {number * 7919 % rows}"),
            *(accounts[number % len(accounts)], reps[number % len(reps)], None),
            *(f"{number * 3}.50", "MXN", number % 100, f"2026-{number % 12 + 1:02}-15", "Call the client"),
            *(f"A description of reasonable length for row {number}", "Negotiation", "Best case"),
        )


def copy(cursor, lines) -> None:
    with cursor.copy(f"COPY crm_opportunity ({COLUMNS}) FROM STDIN") as out:
        for line in lines:
            out.write_row(line)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def report(rows: int, times: dict[tuple[str, bool], list[float]]) -> float:
    worst = 0.0
    print(f"{rows:,} opportunities, best of {len(times[STEPS[0], True])} rounds, goal: ratio ≤ {GOAL}")
    print(f"{'':30}{'with log':>12}{'without':>12}{'ratio':>8}")
    for step in STEPS:
        with_log, without = (min(times[step, logged]) for logged in (True, False))
        worst = max(worst, with_log / without)
        print(f"{step:30}{with_log:10.2f} s{without:10.2f} s{with_log / without:8.2f}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
