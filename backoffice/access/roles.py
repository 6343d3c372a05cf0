"""The four roles of a login."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a login may see (`visibility`) and do (`permissions`)."""

    REP = "rep", _("rep")
    MANAGER = "manager", _("manager")
    OPERATIONS = "operations", _("operations")
    ADMIN = "admin", _("admin")

    @property
    def sees_everything(self) -> bool:
        return self in {Role.OPERATIONS, Role.ADMIN}


ROLES = {role.value: role for role in Role}


def role_of(user: object) -> Role | None:
    """The role `user` acts in: none for the anonymous, the inactive, and logins without one."""
    role = getattr(user, "role", "")
    return ROLES.get(role) if getattr(user, "is_active", False) else None
