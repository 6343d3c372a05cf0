"""Connections over the JSON API: make them, test them, pull and push; and settle conflicts."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Body, Path, Query, Router, Status

from backoffice.access.api import api_key_of, require_right, scope
from backoffice.access.idempotency import answers_once
from backoffice.access.models import User
from backoffice.changes.acting import Door, acting
from backoffice.jobs.models import Job
from backoffice.paging import Page, page_of, refuse_unknown
from backoffice.problems import Problem, forbidden, not_found
from backoffice.sync import checking, conflicts, registering, showing
from backoffice.sync.bodies import (
    CheckedOut,
    ConflictFilters,
    ConflictOut,
    ConnectionFilters,
    ConnectionItem,
    ConnectionName,
    ConnectionOut,
    NewConnection,
    PullBody,
    Resolution,
    Started,
)
from backoffice.sync.models import Conflict, Connection
from backoffice.sync.pulls import pulling
from backoffice.sync.pushes import pushing
from backoffice.values import QueryId

router = Router(tags=["connections"])

MAY_LOOK = ("read", "sync")


@router.get("/connections", response=Page[ConnectionItem], summary="List connections")
def list_connections(request: HttpRequest, filters: Query[ConnectionFilters]) -> dict[str, Any]:
    """The connections to vendors, the newest first."""
    refuse_unknown(request, filters)
    found = _visible(request)
    if filters.vendor:
        found = found.filter(vendor=filters.vendor)
    if filters.state:
        found = found.filter(state=filters.state)
    bound_to = f"connections {filters.vendor} {filters.state}"
    return page_of(found, showing.in_list, cursor=filters.cursor, limit=filters.limit, bound_to=bound_to)


@router.post("/connections", response={201: ConnectionOut}, summary="Create a connection")
@answers_once
@scope("sync")
def create_connection(request: HttpRequest, response: HttpResponse, connection: Body[NewConnection]) -> "Status[Any]":
    """A new connection; calls nobody yet. 422 says what its vendor needs."""
    user = require_right(request, "add", Connection)
    with acting(user, Door.API, api_key=_key_id(request)):
        made = registering.create(connection.given())
    response["Location"] = reverse("api:read_connection", args=[made.name])
    return Status(201, showing.shown(_find(request, made.name)))


@router.get("/connections/{name}", response=ConnectionOut, summary="Read a connection")
def read_connection(request: HttpRequest, name: Path[ConnectionName]) -> dict[str, Any]:
    """A connection with its capabilities, streams, last jobs and what waits."""
    return showing.shown(_find(request, name))


@router.post("/connections/{name}/pull", response={202: Started}, summary="Pull over a connection")
@answers_once
@scope("sync")
def pull_connection(
    request: HttpRequest, response: HttpResponse, name: Path[ConnectionName], body: PullBody | None = None
) -> "Status[Any]":
    """Starts a pull, or answers the one that is under way. 409 says why it can't be now."""
    connection, user = _find_to_change(request, name)
    try:
        job = pulling.start_pull(connection, user, full=bool(body and body.full))
    except pulling.CannotPull as refusal:
        raise _not_now(refusal) from refusal
    return _started(job, response)


@router.post("/connections/{name}/push", response={202: Started}, summary="Push over a connection")
@answers_once
@scope("sync")
def push_connection(request: HttpRequest, response: HttpResponse, name: Path[ConnectionName]) -> "Status[Any]":
    """Starts sending what waits, or answers the push that is under way. 409 says why it can't be now."""
    connection, user = _find_to_change(request, name)
    try:
        job = pushing.start_push(connection, user, api_key=_key_id(request))
    except pushing.CannotPush as refusal:
        raise _not_now(refusal) from refusal
    return _started(job, response)


@router.post("/connections/{name}/test", response=CheckedOut, summary="Test a connection")
@scope("sync")
def test_connection(request: HttpRequest, name: Path[ConnectionName]) -> dict[str, Any]:
    """Calls the vendor once, and says in words what came of it."""
    connection, _user = _find_to_change(request, name)
    checked = checking.check(connection)
    return {"works": checked.works, "text": checked.text, "hints": [*checked.hints]}


@router.get("/conflicts", response=Page[ConflictOut], summary="List conflicts")
def list_conflicts(request: HttpRequest, filters: Query[ConflictFilters]) -> dict[str, Any]:
    """Fields that were changed on both sides and wait for a person; or those that are settled. The newest first."""
    refuse_unknown(request, filters)
    found = _visible_conflicts(request).filter(settled_at__isnull=not filters.settled)
    if filters.connection:
        found = found.filter(connection__name=filters.connection)
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.record:
        found = found.filter(object_id=filters.record)
    bound_to = f"conflicts {filters.model_dump(exclude={'cursor', 'limit'})}"
    return page_of(found, _conflict, cursor=filters.cursor, limit=filters.limit, bound_to=bound_to)


@router.post("/conflicts/{conflict_id}/resolve", response=ConflictOut, summary="Settle a conflict")
@answers_once
@scope("sync")
def resolve_conflict(request: HttpRequest, conflict_id: Path[QueryId], resolution: Body[Resolution]) -> dict[str, Any]:
    """Lets one side have its way. 409 when it is settled already, or can't be settled so."""
    found = _visible_conflicts(request).filter(pk=conflict_id).first()
    if found is None:
        raise not_found()
    user = require_right(request, "change", Conflict)
    try:
        conflicts.settle(found, resolution.take, user, door=Door.API, api_key=_key_id(request))
    except conflicts.CannotSettle as refusal:
        raise _not_now(refusal) from refusal
    return _conflict(_visible_conflicts(request).get(pk=conflict_id))


def _conflict(found: Conflict) -> dict[str, Any]:
    by = found.settled_by
    plain = {name: getattr(found, name) for name in ("id", "kind", "field", "base", "here", "there")}
    return plain | {
        "connection": found.connection.name,
        "record_id": found.object_id,
        "opened_at": found.opened_at,
        "settled_at": found.settled_at,
        "settled_by": {"id": by.pk, "name": by.get_full_name() or by.get_username()} if by else None,
        "taken": found.taken or None,
    }


def _visible(request: HttpRequest) -> QuerySet[Connection]:
    user = _looker(request, Connection)
    return Connection.objects.visible_to(user).select_related("health")


def _visible_conflicts(request: HttpRequest) -> QuerySet[Conflict]:
    user = _looker(request, Conflict)
    return Conflict.objects.visible_to(user).select_related("connection", "settled_by")


def _looker(request: HttpRequest, model: type[Connection] | type[Conflict]) -> User:
    user = require_right(request, "view", model)
    key = api_key_of(request)
    if key is not None and not any(map(key.allows, MAY_LOOK)):
        raise forbidden(_("This API key may not look at connections."))
    return user


def _find(request: HttpRequest, name: str) -> Connection:
    found = _visible(request).filter(name=name).first()
    if found is None:
        raise not_found()
    return found


def _find_to_change(request: HttpRequest, name: str) -> tuple[Connection, User]:
    found = _find(request, name)
    return found, require_right(request, "change", Connection)


def _started(job: Job, response: HttpResponse) -> "Status[Any]":
    response["Location"] = reverse("api:get_job", args=[job.pk])
    return Status(202, {"job": showing.job(job)})


def _not_now(refusal: Exception) -> Problem:
    return Problem(409, _("Not in this state"), str(refusal))


def _key_id(request: HttpRequest) -> int | None:
    key = api_key_of(request)
    return key.pk if key else None
