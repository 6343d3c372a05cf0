"""Kinds of background job. A new kind is one function with a decorator, in (or imported by) its app's `jobs.py`:

@job("reports.monthly", queue=Queue.DEFAULT, label=_("Monthly report"), door=Door.COMMAND)
def monthly_report(run: Run) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.changes.acting import Door

if TYPE_CHECKING:
    from backoffice.jobs.models import Job
    from backoffice.jobs.running import Run

type Work = Callable[[Run], None]
type Ended = Callable[[Job], None]


class Queue(models.TextChoices):
    """Long and short work wait in different lines; a worker serves one or more of them."""

    IMPORTS = "imports", _("uploads")
    PULLS = "pulls", _("pulls")
    PUSHES = "pushes", _("pushes")
    DEFAULT = "default", _("other work")


@dataclass(frozen=True)
class Kind:
    """What the decorator said about a function."""

    name: str
    work: Work
    queue: Queue
    label: str | Promise
    door: Door
    besides: frozenset[str]
    ended: Ended | None


class UnknownKind(LookupError):
    """This process has no function of that name."""


_kinds: dict[str, Kind] = {}


def job(
    name: str,
    *,
    queue: Queue,
    label: str | Promise,
    door: Door,
    besides: Iterable[str] = (),
    ended: Ended | None = None,
) -> Callable[[Work], Work]:
    """Register the function as what a job of kind `name` does.

    It may be called again after a crash or a shutdown, with the checkpoint of the last committed chunk, and
    must go on from there. `besides` names counts that are not rows (new accounts met on the way): they are
    shown, but stay out of the sum that makes up the total.

    `ended` is called with each job of the kind that ends, once, in the transaction that ends it: when it is done, has
    failed, is cancelled (also before it began), or is given up after crashes. One that is tried again ends again.
    """

    def register(work: Work) -> Work:
        known = _kinds.get(name)
        if known and (known.work.__module__, known.work.__qualname__) != (
            work.__module__,
            work.__qualname__,
        ):
            raise ValueError(f"Two kinds of job are called {name!r}: {known.work.__module__} and {work.__module__}.")
        _kinds[name] = Kind(name, work, queue, label, door, frozenset(besides), ended)
        return work

    return register


def kind_called(name: str) -> Kind:
    try:
        return _kinds[name]
    except KeyError:
        raise UnknownKind(name) from None


def label_of(name: str) -> str:
    known = _kinds.get(name)
    return str(known.label) if known else name


def besides(name: str) -> frozenset[str]:
    known = _kinds.get(name)
    return known.besides if known else frozenset()


def ended(name: str) -> Ended | None:
    known = _kinds.get(name)
    return known.ended if known else None


def kinds() -> list[Kind]:
    """All kinds this process knows, by name."""
    return sorted(_kinds.values(), key=lambda kind: kind.name)
