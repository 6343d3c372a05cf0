"""`manage.py apikey`: keys to the API, made, listed and revoked."""

import json
from argparse import RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any, override

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.access import keys
from backoffice.access.models import ApiKey, Scope, User
from backoffice.access.roles import role_of

EXAMPLES = """examples:
  manage.py apikey create "nightly load" --user olga --scope imports --scope read --expires-days 90
  manage.py apikey list --json
  manage.py apikey revoke 3f9a1c7e
"""


class Command(BaseCommand):
    help = (
        "Make, list and revoke keys to the API. "
        "Example: manage.py apikey create nightly --user operations --scope imports"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXAMPLES
        parser.formatter_class = RawDescriptionHelpFormatter
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a key and print it, alone on the last line")
        create.add_argument("name", help="what the key is for")
        create.add_argument("--user", required=True, help="the login the key acts as")
        create.add_argument(
            "--scope", action="append", default=[], choices=Scope.values, help="may be given again; none: all"
        )
        create.add_argument("--expires-days", type=int, metavar="N", help="the key ends after N days")
        listing = actions.add_parser("list", help="every key, without its secret")
        listing.add_argument("--json", action="store_true")
        revoke = actions.add_parser("revoke", help="end a key now")
        revoke.add_argument("prefix", help="the key's public part, as the list shows it")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        match options["action"]:
            case "create":
                self.create(options["name"], options["user"], options["scope"], options["expires_days"])
            case "list":
                self.list(as_json=options["json"])
            case "revoke":
                self.revoke(options["prefix"])

    def create(self, name: str, username: str, scopes: list[str], expires_days: int | None) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(_("There is no login “{name}”.").format(name=username))
        if role_of(user) is None:
            raise CommandError(_("The login “{name}” is not active, or has no role.").format(name=username))
        if expires_days is not None and expires_days < 1:
            raise CommandError(_("--expires-days is 1 or more."))
        expires_at = timezone.now() + timedelta(days=expires_days) if expires_days else None
        key, token = keys.issue(user, name, scopes, expires_at)
        self.stdout.write(
            _("An API key for {user}. Scopes: {scopes}. Expires: {expires}.").format(
                user=username,
                scopes=", ".join(key.scopes) or _("all that the login may"),
                expires=expires_at.date().isoformat() if expires_at else _("never"),
            )
        )
        self.stdout.write(_("Send it as “Authorization: Bearer …”. It can't be shown again: keep it now."))
        self.stdout.write(token)

    def list(self, *, as_json: bool) -> None:
        found = ApiKey.objects.select_related("user").order_by("id")
        if as_json:
            self.stdout.write(json.dumps([_told(key) for key in found], indent=2))
            return
        for key in found:
            told = _told(key)
            used = told["last_used_at"] or _("never used")
            self.stdout.write(f"{key.prefix}  {key.state:8}{key.user.username:20}{key.name:30}{used}")

    def revoke(self, prefix: str) -> None:
        key = ApiKey.objects.filter(prefix=prefix.removeprefix("bo_")).first()
        if key is None:
            raise CommandError(_("There is no API key “{prefix}”.").format(prefix=prefix))
        keys.revoke(key)
        self.stdout.write(_("{key} opens nothing any more.").format(key=key))


def _told(key: ApiKey) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "name": key.name,
        "user": key.user.username,
        "state": key.state,
        "scopes": key.scopes,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
