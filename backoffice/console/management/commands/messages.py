from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.console.messages import catalogue_path, faults, updated, write


class Command(BaseCommand):
    help = (
        "Bring the catalogue of translations into step with the code and templates; what is new waits there for its "
        "translation. With --check nothing is written: every text that would be seen untranslated is named. "
        "Example: manage.py messages --check"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only look; exit 1 when something is untranslated")

    def handle(self, *, check: bool, **options: Any) -> None:
        if not check:
            write(updated())
            self.stdout.write(f"Wrote {catalogue_path()}.")
        found = faults()
        for fault in found:
            self.stderr.write(str(fault))
        if check and found:
            raise CommandError(
                f"{len(found)} texts would be seen untranslated. Run manage.py messages, translate them."
            )
