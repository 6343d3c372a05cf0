"""The change log: one append-only table that the database's own triggers write."""

import json
from decimal import Decimal
from typing import Any, NamedTuple, override

from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.changes.acting import Door

__all__ = ["Change", "Operation", "Position"]


class Position(NamedTuple):
    """How far a reader has read."""

    xid: int = 0
    id: int = 0


class Operation(models.TextChoices):
    INSERT = "insert", _("created")
    UPDATE = "update", _("changed")
    DELETE = "delete", _("deleted")


class TransactionId(models.BigIntegerField):  # type: ignore[type-arg]
    """A 64-bit transaction id: ordered like the transactions' beginnings, not like their ends."""

    @override
    def db_type(self, connection: Any) -> str:
        return "xid8"

    @override
    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if value is None or hasattr(value, "resolve_expression") else str(value)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)


class ExactDecoder(json.JSONDecoder):
    """Reads numbers as the database wrote them: money never passes through a float."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"parse_float": Decimal})


class Change(models.Model):
    """One row that was created, changed or deleted, in one transaction.

    `before` and `after` are keyed by column (`owner_id`). On an update they hold the columns that changed. On
    an insert or delete they hold the whole row but for what is empty: null, and in columns that can't be null
    the empty text, object and list.
    """

    id = models.BigAutoField(primary_key=True)
    xid = TransactionId(editable=False, db_default=models.Func(function="pg_current_xact_id"))
    at = models.DateTimeField(_("at"), db_default=TransactionNow())
    kind = models.CharField(_("kind"), max_length=40)
    object_id = models.BigIntegerField(_("record"))
    child_kind = models.CharField(_("part"), max_length=40, null=True)
    child_id = models.BigIntegerField(null=True)
    operation = models.CharField(_("operation"), max_length=6, choices=Operation)
    before = models.JSONField(_("before"), null=True, decoder=ExactDecoder)
    after = models.JSONField(_("after"), null=True, decoder=ExactDecoder)
    actor = models.BigIntegerField(_("login"), null=True)
    actor_label = models.CharField(_("who"), max_length=150)
    door = models.CharField(_("door"), max_length=10, choices=Door)
    job_id = models.BigIntegerField(_("job"), null=True)
    connection_id = models.BigIntegerField(_("connection"), null=True)
    api_key_id = models.BigIntegerField(_("API key"), null=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=("kind", "object_id", "id"), name="change_history"),
            models.Index(fields=("xid", "id"), name="change_feed"),
            models.Index(fields=("job_id", "id"), name="change_job", condition=models.Q(job_id__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} {self.operation}"

    @property
    def position(self) -> Position:
        """Where a reader stands that has read this entry."""
        return Position(self.xid, self.id)

    @property
    def columns(self) -> list[str]:
        """The columns that this entry tells of."""
        return list(dict.fromkeys([*(self.before or {}), *(self.after or {})]))
