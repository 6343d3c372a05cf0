"""Uploads over the JSON API: send a file, look at its preview, apply it, ask what became of it and of its rows."""

from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import File, Form, Path, Query, Router, Status, UploadedFile

from backoffice.access.api import api_key_of, require_right, require_scope, scope
from backoffice.access.idempotency import answers_once
from backoffice.downloads import attachment_headers
from backoffice.imports import error_file
from backoffice.imports.bodies import (
    RowFilters,
    RowOut,
    Started,
    UploadFilters,
    UploadForm,
    UploadOut,
    UploadWithReasons,
)
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import FileRow, PreviewRow, Undo, Upload
from backoffice.imports.options import with_ways_out
from backoffice.imports.previews.before_after import in_order
from backoffice.imports.showing import Reason, reasons
from backoffice.imports.starting import WrongState, mode_called, receive, start_apply
from backoffice.imports.undo.undoing import with_undone
from backoffice.jobs.models import Job
from backoffice.paging import Page, Sort, page, page_of, refuse_unknown
from backoffice.problems import Problem, invalid, not_found
from backoffice.values import QueryId

router = Router(tags=["imports"])


@router.post("/imports", response={202: Started}, summary="Upload a file")
@answers_once
@scope("imports")
def create_import(
    request: HttpRequest, response: HttpResponse, file: File[UploadedFile], form: Form[UploadForm]
) -> "Status[Any]":
    """Takes a CSV or XLSX file and starts the job that applies or previews it. 422 says why a file is not taken."""
    user = require_right(request, "add", Upload)
    _refuse_unknown_fields(request)
    try:
        upload = receive(
            file,
            form.kind,
            user,
            mode=mode_called(form.mode),
            given=form.options,
            api_key=_key_id(request),
            notify=form.notify,
        )
    except Refused as refused:
        raise _not_taken(refused) from refused
    return _started(upload, response)


@router.post("/imports/{import_id}/apply", response={202: Started}, summary="Apply a previewed upload")
@answers_once
@scope("imports")
def apply_import(request: HttpRequest, response: HttpResponse, import_id: Path[QueryId]) -> "Status[Any]":
    """Starts the job that applies it, as it was previewed. 409 when it is being or was applied already."""
    upload = _find(request, import_id)
    user = require_right(request, "add", Upload)
    try:
        start_apply(upload, user, _key_id(request))
    except WrongState as refusal:
        raise Problem(409, _("Not in this state"), str(refusal)) from refusal
    except Refused as refused:
        raise _not_taken(refused) from refused
    return _started(upload, response)


def _started(upload: Upload, response: HttpResponse) -> "Status[Any]":
    response["Location"] = _address("get_import", upload)
    return Status(202, {"id": upload.pk, "job": _job(upload.job or upload.preview_job)})


def _not_taken(refused: Refused) -> Problem:
    errors = [(option or "file", sentence) for option, sentence in with_ways_out(refused)]
    detail = " ".join(sentence for _field, sentence in errors)
    return Problem(422, _("The file is not taken"), detail, errors=errors)


def _key_id(request: HttpRequest) -> int | None:
    key = api_key_of(request)
    return key.pk if key else None


def _refuse_unknown_fields(request: HttpRequest) -> None:
    unknown = sorted({*request.POST, *request.FILES} - {"file", *UploadForm.model_fields})
    if unknown:
        raise invalid((name[:60], _("There is no such field.")) for name in unknown)


@router.get("/imports", response=Page[UploadOut], summary="List uploads")
def list_imports(request: HttpRequest, filters: Query[UploadFilters]) -> dict[str, Any]:
    """Uploads you may see, the newest first."""
    refuse_unknown(request, filters)
    uploads = filters.narrow(_visible(request))
    bound_to = f"imports {filters.model_dump(exclude={'cursor', 'limit'})}"
    return page_of(uploads, in_list, cursor=filters.cursor, limit=filters.limit, bound_to=bound_to)


@router.get("/imports/{import_id}", response=UploadWithReasons, summary="Read an upload")
def get_import(request: HttpRequest, import_id: Path[QueryId]) -> dict[str, Any]:
    """How far it is, what became of the rows so far, and why some failed."""
    return with_reasons(_find(request, import_id))


@router.get("/imports/{import_id}/rows", response=Page[RowOut], summary="List the rows of an upload")
def list_import_rows(request: HttpRequest, import_id: Path[QueryId], filters: Query[RowFilters]) -> dict[str, Any]:
    """What became of each row, in the order of the file; before it is applied, what would, with each change."""
    refuse_unknown(request, filters)
    upload = _find(request, import_id)
    rows = upload.known_rows.annotate(id=F("number"))
    if filters.outcome:
        rows = rows.filter(outcome=filters.outcome)
    items, following = page(
        rows,
        lambda part, _column: [(row.number, row.number, _row(upload, row)) for row in part],
        cursor=filters.cursor,
        limit=filters.limit,
        sort=Sort("number"),
        bound_to=f"rows {import_id} {rows.model.__name__} {filters.outcome}",
    )
    return {"items": items, "next": following}


@router.get(
    "/imports/{import_id}/errors",
    summary="Fetch the rows that failed",
    response={200: None},
    openapi_extra={
        "responses": {200: {"description": "The rows.", "content": {"text/csv": {"schema": {"type": "string"}}}}}
    },
)
def get_import_errors(request: HttpRequest, import_id: Path[QueryId]) -> HttpResponseBase:
    """The rows that failed, or would, as CSV: the file's own columns, `line` and `error`. Corrected, send it again."""
    upload = _find(request, import_id)
    if not upload.has_error_file:
        raise not_found()
    return StreamingHttpResponse(error_file.stream(upload), headers=attachment_headers(error_file.name_of(upload)))


def in_list(upload: Upload) -> dict[str, Any]:
    """As `shown`, without the hundreds of records it would create."""
    upload.previewed.pop("creates", None)
    return shown(upload)


def with_reasons(upload: Upload) -> dict[str, Any]:
    """As `shown`, with all that is wrong with its rows."""
    return shown(upload) | {"reasons": [_reason(one) for one in reasons(upload)] if upload.failed else []}


def shown(upload: Upload) -> dict[str, Any]:
    """An upload out of `told`, as the API shows it."""
    job, by = upload.job or upload.preview_job, upload.asked_by
    return {
        "id": upload.pk,
        "kind": upload.kind,
        "mode": upload.mode,
        "name": upload.name,
        "phase": upload.phase,
        "state": job.state if job else None,
        "counts": upload.outcomes,
        "records": upload.records,
        "error_file": _address("get_import_errors", upload) if upload.has_error_file else None,
        "preview": _preview(upload),
        "undone": vars(upload)["undone"],
        "undo": _address("get_undo", upload) if vars(upload)["has_undo"] else None,
        "error": job.error if job else "",
        "job": _job(job),
        "size": upload.size,
        "ignored_columns": upload.unknown,
        "options": upload.options,
        "asked_by": {"id": by.pk, "name": by.get_full_name() or by.get_username()} if by else None,
        "created_at": upload.created_at,
        "finished_at": job.finished_at if job else None,
        "expires_at": upload.expires_at,
    }


def told(uploads: QuerySet[Upload]) -> QuerySet[Upload]:
    """The uploads with all that `shown` tells of them."""
    has_undo = Exists(Undo.objects.filter(upload=OuterRef("pk")))
    return with_undone(uploads.select_related("job", "preview_job", "asked_by")).annotate(has_undo=has_undo)


def _preview(upload: Upload) -> dict[str, Any] | None:
    job = upload.preview_job
    if job is None:
        return None
    return {
        "counts": upload.expected,
        "records": upload.previewed.get("records", {}),
        "creates": upload.previewed.get("creates", {}),
        "error": job.error,
        "job": _job(job),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "rows": reason.rows,
        "column": reason.header,
        "sentence": reason.sentence,
        "values": reason.values if reason.named else 0,
        "named": reason.named,
        "lines": [row.line for row in reason.first],
    }


def _row(upload: Upload, row: FileRow) -> dict[str, Any]:
    changes = (row.changes or {}) if isinstance(row, PreviewRow) else {}
    if changes and upload.kind in KINDS:
        changes = in_order(KINDS[upload.kind].resource, changes)
    return {
        "number": row.number,
        "line": row.line,
        "outcome": row.outcome,
        "record_id": row.object_id,
        "changes": [
            {"column": column, "before": was, "after": will}
            for column, (was, will) in changes.items()
            if was != will  # else it is there to tell the row from others
        ],
        "errors": [str(fault) for fault in row.faults],
    }


def _job(job: Job | None) -> dict[str, Any] | None:
    return {"id": job.pk, "state": job.state} if job else None


def _address(view: str, upload: Upload) -> str:
    return reverse(f"api:{view}", args=[upload.pk])


def _visible(request: HttpRequest) -> QuerySet[Upload]:
    require_scope(request, "imports")
    user = require_right(request, "view", Upload)
    return told(Upload.objects.visible_to(user))


def _find(request: HttpRequest, import_id: int) -> Upload:
    upload = _visible(request).filter(pk=import_id).first()
    if upload is None:
        raise not_found()
    return upload
