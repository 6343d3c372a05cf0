"""What Tactile CRM demands of a record that ours may lack: filled in as it would itself, or refused in words."""

from collections.abc import Collection
from typing import Any

import msgspec

from backoffice.crm.records import Contact, Note, Record
from connectors.kit.errors import Invalid
from connectors.kit.mapping import Mapping
from connectors.tactile.client import VENDOR

MISSING = {
    "body": "a text",
    "close_date": "a close date",
    "name": "a name",
    "stage": "a stage",
    "subject": "a subject",
}
LONGEST_TITLE = 80


def completed[R: Record](record: R) -> R:
    """With the names that are asked for in parts there, and in one piece here."""
    if isinstance(record, Contact):
        return _changed(record, _names(record))
    if isinstance(record, Note):
        return _changed(record, _texts(record))
    return record


def check(mapping: Mapping[Any], record: Record, only: Collection[str] | None = None) -> None:
    """Raises Invalid for what would be refused; of a change, for what it empties."""
    required = {part.name for part in mapping.parts if part.required}
    if only is not None:
        required = (required | ({"stage"} & mapping.takes)) & {*only}
    missing = [MISSING.get(name, name) for name in sorted(required) if not _is_said(getattr(record, name))]
    if isinstance(record, Contact) and only is None and not (record.given or record.family):
        missing.append(MISSING["name"])
    if isinstance(record, Note) and (only is None or {"title", "body"} & {*only}) and not _is_said(record.body):
        missing.append(MISSING["body"])
    if missing:
        raise Invalid([f"{VENDOR} needs {' and '.join(missing)}: please add what is missing."], vendor=VENDOR)


def _is_said(value: Any) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _names(contact: Contact) -> dict[str, str]:
    """A first name and a surname; what is before the last word is the first name."""
    if contact.given or contact.family or not contact.name:
        return {}
    given, _, family = contact.name.strip().rpartition(" ")
    return {"given": given.strip(), "family": family}


def _texts(note: Note) -> dict[str, str]:
    """Title and text: where one is missing, the other stands for it."""
    title, body = (note.title or "").strip(), (note.body or "").strip()
    if body and not title:
        return {"title": body.splitlines()[0][:LONGEST_TITLE].strip()}
    return {"body": title} if title and not body else {}


def _changed[R: Record](record: R, values: dict[str, str]) -> R:
    return msgspec.structs.replace(record, **values) if values else record
