"""Pages about uploads: take a file, watch it being applied, see what became of its rows."""

from http import HTTPStatus
from typing import Any, NamedTuple

from django.conf import settings
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext

from backoffice.access.models import User
from backoffice.console.errors import NotThere
from backoffice.console.job_pages import Fact, moment
from backoffice.console.live import Count, Live, in_order
from backoffice.console.upload_form import UploadForm
from backoffice.downloads import attachment_headers
from backoffice.imports import error_file, showing
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS, Kind
from backoffice.imports.models import Mode, Outcome, Phase, Upload
from backoffice.imports.options import Blank
from backoffice.imports.reading.values import DateOrder, DecimalMark
from backoffice.imports.resources.columns import Column
from backoffice.imports.showing import word_for
from backoffice.imports.starting import receive
from backoffice.jobs.models import State
from backoffice.sizes import size_in_words


class ColumnRead(NamedTuple):
    """A column of the file and what it was taken for; None: it is ignored."""

    header: str
    column: str | None


class About(NamedTuple):
    """What the page tells of a kind of file."""

    kind: Kind
    columns: list[Column]


def kind_or_404(name: str) -> Kind:
    if name not in KINDS:
        raise Http404(gettext("There is no such kind of upload."))
    return KINDS[name]


def visible_upload(request: HttpRequest, upload_id: int | str) -> Upload:
    """The upload, if it exists for whoever asks; else 404."""
    may_see = request.user.has_perm("imports.view_upload")
    seen = Upload.objects.visible_to(request.user) if may_see else Upload.objects.none()
    uploads = seen.select_related("asked_by", "job__asked_by", "preview_job__asked_by")
    upload = uploads.filter(pk=upload_id).first() if str(upload_id).isdecimal() and int(upload_id) < 2**63 else None
    if upload is None:
        raise NotThere(gettext("There is no such upload: it was discarded, or it is not yours."))
    return upload


def is_gone(upload: Upload) -> bool:
    """Whether the file is no longer kept."""
    return not upload.file or timezone.now() >= upload.expires_at


def new(request: HttpRequest, user: User, context: dict[str, Any]) -> HttpResponse:
    """The page "Upload a file", and where it sends the file: on to the upload's own page, or back with reasons."""
    limit = settings.UPLOAD_LIMIT_BYTES
    if request.method != "POST":
        form = UploadForm(initial={"kind": request.GET.get("kind", "")}, limit_bytes=limit, email=user.email)
        return _form_page(request, form, context)
    form = UploadForm(request.POST, request.FILES, limit_bytes=limit, email=user.email)
    mode = Mode.APPLY if request.POST.get("mode") == Mode.APPLY else Mode.DRAFT
    upload = _received(form, user, mode) if form.is_valid() else None
    if upload is None:
        return _form_page(request, form, context)
    page = reverse("admin:imports_upload_change", args=[upload.pk])
    if request.headers.get("HX-Request"):
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": page})
    return HttpResponseRedirect(page)


def _received(form: UploadForm, user: User, mode: Mode) -> Upload | None:
    """The upload; None when the file is refused, which the form then says."""
    said = form.cleaned_data
    given = form.options_of(KINDS[said["kind"]])
    try:
        return receive(said["file"], said["kind"], user, mode=mode, given=given, notify=said["notify"])
    except Refused as refused:
        form.refuse(refused, otherwise="file")
        return None


def _form_page(request: HttpRequest, form: UploadForm, context: dict[str, Any]) -> HttpResponse:
    context |= {
        "title": gettext("Upload a file"),
        "form": form,
        "notation": form.asking({}),
        "limit": size_in_words(form.limit_bytes),
        "kinds": [About(kind, list(kind.resource.columns().values())) for kind in KINDS.values()],
        "money": settings.COMPANY_CURRENCY,
    }
    return TemplateResponse(request, "console/uploads/new.html", context)


def template_file(request: HttpRequest, kind: str) -> HttpResponse:
    """An empty file with the documented headers."""
    return _csv(kind_or_404(kind).template, f"{kind}-template.csv")


def sample(request: HttpRequest, kind: str, name: str, user: User) -> HttpResponse:
    text = kind_or_404(kind).sample_file(name, user)
    if text is None:
        raise Http404(gettext("There is no such sample."))
    return _csv(text, f"{kind}-sample-{name}.csv")


def _csv(text: str, name: str) -> HttpResponse:
    return HttpResponse(text, headers=attachment_headers(name))


def errors(request: HttpRequest, upload_id: int) -> HttpResponseBase:
    """The failed rows as a file to correct and upload again; for those who see the upload, while it is kept."""
    upload = visible_upload(request, upload_id)
    if not upload.has_error_file:
        raise Http404(gettext("This upload has no error file, or it has expired."))
    pieces = error_file.stream(upload, for_spreadsheet=True)
    return StreamingHttpResponse(pieces, headers=attachment_headers(error_file.name_of(upload)))


def page(upload: Upload) -> dict[str, Any]:
    """What the page of an upload that was applied shows beside its `fragment`."""
    return {
        "columns": columns_read(upload),
        "written": how_it_was_read(upload),
        "facts": facts(upload),
    }


def fragment(upload: Upload) -> dict[str, Any]:
    """What a poll of an upload that is being applied brings."""
    assert upload.job is not None  # what says that it is applied
    return {
        "upload": upload,
        "live": Live(upload.job),
        "counts": outcomes(upload),
        "besides": made(upload),
        "sentence": outcome_in_words(upload),
        "records": records_link(upload),
        "heading": gettext("Progress") if upload.job.is_open else gettext("Outcome"),
        "back": reverse("admin:imports_upload_change", args=[upload.pk]),
        **failures(upload),
    }


def failures(upload: Upload) -> dict[str, Any]:
    """The rows that failed, or in a preview would, by reason."""
    return {
        "reasons": showing.reasons(upload) if upload.failed else [],
        "examined": showing.ROWS_EXAMINED if upload.failed > showing.ROWS_EXAMINED else 0,
        "shown_per_reason": showing.ROWS_PER_REASON,
    }


def state_badge(upload: Upload) -> str:
    """Where the upload stands, in a word."""
    job = upload.job or upload.preview_job
    if job is None:
        tone, said = "default", gettext("Draft")
    elif upload.phase is Phase.PREVIEWED and job.state in {State.SUCCEEDED, State.INCOMPLETE}:
        tone, said = "info", gettext("Preview")
    else:
        tone, said = Live(job).tone, Live(job).state
        if upload.job is None:
            said = gettext("Preview: %(state)s") % {"state": said}
    return format_html('<span class="lv-badge" data-tone="{}">{}</span>', tone, said)


def outcomes(upload: Upload) -> list[Count]:
    """Every outcome there is, also those that no row has had; of a preview, those that rows would have."""
    counts = upload.outcomes if upload.job else upload.expected
    return in_order({outcome.value: counts[outcome.value] for outcome in Outcome})


def made(upload: Upload) -> list[Count]:
    """Records that rows needed and that were not there."""
    own = KINDS[upload.kind].word if upload.kind in KINDS else ""
    numbers = {kind: counts.get("new", 0) for kind, counts in upload.records.items() if kind != own}
    return [Count(kind, word_for(kind, number), number) for kind, number in sorted(numbers.items()) if number]


def records_link(upload: Upload) -> Fact | None:
    """Where the records are that the file is about."""
    kind = KINDS.get(upload.kind)
    if kind is None:
        return None
    model = kind.resource._meta.model._meta
    label = gettext("To the list: %(kind)s") % {"kind": kind.label}
    return Fact(label, "", reverse(f"admin:{model.app_label}_{model.model_name}_changelist"))


def outcome_in_words(upload: Upload) -> str:
    """What became of the rows; empty while there is more to say about the job than about them."""
    rows, failed = grouped(upload.rows), grouped(upload.failed)
    match upload.state:
        case State.SUCCEEDED if upload.rows and upload.counts.get(Outcome.UNCHANGED) == upload.rows:
            return gettext("Every row was here already, just as it is: nothing is changed.")
        case State.SUCCEEDED if upload.rows:
            return ngettext("The row is applied.", "All %(rows)s rows are applied.", upload.rows) % {"rows": rows}
        case State.SUCCEEDED:
            return gettext("The file has a header and no rows: nothing is changed.")
        case State.INCOMPLETE if upload.failed == upload.rows:
            return gettext("Every row failed: nothing is changed.")
        case State.INCOMPLETE:
            text = ngettext(
                "%(failed)s of %(rows)s rows failed. The others are applied.",
                "%(failed)s of %(rows)s rows failed. The others are applied.",
                upload.failed,
            )
            return text % {"failed": failed, "rows": rows}
        case _:
            return ""


def grouped(figure: int) -> str:
    return number_format(figure, force_grouping=True)


def facts(upload: Upload) -> list[Fact]:
    job = upload.job
    by = upload.asked_by
    kind = KINDS.get(upload.kind)
    return [
        Fact(gettext("file"), upload.name),
        Fact(gettext("kind"), str(kind.label) if kind else upload.kind),
        Fact(gettext("by"), (by.get_full_name() or by.get_username()) if by else "–"),
        Fact(gettext("uploaded"), moment(upload.created_at)),
        Fact(gettext("kept until"), date_format(localtime(upload.expires_at), "DATE_FORMAT")),
        Fact(gettext("size"), size_in_words(upload.size)),
        Fact(gettext("rows"), grouped(upload.rows)),
        *([Fact(gettext("job"), str(job), reverse("admin:jobs_job_change", args=[job.pk]))] if job else []),
    ]


def columns_read(upload: Upload) -> list[ColumnRead]:
    """The file's columns in its order."""
    kind = KINDS.get(upload.kind)
    taken = upload.columns.items() if kind else ()
    names = {place: str(kind.resource.column_called(name).header) for name, place in taken} if kind else {}
    return [ColumnRead(header, names.get(place)) for place, header in enumerate(upload.header) if header]


def how_it_was_read(upload: Upload) -> list[Fact]:
    """What was found out about the way the file is written, or was said by whoever uploaded it."""
    layout, chosen, kind = upload.how_written, upload.chosen, KINDS.get(upload.kind)
    delimiters = {"\t": gettext("tab"), ",": gettext("comma"), ";": gettext("semicolon")}
    said = [
        (gettext("format"), layout.format.upper()),
        (gettext("encoding"), layout.encoding.upper().removesuffix("-SIG")),
        (gettext("left out"), " ".join(layout.left_out)),
        (gettext("between cells"), delimiters.get(layout.delimiter, layout.delimiter)),
        (gettext("dates"), _date_order(chosen.date_order)),
        (gettext("decimal mark"), _decimal_mark(chosen.decimal_mark)),
        (gettext("currency"), chosen.money if kind and "currency" in kind.notation else ""),
        (gettext("blank cells"), gettext("clear the value") if chosen.blank is Blank.CLEAR else ""),
    ]
    return [Fact(label, value) for label, value in said if value]


def _date_order(order: DateOrder | None) -> str:
    names = {DateOrder.DAY_FIRST: gettext("day first"), DateOrder.MONTH_FIRST: gettext("month first")}
    return names[order] if order else ""


def _decimal_mark(mark: DecimalMark | None) -> str:
    names = {DecimalMark.POINT: gettext("point"), DecimalMark.COMMA: gettext("comma")}
    return names[mark] if mark else ""
