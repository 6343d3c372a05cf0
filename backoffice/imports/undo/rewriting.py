"""Rows as the change log tells of them, by column: read, put back, changed and removed, each set-wise."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from django.db import models
from psycopg import sql

from backoffice.changes.registry import logged_models, model_of
from backoffice.changes.triggers import NEVER_LOGGED
from backoffice.imports.merging import loading
from backoffice.imports.undo.effects import read

type Values = dict[str, Any]
type Field = models.Field[Any, Any]

EMPTY: tuple[Any, ...] = (None, "", [], {})
_encoder = msgspec.json.Encoder(decimal_format="number")


@cache
def told(kind: str) -> dict[str, Field]:
    """The columns that the log tells of."""
    logged = next(logged for logged in logged_models() if logged.kind == kind)
    return {
        str(field.column): field
        for field in logged.model._meta.concrete_fields
        if not (field.primary_key or isinstance(field, models.GeneratedField))
        and field.column not in {*NEVER_LOGGED, *logged.skip}
    }


def references(kind: str) -> dict[str, type[models.Model]]:
    """The columns that point to other rows, and the models of these."""
    targets = {column: field.related_model for column, field in told(kind).items()}
    return {column: target for column, target in targets.items() if isinstance(target, type)}


def same(one: Any, other: Any) -> bool:
    """Whether two values of a column are one: what is left out of the log is empty."""
    return one == other or (one in EMPTY and other in EMPTY)


def there(kind: str, ids: Collection[int], *, lock: bool) -> dict[int, Values]:
    """The rows that are there. Locked, they come in the one order everybody locks them in."""
    columns = sql.SQL(", ").join(map(sql.Identifier, told(kind)))
    statement = sql.SQL(
        "SELECT id, to_jsonb(here)::text FROM (SELECT id, {columns} FROM {table}"
        " WHERE id = ANY(%s) ORDER BY id {lock}) AS here"
    ).format(columns=columns, table=_table(kind), lock=sql.SQL("FOR UPDATE" if lock else ""))
    with loading.plain_cursor() as cursor:
        cursor.execute(statement, [sorted(ids)])
        return {id: read(text) for id, text in cursor}


def put_back(kind: str, rows: Mapping[int, Values]) -> None:
    """Rows return under the ids they had; what the log left out as empty is empty."""
    empty = {column: _empty(field) for column, field in told(kind).items() if not field.null}
    names = ("id", *told(kind))
    statement = sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM unnest(%s::text[]) AS given (row),"
        " LATERAL jsonb_populate_record(NULL::{table}, given.row::jsonb) AS back ORDER BY back.id"
    ).format(
        table=_table(kind),
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(sql.Identifier("back", name) for name in names),
    )
    full = [{"id": id} | empty | values for id, values in rows.items()]
    with loading.plain_cursor() as cursor:
        cursor.execute(statement, [[_written(values) for values in full]])


def change(kind: str, rows: Mapping[int, Values]) -> None:
    """Each row gets the columns given for it; the others stay."""
    columns = sorted({column for values in rows.values() for column in values})
    statement = sql.SQL(
        "UPDATE {table} AS here SET {changes} FROM unnest(%s::bigint[], %s::text[]) AS given (id, row),"
        " {table} AS was, LATERAL jsonb_populate_record(was, given.row::jsonb) AS filled"
        " WHERE was.id = given.id AND here.id = was.id"
    ).format(
        table=_table(kind),
        changes=sql.SQL(", ").join(
            sql.SQL("{} = filled.{}").format(sql.Identifier(column), sql.Identifier(column)) for column in columns
        ),
    )
    with loading.plain_cursor() as cursor:
        cursor.execute(statement, [list(rows), [_written(values) for values in rows.values()]])


def remove(model: type[models.Model], column: str, ids: Iterable[int]) -> None:
    statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(
        sql.Identifier(model._meta.db_table), sql.Identifier(column)
    )
    with loading.plain_cursor() as cursor:
        cursor.execute(statement, [sorted(ids)])


def _table(kind: str) -> sql.Identifier:
    return sql.Identifier(model_of(kind)._meta.db_table)


def _empty(field: Field) -> Any:
    if isinstance(field, models.JSONField):
        return field.get_default()
    return "" if field.empty_strings_allowed else None


def _written(values: Values) -> str:
    # A NUL is no text for PostgreSQL, and none was ever stored.
    return _encoder.encode(values).decode()
