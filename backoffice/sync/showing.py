"""A connection and what became of its syncs, as the API and the commands show them. Never a secret."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count

from backoffice.jobs.models import Job, State
from backoffice.sync.meanings import options
from backoffice.sync.models import (
    OPEN_PUSHES,
    UNSENT,
    Conflict,
    Connection,
    Cursor,
    Health,
    Link,
    Push,
    PushState,
    SetAside,
)
from backoffice.sync.pulls import pulling
from backoffice.sync.pushes import pushing
from connectors.kit.registry import UnknownVendor

PULLED = ("new", "updated", "unchanged", "archived", "set_aside")
PUSHED = ("done", "rejected", "uncertain", "waiting")
WORST_FIRST = (State.FAILED, State.CANCELLED, State.INCOMPLETE, State.QUEUED, State.RUNNING, State.SUCCEEDED)
PLAIN = (
    "id",
    "name",
    "vendor",
    "vendor_label",
    "base_url",
    "state",
    "settings",
    "sends_new",
    "policy",
    "currency",
    "time_zone",
    "every_minutes",
    "full_every_hours",
    "most_archived_percent",
    "facade",
    "facade_host",
    "created_at",
)
OF_HEALTH = ("trouble", "trouble_since", "last_good_at", "last_full_at", "next_pull_at", "held_until")


def in_list(connection: Connection) -> dict[str, Any]:
    """Its settings and its health, which is best read along with it."""
    health = getattr(connection, "health", None) or Health()
    return {
        **{name: getattr(connection, name) for name in PLAIN},
        "directions": directions(connection),
        "health": {name: getattr(health, name) for name in OF_HEALTH},
    }


def shown(connection: Connection) -> dict[str, Any]:
    """The same with what its vendor can, how far its streams are, its last jobs, and what waits for somebody."""
    return in_list(connection) | {
        "records": _by_kind(connection),
        "counts": counts(connection),
        "capabilities": _capabilities(connection),
        "streams": [
            {"name": each.stream, "moved_at": each.moved_at, "full_pass_at": each.full_pass_at}
            for each in Cursor.objects.filter(connection=connection).order_by("id")
        ],
        "last_pull": _last(connection, pulling.KIND),
        "last_push": _last(connection, pushing.KIND),
    }


def directions(connection: Connection) -> list[str]:
    return [name for name, is_on in (("pull", connection.pulls), ("push", connection.pushes)) if is_on]


def counts(connection: Connection) -> dict[str, int]:
    """What waits: for the vendor, or for a person."""
    states = Push.objects.filter(connection=connection, state__in=(*OPEN_PUSHES, PushState.REJECTED))
    pushes = dict(states.order_by().values_list("state").annotate(Count("pk")))
    return {
        "conflicts": open_conflicts(connection),
        "set_aside": SetAside.objects.filter(connection=connection).count(),
        "unmapped": _unmapped(connection),
        "waiting": pushes.get(PushState.WAITING, 0) + pushes.get(PushState.RETRY, 0),
        "rejected": pushes.get(PushState.REJECTED, 0),
        "uncertain": pushes.get(PushState.UNCERTAIN, 0),
    }


def open_conflicts(connection: Connection) -> int:
    return Conflict.objects.filter(connection=connection, settled_at=None).count()


def outcome(connection: Connection, pull: Job | None, push: Job | None) -> dict[str, Any]:
    """What the jobs of one sync came to. Conflicts are those that are open now, whoever met them."""
    unsent = Push.objects.filter(connection=connection, state__in=UNSENT)
    sent = push.counts | {"waiting": unsent.count()} if push else {}
    return {
        "state": _worst([job.state for job in (pull, push) if job]),
        "pulled": _figures(PULLED, pull.counts if pull else {}),
        "pushed": _figures(PUSHED, sent),
        "conflicts": open_conflicts(connection),
    }


def _figures(names: tuple[str, ...], found: Mapping[str, int]) -> dict[str, int]:
    return {name: found.get(name, 0) for name in names}


def _worst(states: list[str]) -> str:
    """The state of several jobs together; one that was cancelled has failed to do what was asked."""
    worst = next((state for state in WORST_FIRST if state in states), State.SUCCEEDED)
    return str(State.FAILED if worst == State.CANCELLED else worst)


def _by_kind(connection: Connection) -> dict[str, int]:
    linked = Link.objects.filter(connection=connection, gone_at=None).order_by("kind")
    return dict(linked.values_list("kind").annotate(Count("pk")))


def _unmapped(connection: Connection) -> int:
    try:
        return len(options.unmapped(connection))
    except UnknownVendor:
        return 0


def _capabilities(connection: Connection) -> list[dict[str, Any]]:
    """What can be done with records of each kind, and with which of their fields."""
    try:
        known = connection.connector.capabilities
    except UnknownVendor:
        return []
    return [
        {
            "kind": each.mapping.kind,
            **{verb: getattr(each, verb) for verb in ("pull", "create", "update", "delete", "find", "view")},
            "reads": sorted(each.mapping.holds),
            "writes": sorted(each.mapping.takes | each.mapping.takes_new) if each.create or each.update else [],
        }
        for each in known.values()
    ]


def _last(connection: Connection, kind: str) -> dict[str, Any] | None:
    of_it = Job.objects.filter(kind=kind, subject_kind="connection", subject_id=connection.pk)
    last = of_it.order_by("-id").first()
    return job(last) if last else None


def job(found: Job) -> dict[str, Any]:
    return {"id": found.pk, "state": found.state}
