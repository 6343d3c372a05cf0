"""How far a pull has come, and what it could not take in."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.sync.models.connections import Connection, OfConnection


class Phase(models.TextChoices):
    """Where a stream stands between two pages. Only what has been read in full can tell what has vanished."""

    AT_REST = "at_rest", _("waiting for the next pull")
    CHANGES = "changes", _("reading what has changed")
    EVERYTHING = "everything", _("reading everything")
    VANISHED = "vanished", _("looking for what has vanished")


class Cursor(OfConnection):
    """Where the next pull of a stream begins, or goes on."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="cursors", db_index=False
    )
    stream = models.CharField(_("stream"), max_length=60)
    state = models.JSONField(_("state"), default=dict)
    phase = models.CharField(_("phase"), max_length=10, choices=Phase, default=Phase.AT_REST)
    pass_began_at = models.DateTimeField(_("pass began"), null=True)
    moved_at = models.DateTimeField(_("moved"), default=timezone.now)
    full_pass_at = models.DateTimeField(_("last seen in full"), null=True)

    class Meta:
        verbose_name = _("cursor")
        verbose_name_plural = _("cursors")
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["connection", "stream"], name="one_cursor_per_stream"),)

    def __str__(self) -> str:
        return self.stream


class Seen(models.Model):
    """What a page of a full pass that is under way has shown: written with the page, deleted when the pass has ended.

    Only ids of the stream's first kind: of these it is to be said what has vanished.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="+", db_index=False
    )
    stream = models.CharField(max_length=60)
    remote_ids = ArrayField(models.CharField(max_length=200))

    class Meta:
        verbose_name = _("page seen in a pass")
        verbose_name_plural = _("pages seen in a pass")
        default_permissions = ()
        indexes = (models.Index(fields=["connection", "stream"], name="seen_in_pass"),)

    def __str__(self) -> str:
        return f"{self.stream}: {len(self.remote_ids)}"


class SetAside(OfConnection):
    """A vendor's record that we could not take in, as it came, and why. Taken out when a later pull can read it."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="set_aside", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=40)
    remote_id = models.CharField(_("the vendor's id"), max_length=200)
    payload = models.JSONField(_("as it came"))
    reason = models.TextField(_("reason"))
    first_at = models.DateTimeField(_("first"), db_default=Now(), editable=False)
    last_at = models.DateTimeField(_("last"), default=timezone.now)

    class Meta:
        verbose_name = _("record set aside")
        verbose_name_plural = _("records set aside")
        ordering = ("-last_at", "-id")
        default_permissions = ("view", "delete")
        constraints = (
            models.UniqueConstraint(fields=["connection", "kind", "remote_id"], name="a_record_is_set_aside_once"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.remote_id}"
