"""Whose record is whose, and what a vendor's words mean."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.crm.models import Choice, Rep
from backoffice.sync.models.connections import Connection, OfConnection, OfRecord


class Link(OfConnection):
    """A vendor's record and ours. `base` is the record both sides last agreed on, as the vendor can hold it.

    It outlives its record: `object_id` points at no row any more once that is deleted, `gone_at` says since when the
    vendor's is gone.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="links", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=40)
    remote_id = models.CharField(_("the vendor's id"), max_length=200)
    object_id = models.BigIntegerField(_("record"))
    base = models.JSONField(_("agreed on"), default=dict)
    converted = models.JSONField(
        _("amounts in two currencies"), null=True, help_text=_("What a push sent, and what it stood for here.")
    )
    digest = models.BinaryField(max_length=16, default=b"")  # of the wire; empty: look at it again
    version = models.PositiveSmallIntegerField(default=0)  # of the mapping
    is_stub = models.BooleanField(default=False)  # known by being mentioned only
    gone_at = models.DateTimeField(_("gone at the vendor"), null=True)
    linked_at = models.DateTimeField(_("linked"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(fields=["connection", "kind", "remote_id"], name="one_link_per_vendors_record"),
            models.UniqueConstraint(
                fields=["connection", "kind", "object_id"], name="one_link_per_record_and_connection"
            ),
        )
        indexes = (models.Index(fields=["kind", "object_id"], name="link_of_record"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.remote_id}"


class Option(OfConnection):
    """An entry of a vendor's list, and what it means here: one of our choices, or a rep; or nothing yet."""

    connection = models.ForeignKey(Connection, models.CASCADE, verbose_name=_("connection"), related_name="options")
    list = models.CharField(_("list"), max_length=40)
    remote_id = models.CharField(_("the vendor's id"), max_length=200)
    label = models.CharField(_("label"), max_length=300)
    extras = models.JSONField(_("extras"), default=dict)
    choice = models.ForeignKey(
        Choice, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("our entry")
    )
    rep = models.ForeignKey(Rep, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("our rep"))
    is_chosen = models.BooleanField(_("settled by a person"), default=False)
    gone_at = models.DateTimeField(_("gone at the vendor"), null=True, blank=True)

    class Meta:
        verbose_name = _("option")
        verbose_name_plural = _("options")
        ordering = ("connection", "list", "id")
        default_permissions = ("view", "change")
        constraints = (
            models.UniqueConstraint(fields=["connection", "list", "remote_id"], name="one_option_per_vendors_entry"),
            models.CheckConstraint(
                name="option_means_a_choice_or_a_rep", condition=Q(choice__isnull=True) | Q(rep__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return self.label


class Pending(models.Model):
    """A reference to a vendor's record that is not here yet: settled when it arrives."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="pending", db_index=False
    )
    kind = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    field = models.CharField(max_length=60)
    target_kind = models.CharField(max_length=40)
    target_id = models.CharField(max_length=200)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("pending reference")
        verbose_name_plural = _("pending references")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["connection", "kind", "object_id", "field"], name="one_pending_target_per_reference"
            ),
        )
        indexes = (models.Index(fields=["connection", "target_kind", "target_id"], name="pending_target"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}: {self.field}"


class Suggestion(OfRecord):
    """A vendor's record that looks like one of ours, or is linked to one that has another: for a person to say."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="suggestions", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=40)
    object_id = models.BigIntegerField(_("made for it"))
    like_id = models.BigIntegerField(_("looks like"))
    reason = models.CharField(_("reason"), max_length=200)
    created_at = models.DateTimeField(_("since"), db_default=Now(), editable=False)
    dismissed_at = models.DateTimeField(_("dismissed"), null=True, blank=True)

    class Meta:
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        ordering = ("-id",)
        default_permissions = ("view", "change")
        constraints = (
            models.UniqueConstraint(
                fields=["connection", "kind", "object_id", "like_id"], name="a_likeness_is_told_once"
            ),
        )

    def __str__(self) -> str:
        return self.reason


class HighestId(models.Model):
    """The highest id the vendor ever gave to a kind; a retired connection's facade goes on above it."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="+", db_index=False
    )
    kind = models.CharField(max_length=40)
    last = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("highest id")
        verbose_name_plural = _("highest ids")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["connection", "kind"], name="one_highest_id_per_kind"),)

    def __str__(self) -> str:
        return str(self.last)
