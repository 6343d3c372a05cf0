"""How rows read as JSON, made from their records.

A `Reading` turns one list of `Member`s into both the OpenAPI schema and the SQL that makes the JSON, so that the two
can't disagree; rows go from PostgreSQL to the wire as text. How they are written: `backoffice.bodies`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from babel.core import get_global
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import QuerySet
from ninja import Schema
from pydantic import BaseModel, Field, create_model

from backoffice.paging import Page

DecimalText = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["1234.50"])]
Id = Annotated[int, Field(examples=[4711])]

# Which row a member's SQL is about: replaced by its name in the query.
ROW = "{row}"


@dataclass(frozen=True)
class Member:
    """A key of a JSON object: its type, and the SQL that answers it, in which `{row}` stands for the row.

    `join` is what the SQL needs beside the row; members may share it. A handful is planned fast, a dozen is not.
    """

    name: str
    type: Any
    sql: str
    description: str = ""
    join: str = ""


class Parts(msgspec.Struct, frozen=True):
    """A list of a record that is kept in rows of its own, each shown by `members` (or, bare, by the only one)."""

    name: str
    model: type[models.Model]
    parent: str
    members: Sequence[Member]
    bare: bool = False


@dataclass(frozen=True)
class Shown:
    """How a reference to a row of `model` is shown: as an object of `members` or, with a label, flat beside its id."""

    model: type[models.Model]
    members: Sequence[Member] = ()
    label: str = ""

    @cached_property
    def schema(self) -> type[BaseModel]:
        return object_schema(f"{self.model.__name__}Reference", self._all)

    @property
    def _all(self) -> list[Member]:
        return [Member("id", Id, f"{ROW}.id"), *self.members]

    def join(self, column: str) -> str:
        return f"LEFT JOIN {self.model._meta.db_table} AS {column}_entry ON {column}_entry.id = {ROW}.{column}"

    def members_for(self, name: str, column: str, *, optional: bool) -> Iterator[Member]:
        """What shows the reference `name`, whose id is in `column`."""
        found = f"FROM {self.model._meta.db_table} AS seen WHERE seen.id = {ROW}.{column}"
        if self.label:
            # Joined, as pick lists are short and read for every row: half the time of looking each up.
            yield Member(name, _or_none(str, optional), f"{column}_entry.{self.label}", join=self.join(column))
            yield Member(f"{name}_id", _or_none(Id, optional), f"{ROW}.{column}")
        else:
            shown = f"(SELECT {json_object(self._all, 'seen')} {found})"
            yield Member(name, _or_none(self.schema, optional), shown)


class Reading:
    """How the rows of a model read: in a list, and (with their parts) alone."""

    def __init__(
        self, model: type[models.Model], members: Sequence[Member], parts: Sequence[Parts] = (), name: str = ""
    ) -> None:
        self.model = model
        self.members = list(members)
        self.parts = list(parts)
        self.name = name or model.__name__

    @cached_property
    def schema(self) -> Any:
        return object_schema(f"{self.name}Item" if self.parts else self.name, self.members)

    @cached_property
    def record_schema(self) -> Any:
        return object_schema(self.name, self._with_parts) if self.parts else self.schema

    @cached_property
    def page_schema(self) -> Any:
        page: Any = Page
        return type(f"{self.name}Page", (page[self.schema],), {"__module__": __name__, "__doc__": Page.__doc__})

    def page(self, rows: QuerySet[Any], column: str) -> list[tuple[int, Any, str]]:
        """Of each row, in their order: id, value of `column`, JSON."""
        return self._fetch(rows.values_list("pk", column), self._item_sql)

    def record(self, rows: QuerySet[Any]) -> str | None:
        """The JSON, with parts, of the only row; None when there is none."""
        found = self._fetch(rows.order_by().values_list("pk", "pk"), self._record_sql)
        return found[0][2] if found else None

    def _fetch(self, chosen: QuerySet[Any, Any], sql: str) -> list[tuple[int, Any, str]]:
        try:
            inner, parameters = chosen.query.sql_with_params()
        except EmptyResultSet:
            return []
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("%", "%%").replace(CHOSEN, inner), parameters)
            found: list[tuple[int, Any, str]] = cursor.fetchall()
            return found

    @cached_property
    def _item_sql(self) -> str:
        return self._sql(self.members)

    @cached_property
    def _record_sql(self) -> str:
        return self._sql(self._with_parts)

    @property
    def _with_parts(self) -> list[Member]:
        return [*self.members, *(_member_of(parts, self.name) for parts in self.parts)]

    def _sql(self, members: Sequence[Member]) -> str:
        table = self.model._meta.db_table
        joins = " ".join(dict.fromkeys(member.join.replace(ROW, "record") for member in members))
        return f"""
            SELECT page.id, page.value, {json_object(members, "record", "text")}
            FROM (
                SELECT chosen.*, row_number() OVER () FROM ({CHOSEN}) AS chosen (id, value)
            ) AS page (id, value, place)
            JOIN {table} AS record ON record.id = page.id {joins}
            ORDER BY page.place
        """


CHOSEN = "{chosen}"
AMOUNT_PLACES = 4


def _member_of(parts: Parts, owner: str) -> Member:
    if parts.bare:
        kind: Any = list_of(parts.members[0].type)
        one = parts.members[0].sql.replace(ROW, "part")
    else:
        kind = list_of(object_schema(f"{owner}{parts.model.__name__}", parts.members))
        one = json_object(parts.members, "part")
    sql = f"""COALESCE((
        SELECT json_agg({one} ORDER BY part.position, part.id)
        FROM {parts.model._meta.db_table} AS part WHERE part.{parts.parent} = {ROW}.id
    ), '[]'::json)"""
    return Member(parts.name, kind, sql)


def json_object(members: Sequence[Member], row: str, returning: str = "json") -> str:
    keys = ", ".join(f"'{member.name}' VALUE {member.sql.replace(ROW, row)}" for member in members)
    return f"JSON_OBJECT({keys} RETURNING {returning})"


def object_schema(name: str, members: Sequence[Member]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        member.name: (member.type, Field(..., description=member.description or None)) for member in members
    }
    made: type[BaseModel] = create_model(name, __base__=Schema, __module__=__name__, **fields)
    return made


def members_of(
    struct: type[msgspec.Struct],
    model: type[models.Model],
    shown: Mapping[type[models.Model], Shown],
    *,
    skip: Sequence[str] = (),
    currency: str = f"{ROW}.currency",
) -> list[Member]:
    """The members of a record's fields, in their order, without its parts. Amounts are in `currency`."""
    members: list[Member] = []
    for name, (kind, optional) in fields_of(struct).items():
        column = next((found for found in model._meta.concrete_fields if found.name == name), None)
        if name in skip or column is None:
            continue
        sql = f"{ROW}.{column.attname}"
        description = str(column.help_text)
        if column.is_relation and isinstance(column.related_model, type):
            members.extend(shown[column.related_model].members_for(name, column.attname, optional=optional))
        elif isinstance(column, models.DecimalField):
            text = money(sql, currency) if is_money(column) else f"trim_scale({sql})::text"
            members.append(Member(name, _or_none(DecimalText, optional), text, description))
        else:
            wanted = UUID if isinstance(column, models.UUIDField) else value_schema(kind)
            members.append(Member(name, _or_none(wanted, optional), sql, description))
    return members


def fields_of(struct: type[msgspec.Struct]) -> dict[str, tuple[Any, bool]]:
    """Each field's type without "unknown" and None, and whether it may be None."""
    found = {}
    for name, hint in get_type_hints(struct).items():
        kinds = [kind for kind in _flat(hint) if kind is not msgspec.UnsetType]
        found[name] = (next(kind for kind in kinds if kind is not NoneType), NoneType in kinds)
    return found


def _flat(hint: Any) -> Iterator[Any]:
    alias = get_origin(hint) or hint
    if hasattr(alias, "__value__"):  # Known[T]
        hint = alias.__value__[get_args(hint)] if get_args(hint) else alias.__value__
    if get_origin(hint) in {Union, UnionType}:
        for part in get_args(hint):
            yield from _flat(part)
    else:
        yield hint


def value_schema(kind: Any) -> Any:
    """A record's value as a schema: its structs (an email, an address) become objects, all but their needs optional."""
    if get_origin(kind) is list:
        (of,) = get_args(kind)
        return list_of(value_schema(of))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields: dict[str, Any] = {
            info.name: (info.type, ... if info.required else info.default) for info in msgspec.structs.fields(kind)
        }
        return _value_schemas.setdefault(kind, create_model(kind.__name__, __base__=Schema, **fields))
    return kind


_value_schemas: dict[type, Any] = {}


def list_of(kind: Any) -> Any:
    """list[kind], for a kind made at run time."""
    made: Any = list
    return made[kind]


def is_money(column: "models.DecimalField[Any, Any]") -> bool:
    """Amounts have four decimals (`backoffice.crm.models.base.money`), fractions and rates more."""
    return column.decimal_places == AMOUNT_PLACES


def _or_none(kind: Any, optional: bool) -> Any:
    return kind | None if optional else kind


def money(amount: str, currency: str) -> str:
    """SQL of an amount as text, with the currency's decimals at least."""
    return f"round({amount}, GREATEST(scale(trim_scale({amount})), {_places(currency)}))::text"


def _places(currency: str) -> str:
    usual, *_rest = FRACTIONS["DEFAULT"]
    codes = {places: [code for code, entry in FRACTIONS.items() if entry[0] == places] for places in (0, 3, 4)}
    whens = " ".join(f"WHEN {currency} = ANY('{{{','.join(some)}}}') THEN {places}" for places, some in codes.items())
    return f"CASE {whens} ELSE {usual} END"


# CLDR's decimals per currency; "DEFAULT" for those not listed.
FRACTIONS: Mapping[str, tuple[int, int, int, int]] = get_global("currency_fractions")
