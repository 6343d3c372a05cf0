"""Why an undo left a record as it is, wholly or in part: kept as code and values, said in the reader's language."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from backoffice.changes.acting import Door
from backoffice.changes.registry import model_of
from backoffice.imports.models import UndoneRecord

NAMES_SHOWN = 3


class Edited(msgspec.Struct, frozen=True, tag="edited"):
    """Somebody changed these columns since."""

    kind: str
    columns: list[str]
    who: str = ""
    door: str = ""
    at: datetime | None = None

    def __str__(self) -> str:
        fields = ", ".join(_field(self.kind, column) for column in self.columns)
        if not self.who and self.at is None:
            return _("%(fields)s: changed since.") % {"fields": capfirst(fields)}
        return _("%(fields)s: changed since by %(who)s (%(door)s), %(at)s.") % {
            "fields": capfirst(fields),
            **_whose(self.who, self.door, self.at),
        }


class Deleted(msgspec.Struct, frozen=True, tag="deleted"):
    """It is no longer there."""

    kind: str
    who: str = ""
    door: str = ""
    at: datetime | None = None

    def __str__(self) -> str:
        if not self.who and self.at is None:
            return _("The %(kind)s is no longer there.") % {"kind": word_for(self.kind)}
        return _("The %(kind)s was deleted since by %(who)s (%(door)s), %(at)s.") % {
            "kind": word_for(self.kind),
            **_whose(self.who, self.door, self.at),
        }


class Used(msgspec.Struct, frozen=True, tag="used"):
    """Something else points to it: so many of a kind, and the names of the first that both may see."""

    kind: str
    count: int
    names: list[str] = []

    def __str__(self) -> str:
        told = {"count": self.count, "kind": word_for(self.kind, self.count), "names": ", ".join(self.names)}
        if not self.names:
            return _("In use by %(count)s %(kind)s.") % told
        more = self.count - len(self.names)
        if more > 0:
            return _("In use by %(count)s %(kind)s: %(names)s (+%(more)s).") % {**told, "more": more}
        return _("In use by %(count)s %(kind)s: %(names)s.") % told


class Gone(msgspec.Struct, frozen=True, tag="gone"):
    """What a column is to point to again is no longer there."""

    kind: str
    column: str
    to: str
    id: int

    def __str__(self) -> str:
        return _("%(field)s: %(kind)s #%(id)s is no longer there.") % {
            "field": capfirst(_field(self.kind, self.column)),
            "kind": word_for(self.to),
            "id": self.id,
        }


class Clash(msgspec.Struct, frozen=True, tag="clash"):
    """A rule of the database stands against it; most often another record has the same key by now."""

    kind: str
    rule: str

    def __str__(self) -> str:
        rules = model_of(self.kind)._meta.constraints
        rule = next((rule for rule in rules if rule.name == self.rule), None)
        message = rule.get_violation_error_message() if rule is not None else self.rule
        return _("As it was it can't be now: %(message)s") % {"message": message}


type Reason = Edited | Deleted | Used | Gone | Clash


def stored(reasons: Iterable[Reason]) -> list[Any]:
    return [msgspec.to_builtins(reason) for reason in reasons]


def sentences(record: UndoneRecord) -> list[str]:
    """Why the record was left, wholly or in part: a sentence each."""
    reasons: Sequence[Reason] = msgspec.convert(record.reasons or [], list[Reason])
    return [str(reason) for reason in reasons]


def word_for(kind: str, number: int = 1) -> str:
    """What so many records of a kind of the change log, or of a table, are called."""
    try:
        meta = model_of(kind)._meta
    except KeyError:
        return kind
    return str(meta.verbose_name if number == 1 else meta.verbose_name_plural)


def _field(kind: str, column: str) -> str:
    fields = model_of(kind)._meta.concrete_fields
    return next((str(field.verbose_name) for field in fields if field.column == column), column)


def _whose(who: str, door: str, at: datetime | None) -> dict[str, str]:
    moment = formats.date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT") if at else "–"
    return {
        "who": who or "–",
        "door": str(Door(door).label) if door in Door.values else door,
        "at": moment.removesuffix("."),  # of “p.m.”: the sentence ends there with a full stop of its own
    }
