"""`manage.py connections`: which connections there are, and how they do."""

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any, override

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from backoffice.sync import showing
from backoffice.sync.models import Connection

EXAMPLES = """examples:
  manage.py connections
  manage.py connections --json
"""


class Command(BaseCommand):
    help = "List the connections to vendors. Example: manage.py connections --json"

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXAMPLES
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("--json", action="store_true", help="as the API lists them")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        found = Connection.objects.select_related("health").order_by("name")
        if options["json"]:
            listed = [showing.in_list(each) for each in found]
            self.stdout.write(json.dumps(listed, default=str, ensure_ascii=False, indent=2))
            return
        if not found:
            self.stdout.write(_("No connections yet. Make one with: manage.py connect VENDOR NAME --base-url URL"))
        for each in found:
            directions = "+".join(showing.directions(each)) or "–"
            words = f"{each.name:24}{each.vendor_label:20}{each.get_state_display():10}{directions:11}"
            self.stdout.write(f"{words}{_how(each)}".rstrip())


def _how(connection: Connection) -> str:
    health = getattr(connection, "health", None)
    if health is None or not (health.trouble or health.last_good_at):
        return _("never synced")
    if health.trouble:
        return str(health.trouble)
    return _("last answer {at}").format(at=f"{health.last_good_at:%Y-%m-%d %H:%M} UTC")
