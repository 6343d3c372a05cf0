"""`manage.py demo`: see `backoffice.local.demo`."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backoffice.local.demo.loading import CannotLoad, Loaded, load
from backoffice.local.demo.world import BASE_OPPORTUNITIES

MOST = 10_000_000


class Command(BaseCommand):
    help = (
        "Fill the back office with a company to look at: 35 reps in three regions, 85 accounts, some 9,000 "
        "opportunities over the two years that end with this month. Adds to what is there; refused when the demo "
        "is there already. Example: manage.py demo --opportunities 1000000 --today 2026-11-22"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--opportunities",
            type=_count,
            default=BASE_OPPORTUNITIES,
            metavar="N",
            help=_("How many opportunities (default {number}); accounts, contacts and the rest grow with them.").format(
                number=BASE_OPPORTUNITIES
            ),
        )
        parser.add_argument(
            "--today",
            type=_day,
            metavar="DATE",
            help=_("The day to stand on, YYYY-MM-DD (default: today). The same day gives the same data."),
        )
        parser.add_argument("--json", action="store_true", help=_("Print the outcome as JSON."))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            loaded = self._load(options["opportunities"], options["today"], quiet=options["json"])
        except CannotLoad as reason:
            raise CommandError(str(reason)) from reason
        self.stdout.write(_as_json(loaded) if options["json"] else _in_words(loaded))

    def _load(self, opportunities: int, today: date | None, *, quiet: bool) -> Loaded:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(file=sys.stderr)
        with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as progress:
            task = progress.add_task(_("opportunities"), total=opportunities)

            def report(table: str, rows: int) -> None:
                if table == "opportunity":
                    progress.advance(task, rows)

            return load(opportunities, today, report)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ArgumentTypeError(_("give a whole number from 1 to {most}").format(most=MOST))
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(_("give a date as YYYY-MM-DD")) from error


def _as_json(loaded: Loaded) -> str:
    return json.dumps(
        {
            "today": loaded.today.isoformat(),
            "opportunities": loaded.opportunities,
            "rows": loaded.rows,
            "seconds": round(loaded.seconds, 2),
            "rows_per_second": loaded.rows_per_second,
            "counts": loaded.counts,
        }
    )


def _in_words(loaded: Loaded) -> str:
    return _(
        "The demo stands as of {today}: {opportunities} opportunities, {rows} rows in {seconds} s ({rate} rows/s)."
    ).format(
        today=loaded.today.isoformat(),
        opportunities=f"{loaded.opportunities:,}",
        rows=f"{loaded.rows:,}",
        seconds=f"{loaded.seconds:.1f}",
        rate=f"{loaded.rows_per_second:,}",
    )
