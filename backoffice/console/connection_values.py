"""Values of records as vendors can hold them, told to people: references by name, entries by label, times in words."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils import formats, timezone
from django.utils.text import Truncator
from django.utils.translation import gettext

from backoffice.access.models import User
from backoffice.changes.registry import model_of
from backoffice.console.connection_records import named
from backoffice.console.connection_words import connector_of, field_label
from backoffice.sync.facades.shapes import shapes
from backoffice.sync.models import Connection, Link, Option
from connectors.kit.mapping import Entry, Part, Reference

EMPTY: tuple[Any, ...] = (None, "", [], {})
LONGEST = 400
# Of a record here: what is ours alone, or told elsewhere.
UNTOLD = frozenset({"id", "uid", "created_at", "changed_at", "search", "custom", "archived_at", "name_key"})
LAST = ("created_there", "changed_there")


class Asked(NamedTuple):
    """A value to be told: of which connection's record, kind and field."""

    connection: Connection
    kind: str
    field: str
    value: Any


class Line(NamedTuple):
    """A field of two records side by side."""

    label: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        return self.first != self.second


class Teller:
    """Knows the names of all that some values refer to: a few queries, however many values there are."""

    def __init__(self, asked: Iterable[Asked], user: User) -> None:
        self._parts: dict[tuple[int, str, str], Part | None] = {}
        self._labels: dict[tuple[int, str, str], str] = {}
        entries: set[tuple[int, str, str]] = set()
        references: set[tuple[int, str, str]] = set()
        for each in asked:
            part, value = self._part(each), each.value
            if not isinstance(value, dict) or not value.get("id"):
                continue
            if isinstance(part, Entry) or hasattr(part, "list"):
                entries.add((each.connection.pk, str(getattr(part, "list", "")), str(value["id"])))
            elif isinstance(part, Reference):
                references.add((each.connection.pk, part.kind, str(value["id"])))
        self._name_entries(entries)
        self._name_references(references, user)

    def told(self, asked: Asked) -> str:
        """In words; "" for nothing."""
        value = asked.value
        if isinstance(value, bool):
            return gettext("yes") if value else gettext("no")
        if value in EMPTY:
            return ""
        if isinstance(value, dict) and set(value) <= {"id", "label"}:
            return self._reference(asked, value)
        if isinstance(value, dict | list):
            return shortened(listed(value))
        return shortened(localized(asked.kind, asked.field, value))

    def _reference(self, asked: Asked, value: Mapping[str, Any]) -> str:
        part, remote_id = self._part(asked), str(value.get("id") or "")
        of = part.kind if isinstance(part, Reference) else str(getattr(part, "list", ""))
        known = self._labels.get((asked.connection.pk, of, remote_id), "")
        return known or str(value.get("label") or "") or (f"#{remote_id}" if remote_id else "")

    def _part(self, asked: Asked) -> Part | None:
        key = (asked.connection.pk, asked.kind, asked.field)
        if key not in self._parts:
            connector = connector_of(asked.connection)
            mapping = shapes(connector).get(asked.kind) if connector else None
            parts = mapping.parts if mapping else ()
            self._parts[key] = next((part for part in parts if part.name == asked.field), None)
        return self._parts[key]

    def _name_entries(self, wanted: set[tuple[int, str, str]]) -> None:
        if not wanted:
            return
        options = Option.objects.filter(
            connection__in={pk for pk, _list, _id in wanted},
            list__in={name for _pk, name, _id in wanted},
            remote_id__in={remote_id for _pk, _list, remote_id in wanted},
        )
        for pk, name, remote_id, label in options.values_list("connection_id", "list", "remote_id", "label"):
            self._labels[pk, name, remote_id] = label

    def _name_references(self, wanted: set[tuple[int, str, str]], user: User) -> None:
        if not wanted:
            return
        links = Link.objects.filter(
            connection__in={pk for pk, _kind, _id in wanted},
            kind__in={kind for _pk, kind, _id in wanted},
            remote_id__in={remote_id for _pk, _kind, remote_id in wanted},
        ).values_list("connection_id", "kind", "remote_id", "object_id")
        found = [(pk, kind, remote_id, object_id) for pk, kind, remote_id, object_id in links]
        names = named(((kind, object_id) for _pk, kind, _id, object_id in found), user)
        for pk, kind, remote_id, object_id in found:
            self._labels[pk, kind, remote_id] = names[kind, object_id].name


def side_by_side(
    connection: Connection, kind: str, first: Mapping[str, Any], second: Mapping[str, Any], user: User
) -> list[Line]:
    """Two records as the vendor has them, field by field; what is empty in both is left out."""
    names = [*first, *(name for name in second if name not in first)]
    asked = {
        name: (Asked(connection, kind, name, first.get(name)), Asked(connection, kind, name, second.get(name)))
        for name in names
        if name not in UNTOLD
    }
    teller = Teller((each for pair in asked.values() for each in pair), user)
    lines = [
        Line(field_label(kind, name), teller.told(ours), teller.told(theirs)) for name, (ours, theirs) in asked.items()
    ]
    return [line for line in lines if line.first or line.second]


def records_side_by_side(kind: str, first: models.Model | None, second: models.Model | None) -> list[Line]:
    """Two records of ours."""
    model = model_of(kind)
    lines = []
    for field in sorted(model._meta.concrete_fields, key=lambda field: field.name in LAST):
        if field.name in UNTOLD or field.name.endswith(("_key", "_index")) or isinstance(field, models.GeneratedField):
            continue
        one, other = (_of_row(field, row) for row in (first, second))
        if one or other:
            lines.append(Line(field_label(kind, field.name), one, other))
    return lines


def _of_row(field: "models.Field[Any, Any]", row: models.Model | None) -> str:
    if row is None:
        return ""
    value = getattr(row, field.name)
    if isinstance(value, models.Model):
        return str(value)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if value in EMPTY:
        return ""
    if isinstance(value, dict | list):
        return shortened(listed(value))
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    return shortened(_local(value))


def listed(value: Any) -> str:
    """Lists and parts of values as people write them: "ana@example.com, office; ana@example.org"."""
    if isinstance(value, dict):
        return ", ".join(listed(part) for part in value.values() if part not in EMPTY)
    if isinstance(value, list):
        return "; ".join(listed(part) for part in value)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return str(value)


def localized(kind: str, name: str, value: Any) -> str:
    """A plain value (text, number, ISO time) as the field's own type reads."""
    try:
        field = model_of(kind)._meta.get_field(name)
        choices = dict(getattr(field, "flatchoices", ()))
        if value in choices:
            return str(choices[value])
        value = field.to_python(value)  # type: ignore[union-attr]
    except (KeyError, FieldDoesNotExist, ValidationError, AttributeError, TypeError):
        return str(value)
    return _local(value)


def _local(value: Any) -> str:
    if isinstance(value, datetime):
        at = timezone.localtime(value) if timezone.is_aware(value) else value
        return formats.date_format(at, "SHORT_DATETIME_FORMAT")
    return str(formats.localize(value))


def shortened(text: str) -> str:
    return Truncator(text).chars(LONGEST)
