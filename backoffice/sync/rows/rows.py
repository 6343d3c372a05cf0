"""Rows of the domain as records and back, many at once. References are our own ids: `Ref(id=str(id))`.

Call what writes inside `acting(...)`. A fixed number of statements does it, however many rows there are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import compress
from operator import attrgetter
from typing import Any

import orjson
from msgspec import UNSET
from psycopg import sql

from backoffice.changes.registry import model_of
from backoffice.crm.records import Record
from backoffice.imports.merging import loading
from backoffice.sync.rows import part_rows
from backoffice.sync.rows.columns import CUSTOM, KINDS, Column, columns, unnamed
from backoffice.sync.rows.part_rows import parts
from backoffice.sync.rows.refusing import refusal

UID = "uid"
A_PAGE = 1_000

__all__ = ["KINDS", "insert", "read", "refusal", "update"]


def read(
    kind: str, ids: Iterable[int], *, lock: bool = False, fields: Collection[str] | None = None
) -> dict[int, Record]:
    """The records of these rows, with all their `fields` or the ones named. Of a row that is gone there is none.

    Locked, they come in the one order everybody locks them in.
    """
    wanted = [column for name, column in columns(kind).items() if fields is None or name in fields]
    lists = [part for name, part in parts(kind).items() if fields is None or name in fields]
    numbers = list(ids)
    if not numbers:
        return {}
    record = KINDS[kind]
    names = [column.field for column in wanted]
    found = {id: dict(zip(names, cells, strict=True)) for id, cells in _cells(kind, wanted, numbers, lock=lock)}
    for part in lists:
        there = part_rows.read(part, list(found))
        for id, values in found.items():
            values[part.field] = there.get(id) or []
    return {id: record(**values) for id, values in found.items()}


def _cells(kind: str, wanted: Sequence[Column], ids: list[int], *, lock: bool) -> Iterator[tuple[int, list[Any]]]:
    statement = sql.SQL("SELECT {} FROM {} WHERE id = ANY(%s) ORDER BY id{}").format(
        sql.SQL(", ").join(sql.Identifier(name) for name in ("id", *(column.name for column in wanted))),
        sql.Identifier(model_of(kind)._meta.db_table),
        sql.SQL(" FOR UPDATE") if lock else sql.SQL(""),
    )
    takes = [(place, column.take) for place, column in enumerate(wanted) if column.take]
    with loading.plain_cursor() as cursor:
        cursor.execute(statement, [ids])
        for id, *cells in cursor:
            for place, take in takes:
                if cells[place] is not None:
                    cells[place] = take(cells[place])
            yield id, cells


def insert(kind: str, given: Sequence[Record]) -> list[int]:
    """New rows for these records, in their order; their ids. What a record doesn't know is as the model has it."""
    if not given:
        return []
    ids = loading.new_ids(model_of(kind), len(given))
    with_uid = [record.uid is not UNSET for record in given]
    for flags in (with_uid, [not flag for flag in with_uid]):
        _insert_rows(kind, list(compress(ids, flags)), list(compress(given, flags)))
    for part in parts(kind).values():
        lists = {
            id: value
            for id, record in zip(ids, given, strict=True)
            if (value := getattr(record, part.field)) is not UNSET and value
        }
        if lists:
            part_rows.insert(part, part_rows.wanted(part, lists))
    return ids


def _insert_rows(kind: str, ids: Sequence[int], given: Sequence[Record]) -> None:
    if not ids:
        return
    known = [
        column
        for name, column in columns(kind).items()
        if column.is_needed or any(getattr(record, name) is not UNSET for record in given)
    ]
    get = attrgetter(*(column.field for column in known), UID)  # one more, so that it is a tuple
    ways = [(column.empty, column.null, column.put) for column in known]
    rest = unnamed(kind)
    always = tuple(rest.values())
    rows = (
        (
            id,
            *always,
            *[
                empty if value is UNSET else null if value is None else value if put is None else put(value)
                for value, (empty, null, put) in zip(get(record), ways, strict=False)
            ],
        )
        for id, record in zip(ids, given, strict=True)
    )
    loading.copy(model_of(kind), ("id", *rest, *(column.name for column in known)), rows)


def update(kind: str, changes: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """Change fields of rows, each its own; the ids of those that really changed. Of rows that are gone nothing is said.

    Values are as the record's struct has them. Of `custom` only the keys that change: None takes one out.
    """
    changed = _update_columns(kind, changes)
    touched: set[int] = set()
    for part in parts(kind).values():
        lists = {id: fields[part.field] for id, fields in changes.items() if part.field in fields}
        if lists:
            here = _still_there(kind, lists)
            touched |= part_rows.replace(part, part_rows.wanted(part, {id: lists[id] for id in here}))
    if touched - changed:
        with loading.plain_cursor() as cursor:  # its trigger says when
            cursor.execute(
                sql.SQL("UPDATE {} SET changed_at = now() WHERE id = ANY(%s)").format(
                    sql.Identifier(model_of(kind)._meta.db_table)
                ),
                [sorted(touched - changed)],
            )
    return changed | touched


def _still_there(kind: str, ids: Iterable[int]) -> list[int]:
    """Locked: nobody else changes their lists meanwhile."""
    return [id for id, _ in _cells(kind, [], list(ids), lock=True)]


def _update_columns(kind: str, changes: Mapping[int, Mapping[str, Any]]) -> set[int]:
    known = columns(kind)
    told = {id: given for id, fields in changes.items() if (given := {n: v for n, v in fields.items() if n in known})}
    named = {name for fields in told.values() for name in fields}
    if not named:
        return set()
    wanted = [column for name, column in known.items() if name in named]
    has_gaps = CUSTOM in named or any(len(fields) < len(wanted) for fields in told.values())
    rows = _filled(kind, wanted, told) if has_gaps else list(_whole(wanted, told))
    if len(rows) > A_PAGE:
        return loading.update(model_of(kind), [column.name for column in wanted], rows)
    return _update_page(kind, wanted, rows) if rows else set()


def _update_page(kind: str, wanted: Sequence[Column], rows: Sequence[Sequence[Any]]) -> set[int]:
    """In one statement. Pages change ever other columns: a staging table for each would never be gone from the session.

    Texts come as `text`, whatever their length: a cast to a shorter type would cut them silently.
    """
    names = [sql.Identifier(column.name) for column in wanted]
    statement = sql.SQL(
        "UPDATE {table} AS here SET {changes} FROM unnest({values}) AS there(id, {names}) WHERE here.id = there.id"
        " AND ({ours}) IS DISTINCT FROM ({theirs}) RETURNING here.id"
    ).format(
        table=sql.Identifier(model_of(kind)._meta.db_table),
        changes=sql.SQL(", ").join(sql.SQL("{} = there.{}").format(name, name) for name in names),
        values=sql.SQL(", ").join(sql.SQL(f"%s::{type}[]") for type in ("bigint", *(each.type for each in wanted))),
        names=sql.SQL(", ").join(names),
        ours=sql.SQL(", ").join(sql.SQL("here.{}").format(name) for name in names),
        theirs=sql.SQL(", ").join(sql.SQL("there.{}").format(name) for name in names),
    )
    with loading.plain_cursor() as cursor:
        cursor.execute(statement, [list(cells) for cells in zip(*rows, strict=True)])
        return {row[0] for row in cursor}


def _whole(wanted: Sequence[Column], told: Mapping[int, Mapping[str, Any]]) -> Iterator[list[Any]]:
    for id, fields in told.items():
        yield [id, *(_put(column, fields[column.field]) for column in wanted)]


def _filled(kind: str, wanted: Sequence[Column], told: Mapping[int, Mapping[str, Any]]) -> list[list[Any]]:
    """Where rows change different columns, each keeps what it has in the others'."""
    names = [column.name for column in wanted]
    rows = []
    for id, _, *cells in loading.current(model_of(kind), names, "id", list(told), lock=True):
        fields = told[id]
        for place, column in enumerate(wanted):
            if column.field == CUSTOM and CUSTOM in fields:
                both = {**cells[place], **(fields[CUSTOM] or {})}
                cells[place] = _put(column, {key: value for key, value in both.items() if value is not None})
            elif column.field in fields:
                cells[place] = _put(column, fields[column.field])
            elif isinstance(cells[place], list | dict):
                cells[place] = orjson.dumps(cells[place]).decode()
        rows.append([id, *cells])
    return rows


def _put(column: Column, value: Any) -> Any:
    if value is None or value is UNSET:
        return column.null
    return value if column.put is None else column.put(value)
