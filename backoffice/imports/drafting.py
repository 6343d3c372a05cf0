"""A draft: a file whose columns somebody looks at, and may change, before anything is done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from backoffice.access.models import User
from backoffice.imports import headers
from backoffice.imports.faults import Refused
from backoffice.imports.models import ColumnChoice, Mode, Upload


class Question(msgspec.Struct, frozen=True):
    """What only a person can say: the option that would say it, and the sentence that asks."""

    option: str
    sentence: str


class Noticed(msgspec.Struct, frozen=True):
    """What a draft's file showed as it went by."""

    examples: list[list[str]]  # by place: the first cells that are not blank
    questions: list[Question] = []
    refused: list[str] = []  # why it can't be taken as its columns are understood now


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
    """How a draft's file is understood. `missing` are headers of ours; while there are `wrong` ones nothing starts."""

    columns: Sequence[ProposedColumn]
    choices: Sequence[Choice]
    missing: Sequence[str]
    questions: Sequence[Question]
    wrong: Sequence[str]

    @property
    def is_ready(self) -> bool:
        return not (self.missing or self.questions or self.wrong)


def remembered(user: User, kind: str, header: Sequence[str]) -> dict[str, str]:
    """What this login took these headers for, the last time."""
    wanted = {headers.folded(text) for text in header} - {""}
    here = ColumnChoice.objects.filter(user=user, kind=kind, header__in=wanted)
    return dict(here.values_list("header", "column"))


def proposal(upload: Upload, user: User) -> Proposal:
    """How the file is understood so far: by its headers, by what `user` chose before, by what was confirmed."""
    raise NotImplementedError


def confirm(upload: Upload, user: User, columns: Mapping[str, str], given: Mapping[str, str | None]) -> None:
    """Take the file's headers for these columns of ours ("": ignored), with these options, and remember it.

    Raises Refused when it can't be taken like that, naming the option that would help: the draft stays as it was.
    """
    raise NotImplementedError


def refuse_unsettled(upload: Upload) -> None:
    """Raises Refused for a draft of which nobody can tell yet how it is meant."""
    if upload.mode != Mode.DRAFT:
        return
    noticed = msgspec.convert(upload.noticed, Noticed)
    if noticed.refused:
        raise Refused(*noticed.refused)
    if noticed.questions:
        option = noticed.questions[0].option
        raise Refused(*(one.sentence for one in noticed.questions if one.option == option), option=option)
