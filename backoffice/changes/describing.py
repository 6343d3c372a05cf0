"""Entries of the change log as lines a person can read."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from backoffice.changes.acting import Door
from backoffice.changes.models import Change, Operation
from backoffice.changes.registry import model_of

EMPTY: tuple[Any, ...] = (None, "", [], {})
LONGEST = 200
UNTOLD = frozenset({"uid", "created_at"})


@dataclass(frozen=True)
class FieldChange:
    """One field, as a person reads it; the empty text stands for nothing."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class ChangeLine:
    """One entry: who did what to which record or part of it, when, through which door."""

    change: Change
    at: datetime
    who: str
    door: str
    operation: str
    about: str
    fields: list[FieldChange]

    @property
    def words(self) -> str:
        """The entry as one line of text."""
        told = "; ".join(f"{field.label}: {field.before or '–'} → {field.after or '–'}" for field in self.fields)
        head = _("%(about)s %(operation)s") % {"about": self.about, "operation": self.operation}
        return f"{head}: {told}" if told else head


type Field = models.Field[Any, Any]
type Labels = dict[tuple[type[models.Model], Any], str]


def describe(changes: Iterable[Change], viewer: Any) -> list[ChangeLine]:
    """A line per entry, with names for the records they point to: one query per kind of record pointed to.

    A record that `viewer`, a login, may not see stays without its name. A model whose names everybody who works
    here knows says so with `is_known_to_all`.
    """
    entries = [(change, _model(change)) for change in changes]
    labels = _labels(entries, viewer)
    return [_line(change, model, labels) for change, model in entries]


def _line(change: Change, model: type[models.Model] | None, labels: Labels) -> ChangeLine:
    before, after = change.before or {}, change.after or {}
    about = str(model._meta.verbose_name) if model else change.child_kind or change.kind
    # A part that came or went tells of itself in full; one that changed, only what changed.
    needs_number = change.child_id is not None and change.operation == Operation.UPDATE
    return ChangeLine(
        change=change,
        at=change.at,
        who=change.actor_label,
        door=_label(Door, change.door),
        operation=_label(Operation, change.operation),
        about=f"{about} {change.child_id}" if needs_number else about,
        fields=[
            FieldChange(
                _name(field, column),
                _shown(field, before.get(column), labels),
                _shown(field, after.get(column), labels),
            )
            for column, field in ((column, _field(model, column)) for column in change.columns)
            if column not in UNTOLD
        ],
    )


def _labels(entries: Sequence[tuple[Change, type[models.Model] | None]], viewer: Any) -> Labels:
    """Names of all the records that the entries point to and the viewer may know."""
    wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
    for change, model in entries:
        for column in change.columns:
            to = _target(_field(model, column))
            if to is not None:
                wanted[to] |= {side[column] for side in (change.before or {}, change.after or {}) if side.get(column)}
    return {
        (to, pk): str(found)
        for to, pks in wanted.items()
        for pk, found in _known(to, viewer).in_bulk(list(pks)).items()
    }


def _known(model: type[models.Model], viewer: Any) -> models.QuerySet[Any]:
    rows: Any = model._default_manager.all()
    everybody = getattr(model, "is_known_to_all", False) or not hasattr(rows, "visible_to")
    return cast("models.QuerySet[Any]", rows if everybody else rows.visible_to(viewer))


def _model(change: Change) -> type[models.Model] | None:
    try:
        return model_of(change.child_kind or change.kind)
    except KeyError:  # no longer logged
        return None


def _field(model: type[models.Model] | None, column: str) -> Field | None:
    if model is None:
        return None
    return next((field for field in model._meta.concrete_fields if field.column == column), None)


def _target(field: Field | None) -> type[models.Model] | None:
    to = field.related_model if field is not None else None
    return to if isinstance(to, type) else None


def _name(field: Field | None, column: str) -> str:
    return str(field.verbose_name) if field is not None else column


def _shown(field: Field | None, value: Any, labels: Labels) -> str:
    if any(value is empty or value == empty for empty in EMPTY) and not isinstance(value, bool):
        return ""
    if isinstance(field, models.FileField):  # its name in the storage says nothing to anybody
        return _("a file")
    to = _target(field)
    if to is not None:
        return labels.get((to, value), f"#{value}")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, (dict, list)):
        return _shortened(_listed(value))
    return _shortened(_localized(field, value))


def _listed(value: Any) -> str:
    """Lists and parts of values as people write them: "ana@example.com, office; ana@example.org"."""
    if isinstance(value, dict):
        return ", ".join(_listed(part) for part in value.values() if part not in EMPTY)
    if isinstance(value, list):
        return "; ".join(_listed(part) for part in value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _localized(field: Field | None, value: Any) -> str:
    choices = dict(field.flatchoices) if field is not None else {}
    if value in choices:
        return str(choices[value])
    try:
        value = field.to_python(value) if field is not None else value
    except ValidationError:  # written when the column was of another type
        return str(value)
    if isinstance(value, datetime):
        return formats.date_format(timezone.localtime(value), "SHORT_DATETIME_FORMAT")
    if isinstance(value, Decimal):
        return formats.number_format(f"{value:f}".rstrip("0").rstrip(".") if value % 1 else int(value), use_l10n=True)
    return str(formats.localize(value))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _label(choices: type[models.TextChoices], value: str) -> str:
    return str(choices(value).label) if value in choices.values else value
