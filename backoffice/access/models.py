"""Who may come in: logins with a role, and API keys. And the answers kept for repeated requests."""

from datetime import datetime
from typing import Any, ClassVar, override

from django.apps import apps
from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.access.permissions import TABLE, may
from backoffice.access.roles import Role, role_of
from backoffice.access.visibility import VisibleQuerySet

__all__ = ["ApiKey", "Role", "SavedAnswer", "Scope", "User"]


class LoginManager(UserManager.from_queryset(VisibleQuerySet)):  # type: ignore[misc]
    """Django's, whose superusers are our admins."""

    use_in_migrations = False

    @override
    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra_fields: Any
    ) -> "User":
        admin: User = super().create_superuser(username, email, password, **{"role": Role.ADMIN} | extra_fields)
        return admin


class User(AbstractUser):
    """A login. What it may see follows from its role and, for reps and managers, from the rep it is tied to.

    Django's own flags, groups and permissions count for nothing here: the role alone does (`permissions.TABLE`).
    """

    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.REP)

    objects: ClassVar[LoginManager] = LoginManager()

    class Meta:
        verbose_name = _("login")
        verbose_name_plural = _("logins")

    @classmethod
    def visible_by(cls, user: "User") -> models.Q:
        return models.Q(pk=user.pk)

    @property
    def sees_everything(self) -> bool:
        role = role_of(self)
        return role is not None and role.sees_everything

    @override
    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Django's "app.verb_model", answered from the role."""
        app_label, _dot, codename = perm.partition(".")
        verb, _underscore, model_name = codename.partition("_")
        try:
            model = apps.get_model(app_label, model_name)
        except LookupError:
            return False
        return may(self, verb, model)

    @override
    def has_module_perms(self, app_label: str) -> bool:
        role = role_of(self)
        return role is not None and any(
            allowed and label.partition(".")[0] == app_label for label, allowed in TABLE[role].items()
        )


class Scope(models.TextChoices):
    """What an API key is narrowed to; a key without scopes may all that its login may."""

    READ = "read", _("read")
    WRITE = "write", _("write")
    IMPORTS = "imports", _("uploads")
    JOBS = "jobs", _("jobs")
    SYNC = "sync", _("connections")


class ApiKey(models.Model):
    """A key to the API. Of its secret only the digest is kept; see `keys`."""

    name = models.CharField(_("name"), max_length=100)
    user = models.ForeignKey(User, models.CASCADE, verbose_name=_("login"), related_name="api_keys")
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, editable=False)
    digest = models.BinaryField(_("digest"), max_length=32, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=20, choices=Scope), verbose_name=_("scopes"), default=list, blank=True
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="api_key_scopes_are_known",
                condition=models.Q(scopes__contained_by=list(Scope.values)),
                violation_error_message=_("There is no such scope."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} (bo_{self.prefix}_…)"

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return models.Q(user=user)

    @property
    def state(self) -> str:
        """ "live", "revoked" or "expired"."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.has_expired(timezone.now()) else "live"

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def allows(self, scope: str) -> bool:
        return not self.scopes or scope in self.scopes


class SavedAnswer(models.Model):
    """What a request with an `Idempotency-Key` was answered, to answer its repeats the same; see `idempotency`."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    path = models.CharField(max_length=500)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("saved answer")
        verbose_name_plural = _("saved answers")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("user", "key", "path"), name="one_answer_per_idempotency_key"),)
        indexes = (models.Index(fields=("created_at",), name="saved_answer_age"),)

    def __str__(self) -> str:
        return f"{self.path} {self.key}"
