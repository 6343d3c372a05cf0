"""Connections to vendors, and what links their records with ours. See `pulling`, `pushing`, `facades`."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.access.visibility import VisibleQuerySet
from backoffice.changes.registry import logged
from backoffice.crm.models import Choice, Rep
from backoffice.crm.visibility import NOTHING
from backoffice.sync.credentials import SecretsField, opened, sealed
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


class Suggestion(OfConnection):
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


class Side(models.TextChoices):
    HERE = "here", _("ours")
    THERE = "there", _("the vendor's")


class Conflict(OfConnection):
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


class Push(OfConnection):
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
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
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


class FacadeKey(OfConnection):
    """A credential in the vendor's own shape, with which a rep's script comes to the facade. Kept as its digest."""

    connection = models.ForeignKey(Connection, models.CASCADE, verbose_name=_("connection"), related_name="facade_keys")
    rep = models.ForeignKey(
        Rep,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("rep"),
        help_text=_("None: sees everything, as an administrator there."),
    )
    vendor_user = models.CharField(_("the vendor's user"), max_length=200, blank=True, default="")
    ending = models.CharField(_("ends in"), max_length=4)
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("facade credential")
        verbose_name_plural = _("facade credentials")
        ordering = ("-id",)
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"…{self.ending}"


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
