"""What a vendor lets be done with which records, and which of their fields it holds: as its connector declares it."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from backoffice.console import connection_pages as pages
from backoffice.console.connection_words import connector_of, field_label, kinds_label
from connectors.kit.contract import Capability, Connector
from connectors.kit.mapping import Access, Entry, Part, Reference, Shape


class Can(NamedTuple):
    """A row of the matrix; `fields` of a kind that several objects of the vendor stand for are of this one."""

    label: str
    object_name: str
    pull: bool
    create: bool
    update: bool
    delete: bool
    find: bool
    view: bool
    fields: list["FieldOf"]


class FieldOf(NamedTuple):
    label: str
    keys: str
    note: str
    is_read: bool
    written: str  # "", or when
    is_required: bool


def page(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    connection = pages.visible_connection(request, connection_id)
    vendor = connector_of(connection)
    context |= pages.frame(request, connection, "matrix") | {
        "kinds": capabilities(vendor) if vendor else [],
        "lists": [str(each.label) or each.name for each in vendor.lists] if vendor else [],
        "limit": vendor.calls_per_minute if vendor else 0,
    }
    return TemplateResponse(request, "console/connections/matrix.html", context)


def capabilities(vendor: type[Connector]) -> list[Can]:
    return [_can(name, capability, vendor) for name, capability in vendor.capabilities.items()]


def _can(name: str, capability: Capability, vendor: type[Connector]) -> Can:
    mapping = capability.mapping
    return Can(
        kinds_label(mapping.kind),
        "" if name == mapping.kind else name,
        capability.pull,
        capability.create,
        capability.update,
        capability.delete,
        capability.find,
        capability.view,
        [_field(mapping.kind, part, vendor) for part in mapping.parts],
    )


def _field(kind: str, part: Part, vendor: type[Connector]) -> FieldOf:
    keys = dict.fromkeys((*part.keys(Shape.READ), *part.keys(Shape.WRITE)))
    return FieldOf(
        field_label(kind, part.name), ", ".join(keys), _note(part, vendor), part.is_read, _written(part), part.required
    )


def _written(part: Part) -> str:
    if not part.is_written:
        return ""
    return gettext("when it is made") if part.access is Access.CREATE_ONLY else gettext("yes")


def _note(part: Part, vendor: type[Connector]) -> str:
    """What it points at, or which list its entries stand in."""
    if isinstance(part, Reference):
        return gettext("one of the %(kinds)s") % {"kinds": kinds_label(part.kind).lower()}
    name = part.list if isinstance(part, Entry) else str(getattr(part, "list", ""))
    label = next((str(each.label) or each.name for each in vendor.lists if each.name == name), name)
    return gettext("an entry of “%(list)s”") % {"list": label} if name else ""
