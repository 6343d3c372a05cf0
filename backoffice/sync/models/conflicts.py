"""What both sides changed."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.sync.models.connections import Connection, OfRecord


class Side(models.TextChoices):
    HERE = "here", _("ours")
    THERE = "there", _("the vendor's")


class Conflict(OfRecord):
    """One field that was changed here and there since both last agreed. Values are as the vendor can hold them."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="conflicts", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=40)
    object_id = models.BigIntegerField(_("record"))
    field = models.CharField(_("field"), max_length=60)
    base = models.JSONField(_("agreed on"), null=True)
    here = models.JSONField(_("ours"), null=True)
    there = models.JSONField(_("the vendor's"), null=True)
    opened_at = models.DateTimeField(_("since"), default=timezone.now)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    settled_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("settled by")
    )
    taken = models.CharField(_("taken"), max_length=10, choices=Side, blank=True, default="")

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        ordering = ("-id",)
        default_permissions = ("view", "change")
        constraints = (
            models.UniqueConstraint(
                fields=["connection", "kind", "object_id", "field"],
                condition=Q(settled_at__isnull=True),
                name="one_open_conflict_per_field",
            ),
        )
        indexes = (models.Index(F("id").desc(), name="conflict_open", condition=Q(settled_at__isnull=True)),)

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}: {self.field}"
