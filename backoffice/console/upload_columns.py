"""The step between a file and its preview: what each column is taken for, and how the file is meant."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from backoffice.access.models import User
from backoffice.console.upload_form import OptionsForm
from backoffice.console.upload_pages import facts, is_gone, kind_or_404, visible_upload
from backoffice.imports.drafting import Proposal, ProposedColumn, confirm, proposal
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS, Kind
from backoffice.imports.models import Upload
from backoffice.imports.reading import headers
from backoffice.imports.starting import WrongState, start_apply, start_preview


class Option(NamedTuple):
    """A column of ours; `is_beside`: not a declared one, but one this header tells."""

    name: str
    label: str
    is_beside: bool = False


@dataclass(frozen=True)
class Asked:
    """A column of the file as the page asks about it."""

    place: int
    header: str
    examples: Sequence[str]
    chosen: str
    options: Sequence[Option]
    is_remembered: bool
    is_twice: bool  # what was chosen was chosen for another column too
    is_repeated: bool  # the file has the header more than once


class Required(NamedTuple):
    name: str
    label: str
    is_missing: bool
    is_always: bool  # also beside columns that are not declared


def step(request: HttpRequest, upload_id: int, user: User, context: dict[str, Any]) -> HttpResponse:
    """The page (GET), and where its answers lead (POST): on to the preview, or back with what is wrong."""
    upload = visible_upload(request, upload_id)
    page = reverse("admin:imports_upload_change", args=[upload.pk])
    if upload.job_id:
        messages.warning(request, gettext("This upload has been applied: its columns are settled."))
        return HttpResponseRedirect(page)
    if is_gone(upload):
        return TemplateResponse(
            request, "console/uploads/expired.html", context | {"title": upload.name, "upload": upload}
        )
    kind = kind_or_404(upload.kind)
    proposed = proposal(upload, user)
    if request.method != "POST":
        form = OptionsForm(initial=_options_of(upload))
        return _page(request, upload, kind, proposed, form, _as_proposed(proposed), context)
    form = OptionsForm(request.POST)
    chosen = _as_sent(request.POST, proposed)
    try:
        if form.is_valid() and _is_taken(form, upload, kind, user, proposed, chosen):
            begin = start_apply if request.POST.get("go") == "apply" else start_preview
            begin(upload, user)
            return HttpResponseRedirect(page)
    except (WrongState, Refused) as wrong:
        messages.warning(request, str(wrong))
        return HttpResponseRedirect(page)
    return _page(request, upload, kind, proposed, form, chosen, context)


def _is_taken(
    form: OptionsForm, upload: Upload, kind: Kind, user: User, proposed: Proposal, chosen: Mapping[int, str]
) -> bool:
    """Whether the answers make sense; the form says why not."""
    columns = {column.header: chosen[column.place] for column in proposed.columns if column.place in chosen}
    try:
        confirm(upload, user, columns, form.options_of(kind))
    except Refused as refused:
        form.refuse(refused)
        return False
    return True


def _as_proposed(proposed: Proposal) -> dict[int, str]:
    return {column.place: column.name or "" for column in proposed.columns}


def _as_sent(sent: Mapping[str, Any], proposed: Proposal) -> dict[int, str]:
    return {column.place: str(sent.get(f"column-{column.place}", "")) for column in proposed.columns if column.header}


def _options_of(upload: Upload) -> dict[str, Any]:
    chosen = upload.chosen
    return {
        "date_order": chosen.date_order or "",
        "decimal_mark": chosen.decimal_mark or "",
        "currency": chosen.currency,
        "blank": chosen.blank,
        "create_reps": chosen.create_reps,
        "update_accounts": chosen.update_accounts,
    }


def _page(
    request: HttpRequest,
    upload: Upload,
    kind: Kind,
    proposed: Proposal,
    form: OptionsForm,
    chosen: Mapping[int, str],
    context: dict[str, Any],
) -> HttpResponse:
    asked = _asked(kind, proposed, chosen)
    required = _required(kind, asked)
    is_missing = any(column.is_missing for column in required)
    objections = form.non_field_errors()
    questions = {} if form.is_bound else {question.option: question.sentence for question in proposed.questions}
    context |= {
        "title": upload.name,
        "original": upload,
        "upload": upload,
        "form": form,
        "notation": form.asking(questions, [kind]),
        "to_answer": [field for field in form if field.errors or field.name in questions],
        "flags": form.flags_of(kind),
        "asked": asked,
        "used": sum(bool(column.chosen) for column in asked),
        "required": required,
        "is_missing": is_missing,
        "fits": _fitting(kind, [column.header for column in proposed.columns]) if is_missing else None,
        # What is missing the page says by itself, as columns are chosen.
        "wrong": ([] if is_missing and len(objections) == 1 else objections) if form.is_bound else proposed.wrong,
        "facts": facts(upload),
        "money": settings.COMPANY_CURRENCY,
    }
    return TemplateResponse(request, "console/uploads/columns.html", context)


def _asked(kind: Kind, proposed: Proposal, chosen: Mapping[int, str]) -> list[Asked]:
    taken = Counter(name for name in chosen.values() if name)
    headers = Counter(column.header for column in proposed.columns)
    choices = [
        Option(choice.name, f"{choice.header} *" if choice.required else choice.header) for choice in proposed.choices
    ]
    declared = {choice.name for choice in choices}

    def asked(column: ProposedColumn) -> Asked:
        name = chosen.get(column.place, "")
        own = column.name or ""
        beside = (
            [Option(own, str(kind.resource.column_called(own).header), True)] if own and own not in declared else []
        )
        return Asked(
            column.place,
            column.header,
            column.examples,
            name,
            [*beside, *choices],
            is_remembered=column.remembered and name == own,
            is_twice=taken[name] > 1,
            is_repeated=headers[column.header] > 1,
        )

    return [asked(column) for column in proposed.columns]


def _fitting(kind: Kind, header: list[str]) -> Kind | None:
    """What a file with this header rather holds: the kind that misses nothing, and takes the most of it."""
    found = {name: headers.propose(other.resource, header) for name, other in KINDS.items()}
    taken = {name: len(match.positions) for name, match in found.items() if not match.missing}
    best = max(taken, key=taken.__getitem__, default=kind.name)
    if kind.name in taken or len(found[best].positions) <= len(found[kind.name].positions):
        return None
    return KINDS[best]


def _required(kind: Kind, asked: Sequence[Asked]) -> list[Required]:
    """Columns that have to be there; some are needed only while no column beside the declared ones is chosen."""
    shape, called = kind.resource.shape, kind.resource.column_called
    named = {column.chosen: column.header for column in asked if column.chosen}
    beside = {option.name: column.header for column in asked for option in column.options if option.is_beside}
    now, alone, always = (list(shape(columns, []).required) for columns in (named, {}, beside))
    return [
        Required(name, str(called(name).header), name in now and name not in named, name in always)
        for name in dict.fromkeys((*alone, *always, *now))
    ]
