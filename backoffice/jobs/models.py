"""Background jobs: the row is the truth, the broker's message only a hint. See `claiming`, `running`, `scheduler`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.access.visibility import VisibleQuerySet
from backoffice.changes.acting import Door
from backoffice.jobs import registry
from backoffice.jobs.progress import (
    Tally,
    outcome_in_words,
    rate_per_second,
    seconds_left,
    tally,
)


class State(models.TextChoices):
    """Where a job stands. It changes by compare-and-set on (id, token, state) only."""

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    INCOMPLETE = "incomplete", _("incomplete")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")

    @property
    def is_open(self) -> bool:
        """Still waiting or at work."""
        return self in OPEN


OPEN = (State.QUEUED, State.RUNNING)


class JobQuerySet(VisibleQuerySet["Job"]):
    def open(self) -> JobQuerySet:
        """Waiting or at work."""
        return self.filter(state__in=OPEN)


class Job(models.Model):
    """One piece of background work and what became of it.

    Progress and heartbeats update the row often: no index may hold a column they write, so that such an
    update stays on its page (HOT).
    """

    kind = models.CharField(_("kind"), max_length=100)
    queue = models.CharField(_("queue"), max_length=20, choices=registry.Queue)
    parameters = models.JSONField(_("parameters"), default=dict)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.QUEUED)

    done = models.PositiveBigIntegerField(_("done"), default=0)
    done_kept = models.PositiveBigIntegerField(
        _("done and kept"),
        default=0,
        help_text=_("What the last committed chunk had reached."),
    )
    total = models.PositiveBigIntegerField(_("total"), null=True, blank=True)
    counts = models.JSONField(_("counts"), default=dict)
    checkpoint = models.JSONField(_("checkpoint"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    token = models.PositiveBigIntegerField(_("fencing token"), default=0)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last heartbeat"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    crashes = models.PositiveIntegerField(_("crashes"), default=0)
    cancel_requested_at = models.DateTimeField(_("cancel requested"), null=True, blank=True)

    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    door = models.CharField(_("door"), max_length=20, choices=Door)
    api_key_id = models.BigIntegerField(_("API key"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=20, blank=True, default="", db_default="")
    subject_kind = models.CharField(_("kind of subject"), max_length=50, blank=True)
    subject_id = models.BigIntegerField(_("subject"), null=True, blank=True)
    subject_label = models.CharField(_("worked on"), max_length=300, blank=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=200, null=True, blank=True, unique=True)

    created_at = models.DateTimeField(_("asked for"), default=timezone.now)
    dispatched_at = models.DateTimeField(_("sent to a worker"), null=True, blank=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    claimed_at = models.DateTimeField(_("last claimed"), null=True, blank=True)
    done_at_claim = models.PositiveBigIntegerField(_("done when last claimed"), default=0)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="job_state_is_known",
                condition=Q(state__in=State.values),
                violation_error_message=_("Not a state."),
            ),
            models.CheckConstraint(
                name="job_holds_a_lease_exactly_while_running",
                condition=Q(state=State.RUNNING, lease_until__isnull=False)
                | (~Q(state=State.RUNNING) & Q(lease_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="job_has_a_finish_exactly_when_ended",
                condition=Q(state__in=OPEN, finished_at__isnull=True)
                | (~Q(state__in=OPEN) & Q(finished_at__isnull=False)),
            ),
        )
        indexes = (
            models.Index("id", name="job_open", condition=Q(state__in=OPEN)),
            models.Index("state", F("id").desc(), name="job_by_state"),
            models.Index("kind", F("id").desc(), name="job_by_kind"),
            models.Index("asked_by", F("id").desc(), name="job_by_asker"),
            models.Index("subject_kind", "subject_id", name="job_by_subject"),
            models.Index("queue", F("started_at").desc(), name="job_by_queue_and_start"),
        )

    def __str__(self) -> str:
        return f"{self.label} {self.pk}"

    @classmethod
    def visible_by(cls, user: User) -> Q:
        """Reps and managers see the jobs they asked for."""
        return Q(asked_by=user)

    @property
    def label(self) -> str:
        """What this kind of job is called; a kind this process does not know shows its own name."""
        return registry.label_of(self.kind)

    @property
    def is_open(self) -> bool:
        return State(self.state).is_open

    @property
    def is_stale(self) -> bool:
        """Running by name, but nobody has held its lease for a while: its worker is gone, and the next will resume."""
        return self.state == State.RUNNING and self.lease_until is not None and self.lease_until < timezone.now()

    @property
    def tally(self) -> Tally:
        """The rows as ok, rejected and unprocessed, which always add up to all of them."""
        return tally(self.counts, registry.besides(self.kind), done=self.done, total=self.total)

    @property
    def fraction(self) -> float | None:
        """Between 0 and 1; None while nobody knows how much there is."""
        return min(self.done / self.total, 1.0) if self.total else None

    @property
    def percent(self) -> int | None:
        return None if self.fraction is None else int(self.fraction * 100)

    @property
    def seconds_running(self) -> float | None:
        """Since its first start, until now or its end."""
        return self._seconds(self.started_at)

    @property
    def rate(self) -> float | None:
        """Per second, since the running worker took it; after the end over the whole run."""
        if self.is_open:
            return rate_per_second(self.done - self.done_at_claim, self._seconds(self.claimed_at))
        return rate_per_second(self.done, self.seconds_running)

    @property
    def seconds_left(self) -> float | None:
        """A guess from the rate; None when there is nothing to go by."""
        return seconds_left(self.done, self.total, self.rate) if self.state == State.RUNNING else None

    @property
    def outcome(self) -> str:
        """How it ended and what was kept, in a sentence; the error where there is one; empty while open."""
        return outcome_in_words(self.state, self.tally, self.error)

    def may_be_acted_on_by(self, user: AbstractBaseUser | AnonymousUser) -> bool:
        """Who sees a job may also cancel and retry it: the one who asked, operations and administrators."""
        return type(self).objects.visible_to(user).filter(pk=self.pk).exists()

    @property
    def can_cancel(self) -> bool:
        return self.is_open and self.cancel_requested_at is None

    @property
    def can_retry(self) -> bool:
        return self.state in RETRYABLE

    def log_lines(
        self,
        user: AbstractBaseUser | AnonymousUser,
        *,
        after: int = 0,
        limit: int = 500,
    ) -> list[LogLine]:
        """Lines after the one with id `after`, oldest first. Traces are for operations only."""
        if not self.may_be_acted_on_by(user):
            return []
        lines = list(JobLog.objects.filter(job=self, id__gt=after).order_by("id")[:limit])
        return [line.seen_by(user) for line in lines]

    def last_log_lines(self, user: AbstractBaseUser | AnonymousUser, *, limit: int = 200) -> list[LogLine]:
        """The newest lines, oldest of them first."""
        if not self.may_be_acted_on_by(user):
            return []
        lines = list(JobLog.objects.filter(job=self).order_by("-id")[:limit])
        return [line.seen_by(user) for line in reversed(lines)]

    def _seconds(self, since: datetime | None) -> float | None:
        if since is None:
            return None
        return max(((self.finished_at or timezone.now()) - since) / timedelta(seconds=1), 0.0)


RETRYABLE = (State.FAILED, State.CANCELLED)


class Level(models.TextChoices):
    INFO = "info", _("info")
    WARNING = "warning", _("warning")
    ERROR = "error", _("error")


class JobLogQuerySet(VisibleQuerySet["JobLog"]):
    pass


class JobLog(models.Model):
    """One line of a job's log. At most `LINES_KEPT` of them per job; see `backoffice.jobs.heartbeat`."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="lines", verbose_name=_("job"), db_index=False)
    at = models.DateTimeField(_("at"))
    level = models.CharField(_("level"), max_length=10, choices=Level)
    text = models.TextField(_("text"))
    fields = models.JSONField(_("fields"), default=dict)

    objects = JobLogQuerySet.as_manager()

    class Meta:
        verbose_name = _("log line")
        verbose_name_plural = _("log lines")
        ordering = ("id",)
        indexes = (models.Index("job", "id", name="joblog_by_job"),)

    def __str__(self) -> str:
        return self.text

    @classmethod
    def visible_by(cls, user: User) -> Q:
        """The lines of the jobs one sees."""
        return Q(job__in=Job.objects.filter(Job.visible_by(user)))

    def seen_by(self, user: AbstractBaseUser | AnonymousUser) -> LogLine:
        """The line as `user` may see it: without the trace, unless they see everything."""
        fields = dict(self.fields)
        if not (isinstance(user, User) and user.sees_everything):
            fields.pop("trace", None)
        return LogLine(self.pk, self.at, Level(self.level), self.text, fields)


class Slot(models.Model):
    """A recurring task of the scheduler and the last of its ticks. Whoever writes the tick runs it, once."""

    name = models.CharField(_("name"), max_length=100, primary_key=True)
    tick = models.BigIntegerField(_("tick"), help_text=_("Which period since 1970 was claimed last."))
    at = models.DateTimeField(_("claimed"))
    by = models.CharField(_("by"), max_length=200)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")

    def __str__(self) -> str:
        return self.name


class WorkerSign(models.Model):
    """The last time a worker of a queue really ran something, as its answer to a probe."""

    queue = models.CharField(_("queue"), max_length=20, primary_key=True, choices=registry.Queue)
    at = models.DateTimeField(_("at"))
    by = models.CharField(_("by"), max_length=200)

    class Meta:
        verbose_name = _("sign of a worker")
        verbose_name_plural = _("signs of workers")

    def __str__(self) -> str:
        return self.queue


class LogLine:
    """A log line as shown to somebody."""

    __slots__ = ("at", "fields", "id", "level", "text")

    def __init__(self, id: int, at: datetime, level: Level, text: str, fields: dict[str, Any]) -> None:
        self.id, self.at, self.level, self.text, self.fields = (
            id,
            at,
            level,
            text,
            fields,
        )
