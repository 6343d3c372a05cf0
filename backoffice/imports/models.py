"""Uploads: a file, how it is read, what became of each of its rows, and taking it back; and files we write."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import models
from django.db.models.functions import UUID7, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.access.visibility import VisibleQuerySet
from backoffice.imports import faults
from backoffice.imports.faults import Fault
from backoffice.imports.options import Options
from backoffice.imports.reading.files import Layout
from backoffice.jobs.models import Job, State

SUBJECT = "upload"  # what a job's subject_kind says


class Mode(models.TextChoices):
    """What is done with the file. A draft waits for its columns to be confirmed; a preview can be applied."""

    DRAFT = "draft", _("draft")
    PREVIEW = "preview", _("preview")
    APPLY = "apply", _("apply")


class Phase(models.TextChoices):
    """How far an upload has come. Whether that went well is its `state`."""

    DRAFT = "draft", _("draft")
    PREVIEWING = "previewing", _("being previewed")
    PREVIEWED = "previewed", _("previewed")
    APPLYING = "applying", _("being applied")
    APPLIED = "applied", _("applied")


class Outcome(models.TextChoices):
    """What became of a row: every row ends in exactly one."""

    NEW = "new", _("new")
    UPDATED = "updated", _("updated")
    UNCHANGED = "unchanged", _("unchanged")
    FAILED = "failed", _("failed")


def stored_name(upload: Upload, name: str) -> str:
    """A name nobody can guess, that says nothing of what the file holds."""
    return f"uploads/{uuid.uuid4().hex}"


class Upload(models.Model):
    """A file that was taken: it has been examined; jobs preview it, apply it, and undo it.

    `counts` and `records` tell of the applying, `previewed` (`counts`, `records`, `creates`) of the preview, `noticed`
    (`backoffice.imports.reading.examining.Noticed`) of how the file looked.
    """

    uid = models.UUIDField(_("uid"), unique=True, editable=False, db_default=UUID7())
    kind = models.CharField(_("kind"), max_length=30)
    mode = models.CharField(_("mode"), max_length=10, choices=Mode, default=Mode.APPLY)
    file = models.FileField(_("stored file"), upload_to=stored_name, max_length=255)
    name = models.CharField(_("file"), max_length=255)
    size = models.PositiveBigIntegerField(_("size"))
    sha256 = models.CharField(_("checksum"), max_length=64)
    layout = models.JSONField(_("written as"), default=dict)
    options = models.JSONField(_("options"), default=dict, blank=True)
    header = models.JSONField(_("header"), default=list)
    columns = models.JSONField(_("columns"), default=dict)
    unknown = models.JSONField(_("ignored columns"), default=list, blank=True)
    rows = models.PositiveBigIntegerField(_("rows"))
    counts = models.JSONField(_("outcomes"), default=dict, blank=True)
    records = models.JSONField(_("records"), default=dict, blank=True)
    previewed = models.JSONField(_("preview"), default=dict, blank=True)
    noticed = models.JSONField(_("as looked over"), default=dict, blank=True)
    notify = models.BooleanField(_("email the outcome"), default=False, db_default=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    job = models.OneToOneField(Job, models.PROTECT, null=True, related_name="upload", verbose_name=_("job"))
    preview_job = models.OneToOneField(
        Job, models.PROTECT, null=True, related_name="previewed_upload", verbose_name=_("preview's job")
    )
    created_at = models.DateTimeField(_("uploaded"), editable=False, db_default=Now())

    objects = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering = ("-id",)
        indexes = (
            models.Index("asked_by", models.F("id").desc(), name="upload_by_asker"),
            models.Index("kind", models.F("id").desc(), name="upload_by_kind"),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        """Reps and managers see what they uploaded themselves."""
        return models.Q(asked_by=user)

    @property
    def state(self) -> State:
        """The job's: there is one truth about how far the work is."""
        job = self.job or self.preview_job
        return State(job.state) if job else State.QUEUED

    @property
    def how_written(self) -> Layout:
        return msgspec.convert(self.layout, Layout)

    @property
    def chosen(self) -> Options:
        return msgspec.convert(self.options, Options)

    @property
    def outcomes(self) -> dict[str, int]:
        """`rows` there are, and how many of them are done by now as `new`, `updated`, `unchanged` and `failed`."""
        return {"rows": self.rows} | {outcome.value: self.counts.get(outcome.value, 0) for outcome in Outcome}

    @property
    def expected(self) -> dict[str, int]:
        """Like `outcomes`, of the preview."""
        counts = self.previewed.get("counts", {})
        return {"rows": self.rows} | {outcome.value: counts.get(outcome.value, 0) for outcome in Outcome}

    @property
    def phase(self) -> Phase:
        if self.job:
            return Phase.APPLYING if State(self.job.state).is_open else Phase.APPLIED
        if self.preview_job:
            return Phase.PREVIEWING if State(self.preview_job.state).is_open else Phase.PREVIEWED
        return Phase.DRAFT

    @property
    def known_rows(self) -> models.QuerySet[UploadRow] | models.QuerySet[PreviewRow]:
        """Its rows with their outcomes: until it is applied, the preview's."""
        return self.results.all() if self.job_id else self.previews.all()

    @property
    def failed(self) -> int:
        """How many of `known_rows` failed."""
        return (self.outcomes if self.job_id else self.expected)[Outcome.FAILED]

    @property
    def expires_at(self) -> datetime:
        """Until when the file is kept and its failed rows can be fetched."""
        return self.created_at + timedelta(days=settings.UPLOAD_KEEP_DAYS)

    @property
    def has_error_file(self) -> bool:
        return self.failed > 0 and timezone.now() < self.expires_at


class FileRow(models.Model):
    """One row of a file and its outcome. Only a failed row keeps its cells and what is wrong with it."""

    pk = models.CompositePrimaryKey("upload_id", "number")
    number = models.PositiveIntegerField(_("row"))
    line = models.PositiveIntegerField(_("line"), help_text=_("As a text editor shows it."))
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome)
    object_id = models.BigIntegerField(_("record"), null=True)
    errors = models.JSONField(_("errors"), null=True)
    cells = models.JSONField(_("cells"), null=True)

    class Meta:
        abstract = True
        verbose_name = _("row")
        verbose_name_plural = _("rows")
        ordering = ("upload_id", "number")

    def __str__(self) -> str:
        return f"{self.line}: {self.outcome}"

    @property
    def faults(self) -> list[Fault]:
        return faults.restored(self.errors)

    @property
    def reason(self) -> str:
        """All that is wrong with the row, in words."""
        return faults.sentences(self.faults)


def row_of(related_name: str) -> Any:
    return models.ForeignKey(
        Upload,
        models.CASCADE,
        related_name=related_name,
        verbose_name=_("upload"),
        db_index=False,
        db_constraint=False,  # a check per row would slow the load; rows go with their upload
    )


class UploadRow(FileRow):
    """What became of a row that was applied."""

    upload = row_of("results")
    beside = models.JSONField(
        _("other records"), null=True, help_text=_("What else it changed or was first to need, by kind.")
    )

    class Meta(FileRow.Meta):
        indexes = (
            models.Index(
                fields=["upload", "number"], name="upload_row_failed", condition=models.Q(outcome=Outcome.FAILED)
            ),
        )


class PreviewRow(FileRow):
    """What would become of a row. `changes` holds, by column of the table, what is there and what would be."""

    upload = row_of("previews")
    changes = models.JSONField(_("changes"), null=True)

    class Meta(FileRow.Meta):
        indexes = (
            models.Index(
                fields=["upload", "number"], name="preview_row_failed", condition=models.Q(outcome=Outcome.FAILED)
            ),
            models.Index(fields=["upload", "outcome", "number"], name="preview_row_outcome"),
        )


class ColumnChoice(models.Model):
    """What someone took a header for, the last time: remembered for the next file of the kind."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("login"))
    kind = models.CharField(_("kind"), max_length=30)
    header = models.CharField(_("header"), max_length=255, help_text=_("Folded, as headers are compared."))
    column = models.CharField(_("column"), max_length=60, blank=True, help_text=_("Empty: it is ignored."))

    class Meta:
        verbose_name = _("column as chosen")
        verbose_name_plural = _("columns as chosen")
        constraints = (
            models.UniqueConstraint(fields=["user", "kind", "header"], name="column_is_chosen_once_per_header"),
        )

    def __str__(self) -> str:
        return f"{self.header}: {self.column or '–'}"


class Undone(models.TextChoices):
    """What became of a record when an upload was taken back."""

    RESTORED = "restored", _("restored")
    REMOVED = "removed", _("removed")
    RETURNED = "returned", _("brought back")
    PARTLY = "partly", _("restored in part")
    KEPT = "kept", _("left as it is")


class Undo(models.Model):
    """Taking back what an upload did; or taking back such an undo (`undoes`)."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="undos", verbose_name=_("upload"))
    undoes = models.ForeignKey("self", models.CASCADE, null=True, related_name="undos", verbose_name=_("takes back"))
    mode = models.CharField(_("mode"), max_length=10, choices=Mode, default=Mode.APPLY)
    job = models.OneToOneField(Job, models.PROTECT, null=True, related_name="undo", verbose_name=_("job"))
    counts = models.JSONField(_("outcomes"), default=dict, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("asked"), editable=False, db_default=Now())

    objects = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("undo")
        verbose_name_plural = _("undos")
        ordering = ("-id",)

    def __str__(self) -> str:
        return str(self.upload)

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return models.Q(upload__asked_by=user)


class UndoneRecord(models.Model):
    """One record an undo looked at, and which way it went. `reasons` are faults: why it was left, wholly or in part."""

    pk = models.CompositePrimaryKey("undo_id", "number")
    undo = models.ForeignKey(
        Undo, models.CASCADE, related_name="records", verbose_name=_("undo"), db_index=False, db_constraint=False
    )
    number = models.PositiveIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=40)
    object_id = models.BigIntegerField(_("record"))
    label = models.CharField(_("name"), max_length=300, blank=True)
    lines = models.JSONField(_("lines"), default=list, help_text=_("The first lines of the file that speak of it."))
    outcome = models.CharField(_("outcome"), max_length=10, choices=Undone)
    reasons = models.JSONField(_("reasons"), null=True)

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        ordering = ("undo_id", "number")
        indexes = (models.Index(fields=["undo", "outcome", "number"], name="undone_record_outcome"),)

    def __str__(self) -> str:
        return f"{self.label}: {self.outcome}"


class Format(models.TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"


class Export(models.Model):
    """A file of records that a job writes, to be fetched for a while.

    `selection` says which ones: the door it was asked through, and that door's own words (its query string).
    """

    kind = models.CharField(_("kind"), max_length=30)
    format = models.CharField(_("format"), max_length=4, choices=Format)
    selection = models.JSONField(_("selection"), default=dict)
    file = models.FileField(_("stored file"), upload_to=stored_name, max_length=255, blank=True)
    rows = models.PositiveBigIntegerField(_("rows"), default=0, db_default=0)
    size = models.PositiveBigIntegerField(_("size"), default=0, db_default=0)
    job = models.OneToOneField(Job, models.PROTECT, null=True, related_name="export", verbose_name=_("job"))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("asked"), editable=False, db_default=Now())

    objects = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ("-id",)
        indexes = (models.Index("asked_by", models.F("id").desc(), name="export_by_asker"),)

    def __str__(self) -> str:
        return f"{self.kind} ({self.format})"

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        """Everybody but operations sees what they asked for themselves."""
        return models.Q(asked_by=user)
