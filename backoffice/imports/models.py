"""An upload: a file, how it is read, and what became of each of its rows."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

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
from backoffice.imports.reading import Layout
from backoffice.jobs.models import Job, State

SUBJECT = "upload"  # what a job's subject_kind says


class Mode(models.TextChoices):
    """What is done with the file."""

    APPLY = "apply", _("apply")


class Outcome(models.TextChoices):
    """What became of a row: every row ends in exactly one."""

    NEW = "new", _("new")
    UPDATED = "updated", _("updated")
    UNCHANGED = "unchanged", _("unchanged")
    FAILED = "failed", _("failed")


def stored_name(upload: Upload, name: str) -> str:
    """A name nobody can guess, that says nothing of what the file holds."""
    return f"uploads/{uuid.uuid4().hex}"


class UploadQuerySet(VisibleQuerySet["Upload"]):
    pass


class Upload(models.Model):
    """A file that was taken: it has been examined, and a job applies it."""

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
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    job = models.OneToOneField(Job, models.PROTECT, null=True, related_name="upload", verbose_name=_("job"))
    created_at = models.DateTimeField(_("uploaded"), editable=False, db_default=Now())

    objects = UploadQuerySet.as_manager()

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
        return State(self.job.state) if self.job else State.QUEUED

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
    def failed(self) -> int:
        return int(self.counts.get(Outcome.FAILED, 0))

    @property
    def expires_at(self) -> datetime:
        """Until when the file is kept and its failed rows can be fetched."""
        return self.created_at + timedelta(days=settings.UPLOAD_KEEP_DAYS)

    @property
    def has_error_file(self) -> bool:
        return self.failed > 0 and timezone.now() < self.expires_at


class UploadRow(models.Model):
    """One row of a file and its outcome. Only a failed row keeps its cells and what is wrong with it."""

    pk = models.CompositePrimaryKey("upload_id", "number")
    upload = models.ForeignKey(
        Upload,
        models.CASCADE,
        related_name="results",
        verbose_name=_("upload"),
        db_index=False,
        db_constraint=False,  # a check per row would slow the load; rows go with their upload
    )
    number = models.PositiveIntegerField(_("row"))
    line = models.PositiveIntegerField(_("line"), help_text=_("As a text editor shows it."))
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome)
    object_id = models.BigIntegerField(_("record"), null=True)
    errors = models.JSONField(_("errors"), null=True)
    cells = models.JSONField(_("cells"), null=True)

    class Meta:
        verbose_name = _("row")
        verbose_name_plural = _("rows")
        ordering = ("upload_id", "number")
        indexes = (
            models.Index(
                fields=["upload", "number"], name="upload_row_failed", condition=models.Q(outcome=Outcome.FAILED)
            ),
        )

    def __str__(self) -> str:
        return f"{self.line}: {self.outcome}"

    @property
    def faults(self) -> list[Fault]:
        return faults.restored(self.errors)

    @property
    def reason(self) -> str:
        """All that is wrong with the row, in words."""
        return faults.sentences(self.faults)
