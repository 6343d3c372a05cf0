"""Undoing an upload: what it would do to each record, doing it, what became of them, and taking the undo back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib import messages
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.changes.registry import model_of
from backoffice.console.job_pages import STOP_POLLING, Fact, moment
from backoffice.console.live import Count, Live
from backoffice.console.upload_pages import grouped, visible_upload
from backoffice.console.upload_preview import Tab
from backoffice.console.upload_rows import stretch
from backoffice.imports.models import Mode, Undo, Undone, UndoneRecord, Upload
from backoffice.imports.starting import WrongState
from backoffice.imports.undo import reasons, undoing
from backoffice.jobs.models import State

TONES = {
    Undone.RESTORED: "success",
    Undone.REMOVED: "success",
    Undone.RETURNED: "success",
    Undone.PARTLY: "warning",
    Undone.KEPT: "warning",
}
LINES_SHOWN = 5
# What a preview says where the undo itself says `Undone`'s own words.
WOULD_BE = {
    Undone.RESTORED: _("would be restored"),
    Undone.REMOVED: _("would be removed"),
    Undone.RETURNED: _("would be brought back"),
    Undone.PARTLY: _("would be restored in part"),
    Undone.KEPT: _("would be left as it is"),
}


@dataclass(frozen=True)
class ShownRecord:
    """A record an undo looked at. `link` leads to it, if it is there and its reader sees it."""

    number: int
    kind: str
    name: str
    link: str
    lines: str
    outcome: Undone
    outcome_label: str
    reasons: Sequence[str]

    @property
    def tone(self) -> str:
        return TONES[self.outcome]


class Standing(NamedTuple):
    """How an upload and its undos stand to each other, for the upload's page."""

    undone: Undo | None
    latest: Undo | None
    refusal: str

    @property
    def sentence(self) -> str:
        if self.undone is None:
            return ""
        by = self.undone.asked_by
        return gettext("Undone by %(name)s, %(at)s") % {
            "name": (by.get_full_name() or by.get_username()) if by else "–",
            "at": moment(self.undone.created_at),
        }


def standing(upload: Upload, user: User) -> Standing:
    return Standing(undoing.current(upload), undoing.latest(upload), undoing.why_not(upload, user))


def begin(request: HttpRequest, upload_id: int, user: User, undo_id: int | None = None) -> HttpResponse:
    """POST: look what undoing the upload, or taking this undo of it back, would do."""
    if undo_id is None:
        upload = visible_upload(request, upload_id)
        return _started(request, _page_of_upload(upload), lambda: undoing.undo(upload, user, mode=Mode.PREVIEW))
    undo = _visible(request, upload_id, undo_id)
    return _started(request, _page_of(undo), lambda: undoing.undo_again(undo, user, mode=Mode.PREVIEW))


def go(request: HttpRequest, upload_id: int, undo_id: int, user: User) -> HttpResponse:
    """POST: do what the preview showed."""
    looked = _visible(request, upload_id, undo_id)
    if looked.mode == Mode.APPLY:
        return HttpResponseRedirect(_page_of(looked))
    undoes = looked.undoes
    return _started(
        request,
        _page_of(looked),
        lambda: undoing.undo_again(undoes, user) if undoes else undoing.undo(looked.upload, user),
    )


def _started(request: HttpRequest, back: str, start: Callable[[], Undo]) -> HttpResponse:
    """On to what a POST starts; `back` where it only looks, or where it can't be now, which a message says."""
    if request.method == "POST":
        try:
            return HttpResponseRedirect(_page_of(start()))
        except WrongState as wrong:
            messages.warning(request, str(wrong))
    return HttpResponseRedirect(back)


def page(request: HttpRequest, upload_id: int, undo_id: int, user: User, context: dict[str, Any]) -> HttpResponse:
    undo = _visible(request, upload_id, undo_id)
    context |= {"title": undo.upload.name, "original": undo.upload} | _fragment(undo, user, request.GET)
    return TemplateResponse(request, "console/uploads/undo.html", context)


def live(request: HttpRequest, upload_id: int, undo_id: int, user: User) -> HttpResponse:
    """A poll of the undo's page."""
    undo = _visible(request, upload_id, undo_id)
    status = 200 if undo.job and undo.job.is_open else STOP_POLLING
    context = _fragment(undo, user, QueryDict())
    return TemplateResponse(request, "console/uploads/_undo.html", context, status=status)


def _visible(request: HttpRequest, upload_id: int, undo_id: int) -> Undo:
    upload = visible_upload(request, upload_id)
    undos = Undo.objects.filter(upload=upload).select_related("job__asked_by", "asked_by", "undoes")
    undo = undos.filter(pk=undo_id).first()
    if undo is None or undo.job is None:
        raise Http404(gettext("There is no such undo."))
    undo.upload = upload
    return undo


def _page_of_upload(upload: Upload) -> str:
    return reverse("admin:imports_upload_change", args=[upload.pk])


def _page_of(undo: Undo) -> str:
    return reverse("admin:imports_upload_undo", args=[undo.upload_id, undo.pk])


def _fragment(undo: Undo, user: User, query: QueryDict) -> dict[str, Any]:
    assert undo.job is not None  # `_visible` finds no other
    is_over = not undo.job.is_open
    is_preview = undo.mode == Mode.PREVIEW
    outcome = query.get("outcome", "")
    outcome = outcome if outcome in Undone.values else ""
    records = undo.records.filter(outcome=outcome) if outcome else undo.records.all()
    shown = stretch(records, query) if is_over else None
    is_ready = undo.job.state == State.SUCCEEDED
    return {
        "upload": undo.upload,
        "undo": undo,
        "live": Live(undo.job),
        "heading": _heading(undo),
        "sentence": _in_words(undo) if is_ready else "",
        "counts": [
            Count(word.value, _said(undo, word), undo.counts.get(word, 0)) for word in Undone if undo.counts.get(word)
        ],
        "back": _page_of(undo),
        "is_over": is_over,
        "is_all": not outcome,
        "tabs": _tabs(undo, outcome),
        "records": _shown(undo, shown.rows, user) if shown else [],
        "is_forgotten": is_over and any(undo.counts.values()) and not undo.records.exists(),
        "earlier": shown.earlier if shown else "",
        "later": shown.later if shown else "",
        "may_go": is_preview and is_ready and _does(undo) > 0,
        "may_take_back": is_over and not is_preview and undo.undoes is None and not undoing.why_not_again(undo, user),
        "bar": _bar(undo, is_ready),
        "facts": _facts(undo),
    }


def _heading(undo: Undo) -> str:
    if undo.mode == Mode.PREVIEW:
        return gettext("What taking the undo back would do") if undo.undoes_id else gettext("What undoing would do")
    return gettext("Taking the undo back") if undo.undoes_id else gettext("Undoing the upload")


def _does(undo: Undo) -> int:
    return sum(undo.counts.get(word, 0) for word in Undone if word != Undone.KEPT)


def _in_words(undo: Undo) -> str:
    """What became, or would become, of the records."""
    does, kept = _does(undo), undo.counts.get(Undone.KEPT, 0)
    if not does and not kept:
        return gettext("There is nothing to take back.")
    if not does:
        return gettext("Every record was edited or used since, and stays as it is.")
    if undo.mode == Mode.PREVIEW:
        said = ngettext("%(records)s record would go back.", "%(records)s records would go back.", does)
        left = ngettext("%(records)s would stay as it is.", "%(records)s would stay as they are.", kept)
    else:
        said = ngettext("%(records)s record went back.", "%(records)s records went back.", does)
        left = ngettext("%(records)s stayed as it is.", "%(records)s stayed as they are.", kept)
    said = said % {"records": grouped(does)}
    return f"{said} {left % {'records': grouped(kept)}}" if kept else said


def _bar(undo: Undo, is_ready: bool) -> str:
    if undo.mode == Mode.APPLY:
        return _in_words(undo) if is_ready else ""
    if undo.job and undo.job.is_open:
        return gettext("Nothing is changed while this is found out.")
    if not is_ready:
        return gettext("It was not found out to the end. Go back to the upload and try again.")
    return _in_words(undo) + " " + gettext("What was edited since is left as it is.")


def _facts(undo: Undo) -> list[Fact]:
    by = undo.asked_by
    facts = [
        Fact(gettext("upload"), undo.upload.name, _page_of_upload(undo.upload)),
        Fact(gettext("by"), (by.get_full_name() or by.get_username()) if by else "–"),
        Fact(gettext("asked"), moment(undo.created_at)),
    ]
    if undo.undoes is not None:
        facts.append(Fact(gettext("takes back"), moment(undo.undoes.created_at), _page_of(undo.undoes)))
    if undo.job is not None:
        facts.append(Fact(gettext("job"), str(undo.job), reverse("admin:jobs_job_change", args=[undo.job.pk])))
    return facts


def _tabs(undo: Undo, outcome: str) -> list[Tab]:
    page = _page_of(undo)
    number = {word: undo.counts.get(word, 0) for word in Undone}
    return [
        Tab("all", pgettext("records", "all"), sum(number.values()), page, not outcome),
        *(
            Tab(word.value, _said(undo, word), number[word], f"{page}?outcome={word.value}", word == outcome)
            for word in Undone
            if number[word] or word == outcome
        ),
    ]


def _said(undo: Undo, word: Undone) -> str:
    return str(WOULD_BE[word] if undo.mode == Mode.PREVIEW else word.label)


def _shown(undo: Undo, records: Sequence[UndoneRecord], user: User) -> list[ShownRecord]:
    links = _links(records, user)
    return [
        ShownRecord(
            record.number,
            capfirst(reasons.word_for(record.kind)),
            record.label or f"#{record.object_id}",
            links.get((record.kind, record.object_id), ""),
            ", ".join(str(line) for line in record.lines[:LINES_SHOWN]),
            Undone(record.outcome),
            capfirst(_said(undo, Undone(record.outcome))),
            reasons.sentences(record),
        )
        for record in records
    ]


def _links(records: Sequence[UndoneRecord], user: User) -> Mapping[tuple[str, int], str]:
    """Pages of the records that are there and that `user` sees. A query for each kind of them."""
    ids: dict[str, set[int]] = {}
    for record in records:
        ids.setdefault(record.kind, set()).add(record.object_id)
    links = {}
    for kind, wanted in ids.items():
        model: Any = _model(kind)
        if model is None or not hasattr(model.objects, "visible_to") or not may(user, "view", model):
            continue
        for pk in model.objects.visible_to(user).filter(pk__in=wanted).values_list("pk", flat=True):
            links[kind, pk] = _link(model, pk)
    return links


def _model(kind: str) -> type[Model] | None:
    try:
        return model_of(kind)
    except KeyError:
        return None


def _link(model: type[Model], pk: int) -> str:
    try:
        return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
    except NoReverseMatch:
        return ""
