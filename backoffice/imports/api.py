"""Uploads over the JSON API: send a file, ask what became of it, fetch the rows that failed."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Field, File, Form, Path, Query, Router, Schema, Status, UploadedFile

from backoffice.access.api import api_key_of, require_right, require_scope, scope
from backoffice.access.idempotency import answers_once
from backoffice.imports import error_file
from backoffice.imports.faults import Refused
from backoffice.imports.models import Mode, Upload, UploadQuerySet
from backoffice.imports.options import Blank
from backoffice.imports.starting import mode_called, receive
from backoffice.imports.values import DateOrder, DecimalMark
from backoffice.jobs.models import State
from backoffice.paging import Page, PageQuery, page_of
from backoffice.problems import Problem, invalid, not_found
from backoffice.values import QueryId, QueryText

router = Router(tags=["imports"])


class UploadForm(Schema):
    """The fields beside the file. Options that are left out are found out from the file, or have the usual value."""

    kind: QueryText = Field(description="What is in the file.", examples=["opportunities"])
    mode: QueryText = Field(Mode.APPLY.value, description="What to do with it: apply.")
    date_order: QueryText = Field("", description=f"{', '.join(DateOrder)}; asked for where dates fit both.")
    decimal_mark: QueryText = Field("", description=f"{' or '.join(DecimalMark)}; asked for where amounts fit both.")
    currency: QueryText = Field("", description="Of amounts that do not say theirs (ISO 4217).")
    blank: QueryText = Field("", description=f"What a blank cell means: {' or '.join(Blank)}.")

    @property
    def options(self) -> dict[str, str]:
        return self.model_dump(exclude={"kind", "mode"})


class UploadFilters(PageQuery):
    kind: QueryText = ""


class JobRef(Schema):
    id: int
    state: State


class Started(Schema):
    id: int
    job: JobRef


class CountsOut(Schema):
    """Every row ends in exactly one of new, updated, unchanged and failed."""

    rows: int
    new: int
    updated: int
    unchanged: int
    failed: int


class UploadOut(Schema):
    id: int
    kind: str
    mode: str
    name: str = Field(description="The file's.")
    state: State
    counts: CountsOut
    records: dict[str, dict[str, int]] = Field(description="Records made or changed by kind, also those on the side.")
    error_file: str | None = Field(description="Where to fetch the rows that failed; null without any.")
    error: str = Field(description="Why the job failed as a whole.")
    job: JobRef
    size: int
    ignored_columns: list[str]
    options: dict[str, str] = Field(description="As given, or as found out from the file.")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime = Field(description="Until when the file and the rows that failed are kept.")


@router.post("/imports", response={202: Started}, summary="Upload a file")
@answers_once
@scope("imports")
def create_import(
    request: HttpRequest, response: HttpResponse, file: File[UploadedFile], form: Form[UploadForm]
) -> "Status[Any]":
    """Takes a CSV or XLSX file and starts the job that applies it. 422 says why a file is refused and not kept."""
    user = require_right(request, "add", Upload)
    _refuse_unknown_fields(request)
    key = api_key_of(request)
    try:
        mode = mode_called(form.mode)
        upload = receive(file, form.kind, user, mode=mode, given=form.options, api_key=key.pk if key else None)
    except Refused as refused:
        field = refused.option or "file"
        raise Problem(
            422, _("The file is not taken"), str(refused), errors=[(field, message) for message in refused.messages]
        ) from refused
    response["Location"] = _address("get_import", upload)
    return Status(202, {"id": upload.pk, "job": _job(upload)})


def _refuse_unknown_fields(request: HttpRequest) -> None:
    unknown = sorted({*request.POST, *request.FILES} - {"file", *UploadForm.model_fields})
    if unknown:
        raise invalid((name[:60], _("There is no such field.")) for name in unknown)


@router.get("/imports", response=Page[UploadOut], summary="List uploads")
def list_imports(request: HttpRequest, filters: Query[UploadFilters]) -> dict[str, Any]:
    """Uploads you may see, the newest first."""
    uploads = _visible(request)
    if filters.kind:
        uploads = uploads.filter(kind=filters.kind)
    bound_to = f"imports {filters.kind}"
    return page_of(uploads, shown, cursor=filters.cursor, limit=filters.limit, bound_to=bound_to)


@router.get("/imports/{import_id}", response=UploadOut, summary="Read an upload")
def get_import(request: HttpRequest, import_id: Path[QueryId]) -> dict[str, Any]:
    """How far it is, and what became of the rows so far."""
    return shown(_find(request, import_id))


@router.get(
    "/imports/{import_id}/errors",
    summary="Fetch the rows that failed",
    response={200: None},
    openapi_extra={
        "responses": {200: {"description": "The rows.", "content": {"text/csv": {"schema": {"type": "string"}}}}}
    },
)
def get_import_errors(request: HttpRequest, import_id: Path[QueryId]) -> HttpResponseBase:
    """The rows that failed as CSV: the file's own columns, `line` and `error`. Corrected, it can be sent as it is."""
    upload = _find(request, import_id)
    if not upload.has_error_file:
        raise not_found()
    return attachment(upload)


def attachment(upload: Upload, *, for_spreadsheet: bool = False) -> StreamingHttpResponse:
    """The error file as a download that no browser opens by itself."""
    pieces = error_file.stream(upload, for_spreadsheet=for_spreadsheet)
    return StreamingHttpResponse(
        (piece.encode() for piece in pieces),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{error_file.name_of(upload)}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


def shown(upload: Upload) -> dict[str, Any]:
    """An upload as the API shows it."""
    return {
        "id": upload.pk,
        "kind": upload.kind,
        "mode": upload.mode,
        "name": upload.name,
        "state": upload.state,
        "counts": upload.outcomes,
        "records": upload.records,
        "error_file": _address("get_import_errors", upload) if upload.has_error_file else None,
        "error": upload.job.error if upload.job else "",
        "job": _job(upload),
        "size": upload.size,
        "ignored_columns": upload.unknown,
        "options": upload.options,
        "created_at": upload.created_at,
        "finished_at": upload.job.finished_at if upload.job else None,
        "expires_at": upload.expires_at,
    }


def _job(upload: Upload) -> dict[str, Any]:
    return {"id": upload.job_id, "state": upload.state}


def _address(view: str, upload: Upload) -> str:
    return reverse(f"api:{view}", args=[upload.pk])


def _visible(request: HttpRequest) -> UploadQuerySet:
    require_scope(request, "imports")
    user = require_right(request, "view", Upload)
    return Upload.objects.visible_to(user).select_related("job")


def _find(request: HttpRequest, import_id: int) -> Upload:
    upload = _visible(request).filter(pk=import_id).first()
    if upload is None:
        raise not_found()
    return upload
