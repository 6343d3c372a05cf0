"""What happens around a record: activities, notes and documents."""

from typing import override
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.registry import logged
from backoffice.crm.models.accounts import Account
from backoffice.crm.models.base import (
    Row,
    at_least_one,
    flag,
    indexes_for,
    part_of,
    prose,
    reference,
    required_text,
    search_index,
    searched,
    text,
)
from backoffice.crm.models.choices import Tagging
from backoffice.crm.models.contacts import Contact
from backoffice.crm.models.groups import Group
from backoffice.crm.models.opportunities import Opportunity
from backoffice.crm.models.reps import Rep
from backoffice.crm.visibility import about_something_of, reps_under
from backoffice.sizes import size_in_words

ABOUT = ("account", "contact", "group", "opportunity")
NEEDS_A_RECORD = _("Say what this is about: choose at least one record.")


class About(Row):
    """Something about an account, a contact, a group or an opportunity."""

    account = reference(Account, _("account"), "%(class)ss")
    contact = reference(Contact, _("contact"), "%(class)ss")
    group = reference(Group, _("group"), "%(class)ss")
    opportunity = reference(Opportunity, _("opportunity"), "%(class)ss")

    class Meta:
        abstract = True


class ActivityKind(models.TextChoices):
    CALL = "call", _("call")
    MEETING = "meeting", _("meeting")
    TO_DO = "to_do", _("to-do")
    EVENT = "event", _("event")


@logged("activity")
class Activity(About):
    """A call, meeting, to-do or event.

    Any part of when may be missing: `start_on` is a day without a time, `start_at` a moment (then the day
    follows from it); `later` is neither, on purpose.
    """

    kind = models.CharField(_("kind"), max_length=10, choices=ActivityKind, default=ActivityKind.TO_DO)
    type = text(_("type"), help_text=_("The vendor's own word for the kind."))
    subject = required_text(_("subject"))
    details = prose(_("details"))
    start_on = models.DateField(_("start day"), null=True, blank=True)
    start_at = models.DateTimeField(_("start"), null=True, blank=True)
    end_on = models.DateField(_("end day"), null=True, blank=True)
    end_at = models.DateTimeField(_("end"), null=True, blank=True)
    later = flag(_("later"))
    all_day = flag(_("all day"))
    colour = text(_("colour"))
    location = text(_("location"))
    owner = reference(Rep, _("owner"), "activities", db_index=True)
    assigned_by = reference(Rep, _("assigned by"), "given_activities")
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    result = prose(_("result"))
    search = searched("subject", "location")

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering = ("-id",)
        constraints = (
            at_least_one(ABOUT, "activity_is_about_something", NEEDS_A_RECORD),
            models.CheckConstraint(
                condition=models.Q(start_on__isnull=True) | models.Q(start_at__isnull=True),
                name="activity_starts_on_a_day_or_at_a_moment",
                violation_error_message=_("Give a start day or a start time, not both."),
            ),
            models.CheckConstraint(
                condition=models.Q(end_on__isnull=True) | models.Q(end_at__isnull=True),
                name="activity_ends_on_a_day_or_at_a_moment",
                violation_error_message=_("Give an end day or an end time, not both."),
            ),
            models.CheckConstraint(
                condition=models.Q(later=False) | models.Q(start_on__isnull=True, start_at__isnull=True),
                name="activity_for_later_has_no_start",
                violation_error_message=_("An activity for later has no start."),
            ),
        )
        indexes = (
            *indexes_for("activity", *ABOUT, "assigned_by", "start_at", "start_on"),
            search_index("activity"),
        )

    def __str__(self) -> str:
        return self.subject

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        reps = reps_under(user)
        return models.Q(owner__in=reps) | models.Q(assigned_by__in=reps) | about_something_of(reps)


@logged("activity_tag", parent="activity", parent_field="activity_id")
class ActivityTag(Tagging):
    activity = part_of(Activity, _("activity"), "tags")

    class Meta(Tagging.Meta):
        constraints = (models.UniqueConstraint(fields=["activity", "tag"], name="activity_has_a_tag_once"),)


class NoteKind(models.TextChoices):
    NOTE = "note", _("note")
    EMAIL = "email", _("email")
    EVENT = "event", _("event")


@logged("note")
class Note(About):
    """A note, email or event of the record's story. A private one is its author's, and operations'."""

    kind = models.CharField(_("kind"), max_length=10, choices=NoteKind, default=NoteKind.NOTE)
    type_code = text(_("type code"))
    title = text(_("title"))
    body = prose(_("body"))
    private = flag(_("private"))
    author = reference(Rep, _("author"), "written_notes", db_index=True)
    sender = text(_("from"))
    recipients = text(_("to"))
    happened_at = models.DateTimeField(_("happened"), null=True, blank=True)
    activity = reference(Activity, _("activity"), "notes")
    search = searched("title", "left(body, 2000)")

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ("-id",)
        constraints = (at_least_one((*ABOUT, "activity"), "note_is_about_something", NEEDS_A_RECORD),)
        indexes = (
            *indexes_for("note", *ABOUT, "activity", "happened_at"),
            search_index("note"),
        )

    def __str__(self) -> str:
        return self.title or self.body[:60] or _("Note {number}").format(number=self.pk)

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        reps = reps_under(user)
        own = models.Q(author__user=user)
        return own | (models.Q(private=False) & (models.Q(author__in=reps) | about_something_of(reps)))


def content_path(document: "Document", name: str) -> str:
    """Where a file's content is kept: at random, so that no address, log or other file's name tells of it."""
    return f"documents/{uuid4().hex}"


@logged("document")
class Document(About):
    """A file about a record. Its content may be absent: some vendors tell of a file and don't give it."""

    name = required_text(_("file name"))
    size = models.PositiveBigIntegerField(_("size"), null=True, blank=True, help_text=_("Bytes."))
    author = reference(Rep, _("author"), "documents", db_index=True)
    content = models.FileField(_("content"), upload_to=content_path, max_length=255, blank=True)
    search = searched("name")

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ("-id",)
        constraints = (at_least_one(ABOUT, "document_is_about_something", NEEDS_A_RECORD),)
        indexes = (*indexes_for("document", *ABOUT), search_index("document"))

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        reps = reps_under(user)
        return models.Q(author__in=reps) | about_something_of(reps)

    @override
    def clean(self) -> None:
        """Of a larger file no more than the limit has come in; see the upload handlers in the settings."""
        super().clean()
        is_new = bool(self.content) and not self.content._committed  # type: ignore[attr-defined]
        if is_new and self.content.size > settings.UPLOAD_LIMIT_BYTES:
            sizes = {"size": size_in_words(self.content.size), "limit": size_in_words(settings.UPLOAD_LIMIT_BYTES)}
            raise ValidationError({"content": _("The file has %(size)s; the most is %(limit)s.") % sizes})
