"""`manage.py rotate_keys`: after a new key was put first in CREDENTIAL_KEYS, and before the old ones go."""

import json
import sys
from typing import Any, override

import msgspec
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.sync.rotating import Rotation, rotate


class Command(BaseCommand):
    help = (
        "Seal the credentials of every connection under the newest key of CREDENTIAL_KEYS, all of them or none. "
        "Exit code 0: the older keys are no longer needed; 1: they are, and nothing was changed. "
        "Example: manage.py rotate_keys --dry-run"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help=_("say what would be done, and do nothing"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = bool(options["dry_run"])
        try:
            rotation = rotate(dry_run=dry_run)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({**msgspec.to_builtins(rotation), "dry_run": dry_run}))
        else:
            self._tell(rotation, dry_run=dry_run)
        if rotation.locked:
            sys.exit(1)

    def _tell(self, rotation: Rotation, *, dry_run: bool) -> None:
        if rotation.locked:
            self.stderr.write(
                _(
                    "Nothing was changed: no key of CREDENTIAL_KEYS opens the credentials of {names}. Put the missing"
                    " key behind the others, or enter these credentials anew."
                ).format(names=", ".join(rotation.locked))
            )
            return
        count = len(rotation.rotated)
        done = (
            ngettext(
                "The credentials of {count} connection would be sealed under the newest key.",
                "The credentials of {count} connections would be sealed under the newest key.",
                count,
            )
            if dry_run
            else ngettext(
                "The credentials of {count} connection are sealed under the newest key now.",
                "The credentials of {count} connections are sealed under the newest key now.",
                count,
            )
        )
        self.stdout.write(done.format(count=count))
        if rotation.already:
            self.stdout.write(_("They were before: {names}.").format(names=", ".join(rotation.already)))
        if not dry_run:
            self.stdout.write(_("The older keys can be taken out of CREDENTIAL_KEYS."))
