"""`manage.py facade`: a vendor's own protocol, served from here: on, off, and who may come in."""

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any, override

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from django.utils.translation import gettext as _

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Rep
from backoffice.sync import registering
from backoffice.sync.facades import keys
from backoffice.sync.management.asking import connection_called, sentences, whoever
from backoffice.sync.models import Connection, FacadeKey

EXAMPLES = """examples:
  manage.py facade uk --enable                            a credential that sees everything
  manage.py facade uk --enable --rep ana@example.com      one that sees what this rep sees
  manage.py facade uk --list
  manage.py facade uk --revoke 12                         or by the four letters it ends in
  manage.py facade uk --disable

a credential is printed once, alone on the last line, in the shape the vendor's own have
"""


class Command(BaseCommand):
    help = "Serve a vendor's own protocol from here. Example: manage.py facade uk --enable --rep ana@example.com"

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXAMPLES
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("name", help="of the connection")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--enable", action="store_true", help="switch it on, and print a new credential")
        what.add_argument("--disable", action="store_true", help="switch it off; credentials are kept")
        what.add_argument("--list", action="store_true", help="the credentials, without their secrets")
        what.add_argument("--revoke", metavar="ID", help="end a credential now")
        parser.add_argument("--rep", metavar="EMAIL", help="whose records the credential sees; without: everything")
        parser.add_argument("--host", metavar="HOST", help="with --enable: serve it at the root of this host as well")
        parser.add_argument("--user", metavar="LOGIN", help="who does it; else the first login that is an admin")
        parser.add_argument("--json", action="store_true", help="with --list: for scripts")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connection_called(options["name"])
        if options["enable"]:
            self.enable(connection, options)
        elif options["disable"]:
            self.disable(connection, options["user"])
        elif options["list"]:
            self.list(connection, as_json=options["json"])
        else:
            self.revoke(connection, options["revoke"])

    def enable(self, connection: Connection, options: dict[str, Any]) -> None:
        rep = rep_called(options["rep"]) if options["rep"] else None
        wanted = {"facade": True} | ({"facade_host": options["host"]} if options["host"] else {})
        try:
            with acting(whoever(options["user"]), Door.COMMAND, label="facade"):
                connection = registering.change(connection, wanted)
                _key, secret = keys.issue(connection, rep)
        except keys.NoFacade as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(sentences(error)) from error
        where = f"/facade/{connection.name}/"
        if connection.facade_host:
            where = _("{path} and at the root of {host}").format(path=where, host=connection.facade_host)
        self.stdout.write(_("The facade of {name} is on, at {where}.").format(name=connection.name, where=where))
        whose = _("what {rep} sees").format(rep=rep) if rep else _("everything")
        self.stdout.write(_("This credential sees {what}. It can't be shown again: keep it now.").format(what=whose))
        self.stdout.write(secret)

    def disable(self, connection: Connection, username: str | None) -> None:
        with acting(whoever(username), Door.COMMAND, label="facade"):
            registering.change(connection, {"facade": False})
        self.stdout.write(_("The facade of {name} is off.").format(name=connection.name))

    def list(self, connection: Connection, *, as_json: bool) -> None:
        found = FacadeKey.objects.filter(connection=connection).select_related("rep").order_by("id")
        if as_json:
            self.stdout.write(json.dumps([_told(key) for key in found], default=str, ensure_ascii=False, indent=2))
            return
        if not connection.facade:
            self.stdout.write(_("The facade of {name} is off.").format(name=connection.name))
        for key in found:
            told = _told(key)
            used = told["last_used_at"] or _("never used")
            self.stdout.write(f"{key.pk:<6} {key!s:8}{told['state']:10}{told['rep'] or '–':40}{used}")

    def revoke(self, connection: Connection, which: str) -> None:
        asked = Q(pk=int(which)) if which.isascii() and which.isdigit() and len(which) < 19 else Q(pk=None)
        mine = FacadeKey.objects.filter(connection=connection)
        found = [*mine.filter(asked)] or [*mine.filter(ending=which.removeprefix("…"), revoked_at=None)]
        if len(found) != 1:
            raise CommandError(_("Name one of the credentials of --list, not “{which}”.").format(which=which))
        keys.revoke(found[0])
        self.stdout.write(_("{key} opens nothing any more.").format(key=found[0]))


def rep_called(email: str) -> Rep:
    found = Rep.objects.filter(email__iexact=email.strip()).first()
    if found is None:
        raise CommandError(_("There is no rep with the email “{email}”.").format(email=email))
    if not keys.may_come_in(found):
        raise CommandError(_("{rep} is not active: no credential would open anything.").format(rep=found))
    return found


def _told(key: FacadeKey) -> dict[str, Any]:
    return {
        "id": key.pk,
        "ending": key.ending,
        "rep": (key.rep.email or str(key.rep)) if key.rep else None,
        "vendor_user": key.vendor_user,
        "state": "revoked" if key.revoked_at else "live",
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
