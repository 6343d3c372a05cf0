"""Who may come in: logins with a role, and API keys."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a login may see and do; see `backoffice.access.visibility`."""

    REP = "rep", _("rep")
    MANAGER = "manager", _("manager")
    OPERATIONS = "operations", _("operations")
    ADMIN = "admin", _("admin")


class User(AbstractUser):
    """A login. What it may see follows from its role and, for reps and managers, from the rep it is tied to."""

    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.REP)

    class Meta(AbstractUser.Meta):
        verbose_name = _("login")
        verbose_name_plural = _("logins")

    @property
    def sees_everything(self) -> bool:
        return self.is_active and self.role in {Role.OPERATIONS, Role.ADMIN}
