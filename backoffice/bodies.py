"""The bodies of POST and PATCH, made from records: named fields only, each with the type and bounds of its column.

A field that is not sent is unknown and left alone; null empties what may be empty.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from django.db import models
from ninja import Schema
from pydantic import ConfigDict, Field, create_model

from backoffice import values
from backoffice.schemas import fields_of, is_money, list_of

MOST_PARTS = 200
CUSTOM_VALUE = values.Prose | bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | list[values.Line] | None


class Body(Schema):
    """Refuses fields it does not name."""

    model_config = ConfigDict(extra="forbid")

    def sent(self) -> dict[str, Any]:
        """What was sent, by field."""
        return {name: getattr(self, name) for name in self.__pydantic_fields__ if name in self.model_fields_set}


class Value(Body):
    """A part without a life of its own: an email, a phone, an address."""

    def stored(self) -> dict[str, Any]:
        """As a column keeps it: an empty field is a default and is left out."""
        return self.model_dump(exclude_defaults=True)


class ById(Body):
    id: values.Id


def reference_body(name: str, **keys: Any) -> Any:
    """A reference as callers write it: an id, or an object with the id or another key of the row."""
    written: Any = values.Id | ById
    for key, kind in keys.items():
        fields: dict[str, Any] = {key: (kind, ...)}
        written |= create_model(f"{name}By{key.title().replace('_', '')}", __base__=Body, **fields)
    return written


def written_as[B: Body](
    struct: type[msgspec.Struct],
    model: type[models.Model],
    references: Mapping[type[models.Model], Any],
    *,
    required: Sequence[str] = (),
    skip: Sequence[str] = (),
    labels: type[models.Model] | None = None,
    parts: Mapping[str, Any] | None = None,
    example: Mapping[str, Any] | None = None,
) -> Callable[[type[B]], type[B]]:
    """Class decorator: the body gets the fields of a record.

    References to `labels` (pick lists) are written by label, or as `…_id`; lists kept in rows of their own as `parts`.
    """
    fields: dict[str, Any] = {}
    columns = {column.name: column for column in model._meta.concrete_fields}
    for name, (kind, nullable) in fields_of(struct).items():
        column = columns.get(name)
        if name in skip:
            continue
        if column is None:
            if parts and name in parts:
                fields[name] = (list_of(parts[name]), optional(max_length=MOST_PARTS))
        elif labels is not None and column.related_model is labels:
            fields[name] = (values.Name | values.Id | None, optional("The label, as read; or the id."))
            fields[f"{name}_id"] = (values.Id | None, optional(f"Instead of `{name}`."))
        else:
            target: Any = column.related_model
            written = references[target] if target else _written(kind, column)
            description = str(column.help_text)
            if name in required:
                fields[name] = (written, Field(..., description=description or None))
            else:
                fields[name] = (written | None if nullable else written, optional(description))

    def made(bare: type[B]) -> type[B]:
        config = ConfigDict(extra="forbid", json_schema_extra={"examples": [dict(example)]} if example else None)
        base = type(bare.__name__, (bare,), {"model_config": config, "__module__": bare.__module__})
        complete: type[B] = create_model(
            bare.__name__, __base__=base, __module__=bare.__module__, __doc__=bare.__doc__, **fields
        )
        return complete

    return made


def optional(description: str | None = None, **about: Any) -> Any:
    """A field that need not be sent."""
    # A factory, not a default: a default would show in the schema as a value that the field does not take.
    return Field(default_factory=_unknown, description=description or None, **about)


def _unknown() -> Any:
    return msgspec.UNSET


def _written(kind: Any, column: "models.Field[Any, Any]") -> Any:
    if isinstance(column, models.DecimalField):
        return values.Amount if is_money(column) else values.Fraction
    if kind is date:
        return values.Month if column.name == "month" else values.Day
    if kind is datetime:
        return values.Moment
    if kind is bool:
        return values.YesNo
    if kind is int:
        return values.Percentage if isinstance(column, models.PositiveSmallIntegerField) else values.Integer
    if kind is str:
        return _text(column)
    if get_origin(kind) is dict:
        return dict[values.Line, CUSTOM_VALUE]
    if get_origin(kind) is list:
        return Annotated[list_of(value_body(get_args(kind)[0])), Field(max_length=MOST_PARTS)]
    return value_body(kind)


def _text(column: "models.Field[Any, Any]") -> Any:
    if column.choices:
        known = [str(value) for value, _label in column.get_choices(include_blank=False)]
        return Literal[tuple([*known, ""] if column.blank else known)]
    if column.name == "currency":
        return values.Currency
    if column.null or not column.blank:
        return values.Name
    return values.Prose if isinstance(column, models.TextField) else values.Line


@cache
def value_body(struct: type[msgspec.Struct]) -> Any:
    """A value's struct (an email, a phone, an address) as it is written."""
    fields: dict[str, Any] = {}
    for info in msgspec.structs.fields(struct):
        written: Any = values.Line
        if info.name in {"address", "email"} and "Email" in struct.__name__:
            written = values.Email
        elif info.name in {"latitude", "longitude"}:
            written = values.Degrees | None
        elif info.required:
            written = values.Name
        fields[info.name] = (written, ... if info.required else info.default)
    return create_model(f"{struct.__name__}Body", __base__=Value, __module__=__name__, **fields)
