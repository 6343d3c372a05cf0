"""Settling what a file's columns and options mean, before anything is done with it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext, gettext_noop

from backoffice.access.models import User
from backoffice.imports.expiring import deleted_some
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import Kind, kind_called
from backoffice.imports.models import ColumnChoice, Mode, PreviewRow, Upload
from backoffice.imports.options import FLAGS, Options, options
from backoffice.imports.reading import files, headers
from backoffice.imports.reading.examining import Examined, Noticed, Question, examine
from backoffice.imports.reading.headers import folded
from backoffice.jobs import verbs

LONGEST_HEADER = 255
GONE = gettext_noop("The uploaded file is no longer there. Upload it again.")


class WrongState(Exception):
    """The upload has moved on; the message says where it stands."""


@dataclass(frozen=True)
class ProposedColumn:
    """A column of the file, and the column of ours (`name`) it is taken for; None: it is ignored."""

    place: int
    header: str
    name: str | None
    examples: Sequence[str]
    remembered: bool  # this login chose it, the last time


@dataclass(frozen=True)
class Choice:
    """A column of ours that a file's column may be taken for."""

    name: str
    header: str
    required: bool


@dataclass(frozen=True)
class Proposal:
    """How a file is understood. Nothing starts while headers of ours are `missing`, or something is `wrong`."""

    columns: Sequence[ProposedColumn]
    choices: Sequence[Choice]
    missing: Sequence[str]
    questions: Sequence[Question]
    wrong: Sequence[str]

    @property
    def is_ready(self) -> bool:
        return not (self.missing or self.questions or self.wrong)


def proposal(upload: Upload, user: User) -> Proposal:
    """How the file is understood so far: by its headers, by what `user` chose before, by what was confirmed."""
    resource = kind_called(upload.kind).resource
    match = headers.propose(resource, upload.header, upload.chosen.columns)
    noticed = noticed_of(upload)
    by_place = {place: name for name, place in match.positions.items()}
    known = remembered(user, upload.kind, upload.header)
    columns = [
        ProposedColumn(
            place,
            header,
            by_place.get(place),
            noticed.examples[place] if place < len(noticed.examples) else (),
            known.get(folded(header)) == by_place.get(place, ""),
        )
        for place, header in enumerate(upload.header)
    ]
    choices = [Choice(name, str(column.header), column.required) for name, column in resource.columns().items()]
    wrong = [*match.wrong_choices, *match.twice, *match.wrong]
    return Proposal(columns, choices, match.missing, noticed.questions, wrong)


def confirm(upload: Upload, user: User, columns: Mapping[str, str], given: Mapping[str, str | None]) -> None:
    """Take the file's headers for these columns of ours ("": ignored), with these options, and remember it.

    What was previewed is forgotten. Raises Refused with all that is against the file like that, naming the options that
    would help, and WrongState when it is being or was applied: then everything stays as it was.
    """
    kind = kind_called(upload.kind)
    chosen = options_for(kind, {**given, "columns": msgspec.json.encode(dict(columns)).decode()})
    try:
        with upload.file.open("rb") as file:
            stream = files.binary(file)
            limit = max(settings.UPLOAD_LIMIT_BYTES, upload.size)  # it was within the limit of the day it came
            examined = examine(stream, upload.name, kind.resource, chosen, limit_bytes=limit, is_draft=True)
    except (FileNotFoundError, ValueError) as error:
        raise WrongState(gettext(GONE)) from error
    examined.noticed.refuse()
    with transaction.atomic():
        here = locked(upload)
        end_preview(here, user)
        while deleted_some(PreviewRow, here):
            pass
        keep_examined(here, examined)
        here.mode, here.preview_job, here.previewed = Mode.DRAFT, None, {}
        here.save()
        _remember(user, kind, examined.header, columns)
    upload.refresh_from_db()


def keep_examined(upload: Upload, examined: Examined) -> None:
    """What was found out about the file, on the upload; not saved yet."""
    upload.layout = msgspec.to_builtins(examined.layout)
    upload.options = msgspec.to_builtins(examined.options)
    upload.noticed = msgspec.to_builtins(examined.noticed)
    upload.header = examined.header
    upload.columns = examined.columns
    upload.unknown = examined.unknown
    upload.rows = examined.rows


def noticed_of(upload: Upload) -> Noticed:
    return msgspec.convert(upload.noticed, Noticed)


def locked(upload: Upload) -> Upload:
    """As it is now, for whoever comes first. Raises WrongState when it is being or was applied, or was discarded."""
    # Without its jobs: who waited for the lock would get the row as it is now joined to jobs as they were before.
    here = Upload.objects.select_for_update().filter(pk=upload.pk).first()
    if here is None:
        raise WrongState(gettext("It was discarded."))
    if here.job:
        is_open = here.job.is_open
        raise WrongState(gettext("It is being applied already.") if is_open else gettext("It has been applied."))
    if not here.file:
        raise WrongState(gettext(GONE))
    return here


def end_preview(upload: Upload, user: User) -> None:
    """Nobody waits for it any more."""
    if upload.preview_job and upload.preview_job.is_open:
        with suppress(verbs.NotAllowed, verbs.WrongState):
            verbs.cancel(upload.preview_job, user)


def options_for(kind: Kind, given: Mapping[str, str | None]) -> Options:
    """Raises Refused, naming the option that makes no sense, or not for this kind."""
    chosen = options(given)
    for name in FLAGS:
        if getattr(chosen, name) and name not in kind.options:
            raise Refused(
                gettext("The option %(option)s is not for %(kind)s.") % {"option": name, "kind": kind.name}, option=name
            )
    return chosen


def remembered(user: User, kind: str, header: Iterable[str]) -> dict[str, str]:
    """What this login took these headers for, the last time: by folded header."""
    wanted = {folded(text) for text in header} - {""}
    here = ColumnChoice.objects.filter(user=user, kind=kind, header__in=wanted)
    return dict(here.values_list("header", "column"))


def usable(kind: Kind, header: list[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Of choices that were remembered, those that still make sense for a file with this header."""
    return {
        text: name
        for text, name in chosen.items()
        if not headers.propose(kind.resource, header, {text: name}).wrong_choices
    }


def _remember(user: User, kind: Kind, header: list[str], columns: Mapping[str, str]) -> None:
    """Only what differs from what the headers say by themselves; of a header that is a text of its own, nothing."""
    by_itself = _names(kind, header, {})
    keys = {text: key for text in columns if 0 < len(key := folded(text)) <= LONGEST_HEADER}
    differs = {key: columns[text] for text, key in keys.items() if columns[text] != by_itself.get(text, "")}
    _forget(user, kind, set(keys.values()) - differs.keys())
    ColumnChoice.objects.bulk_create(
        [ColumnChoice(user=user, kind=kind.name, header=key, column=name) for key, name in differs.items()],
        update_conflicts=True,
        unique_fields=["user", "kind", "header"],
        update_fields=["column"],
    )


def _forget(user: User, kind: Kind, header: Collection[str]) -> None:
    ColumnChoice.objects.filter(user=user, kind=kind.name, header__in=header).delete()


def _names(kind: Kind, header: list[str], chosen: Mapping[str, str]) -> dict[str, str]:
    positions = headers.propose(kind.resource, header, chosen).positions
    return {header[place]: name for name, place in positions.items()}
