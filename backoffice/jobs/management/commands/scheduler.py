"""`manage.py scheduler`: see `backoffice.jobs.scheduler`."""

import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from backoffice.jobs.scheduler import Scheduler


class Command(BaseCommand):
    help = (
        "Send lost jobs again and run what is due, until SIGTERM or Ctrl-C. "
        "Several may run: each tick is claimed by one. Example: manage.py scheduler"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help=_("Run what is due now, then end."))

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler = Scheduler()
        if options["once"]:
            scheduler.run_due()
            return

        def stop(signum: int, frame: FrameType | None) -> None:
            scheduler.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        self.stdout.write(_("The scheduler runs."))
        scheduler.run()
