"""The preview of an upload: what would become of its rows, and what would be made; and applying or discarding it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import DateField, DateTimeField, DecimalField, Field, Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, pgettext_lazy

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.console.live import TONES_OF_COUNTS, Live
from backoffice.console.upload_pages import failures, grouped, is_gone, visible_upload
from backoffice.console.upload_rows import stretch
from backoffice.crm.models import Account, Choice, Rep
from backoffice.imports import discarding
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS, Kind
from backoffice.imports.merging.companies import OF_ACCOUNT
from backoffice.imports.models import Outcome, PreviewRow, Upload
from backoffice.imports.previews.before_after import in_order
from backoffice.imports.showing import word_for
from backoffice.imports.starting import WrongState, start_apply
from backoffice.jobs.models import State

CELLS_SHOWN = 40
NAMED_BY = {"rep", "team"}  # references that are a part of what a record is called
MODELS_CREATED: Mapping[str, type[Model]] = {
    "account": Account,
    "rep": Rep,
    **dict.fromkeys(("stage", "type", "account_type", "industry"), Choice),
}
TONES = {**TONES_OF_COUNTS, "updated": "info"}
OF_A_ROW = {Outcome.NEW: pgettext_lazy("a row", "new"), Outcome.UPDATED: pgettext_lazy("a row", "updated")}


class Tab(NamedTuple):
    """The rows of one outcome; `word` is "all" for the rows of any."""

    word: str
    label: str
    number: int
    link: str
    is_open: bool

    @property
    def tone(self) -> str:
        return TONES_OF_COUNTS.get(self.word, "") if self.number else ""


class Change(NamedTuple):
    label: str
    before: str
    after: str


@dataclass(frozen=True)
class ShownRow:
    """A row of the file as the preview tells of it. `link` leads to the record, if there is one its reader sees."""

    number: int
    line: int
    outcome: str
    name: str
    link: str
    changes: Sequence[Change]
    reasons: Sequence[str]
    cells: Sequence[tuple[str, str]]

    @property
    def outcome_label(self) -> str:
        return capfirst(str(OF_A_ROW.get(Outcome(self.outcome), Outcome(self.outcome).label)))

    @property
    def tone(self) -> str:
        return TONES.get(self.outcome, "default")


class Near(NamedTuple):
    name: str
    link: str


class Created(NamedTuple):
    """A record that would be made; `near` are ones there are that are much like it."""

    name: str
    detail: str
    line: int | None
    near: Sequence[Near]


@dataclass(frozen=True)
class CreatedKind:
    kind: str
    total: int
    first: Sequence[Created]

    @property
    def label(self) -> str:
        return word_for(self.kind, self.total)

    @property
    def near_total(self) -> int:
        return sum(bool(record.near) for record in self.first)

    @property
    def has_near(self) -> bool:
        return self.near_total > 0


class Made(NamedTuple):
    """Records of one kind, and how many of them would be new or updated, in words."""

    word: str
    label: str
    figures: str


def page(upload: Upload, user: User, query: QueryDict) -> dict[str, Any]:
    """What the preview's page and each poll of it show."""
    job = upload.preview_job
    assert job is not None  # what says that there is a preview
    is_ready = job.state in {State.SUCCEEDED, State.INCOMPLETE}
    context = {
        "upload": upload,
        "live": Live(job),
        "heading": gettext("Checking the rows") if job.is_open else gettext("The check did not end"),
        "back": reverse("admin:imports_upload_change", args=[upload.pk]),
        "is_ready": is_ready,
        "may_go_back": not is_gone(upload),
        "may_apply": is_ready and _writes(upload) > 0 and not is_gone(upload),
        "bar": _bar(upload, is_ready),
    }
    if is_ready:
        context |= failures(upload) | _rows(upload, user, query)
        context |= {
            "sentence": _in_words(upload),
            "besides": _made(upload),
            "creates": list(_created(upload.previewed.get("creates", {}), user)),
        }
    return context


def apply(request: HttpRequest, upload_id: int, user: User) -> HttpResponse:
    upload = visible_upload(request, upload_id)
    if request.method == "POST":
        try:
            start_apply(upload, user)
        except (WrongState, Refused) as wrong:
            messages.warning(request, str(wrong))
    return HttpResponseRedirect(reverse("admin:imports_upload_change", args=[upload.pk]))


def discard(request: HttpRequest, upload_id: int, user: User, context: dict[str, Any]) -> HttpResponse:
    """Ask first (GET), then forget the file and what was found out about it (POST)."""
    upload = visible_upload(request, upload_id)
    back = reverse("admin:imports_upload_change", args=[upload.pk])
    if request.method != "POST":
        context |= {
            "original": upload,
            "title": upload.name,
            "question": gettext("Discard this file?"),
            "consequence": gettext("The file and its preview are deleted. Nothing of it has been written."),
            "verb": gettext("Discard the file"),
            "next": back,
            "is_danger": True,
        }
        return TemplateResponse(request, "console/jobs/confirm.html", context)
    try:
        discarding.discard(upload, user)
    except WrongState as wrong:
        messages.warning(request, str(wrong))
        return HttpResponseRedirect(back)
    messages.success(request, gettext("%(name)s is discarded. Nothing of it was written.") % {"name": upload.name})
    return HttpResponseRedirect(reverse("admin:imports_upload_changelist"))


def _writes(upload: Upload) -> int:
    return upload.expected[Outcome.NEW] + upload.expected[Outcome.UPDATED]


def _in_words(upload: Upload) -> str:
    if not upload.rows:
        return gettext("The file has a header and no rows: there is nothing to apply.")
    if upload.expected[Outcome.UNCHANGED] == upload.rows:
        return gettext("Every row is here already, just as it is: there is nothing to apply.")
    if upload.failed == upload.rows:
        return gettext("Every row would fail: there is nothing to apply.")
    words = {word: grouped(upload.expected[word]) for word in Outcome}
    return gettext("%(new)s new, %(updated)s updated, %(unchanged)s unchanged, %(failed)s failed.") % words


def _bar(upload: Upload, is_ready: bool) -> str:
    """What pressing the button would do, or why there is none."""
    job = upload.preview_job
    if is_gone(upload):
        return gettext("The file has expired: it is no longer kept. Upload it again.")
    if not is_ready:
        return (
            gettext("Nothing is written while the rows are checked.")
            if job and job.is_open
            else gettext("Go back, and check the rows again.")
        )
    writes, failed = _writes(upload), upload.failed
    if not writes:
        return gettext("There is nothing to apply.")
    said = ngettext("%(rows)s row will be written.", "%(rows)s rows will be written.", writes) % {
        "rows": grouped(writes)
    }
    if failed:
        said += " " + ngettext("%(rows)s fails and is left out.", "%(rows)s fail and are left out.", failed) % {
            "rows": grouped(failed)
        }
    return said


def _made(upload: Upload) -> list[Made]:
    records: Mapping[str, Mapping[str, int]] = upload.previewed.get("records", {})
    return [
        Made(kind, capfirst(word_for(kind, 2)), _figures(counts))
        for kind, counts in sorted(records.items())
        if any(counts.values())
    ]


def _figures(counts: Mapping[str, int]) -> str:
    said = []
    if new := counts.get("new", 0):
        said.append(ngettext("%(number)s new", "%(number)s new", new) % {"number": intcomma(new)})
    if updated := counts.get("updated", 0):
        said.append(ngettext("%(number)s updated", "%(number)s updated", updated) % {"number": intcomma(updated)})
    return ", ".join(said)


# Rows


def _rows(upload: Upload, user: User, query: QueryDict) -> dict[str, Any]:
    asked = query.get("outcome", "")
    outcome = asked if asked in Outcome.values else ""
    rows = PreviewRow.objects.filter(upload_id=upload.pk)
    shown = stretch(rows.filter(outcome=outcome) if outcome else rows, query)
    return {
        "tabs": _tabs(upload, outcome),
        "is_all": not outcome,
        "rows": shown_rows(upload, shown.rows, user),
        "earlier": shown.earlier,
        "later": shown.later,
    }


def _tabs(upload: Upload, outcome: str) -> list[Tab]:
    page = reverse("admin:imports_upload_change", args=[upload.pk])
    return [
        Tab("all", gettext("all"), upload.rows, page, not outcome),
        *(
            Tab(word.value, str(word.label), upload.expected[word], f"{page}?outcome={word.value}", word == outcome)
            for word in Outcome
        ),
    ]


def shown_rows(upload: Upload, rows: Sequence[PreviewRow], user: User) -> list[ShownRow]:
    kind = KINDS.get(upload.kind)
    names = _names(kind, [row.object_id for row in rows if row.object_id], user) if kind else {}
    return [_shown_row(upload, kind, row, names) for row in rows]


def _names(kind: Kind, ids: Sequence[int], user: User) -> dict[int, str]:
    """What the records of these rows are called; only those that `user` sees."""
    model: Any = kind.resource._meta.model
    if not ids or not may(user, "view", model):
        return {}
    seen = model.objects.visible_to(user).filter(pk__in=ids)
    if related := [field.name for field in model._meta.fields if field.name in NAMED_BY]:
        seen = seen.select_related(*related)
    return {record.pk: str(record) for record in seen}


def _shown_row(upload: Upload, kind: Kind | None, row: PreviewRow, names: Mapping[int, str]) -> ShownRow:
    told = in_order(kind.resource, row.changes) if kind and row.changes else row.changes or {}
    changes = [_change(kind, column, texts) for column, texts in told.items() if texts[0] != texts[1]]
    name = names.get(row.object_id, "") if row.object_id else ""
    return ShownRow(
        row.number,
        row.line,
        row.outcome,
        name or _name_to_be(kind, row),
        _link(kind.resource._meta.model, row.object_id) if name and kind else "",
        changes,
        [str(fault) for fault in row.faults],
        [pair for pair in zip(upload.header, row.cells or (), strict=False) if pair[1]][:CELLS_SHOWN],
    )


def _name_to_be(kind: Kind | None, row: PreviewRow) -> str:
    """What a record that is not there yet may go by: its name; else whose it is, and what comes first."""
    told = row.changes or {}
    if row.outcome != Outcome.NEW:  # about what an earlier row would create: its key stands unchanged among the changes
        return next((after or "" for before, after in told.values() if before == after), "")
    if "name" in told:
        return told["name"][1] or ""
    of = [told[f"{word}_id"][1] for word in sorted(NAMED_BY) if f"{word}_id" in told]
    first = [_change(kind, *change).after for change in list(told.items())[:1]]
    return " · ".join(text for text in (*of, *first) if text)


def _change(kind: Kind | None, column: str, texts: Sequence[str | None]) -> Change:
    """`texts` are what is there (None: not for this login to see) and what would be, as the preview kept them."""
    before, after = texts
    label, field = _label_and_field(kind, column)
    was = gettext("(hidden)") if before is None else _in_local_form(field, before)
    return Change(label, was, _in_local_form(field, after or ""))


def _label_and_field(kind: Kind | None, column: str) -> "tuple[str, Field[Any, Any] | None]":
    """`column` is the table's, the account's, or one of those a file has beside the declared ones (a month's)."""
    if kind is None:
        return column, None
    if column.startswith(OF_ACCOUNT):
        field = _field(Account, column.removeprefix(OF_ACCOUNT))
        label = field.verbose_name if field else column
        return f"{capfirst(str(Account._meta.verbose_name))}: {label}", field
    if field := _field(kind.writes[0], column):
        return capfirst(str(field.verbose_name)), field
    try:
        beside = kind.resource.column_called(column)
    except KeyError:
        return column, None
    fields = kind.writes[0]._meta.concrete_fields
    return str(beside.header), next((field for field in fields if field.name == beside.field), None)


def _field(model: type[Model], column: str) -> "Field[Any, Any] | None":
    return next((field for field in model._meta.concrete_fields if field.column == column), None)


def _in_local_form(field: "Field[Any, Any] | None", text: str) -> str:
    """Dates and figures as their reader writes them."""
    try:
        match field:
            case DecimalField():
                return number_format(Decimal(text), force_grouping=True)
            case DateTimeField():
                return text
            case DateField():
                name = "YEAR_MONTH_FORMAT" if field.name == "month" else "SHORT_DATE_FORMAT"
                return date_format(date.fromisoformat(text), name)
            case _:
                return text
    except (ValueError, InvalidOperation):
        return text


def _link(model: type[Model], pk: int | None) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


# What would be made


def _created(creates: Mapping[str, Any], user: User) -> Iterable[CreatedKind]:
    """Records like those there are are named only to who sees them."""
    for kind, made in sorted(creates.items()):
        if not made.get("total"):
            continue
        first = made.get("first", ())
        seen = _seen(kind, {near["id"] for record in first for near in record.get("near", ())}, user)
        yield CreatedKind(kind, made["total"], [_created_record(kind, record, seen) for record in first])


def _seen(kind: str, ids: set[int], user: User) -> set[int]:
    model: Any = MODELS_CREATED.get(kind)
    if not ids or model is None or not may(user, "view", model):
        return set()
    return set(model.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True))


def _created_record(kind: str, record: Mapping[str, Any], seen: set[int]) -> Created:
    near = [
        Near(each["name"], _link(MODELS_CREATED[kind], each["id"]))
        for each in record.get("near", ())
        if each["id"] in seen
    ]
    return Created(record["name"], record.get("detail") or "", record.get("line"), near)
