"""How much of each connection waits for somebody: in one query with the connections, however many there are."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from backoffice.access.models import User
from backoffice.jobs.models import Job
from backoffice.sync.models import UNSENT, Conflict, Connection, Option, Push, PushState, SetAside, Suggestion
from backoffice.sync.pulls.pulling import KIND as PULL
from backoffice.sync.pulls.pulling import SUBJECT
from backoffice.sync.pushes.pushing import KIND as PUSH

UNMAPPED = Q(choice=None, rep=None, is_chosen=False)
COUNTS = ("waiting", "uncertain", "rejected", "conflicts", "set_aside", "suggestions", "unmapped")


def counted(connections: "QuerySet[Connection]", user: User) -> "QuerySet[Connection]":
    """Each connection with `COUNTS` as its attributes, of what `user` may see."""
    return connections.annotate(**{f"count_{name}": _number_of(rows) for name, rows in open_things(user).items()})


def open_things(user: User) -> Mapping[str, "QuerySet[Any]"]:
    """What waits for somebody or something, by the name of its count."""
    pushes = Push.objects.visible_to(user)
    return {
        "waiting": pushes.filter(state__in=(*UNSENT, PushState.SENDING)),
        "uncertain": pushes.filter(state=PushState.UNCERTAIN),
        "rejected": pushes.filter(state=PushState.REJECTED),
        "conflicts": Conflict.objects.visible_to(user).filter(settled_at=None),
        "set_aside": SetAside.objects.visible_to(user),
        "suggestions": Suggestion.objects.visible_to(user).filter(dismissed_at=None),
        "unmapped": Option.objects.visible_to(user).filter(UNMAPPED),
    }


def counts_of(connection: Connection) -> dict[str, int]:
    """Of a connection that came through `counted`."""
    return {name: getattr(connection, f"count_{name}", 0) for name in COUNTS}


def with_last_run(connections: "QuerySet[Connection]") -> "QuerySet[Connection]":
    """Each with the id of its last pull or push as `last_run_id`."""
    runs = Job.objects.filter(kind__in=(PULL, PUSH), subject_kind=SUBJECT, subject_id=OuterRef("pk"))
    return connections.annotate(last_run_id=Subquery(runs.order_by("-id").values("id")[:1]))


def _number_of(rows: "QuerySet[Any]") -> Coalesce:
    mine = rows.filter(connection=OuterRef("pk")).order_by().values("connection")
    number = mine.annotate(number=Count("*")).values("number")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)
