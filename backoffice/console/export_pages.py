"""Exporting a list as it is shown, and the page of an export that a job writes."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.console.job_pages import STOP_POLLING, Fact, moment
from backoffice.console.lists import AFTER, BEFORE
from backoffice.console.live import Live
from backoffice.imports.exports import exporting
from backoffice.imports.exports.exporting import Rows, Selection
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS, Kind
from backoffice.imports.models import Export, Format
from backoffice.jobs.models import State
from backoffice.sizes import size_in_words

DOOR = "list"
OF_THE_PAGE = (PAGE_VAR, AFTER, BEFORE, ERROR_FLAG)  # of a list's address: what says which page of it is shown


@exporting.door(DOOR)
def in_the_list(kind: Kind, user: User, query: str) -> Rows:
    """All the rows of the list at this address, in its order."""
    request = HttpRequest()
    request.method, request.user, request.GET = "GET", user, QueryDict(query)
    model_admin = cast(Any, admin.site.get_model_admin(exporting.model_of(kind)))
    try:
        shown = model_admin.get_changelist_instance(request)
    except IncorrectLookupParameters:
        raise Refused(gettext("The list can't be narrowed like this. Choose its filters anew.")) from None
    rows: Rows = shown.queryset
    return rows


def menu(request: HttpRequest, model: Any) -> dict[str, Any]:
    """What the button over a list offers; empty where there is nothing to export."""
    kind = exporting.kind_of(model)
    if kind is None or not may(request.user, "add", Export):
        return {}
    query = request.GET.copy()
    for name in OF_THE_PAGE:
        query.pop(name, None)
    address = reverse("admin:imports_export_of_list", args=[kind.name])
    return {
        "address": f"{address}?{query.urlencode()}" if query else address,
        "formats": ((Format.CSV, "CSV"), (Format.XLSX, "Excel (XLSX)")),
        "leaves_out_teams": kind.name in exporting.LEFT_OUT,
    }


def of_list(request: HttpRequest, name: str, user: User) -> HttpResponseBase:
    """The list at the query's address as a file, or the page of the job that writes it."""
    kind, said = KINDS.get(name), request.POST.get("format", "")
    if kind is None or said not in Format.values:
        raise Http404(gettext("There is no such export."))
    selection = Selection(DOOR, request.GET.urlencode())
    try:
        answer = exporting.export(kind, Format(said), user, selection)
    except exporting.NotAllowed:
        raise PermissionDenied from None
    except Refused as refused:
        messages.error(request, str(refused))
        meta = exporting.model_of(kind)._meta
        back = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        return HttpResponseRedirect(f"{back}?{selection.query}")
    if isinstance(answer, Export):
        return HttpResponseRedirect(reverse("admin:imports_export_change", args=[answer.pk]))
    file: HttpResponseBase = answer
    return file


def visible_export(request: HttpRequest, export_id: int | str) -> Export:
    """The export, if it exists for whoever asks; else 404."""
    exports = Export.objects.visible_to(request.user).select_related("asked_by", "job__asked_by")
    found = exports.filter(pk=export_id).first() if str(export_id).isdecimal() and int(export_id) < 2**63 else None
    if found is None or not may(request.user, "view", Export):
        raise Http404(gettext("There is no such export, or it is not yours."))
    return found


def page(export: Export) -> dict[str, Any]:
    """What the export's page shows at first."""
    return fragment(export) | {"facts": facts(export)}


def live(request: HttpRequest, export_id: int) -> HttpResponse:
    """A poll of the export's page."""
    export = visible_export(request, export_id)
    status = 200 if exporting.job_of(export).is_open else STOP_POLLING
    return TemplateResponse(request, "console/exports/_live.html", fragment(export), status=status)


def file(request: HttpRequest, export_id: int) -> HttpResponseBase:
    response = exporting.download(visible_export(request, export_id))
    if response is None:
        raise Http404(gettext("This export has no file, or it has expired."))
    return response


def fragment(export: Export) -> dict[str, Any]:
    job = exporting.job_of(export)
    return {
        "export": export,
        "live": Live(job),
        "heading": gettext("Progress") if job.is_open else gettext("Outcome"),
        "sentence": _sentence(export),
        "back": reverse("admin:imports_export_change", args=[export.pk]),
        "is_there": exporting.is_there(export),
        "size": size_in_words(export.size),
        "until": _until(export),
    }


def _sentence(export: Export) -> str:
    """What became of it; empty while there is more to say about the job."""
    if exporting.job_of(export).state != State.SUCCEEDED:
        return ""
    if not exporting.is_there(export):
        return gettext("The file has expired. Export the list again.")
    text = ngettext("One row is written.", "%(rows)s rows are written.", export.rows)
    return text % {"rows": number_format(export.rows, force_grouping=True)}


def _until(export: Export) -> str:
    return date_format(localtime(exporting.expires_at(export)), "DATE_FORMAT")


def kind_label(export: Export) -> str:
    return str(KINDS[export.kind].label) if export.kind in KINDS else export.kind


def facts(export: Export) -> list[Fact]:
    by, job = export.asked_by, exporting.job_of(export)
    return [
        Fact(gettext("kind"), kind_label(export)),
        Fact(gettext("format"), Format(export.format).label),
        Fact(gettext("by"), (by.get_full_name() or by.get_username()) if by else "–"),
        Fact(gettext("asked"), moment(export.created_at)),
        Fact(gettext("kept until"), _until(export)),
        Fact(gettext("job"), str(job), reverse("admin:jobs_job_change", args=[job.pk])),
    ]
