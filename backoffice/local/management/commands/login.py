"""`manage.py login`: a new password for a login, or a new login."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from backoffice.access.models import Role, User
from backoffice.local.logins import FirstPasswords, create_login, new_password, set_password


class Command(BaseCommand):
    help = (
        "Set a new random password for a login, print it once, and let the login in again if it was locked out. "
        "Example: manage.py login admin"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help=_("the login's name"))
        parser.add_argument("--password-stdin", action="store_true", help=_("read the password from standard input"))
        parser.add_argument("--create", action="store_true", help=_("make the login if there is none; needs --role"))
        parser.add_argument("--role", choices=Role.values, help=_("the new login's role"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        user = User.objects.filter(username=name).first()
        if options["role"] and not options["create"]:
            raise CommandError(_("--role is for a new login: add --create."))
        if user is None and not (options["create"] and options["role"]):
            raise CommandError(_("There is no login “{name}”. To make it, add --create and --role.").format(name=name))
        password = self._password(user, options["password_stdin"])
        created = user is None
        if user is None:
            user = create_login(name, Role(options["role"]), password)
        else:
            set_password(user, password)
        FirstPasswords(settings.DATA_DIR).forget(name)
        self._tell(user, "" if options["password_stdin"] else password, created=created, as_json=options["json"])

    def _password(self, user: User | None, from_stdin: bool) -> str:
        if not from_stdin:
            return new_password()
        password = sys.stdin.readline().rstrip("\r\n")
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        return password

    def _tell(self, user: User, password: str, *, created: bool, as_json: bool) -> None:
        if as_json:
            shown = {"username": user.username, "role": user.role, "created": created}
            self.stdout.write(json.dumps(shown | ({"password": password} if password else {})))
            return
        sentence = _("Login “{name}” was made.") if created else _("Login “{name}” has a new password.")
        self.stdout.write(sentence.format(name=user.username))
        if password:
            self.stdout.write(_("Password: {password}").format(password=password))
