"""Undoing uploads over the JSON API: preview it, do it, read what became of each record, take it back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Field, Path, Query, Router, Schema, Status

from backoffice.access.api import api_key_of, require_right, require_scope, scope
from backoffice.access.idempotency import answers_once
from backoffice.access.models import User
from backoffice.bodies import Body
from backoffice.imports.models import Mode, Undo, Undone, UndoneRecord, Upload
from backoffice.imports.starting import NotAllowed, WrongState
from backoffice.imports.undo import reasons, undoing
from backoffice.jobs.models import State
from backoffice.paging import Page, PageQuery, Sort, page, refuse_unknown
from backoffice.problems import Problem, forbidden, not_found
from backoffice.values import QueryId

router = Router(tags=["imports"])


class UndoBody(Body):
    mode: Literal["apply", "preview"] = Field("apply", description="preview: only tells what would become of it.")


class UndoJob(Schema):
    id: int
    state: State


class UndoCounts(Schema):
    """Records, not rows: also those that were made on the side."""

    restored: int = Field(0, description="Changed records that are as they were.")
    removed: int = Field(0, description="New records that are gone.")
    returned: int = Field(0, description="Removed records that are back.")
    partly: int = Field(0, description="Restored but for what was edited since.")
    kept: int = Field(0, description="Left as they are.")


class UndoOut(Schema):
    id: int
    upload_id: int
    mode: str
    takes_back: int | None = Field(description="The undo that this one takes back; null when it undoes the upload.")
    holds: bool = Field(description="Whether the upload stands undone by this one.")
    state: State
    counts: UndoCounts
    error: str = Field(description="Why the job failed as a whole.")
    job: UndoJob
    created_at: datetime
    finished_at: datetime | None


class UndoneOut(Schema):
    kind: str
    id: int = Field(description="The record's.")
    name: str = Field(description="Its number where you may not see more.")
    outcome: Undone
    lines: list[int] = Field(description="The first lines of the file that speak of it.")
    reasons: list[str] = Field(description="Why it was left, wholly or in part.")


class UndoneFilters(PageQuery):
    outcome: Undone | None = None


@router.post("/imports/{import_id}/undo", response={202: UndoOut}, summary="Undo an upload")
@answers_once
@scope("imports")
def create_undo(
    request: HttpRequest, response: HttpResponse, import_id: Path[QueryId], body: UndoBody | None = None
) -> "Status[Any]":
    """Starts taking back what the upload did, but for what was edited or used since. 409 says why it can't be now."""
    upload = Upload.objects.visible_to(_user(request)).select_related("job").filter(pk=import_id).first()
    if upload is None:
        raise not_found()
    user, mode, key = require_right(request, "add", Upload), _mode(body), api_key_of(request)
    try:
        undo = undoing.undo(upload, user, mode=mode, api_key=key.pk if key else None)
    except (WrongState, NotAllowed) as refusal:
        raise _problem(refusal) from refusal
    return _started(undo, response)


@router.get("/imports/{import_id}/undo", response=UndoOut, summary="Read the last undo of an upload")
def get_undo(request: HttpRequest, import_id: Path[QueryId]) -> dict[str, Any]:
    """The last that was asked for: a preview, an undo, or the taking back of one. 404 while there is none."""
    undo = _visible(request).filter(upload=import_id).order_by("-id").first()
    if undo is None:
        raise not_found()
    return shown(undo)


@router.get("/imports/undos/{undo_id}", response=UndoOut, summary="Read an undo")
def read_undo(request: HttpRequest, undo_id: Path[QueryId]) -> dict[str, Any]:
    """How far it is, and what became of the records so far."""
    return shown(_find(request, undo_id))


@router.get("/imports/undos/{undo_id}/records", response=Page[UndoneOut], summary="List the records of an undo")
def list_undone(request: HttpRequest, undo_id: Path[QueryId], filters: Query[UndoneFilters]) -> dict[str, Any]:
    """What became of each record, and why it was left, wholly or in part."""
    refuse_unknown(request, filters)
    records = UndoneRecord.objects.filter(undo=_find(request, undo_id)).annotate(id=F("number"))
    if filters.outcome:
        records = records.filter(outcome=filters.outcome)
    items, following = page(
        records,
        _fetch,
        cursor=filters.cursor,
        limit=filters.limit,
        sort=Sort("number"),
        bound_to=f"undo {undo_id} {filters.outcome}",
    )
    return {"items": items, "next": following}


@router.post("/imports/undos/{undo_id}/undo", response={202: UndoOut}, summary="Take an undo back")
@answers_once
@scope("imports")
def create_undo_of_undo(
    request: HttpRequest, response: HttpResponse, undo_id: Path[QueryId], body: UndoBody | None = None
) -> "Status[Any]":
    """Starts bringing back what the undo removed and restored. 409 says why it can't be now."""
    undo = _find(request, undo_id)
    user, mode, key = require_right(request, "add", Upload), _mode(body), api_key_of(request)
    try:
        again = undoing.undo_again(undo, user, mode=mode, api_key=key.pk if key else None)
    except (WrongState, NotAllowed) as refusal:
        raise _problem(refusal) from refusal
    return _started(again, response)


def shown(undo: Undo) -> dict[str, Any]:
    """An undo as the API shows it."""
    job = undo.job
    holding = undoing.current(undo.upload)
    return {
        "id": undo.pk,
        "upload_id": undo.upload_id,
        "mode": undo.mode,
        "takes_back": undo.undoes_id,
        "holds": holding is not None and holding.pk == undo.pk,
        "state": job.state if job else State.QUEUED,
        "counts": undo.counts,
        "error": job.error if job else "",
        "job": {"id": undo.job_id, "state": job.state if job else State.QUEUED},
        "created_at": undo.created_at,
        "finished_at": job.finished_at if job else None,
    }


def _fetch(records: QuerySet[UndoneRecord], column: str) -> Sequence[tuple[int, Any, dict[str, Any]]]:
    return [(record.number, record.number, _record(record)) for record in records]


def _record(record: UndoneRecord) -> dict[str, Any]:
    return {
        "kind": record.kind,
        "id": record.object_id,
        "name": record.label,
        "outcome": record.outcome,
        "lines": record.lines,
        "reasons": reasons.sentences(record),
    }


def _mode(body: UndoBody | None) -> Mode:
    return Mode(body.mode) if body else Mode.APPLY


def _started(undo: Undo, response: HttpResponse) -> "Status[Any]":
    response["Location"] = reverse("api:read_undo", args=[undo.pk])
    return Status(202, shown(Undo.objects.select_related("upload", "job").get(pk=undo.pk)))


def _problem(refusal: WrongState | NotAllowed) -> Problem:
    return forbidden() if isinstance(refusal, NotAllowed) else Problem(409, _("Not in this state"), str(refusal))


def _user(request: HttpRequest) -> User:
    require_scope(request, "imports")
    return require_right(request, "view", Upload)


def _visible(request: HttpRequest) -> QuerySet[Undo]:
    return Undo.objects.visible_to(_user(request)).select_related("upload", "job")


def _find(request: HttpRequest, undo_id: int) -> Undo:
    undo = _visible(request).filter(pk=undo_id).first()
    if undo is None:
        raise not_found()
    return undo
