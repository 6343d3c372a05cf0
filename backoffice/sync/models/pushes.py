"""The outbox."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.sync.models.connections import Connection, OfRecord


class Operation(models.TextChoices):
    CREATE = "create", _("create")
    UPDATE = "update", _("update")
    DELETE = "delete", _("delete")


class PushState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    SENDING = "sending", _("sending")
    RETRY = "retry", _("to be tried again")
    UNCERTAIN = "uncertain", _("uncertain")
    DONE = "done", _("done")
    REJECTED = "rejected", _("rejected")
    DISCARDED = "discarded", _("discarded")


UNSENT = (PushState.WAITING, PushState.RETRY)


OPEN_PUSHES = (*UNSENT, PushState.SENDING, PushState.UNCERTAIN)


class Push(OfRecord):
    """A change to be written to a vendor: the outbox. In order per record, coalesced while unsent."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="pushes_made", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=40)
    object_id = models.BigIntegerField(_("record"))
    operation = models.CharField(_("operation"), max_length=10, choices=Operation)
    fields = ArrayField(models.CharField(max_length=60), verbose_name=_("fields"), default=list)
    state = models.CharField(_("state"), max_length=10, choices=PushState, default=PushState.WAITING)
    reason = models.TextField(
        _("reason"), blank=True, default="", help_text=_("Why it waits, or what the vendor said.")
    )
    remote_id = models.CharField(_("the vendor's id"), max_length=200, blank=True, default="")
    sent = models.JSONField(_("sent"), null=True, blank=True)  # the record as it was sent, our JSON
    attempts = models.PositiveIntegerField(_("attempts"), default=0)  # never fewer: a late answer is known by it
    attempts_before = models.PositiveIntegerField(
        _("attempts before"), db_default=0, help_text=_("When a person, or a change, last made it due anew.")
    )
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    lease_until = models.DateTimeField(_("held by a worker until"), null=True)
    created_at = models.DateTimeField(_("since"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    job_id = models.BigIntegerField(_("job"), null=True)  # of the last attempt
    found = models.JSONField(
        _("found at the vendor"), null=True, blank=True
    )  # what a look-up found that may be the lost create's

    class Meta:
        verbose_name = _("push")
        verbose_name_plural = _("pushes")
        ordering = ("-id",)
        default_permissions = ("view", "change")
        constraints = (
            models.UniqueConstraint(
                fields=["connection", "kind", "object_id"],
                condition=Q(state__in=UNSENT),
                name="one_unsent_push_per_record",
            ),
        )
        indexes = (
            models.Index(fields=["connection", "id"], name="push_open", condition=Q(state__in=OPEN_PUSHES)),
            models.Index(fields=["connection", "state", "-id"], name="push_by_state"),
            models.Index(fields=["kind", "object_id"], name="push_of_record"),
        )

    def __str__(self) -> str:
        return f"{self.operation} {self.kind} {self.object_id}"

    @property
    def tries(self) -> int:
        """Attempts since it was last made due anew."""
        return self.attempts - self.attempts_before


class Reader(models.Model):
    """How far a reader of the change log has come."""

    name = models.CharField(max_length=60, primary_key=True)
    xid = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("reader of the change log")
        verbose_name_plural = _("readers of the change log")
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
