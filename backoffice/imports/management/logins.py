"""Whom the commands act as."""

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from backoffice.access.models import User
from backoffice.access.roles import Role


def login_called(username: str | None) -> User:
    """Without a name, the first admin. Raises CommandError when there is none."""
    if username:
        named: User | None = User.objects.filter(username=username).first()
        if named is None:
            raise CommandError(_("There is no login “{name}”.").format(name=username))
        return named
    admin: User | None = User.objects.filter(role=Role.ADMIN, is_active=True).order_by("id").first()
    if admin is None:
        raise CommandError(_("There is no admin to act as: name a login with --user."))
    return admin
