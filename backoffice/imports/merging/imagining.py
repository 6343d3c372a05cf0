"""Trying out what would be written: the same code, the same statements, and no row of the domain touched or locked.

Inside `imagined(…)` temporary tables of this connection stand before the real ones. What `loading` writes goes there;
whoever reads a table by its name, Django's ORM too, sees the real rows with the imagined ones laid over them. Nothing
of it is seen by anybody else, and nothing remains. Real rows that others add meanwhile are not seen: else what was
imagined as new would be there twice.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection, models
from psycopg import Cursor, sql

# Ids of records that are only imagined: far beyond those the real sequences give.
FIRST_IMAGINED_ID = 1 << 61
IDS = sql.Identifier("imagined_ids")

_tables: ContextVar[frozenset[str]] = ContextVar("imagined_tables", default=frozenset())


def is_imagining() -> bool:
    return bool(_tables.get())


def is_imagined_id(id: int | None) -> bool:
    return id is not None and id >= FIRST_IMAGINED_ID


def writing_table(model: type[models.Model]) -> sql.Identifier:
    """Where rows of the model are written at the moment; what is no record of the domain is always really written.

    Raises RuntimeError for a model of the domain that was not named where the imagining began.
    """
    name = model._meta.db_table
    tables = _tables.get()
    if name in tables:
        return _imagined(name)
    if tables and hasattr(model, "change_kind"):
        raise RuntimeError(f"{name} would really be written: name its model where the imagining begins.")
    return sql.Identifier(name)


@contextmanager
def imagined(*tables: type[models.Model]) -> Iterator[None]:
    """From here on nothing is really written to these models' tables by `loading` on this connection."""
    names = [model._meta.db_table for model in tables]
    with connection.cursor() as wrapped:
        cursor: Cursor[tuple[object, ...]] = wrapped.cursor
        cursor.execute("SELECT current_schema()")
        schema = sql.Identifier(str(_one(cursor)))
        cursor.execute(
            sql.SQL("CREATE TEMP SEQUENCE {} AS bigint MINVALUE {} START {}").format(
                IDS, sql.Literal(FIRST_IMAGINED_ID), sql.Literal(FIRST_IMAGINED_ID)
            )
        )
        for name in names:
            _lay_over(cursor, schema, name)
    token = _tables.set(frozenset(names))
    try:
        yield
    finally:
        _tables.reset(token)
        _drop(names)


@contextmanager
def reality() -> Iterator[None]:
    """While inside, within a transaction, tables are again what they really are."""
    with connection.cursor() as wrapped:
        cursor: Cursor[tuple[object, ...]] = wrapped.cursor
        cursor.execute("SELECT current_setting('search_path')")
        before = str(_one(cursor))
        cursor.execute("SELECT set_config('search_path', %s || ', pg_temp', true)", [before])
    yield
    with connection.cursor() as wrapped:  # after an error the transaction's end does it
        wrapped.execute("SELECT set_config('search_path', %s, true)", [before])


def bring_in(cursor: Cursor[tuple[object, ...]], model: type[models.Model], chosen: sql.Composable) -> None:
    """Copy the real rows of the model that `chosen` (a condition over `there`) names, so that they can be changed."""
    name = model._meta.db_table
    columns = sql.SQL(", ").join(
        sql.Identifier(str(field.column))
        for field in model._meta.concrete_fields
        if not isinstance(field, models.GeneratedField)
    )
    statement = sql.SQL("INSERT INTO {into} ({columns}) SELECT {columns} FROM {name} AS there WHERE {chosen}").format(
        into=_imagined(name), columns=columns, name=sql.Identifier(name), chosen=chosen
    )
    # The view shows each row once: what is there already would be brought in twice.
    missing = sql.SQL(" AND NOT EXISTS (SELECT FROM {} AS here WHERE here.id = there.id)").format(_imagined(name))
    cursor.execute(statement + missing)


def new_ids(count: int) -> list[int]:
    with connection.cursor() as wrapped:
        wrapped.cursor.execute(
            sql.SQL("SELECT nextval({}) FROM generate_series(1, %s)").format(sql.Literal("imagined_ids")), [count]
        )
        return [row[0] for row in wrapped.cursor]


def _one(cursor: Cursor[tuple[object, ...]]) -> object:
    row = cursor.fetchone()
    return row[0] if row else None


def _imagined(name: str) -> sql.Identifier:
    return sql.Identifier(f"imagined_{name}")


def _lay_over(cursor: Cursor[tuple[object, ...]], schema: sql.Identifier, name: str) -> None:
    real, here = sql.SQL("{}.{}").format(schema, sql.Identifier(name)), _imagined(name)
    cursor.execute(sql.SQL("SELECT COALESCE(max(id), 0) FROM {}").format(real))
    last = sql.Literal(_one(cursor))
    cursor.execute(
        sql.SQL(
            "CREATE TEMP TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS"
            " INCLUDING INDEXES)"
        ).format(here, real)
    )
    cursor.execute(
        "SELECT indexrelid::regclass::text FROM pg_index"
        " JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_am AS method ON method.oid = index.relam"
        " WHERE indrelid = %s::regclass AND method.amname = 'gin'",
        [f"imagined_{name}"],
    )
    for (index,) in cursor.fetchall():  # nobody searches here by words
        cursor.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(str(index))))
    cursor.execute(
        sql.SQL(
            "CREATE TEMP VIEW {name} AS SELECT * FROM {real} AS there"
            " WHERE id <= {last} AND NOT EXISTS (SELECT FROM {here} AS here WHERE here.id = there.id)"
            " UNION ALL SELECT * FROM {here}"
        ).format(name=sql.Identifier(name), real=real, here=here, last=last)
    )


def _drop(names: Sequence[str]) -> None:
    """Should it fail, the connection goes, and all that is temporary with it: nobody must write to it by mistake."""
    try:
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(f'DROP VIEW IF EXISTS pg_temp."{name}"')
                cursor.execute(f'DROP TABLE IF EXISTS pg_temp."imagined_{name}"')
            cursor.execute("DROP SEQUENCE IF EXISTS pg_temp.imagined_ids")
    except BaseException:
        if not connection.in_atomic_block:
            connection.close()
        raise
