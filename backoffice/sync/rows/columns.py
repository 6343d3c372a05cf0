"""How the fields of a record stand in the columns of its table: worked out from model and struct once per kind."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, partial
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
import orjson
from django.db import models
from django.db.models.fields import NOT_PROVIDED

from backoffice.changes.registry import model_of
from backoffice.crm import records
from backoffice.crm.records import Record, Ref

type Put = Callable[[Any], Any]

KINDS: dict[str, type[Record]] = {
    "account": records.Account,
    "activity": records.Activity,
    "campaign": records.Campaign,
    "contact": records.Contact,
    "document": records.Document,
    "group": records.Group,
    "note": records.Note,
    "opportunity": records.Opportunity,
    "product": records.Product,
    "tag": records.Tag,
    "ticket": records.Ticket,
}
CUSTOM = "custom"


class Column(NamedTuple):
    """A field of a record in its column. `put` and `take` turn what is there one way and the other; None: as it is.

    `empty` is written for a field the record doesn't know, `null` for one that it says is nothing.
    """

    field: str
    name: str
    put: Put | None
    take: Put | None
    empty: Any
    null: Any
    is_needed: bool  # when a row is made: the table itself has no default
    type: str  # in SQL, of any length


@cache
def columns(kind: str) -> dict[str, Column]:
    """By the record's field, in its order. A file's content is not a column: only its data are held."""
    return _columns(model_of(kind), KINDS[kind])


@cache
def unnamed(kind: str) -> dict[str, Any]:
    """Columns that no field of a record stands for, and what a new row has there."""
    files = [field for field in model_of(kind)._meta.concrete_fields if isinstance(field, models.FileField)]
    return {str(field.column): "" for field in files}


def part_columns(model: type[models.Model], struct: type[msgspec.Struct]) -> dict[str, Column]:
    return _columns(model, struct)


def _columns(model: type[models.Model], struct: type[msgspec.Struct]) -> dict[str, Column]:
    fields = {field.name: field for field in model._meta.concrete_fields if not isinstance(field, models.FileField)}
    hints = get_type_hints(struct)
    return {name: _column(fields[name], hints[name]) for name in struct.__struct_fields__ if name in fields}


def _column(field: "models.Field[Any, Any]", hint: Any) -> Column:
    put, take = _ways(field, hint)
    has_default = field.db_default is not NOT_PROVIDED
    default = field.get_default()
    empty = put(default) if put and default is not None else default
    return Column(
        field=field.name,
        name=str(field.column),
        put=put,
        take=take,
        empty=None if field.null and default is None else empty,
        null=None if field.null else empty,
        is_needed=not field.null and not has_default,
        type=_type(field),
    )


TYPES = {
    "BooleanField": "boolean",
    "CharField": "text",
    "DateField": "date",
    "DateTimeField": "timestamptz",
    "DecimalField": "numeric",
    "JSONField": "jsonb",
    "TextField": "text",
    "UUIDField": "uuid",
}


def _type(field: "models.Field[Any, Any]") -> str:
    return TYPES.get(field.get_internal_type(), "bigint")


def _ways(field: "models.Field[Any, Any]", hint: Any) -> tuple[Put | None, Put | None]:
    if field.is_relation:
        return id_of, ref_to
    match field:
        case models.JSONField():
            if field.name == CUSTOM:
                return _json, orjson.loads
            return _json, msgspec.json.Decoder(_known(hint)).decode
        case models.UUIDField():
            return None, str
        case models.CharField() if field.null:
            return _or_none, None
        case models.DecimalField():
            return partial(_rounded, Decimal(1).scaleb(-field.decimal_places)), None
    return None, None


def _known(hint: Any) -> Any:
    """`list[Email]` of `Known[list[Email]]`, `Assistant` of `Known[Assistant | None]`."""
    (known,) = get_args(hint)
    return next((each for each in get_args(known) if isinstance(each, type) and type(None) in get_args(known)), known)


def id_of(ref: Ref) -> int | None:
    """The row a reference means; one that has only a label means none."""
    return int(ref.id) if ref.id else None


def ref_to(id: int) -> Ref:
    return Ref(id=str(id))


def _or_none(value: str) -> str | None:
    """An ID that is empty is none."""
    return value or None


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode() if value else "{}" if isinstance(value, dict) else "[]"


def _rounded(step: Decimal, value: Decimal) -> Decimal:
    return value.quantize(step, ROUND_HALF_UP)
