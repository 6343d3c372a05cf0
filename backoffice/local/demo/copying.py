"""COPY into the domain's tables: rows are named tuples whose fields are the columns."""

from collections.abc import Iterable
from datetime import datetime
from random import Random
from typing import Any

import msgspec
from django.db import connection, models
from psycopg import sql

type Line = tuple[Any, ...]
"""A named tuple; its fields name columns of the table."""


def copy_rows(model: type[models.Model], rows: Iterable[Line]) -> int:
    """Load the rows by one COPY, taking them one by one; answers how many there were."""
    coming = iter(rows)
    first = next(coming, None)
    if first is None:
        return 0
    columns: tuple[str, ...] = first._fields  # type: ignore[attr-defined]
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write_row(first)
        count = 1
        for row in coming:
            copy.write_row(row)
            count += 1
    return count


def next_ids(model: type[models.Model], count: int) -> list[int]:
    """Take that many ids from the table's own sequence, so that rows loaded later can point at them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [row[0] for row in cursor.fetchall()]


def analyze(*tables: type[models.Model]) -> None:
    """Tell the planner what has come in."""
    with connection.cursor() as cursor:
        for model in tables:
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(model._meta.db_table)))


def uid_at(moment: datetime, chance: Random) -> str:
    """A UUIDv7 of `moment` whose random part is drawn from `chance`."""
    milliseconds = int(moment.timestamp() * 1000)
    drawn = chance.getrandbits(74)
    return f"{milliseconds << 80 | 7 << 76 | (drawn >> 62) << 64 | 0b10 << 62 | drawn & (1 << 62) - 1:032x}"


def as_json(value: object) -> str:
    """For a JSONB column."""
    return msgspec.json.encode(value).decode()
