"""The pages of one connection: what they have in common, and its overview, which lives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.console import connection_words as words
from backoffice.console.connection_counts import counted, counts_of
from backoffice.console.errors import NotThere
from backoffice.console.job_pages import Fact
from backoffice.console.live import Live
from backoffice.jobs.models import Job
from backoffice.sync.models import Connection, ConnectionState, Cursor, Link, Phase, Policy, SendsNew
from backoffice.sync.pulls import pulling
from backoffice.sync.pushes import pushing

RUNS_SHOWN = 6


class Tab(NamedTuple):
    word: str
    label: str
    link: str
    is_open: bool = False
    number: int | None = 0


class Tile(NamedTuple):
    """A figure of the overview, and where one looks into it."""

    word: str
    label: str
    number: int
    link: str
    tone: str


class Read(NamedTuple):
    """How far a stream has been read."""

    label: str
    phase: str
    is_at_rest: bool
    moved: str
    full: str
    state: dict[str, Any]


@dataclass(frozen=True)
class RunOf:
    """A pull or push of the connection. `link` is empty for whoever may not open the job."""

    live: Live
    link: str


def visible_connection(request: HttpRequest, connection_id: int | str) -> Connection:
    """With its counts, if it exists for whoever asks; else 404."""
    user: Any = request.user
    is_id = str(connection_id).isdecimal() and int(connection_id) < 2**63
    found = None
    if is_id and may(user, "view", Connection):
        rows = counted(Connection.objects.visible_to(user), user).select_related("health")
        found = rows.filter(pk=connection_id).first()
    if found is None:
        raise NotThere(gettext("There is no such connection."))
    return found


def own(request: HttpRequest, connection_id: int | str) -> Connection:
    """For what only those may do who keep connections."""
    connection = visible_connection(request, connection_id)
    if not keeps(request.user):
        raise PermissionDenied
    return connection


def keeps(user: Any) -> bool:
    return may(user, "change", Connection)


def address(connection: Connection, page: str = "change", *more: Any) -> str:
    return reverse(f"admin:sync_connection_{page}", args=[connection.pk, *more])


def frame(request: HttpRequest, connection: Connection, opened: str) -> dict[str, Any]:
    """What every page of a connection shows above what is its own."""
    return {
        "connection": connection,
        "original": connection,
        "object": connection,
        "title": connection.name,
        "tabs": tabs(connection, opened, request.user),
        "state_badge": words.state_badge(connection),
        "condition": words.condition(connection),
        "directions": words.directions(connection),
        "keeps": keeps(request.user),
        "page": address(connection),
    }


def tabs(connection: Connection, opened: str, user: Any) -> list[Tab]:
    """The same above the connection's own pages and above lists that show what is of it alone."""
    numbers = counts_of(connection)
    of_it = f"?connection={connection.pk}"
    pushes = numbers["waiting"] + numbers["uncertain"] + numbers["rejected"]
    known = [
        Tab("overview", gettext("Overview"), address(connection)),
        Tab("map", gettext("Value map"), address(connection, "map"), number=numbers["unmapped"]),
        Tab("outbox", gettext("Outbox"), reverse("admin:sync_push_changelist") + of_it, number=pushes),
        Tab(
            "conflicts",
            gettext("Conflicts"),
            reverse("admin:sync_conflict_changelist") + of_it,
            number=numbers["conflicts"],
        ),
        Tab(
            "aside",
            gettext("Set aside"),
            reverse("admin:sync_setaside_changelist") + of_it,
            number=numbers["set_aside"],
        ),
        Tab(
            "suggestions",
            gettext("Suggestions"),
            reverse("admin:sync_suggestion_changelist") + of_it,
            number=numbers["suggestions"],
        ),
        Tab("matrix", gettext("What it can do"), address(connection, "matrix")),
        Tab("facade", gettext("Facade"), address(connection, "facade")),
    ]
    if user.sees_everything:
        known.append(Tab("exchanges", gettext("Exchanges"), address(connection, "exchanges")))
    if keeps(user):
        known.append(Tab("settings", gettext("Settings"), address(connection, "settings")))
    return [tab._replace(is_open=tab.word == opened) for tab in known]


def overview(request: HttpRequest, connection: Connection, context: dict[str, Any]) -> HttpResponse:
    shown = fragment(connection, request.user) | {
        "facts": facts(connection),
        "may_pull": not pulling.reason_not_to(connection),
        "may_push": not pushing.reason_not_to(connection),
        "is_paused": connection.state == ConnectionState.PAUSED,
        "is_retired": connection.state == ConnectionState.RETIRED,
    }
    return TemplateResponse(
        request,
        "console/connections/overview.html",
        context | frame(request, connection, "overview") | shown,
    )


def live(request: HttpRequest, connection_id: int) -> HttpResponse:
    """A poll of the overview."""
    connection = visible_connection(request, connection_id)
    context = fragment(connection, request.user) | {"connection": connection}
    return TemplateResponse(request, "console/connections/_live.html", context)


def fragment(connection: Connection, user: Any) -> dict[str, Any]:
    """What of the overview changes by itself."""
    runs = _runs(connection)
    return {
        "condition": words.condition(connection),
        "next_pull": words.next_pull(connection),
        "tiles": tiles(connection),
        "streams": _streams(connection),
        "runs": [RunOf(Live(job), _link_to(job, user)) for job in runs],
        "is_at_work": any(job.is_open for job in runs),
        "announcement": _announcement(connection, runs),
        "keeps": keeps(user),
        "state_badge": words.state_badge(connection),
    }


def _runs(connection: Connection) -> list[Job]:
    kinds = (pulling.KIND, pushing.KIND)
    mine = Job.objects.filter(kind__in=kinds, subject_kind=pulling.SUBJECT, subject_id=connection.pk)
    return list(mine.select_related("asked_by").order_by("-id")[:RUNS_SHOWN])


def _link_to(job: Job, user: User) -> str:
    is_seen = user.sees_everything or job.asked_by_id == user.pk
    return reverse("admin:jobs_job_change", args=[job.pk]) if is_seen else ""


def _announcement(connection: Connection, runs: Sequence[Job]) -> str:
    """For screen readers: what runs, or how the connection does."""
    at_work = next((job for job in runs if job.is_open), None)
    return f"{at_work.label}: {Live(at_work).announcement}" if at_work else words.condition(connection).word


def tiles(connection: Connection) -> list[Tile]:
    numbers, of_it = counts_of(connection), f"?connection={connection.pk}"
    pushes = reverse("admin:sync_push_changelist") + of_it
    tiles = [
        Tile("waiting", gettext("waiting to be sent"), numbers["waiting"], f"{pushes}&state=waiting", ""),
        Tile("rejected", gettext("rejected"), numbers["rejected"], f"{pushes}&state=rejected", "danger"),
        Tile("uncertain", gettext("uncertain"), numbers["uncertain"], f"{pushes}&state=uncertain", "danger"),
        Tile(
            "conflicts",
            gettext("conflicts"),
            numbers["conflicts"],
            reverse("admin:sync_conflict_changelist") + of_it,
            "danger",
        ),
        Tile(
            "set_aside",
            gettext("set aside"),
            numbers["set_aside"],
            reverse("admin:sync_setaside_changelist") + of_it,
            "danger",
        ),
        Tile("unmapped", gettext("unmapped entries"), numbers["unmapped"], address(connection, "map"), "danger"),
    ]
    return [tile._replace(tone=tile.tone if tile.number else "") for tile in tiles]


def _streams(connection: Connection) -> list[Read]:
    return [
        Read(
            words.stream_label(cursor.stream),
            capfirst(str(Phase(cursor.phase).label)),
            cursor.phase == Phase.AT_REST,
            words.moment(cursor.moved_at),
            words.moment(cursor.full_pass_at),
            cursor.state,
        )
        for cursor in Cursor.objects.filter(connection=connection).order_by("id")
    ]


def facts(connection: Connection) -> list[Fact]:
    """What is settled about it, and what it has come to."""
    health = words.health_of(connection)
    found = [
        Fact(gettext("vendor"), connection.vendor_label),
        Fact(gettext("address"), connection.base_url),
        Fact(gettext("directions"), words.directions(connection)),
        Fact(gettext("pull"), _rhythm(connection)),
        Fact(gettext("last answer"), words.moment(health.last_good_at)),
        Fact(gettext("when both sides changed"), str(Policy(connection.policy).label)),
        Fact(gettext("new records to send"), str(SendsNew(connection.sends_new).label) if connection.pushes else "–"),
        Fact(gettext("currency"), connection.currency),
        Fact(gettext("time zone"), connection.time_zone),
        Fact(gettext("created"), words.moment(connection.created_at)),
    ]
    return found + linked(connection)


def _rhythm(connection: Connection) -> str:
    if not connection.pulls:
        return "–"
    if connection.every_minutes is None:
        return gettext("only by hand")
    every = ngettext("every minute", "every %(count)d minutes", connection.every_minutes)
    whole = ngettext("everything every hour", "everything every %(count)d hours", connection.full_every_hours)
    return f"{every % {'count': connection.every_minutes}}; {whole % {'count': connection.full_every_hours}}"


def linked(connection: Connection) -> list[Fact]:
    """How many records of each kind are linked."""
    found = Link.objects.filter(connection=connection, gone_at=None).order_by().values_list("kind")
    numbers = sorted(found.annotate(number=Count("*")), key=lambda pair: (-pair[1], pair[0]))
    return [
        Fact(
            gettext("linked %(kinds)s") % {"kinds": words.kinds_label(kind).lower()},
            number_format(number, force_grouping=True),
        )
        for kind, number in numbers
    ]
