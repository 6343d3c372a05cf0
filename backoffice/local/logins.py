"""Logins: made with a first password, given a new one, and the first passwords kept until they are changed."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from axes.utils import reset
from django.db import transaction

from backoffice.access.models import Role, User
from backoffice.changes.acting import Door, acting
from backoffice.local.processes import write

ADMIN = "admin"
ADMIN_PASSWORD = "BACKOFFICE_ADMIN_PASSWORD"  # noqa: S105 - the name of the variable


def new_password() -> str:
    return secrets.token_urlsafe(12)


def create_login(name: str, role: Role, password: str) -> User:
    """A login that may come in at once. Only admins are Django's superusers."""
    with acting(None, Door.COMMAND, label="login"):
        user: User = User.objects.create_user(
            name, password=password, role=role, is_staff=True, is_superuser=role == Role.ADMIN
        )
        return user


def set_password(user: User, password: str) -> None:
    """Give a new password, let the login in again, and forget failed attempts. Open sessions end."""
    with transaction.atomic(), acting(None, Door.COMMAND, label="login"):
        user.set_password(password)
        user.is_active = True
        user.save(update_fields=["password", "is_active"])
    reset(username=user.get_username())


@dataclass(frozen=True)
class FirstPassword:
    """A password we chose. Empty: the operator chose it with BACKOFFICE_ADMIN_PASSWORD."""

    username: str
    role: str
    password: str


class FirstPasswords:
    """The file in the data folder that keeps them, so that each start can repeat those still in use."""

    def __init__(self, home: Path) -> None:
        self.path = home / "logins.json"

    def read(self) -> list[FirstPassword]:
        try:
            return [FirstPassword(**each) for each in json.loads(self.path.read_text())]
        except (OSError, ValueError, TypeError):
            return []

    def keep(self, *passwords: FirstPassword) -> None:
        names = {each.username for each in passwords}
        kept = [each for each in self.read() if each.username not in names]
        write(self.path, json.dumps([vars(each) for each in (*kept, *passwords)], indent=1))

    def drop_changed(self) -> None:
        """Forget those whose owner has chosen another one since."""
        for each in self.read():
            user = User.objects.filter(username=each.username).first()
            if user is None or (each.password and not user.check_password(each.password)):
                self.forget(each.username)

    def forget(self, username: str) -> None:
        kept = [each for each in self.read() if each.username != username]
        if self.path.exists():
            write(self.path, json.dumps([vars(each) for each in kept], indent=1))


def make_admin(passwords: FirstPasswords) -> bool:
    """Make the first login, once. True when it was made now."""
    if User.objects.filter(username=ADMIN).exists():
        return False
    chosen = os.environ.get(ADMIN_PASSWORD, "")
    password = chosen or new_password()
    # Kept first: a start that is interrupted here leaves a password that is known.
    passwords.keep(FirstPassword(ADMIN, Role.ADMIN, "" if chosen else password))
    create_login(ADMIN, Role.ADMIN, password)
    return True
