"""Connections, and how they do."""

from typing import Any, override

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.access.visibility import VisibleQuerySet
from backoffice.changes.registry import logged, model_of
from backoffice.crm.visibility import NOTHING
from backoffice.sync.credentials import SecretsField, opened, sealed
from backoffice.sync.rows.columns import KINDS
from connectors.kit import registry
from connectors.kit.contract import Connector


class Policy(models.TextChoices):
    """Who is right when the same field was changed here and there."""

    ASK = "ask", _("ask a person")
    VENDOR = "vendor", _("the vendor wins")
    OURS = "ours", _("we win")
    NEWEST = "newest", _("the newest change wins")


class ConnectionState(models.TextChoices):
    ACTIVE = "active", _("active")
    PAUSED = "paused", _("paused")
    RETIRED = "retired", _("retired")


class SendsNew(models.TextChoices):
    """Which records born here, or come from another vendor, are made at this one."""

    ALL = "all", _("all of its kinds")
    NONE = "none", _("none")


@logged("connection", skip=["credentials"])
class Connection(models.Model):
    """A vendor account that we pull from and push to. Its vendor is checked against the registry."""

    name = models.CharField(
        _("name"),
        max_length=60,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*\Z", _("Small letters, digits and hyphens: “tactile-uk”."))],
        help_text=_("Stands in addresses and commands: small letters, digits and hyphens."),
    )
    vendor = models.CharField(_("vendor"), max_length=40)
    base_url = models.CharField(_("address"), max_length=300)
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    credentials = SecretsField(_("credentials"))
    pulls = models.BooleanField(_("pull"), default=True)
    pushes = models.BooleanField(_("push"), default=False)
    sends_new = models.CharField(_("new records to send"), max_length=10, choices=SendsNew, default=SendsNew.ALL)
    policy = models.CharField(_("when both sides changed"), max_length=10, choices=Policy, default=Policy.ASK)
    currency = models.CharField(_("currency"), max_length=3, help_text=_("Of amounts the vendor gives without one."))
    time_zone = models.CharField(
        _("time zone"), max_length=60, default="UTC", help_text=_("Of times the vendor gives without one.")
    )
    every_minutes = models.PositiveIntegerField(
        _("pull every … minutes"), null=True, blank=True, default=15, validators=[MinValueValidator(1)]
    )
    full_every_hours = models.PositiveIntegerField(
        _("look at everything every … hours"), default=24, validators=[MinValueValidator(1)]
    )
    most_archived_percent = models.PositiveSmallIntegerField(
        _("most that may vanish at once"),
        default=20,
        validators=[MaxValueValidator(100)],
        help_text=_("Per cent. If more records are gone at the vendor, the pull stops and asks."),
    )
    state = models.CharField(_("state"), max_length=10, choices=ConnectionState, default=ConnectionState.ACTIVE)
    facade = models.BooleanField(_("facade"), default=False)
    facade_host = models.CharField(
        _("facade's host"),
        max_length=200,
        null=True,
        blank=True,
        unique=True,
        help_text=_("A host name at whose root the facade answers, besides its address here."),
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                name="connection_currency_is_a_code",
                condition=Q(currency__regex="^[A-Z]{3}$"),
                violation_error_message=_("A currency is a code of three letters, such as USD."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> Q:
        """Managers see which connections there are; reps don't."""
        return Q() if user.role == "manager" else NOTHING

    @property
    def connector(self) -> type[Connector]:
        """Raises UnknownVendor."""
        return registry.connector(self.vendor)

    @property
    def vendor_label(self) -> str:
        try:
            return self.connector.label
        except registry.UnknownVendor:
            return self.vendor

    @property
    def secrets(self) -> dict[str, str]:
        """Raises Locked; see `credentials`."""
        return opened(self.credentials) if self.credentials else {}

    @secrets.setter
    def secrets(self, given: dict[str, str]) -> None:
        self.credentials = sealed(given)

    def clean(self) -> None:
        if self.vendor not in {each.vendor for each in registry.vendors()}:
            raise ValidationError({"vendor": _("There is no such vendor.")})


class Health(models.Model):
    """What processes note of a connection beside its settings: how it does, and when it is called next."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="health", primary_key=True)
    next_pull_at = models.DateTimeField(_("next pull"), null=True, blank=True)
    last_full_at = models.DateTimeField(_("everything looked at"), null=True, blank=True)
    last_good_at = models.DateTimeField(_("last answer"), null=True, blank=True)
    trouble = models.TextField(_("trouble"), blank=True, default="")
    trouble_since = models.DateTimeField(_("in trouble since"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    held_until = models.DateTimeField(
        _("not called before"), null=True, blank=True, help_text=_("The vendor is down, or told us to wait.")
    )
    next_call_at = models.DateTimeField(null=True)  # of the rate limit all workers share

    class Meta:
        verbose_name = _("health of a connection")
        verbose_name_plural = _("health of connections")
        default_permissions = ()

    def __str__(self) -> str:
        return self.trouble or str(_("in good health"))


class OfConnection(models.Model):
    """What belongs to a connection, and is seen by whoever sees connections."""

    objects = VisibleQuerySet.as_manager()

    class Meta:
        abstract = True

    @classmethod
    def visible_by(cls, user: User) -> Q:
        return Connection.visible_by(user)


class OfRecord(OfConnection):
    """What tells what stands in a record (`kind`, `object_id`): seen by whoever sees connections and the record."""

    class Meta:
        abstract = True

    @classmethod
    @override
    def visible_by(cls, user: User) -> Q:
        seen = NOTHING
        for kind in KINDS:
            model: Any = model_of(kind)
            if may(user, "view", model):
                seen |= Q(kind=kind, object_id__in=model.objects.visible_to(user).order_by().values("pk"))
        return super().visible_by(user) & seen


class Exchange(OfConnection):
    """A request to the vendor and its answer, secrets blanked out. The last of each connection are kept."""

    connection = models.ForeignKey(Connection, models.CASCADE, verbose_name=_("connection"), related_name="exchanges")
    at = models.DateTimeField(_("at"), default=timezone.now)
    method = models.CharField(_("method"), max_length=10)
    url = models.TextField(_("address"))
    request = models.TextField(_("request"), blank=True)
    status = models.PositiveSmallIntegerField(_("status"), null=True)
    answer = models.TextField(_("answer"), blank=True)
    error = models.TextField(_("error"), blank=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"), default=0)

    class Meta:
        verbose_name = _("kept exchange")
        verbose_name_plural = _("kept exchanges")
        ordering = ("-id",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.method} {self.url}"
