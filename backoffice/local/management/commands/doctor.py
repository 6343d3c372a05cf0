"""`manage.py doctor`: can the back office work, and what to do where it can't."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from backoffice.local.doctor import Finding, Health, examine


class Command(BaseCommand):
    help = (
        "Look at database, broker, workers, scheduler, keys, settings and disk, and say what to do about each. "
        "Exit code 0: all is well; 1: something is not. Example: manage.py doctor --json"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine()
        well = all(finding.health == Health.GOOD for finding in findings)
        if options["json"]:
            self.stdout.write(json.dumps({"well": well, "findings": msgspec.to_builtins(findings)}))
        else:
            for finding in findings:
                self._tell(finding)
        if not well:
            sys.exit(1)

    def _tell(self, finding: Finding) -> None:
        style = self.style.SUCCESS if finding.health == Health.GOOD else self.style.ERROR
        self.stdout.write(f"{style(finding.health.label.ljust(8))} {finding.name.ljust(11)} {finding.detail}")
        if finding.advice:
            self.stdout.write(f"{' ' * 21}{finding.advice}")
