"""Writing many rows at once: COPY for new ones, COPY to staging and one UPDATE for changed ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import orjson
from django.db import connection, models
from psycopg import Cursor, sql
from psycopg.types.json import Jsonb

from backoffice.imports.merging import imagining


class Moved(Exception):
    """Someone else changed what this chunk stands on. Repeated from its beginning, it finds the new state."""


@contextmanager
def plain_cursor() -> Iterator[Cursor[Any]]:
    """psycopg's own cursor: Django's would keep the text of every large statement while DEBUG is on."""
    with connection.cursor() as wrapped, connection.wrap_database_errors:
        yield wrapped.cursor


def lock_kinds(*kinds: str) -> None:
    """From here to the end of the transaction nobody else matches and creates records of these kinds set-wise.

    Taken in one order, so that two writers never wait for each other. What is only imagined is in nobody's way.
    """
    if imagining.is_imagining():
        return
    with plain_cursor() as cursor:
        for kind in sorted(kinds):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('writing records'), hashtext(%s))", [kind])


def commit_without_waiting() -> None:
    """Let this transaction be on disk a moment after its commit.

    A server that dies in that moment forgets the chunk together with the job's checkpoint, so it is done again.
    """
    with plain_cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def new_ids(model: type[models.Model], count: int) -> list[int]:
    """Ids that nobody else will get, from the table's own sequence."""
    if imagining.is_imagining():
        return imagining.new_ids(count)
    with plain_cursor() as cursor:
        cursor.execute(
            # Its name is looked up once: `OFFSET 0` keeps that from being drawn into each row.
            "SELECT nextval(sequence) FROM generate_series(1, %s),"
            " (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS sequence OFFSET 0)",
            [count, model._meta.db_table],
        )
        return [row[0] for row in cursor]


def copy(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows; columns that are not named get the database's defaults. Lists and dicts are written as JSON."""
    _copy(imagining.writing_table(model), columns, rows, _json_places(model, columns))


def update(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> set[int]:
    """Set `columns` of the rows with these ids (each row: its id, then its values). Answers which really changed."""
    table = imagining.writing_table(model)
    staging = sql.Identifier(f"staged_{model._meta.model_name}_{crc32(','.join(columns).encode()):08x}")
    names = [sql.Identifier(column) for column in columns]
    create = sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS SELECT id, {} FROM {} WITH NO DATA")
    merge = sql.SQL(
        "UPDATE {table} AS here SET {changes} FROM {staging} AS there WHERE here.id = there.id"
        " AND ({ours}) IS DISTINCT FROM ({theirs}) RETURNING new.id"
    ).format(
        table=table,
        staging=staging,
        changes=sql.SQL(", ").join(sql.SQL("{} = there.{}").format(name, name) for name in names),
        ours=sql.SQL(", ").join(sql.SQL("here.{}").format(name) for name in names),
        theirs=sql.SQL(", ").join(sql.SQL("there.{}").format(name) for name in names),
    )
    with plain_cursor() as cursor:
        cursor.execute("SET LOCAL client_min_messages = warning")
        cursor.execute(create.format(staging, sql.SQL(", ").join(names), sql.Identifier(model._meta.db_table)))
        cursor.execute(sql.SQL("DELETE FROM {}").format(staging))
    _copy(staging, ("id", *columns), rows, _json_places(model, ("id", *columns)))
    with plain_cursor() as cursor:
        if imagining.is_imagining():
            imagining.bring_in(cursor, model, sql.SQL("there.id IN (SELECT id FROM {})").format(staging))
        cursor.execute(merge)
        return {row[0] for row in cursor}


def current(
    model: type[models.Model], columns: Sequence[str], key: str, keys: Sequence[Any], *, lock: bool = False
) -> list[tuple[Any, ...]]:
    """(key, id, values…) of the rows with these keys. Locked, they come in the one order everybody locks them in."""
    statement = sql.SQL("SELECT {}, id, {} FROM {} WHERE {} = ANY(%s){}").format(
        sql.Identifier(key),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier(model._meta.db_table),
        sql.Identifier(key),
        sql.SQL(" ORDER BY id FOR UPDATE") if lock and not imagining.is_imagining() else sql.SQL(""),
    )
    places = _json_places(model, (key, "id", *columns))
    with plain_cursor() as cursor:
        cursor.execute(statement, [list(keys)])
        found = cursor.fetchall()
    return [_from_json(row, places) for row in found] if places else found


def rows(statement: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with plain_cursor() as cursor:
        cursor.execute(statement.encode(), parameters)
        return cursor.fetchall()


def folded(texts: Iterable[str]) -> dict[str, str]:
    """Each text as the database compares it."""
    wanted = list(texts)
    return dict(rows("SELECT given, fold(given) FROM unnest(%s::text[]) AS given", [wanted])) if wanted else {}


def _json_places(model: type[models.Model], columns: Sequence[str]) -> list[int]:
    kinds = {field.column: field for field in model._meta.concrete_fields}
    return [place for place, column in enumerate(columns) if isinstance(kinds[column], models.JSONField)]


def _copy(
    table: sql.Identifier, columns: Sequence[str], rows: Iterable[Sequence[Any]], json_places: Sequence[int] = ()
) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with plain_cursor() as cursor, cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as stream:
        for row in rows:
            stream.write_row(_with_json(row, json_places) if json_places else row)


def _from_json(row: Sequence[Any], places: Sequence[int]) -> tuple[Any, ...]:
    """Django has the driver leave JSON as text."""
    cells = list(row)
    for place in places:
        if cells[place] is not None:
            cells[place] = orjson.loads(cells[place])
    return tuple(cells)


def _with_json(row: Sequence[Any], places: Sequence[int]) -> list[Any]:
    cells = list(row)
    for place in places:
        if isinstance(cells[place], (list, dict)):
            cells[place] = Jsonb(cells[place])
    return cells
