"""Exports over the JSON API: a list as a file, at once when it is short, else by a job."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Field, Path, Query, Router, Schema

from backoffice.access.api import api_key_of, require_right, require_scope, scope
from backoffice.imports.bodies import JobRef, Started
from backoffice.imports.exports import exporting
from backoffice.imports.exports.filters import (
    AccountExport,
    ContactExport,
    OpportunityExport,
    QuotaExport,
    Whole,
    selection_of,
)
from backoffice.imports.exports.writing import CONTENT_TYPES
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Export, Format
from backoffice.jobs.models import State
from backoffice.paging import refuse_unknown
from backoffice.problems import Problem, not_found
from backoffice.values import QueryId

router = Router(tags=["exports"])


class ExportOut(Schema):
    id: int
    kind: str
    format: Format
    state: State
    rows: int = Field(description="In the file; 0 until it is there.")
    size: int
    file: str | None = Field(description="Where to fetch it; null until it is there, and once it has expired.")
    error: str = Field(description="Why the job failed.")
    job: JobRef
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime = Field(description="Until when the file is kept.")


FILE: dict[str, Any] = {
    "description": "The file.",
    "content": {
        content_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
        for content_type in CONTENT_TYPES.values()
    },
}
A_FILE_OR_A_JOB: dict[str, Any] = {
    "response": {200: None, 202: Started},
    "openapi_extra": {"responses": {200: FILE}},
}


@router.get("/exports/opportunities", summary="Export opportunities", **A_FILE_OR_A_JOB)
@scope("read")
def export_opportunities(request: HttpRequest, filters: Query[OpportunityExport]) -> HttpResponseBase:
    """The list of opportunities as CSV or XLSX. 202 when it is long: then a job writes the file."""
    return _answer(request, "opportunities", filters)


@router.get("/exports/contacts", summary="Export contacts", **A_FILE_OR_A_JOB)
@scope("read")
def export_contacts(request: HttpRequest, filters: Query[ContactExport]) -> HttpResponseBase:
    """The list of contacts as CSV or XLSX. 202 when it is long: then a job writes the file."""
    return _answer(request, "contacts", filters)


@router.get("/exports/accounts", summary="Export accounts", **A_FILE_OR_A_JOB)
@scope("read")
def export_accounts(request: HttpRequest, filters: Query[AccountExport]) -> HttpResponseBase:
    """The list of accounts as CSV or XLSX. 202 when it is long: then a job writes the file."""
    return _answer(request, "accounts", filters)


@router.get("/exports/quotas", summary="Export quotas", **A_FILE_OR_A_JOB)
@scope("read")
def export_quotas(request: HttpRequest, filters: Query[QuotaExport]) -> HttpResponseBase:
    """The list of quotas of reps as CSV or XLSX. 202 when it is long: then a job writes the file."""
    return _answer(request, "quotas", filters)


@router.get("/exports/{export_id}", response=ExportOut, summary="Read an export")
def get_export(request: HttpRequest, export_id: Path[QueryId]) -> dict[str, Any]:
    """How far it is, and where its file is."""
    return shown(_find(request, export_id))


@router.get(
    "/exports/{export_id}/file",
    summary="Fetch an export's file",
    response={200: None},
    openapi_extra={"responses": {200: FILE}},
)
def get_export_file(request: HttpRequest, export_id: Path[QueryId]) -> HttpResponseBase:
    """The file, while it is kept."""
    response = exporting.download(_find(request, export_id))
    if response is None:
        raise not_found()
    return response


def _answer(request: HttpRequest, name: str, filters: Whole) -> HttpResponseBase:
    user = require_right(request, "add", Export)
    refuse_unknown(request, filters)
    kind = KINDS.get(name)
    if kind is None:
        raise not_found()
    require_right(request, "view", exporting.model_of(kind))
    key = api_key_of(request)
    try:
        answer = exporting.export(
            kind, Format(filters.format), user, selection_of(request.GET), key.pk if key else None
        )
    except Refused as refused:
        field = refused.option or "format"
        raise Problem(422, _("Not valid"), str(refused), errors=[(field, str(refused))]) from refused
    return _begun(answer) if isinstance(answer, Export) else answer


def _begun(asked: Export) -> HttpResponse:
    started = {"id": asked.pk, "job": {"id": asked.job_id, "state": exporting.job_of(asked).state}}
    return JsonResponse(started, status=202, headers={"Location": reverse("api:get_export", args=[asked.pk])})


def shown(asked: Export) -> dict[str, Any]:
    """An export as the API shows it."""
    job = exporting.job_of(asked)
    there = exporting.is_there(asked)
    return {
        "id": asked.pk,
        "kind": asked.kind,
        "format": asked.format,
        "state": job.state,
        "rows": asked.rows,
        "size": asked.size,
        "file": reverse("api:get_export_file", args=[asked.pk]) if there else None,
        "error": job.error,
        "job": {"id": job.pk, "state": job.state},
        "created_at": asked.created_at,
        "finished_at": job.finished_at,
        "expires_at": exporting.expires_at(asked),
    }


def _find(request: HttpRequest, export_id: int) -> Export:
    require_scope(request, "read")
    user = require_right(request, "view", Export)
    asked = Export.objects.visible_to(user).select_related("job").filter(pk=export_id).first()
    if asked is None:
        raise not_found()
    return asked
