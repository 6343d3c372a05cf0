"""`manage.py connect`: a new connection to a vendor."""

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any, override

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from backoffice.changes.acting import Door, acting
from backoffice.sync import registering, showing
from backoffice.sync.management.asking import pairs, sentences, whoever
from backoffice.sync.models import Connection, Policy, SendsNew
from connectors.kit import registry
from connectors.kit.errors import ConnectorError

EXAMPLES = """examples:
  manage.py connect tactile uk --base-url https://site.tactilecrm.com --secret api_token=…
  manage.py connect tactile uk --base-url http://127.0.0.1:8090/uk --secret api_token=… --set threads=2 \\
      --directions pull --currency GBP
"""
DIRECTIONS = ("pull", "push")


class Command(BaseCommand):
    help = "Connect to a vendor. Example: manage.py connect tactile uk --base-url https://… --secret api_token=…"

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXAMPLES
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("vendor", help=", ".join(each.vendor for each in registry.vendors()))
        parser.add_argument("name", help="small letters, digits and hyphens; stands in addresses and commands")
        parser.add_argument("--base-url", required=True, metavar="URL")
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the vendor's; again for more"
        )
        parser.add_argument(
            "--secret", action="append", default=[], metavar="NAME=VALUE", help="a credential; kept encrypted"
        )
        parser.add_argument("--directions", default="pull,push", help="pull, push, or both (the default)")
        parser.add_argument("--currency", metavar="CODE", help="of amounts given without one; else the company's")
        parser.add_argument("--time-zone", metavar="ZONE", help="of times given without one, such as Europe/London")
        parser.add_argument("--policy", choices=Policy.values, help="who wins when both sides changed a field")
        parser.add_argument("--sends-new", choices=SendsNew.values, help="which new records are made there")
        parser.add_argument(
            "--every", type=int, metavar="MINUTES", help="pull so often; 0: only when somebody asks for it"
        )
        parser.add_argument("--user", metavar="LOGIN", help="who connects; else the first login that is an admin")
        parser.add_argument("--json", action="store_true", help="the connection as the API shows it")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        given = given_by(options)
        try:
            with acting(whoever(options["user"]), Door.COMMAND, label="connect"):
                connection = registering.create(given)
        except ValidationError as error:
            raise CommandError(sentences(error)) from error
        except ConnectorError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            connection = Connection.objects.select_related("health").get(pk=connection.pk)
            self.stdout.write(json.dumps(showing.shown(connection), default=str, ensure_ascii=False, indent=2))
            return
        self.stdout.write(
            _("Connected: {name} ({vendor}, {directions}). Next: manage.py sync {name} --wait").format(
                name=connection.name,
                vendor=connection.vendor_label,
                directions=" + ".join(showing.directions(connection)) or "–",
            )
        )


def given_by(options: dict[str, Any]) -> dict[str, Any]:
    """The options as `registering` takes them: what isn't said is left out."""
    directions = {word for word in options["directions"].split(",") if word}
    if directions - set(DIRECTIONS):
        raise CommandError(_("--directions is pull, push, or pull,push."))
    given = {
        "vendor": options["vendor"],
        "name": options["name"],
        "base_url": options["base_url"],
        "settings": pairs(options["set"], "--set"),
        "secrets": pairs(options["secret"], "--secret"),
        "pulls": "pull" in directions,
        "pushes": "push" in directions,
    }
    for name in ("currency", "time_zone", "policy", "sends_new"):
        if options[name]:
            given[name] = options[name]
    if options["every"] is not None:
        given["every_minutes"] = options["every"] or None
    return given
