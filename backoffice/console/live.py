"""A job as its page, its upload's page and the dashboard show it: state, progress, figures and outcome in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from backoffice.jobs import registry
from backoffice.jobs.models import Job, State

TONES = {
    State.QUEUED: "default",
    State.RUNNING: "info",
    State.SUCCEEDED: "success",
    State.INCOMPLETE: "warning",
    State.FAILED: "danger",
    State.CANCELLED: "default",
}
ICONS = {
    State.QUEUED: "schedule",
    State.RUNNING: "autorenew",
    State.SUCCEEDED: "check_circle",
    State.INCOMPLETE: "warning",
    State.FAILED: "error",
    State.CANCELLED: "block",
}
# How kinds of job call what they count; a word that is not here is shown as it is written.
WORDS: dict[str, str | Promise] = {
    "rows": _("rows"),
    "ok": _("done"),
    "new": _("new"),
    "updated": _("updated"),
    "unchanged": _("unchanged"),
    "failed": _("failed"),
    "archived": _("archived"),
    "done": _("done"),
    "rejected": _("rejected"),
    "uncertain": _("uncertain"),
    "set_aside": _("set aside"),
    "restored": _("restored"),
    "removed": _("removed"),
    "returned": _("brought back"),
    "partly": _("restored in part"),
    "kept": _("left as it is"),
    "conflicts": _("conflicts"),
    "mentioned": _("known by being mentioned"),
}
TONES_OF_COUNTS = {
    "new": "success",
    "failed": "danger",
    "rejected": "danger",
    "uncertain": "danger",
    "set_aside": "danger",
    "conflicts": "danger",
}


class Count(NamedTuple):
    """One figure with its name."""

    word: str
    label: str
    number: int

    @property
    def tone(self) -> str:
        return TONES_OF_COUNTS.get(self.word, "") if self.number else ""


@dataclass(frozen=True)
class Live:
    """What there is to say about `job` now. Nothing is left to work out for a template."""

    job: Job

    @property
    def tone(self) -> str:
        return TONES[State(self.job.state)]

    @property
    def icon(self) -> str:
        return ICONS[State(self.job.state)]

    @property
    def state(self) -> str:
        """The badge: a job that was asked to stop says so before it has."""
        if self.job.is_open and self.job.cancel_requested_at:
            return gettext("Stopping")
        return capfirst(str(State(self.job.state).label))

    @property
    def sentence(self) -> str:
        """Where the job stands, for a person."""
        job = self.job
        if not job.is_open:
            return job.outcome
        if job.cancel_requested_at:
            return gettext("It stops at the next step. What is done until then is kept.")
        if job.state == State.QUEUED:
            return gettext("Waiting for a free worker.")
        if job.is_stale:
            return gettext("Its worker was lost. Another one goes on from the last step in a moment.")
        return self.progress or gettext("Starting…")

    @property
    def progress(self) -> str:
        """ "4,200 of 8,800"; empty before there is anything to tell."""
        if self.job.total:
            return gettext("%(done)s of %(total)s") % {
                "done": intcomma(self.job.done),
                "total": intcomma(self.job.total),
            }
        return intcomma(self.job.done) if self.job.done else ""

    @property
    def bar(self) -> int | None:
        """Of 100. None: at work, and nobody knows how much there is."""
        if self.job.state in {State.SUCCEEDED, State.INCOMPLETE}:
            return 100
        if self.job.percent is None and self.job.state == State.RUNNING:
            return None
        return self.job.percent or 0

    @property
    def announcement(self) -> str:
        """For screen readers: changes with the state and each quarter of the way, not every second."""
        if not self.job.is_open or self.job.percent is None:
            return f"{self.state}. {self.job.outcome}".strip()
        quarter = self.job.percent // 25 * 25
        return gettext("%(state)s, %(percent)d %%") % {"state": self.state, "percent": quarter}

    @property
    def rate(self) -> str:
        return per_time(self.job.rate)

    @property
    def left(self) -> str:
        if self.job.seconds_left is None:
            return ""
        return gettext("about %(time)s left") % {"time": in_words(self.job.seconds_left)}

    @property
    def duration(self) -> str:
        seconds = self.job.seconds_running
        return "" if seconds is None else in_words(seconds)

    @property
    def counts(self) -> list[Count]:
        """What the kind counted of its rows."""
        beside = registry.besides(self.job.kind)
        return in_order({word: number for word, number in self.job.counts.items() if word not in beside})

    @property
    def besides(self) -> list[Count]:
        """What was counted beside the rows, where there was any of it."""
        beside = registry.besides(self.job.kind)
        return in_order({word: number for word, number in self.job.counts.items() if word in beside and number})


def in_order(counts: Mapping[str, int]) -> list[Count]:
    """As `WORDS` has them; the database keeps them in none."""
    order = {word: place for place, word in enumerate(WORDS)}
    words = sorted(counts, key=lambda word: (order.get(word, len(order)), word))
    return [counted(word, counts[word]) for word in words]


def counted(word: str, number: int) -> Count:
    return Count(word, str(WORDS.get(word, word.replace("_", " "))), number)


def in_words(seconds: float) -> str:
    """A stretch of time as people say it, in at most two units."""
    whole = round(seconds)
    if whole < 1:
        return gettext("less than a second")
    if whole < 60:
        return gettext("%(seconds)d s") % {"seconds": whole}
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return gettext("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return gettext("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return ngettext("%(days)d day", "%(days)d days", hours // 24) % {"days": hours // 24}


def per_time(rate: float | None) -> str:
    """A rate in the largest unit of time that still gives a whole number to read."""
    if not rate:
        return ""
    if rate >= 1:
        return gettext("%(number)s per second") % {"number": intcomma(round(rate))}
    if rate * 60 >= 1:
        return gettext("%(number)s per minute") % {"number": intcomma(round(rate * 60))}
    return gettext("%(number)s per hour") % {"number": intcomma(max(round(rate * 3600), 1))}
