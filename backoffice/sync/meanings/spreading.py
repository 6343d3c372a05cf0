"""Carrying what an entry of a vendor's list now means to the records that have it, as their links remember."""

from collections import defaultdict
from collections.abc import Iterator

from django.db import models
from psycopg import sql

from backoffice.changes.registry import model_of
from backoffice.crm.records import Ref
from backoffice.imports.merging import loading
from backoffice.sync.models import Connection, Option
from backoffice.sync.rows import rows

AT_ONCE = 5_000
COUNTS = """
    SELECT base->%s->>'id', base->%s->>'label', count(*) FROM sync_link
    WHERE connection_id = %s AND kind = %s AND base ? %s GROUP BY 1, 2
"""


def spread(connection: Connection, option: Option, was: int | None) -> int:
    """Of the records whose agreed entry is this one, and that have what it meant before: what it means now."""
    meaning = option.choice_id or option.rep_id
    if meaning == was:
        return 0
    count = 0
    for kind, field in _places(connection, option.list):
        ids = _those(connection, option, kind, field, was)
        value = Ref(id=str(meaning)) if meaning else None
        for start in range(0, len(ids), AT_ONCE):
            count += len(rows.update(kind, {id: {field: value} for id in ids[start : start + AT_ONCE]}))
    return count


def _places(connection: Connection, list_name: str) -> Iterator[tuple[str, str]]:
    """Which fields of which kinds hold an entry of the list."""
    for kind, capability in connection.connector.capabilities.items():
        for part in capability.mapping.parts:
            if getattr(part, "list", "") == list_name and _is_column(kind, part.name):
                yield kind, part.name


def _is_column(kind: str, name: str) -> bool:
    return any(isinstance(field, models.ForeignKey) for field in model_of(kind)._meta.fields if field.name == name)


def _those(connection: Connection, option: Option, kind: str, field: str, was: int | None) -> list[int]:
    statement = sql.SQL(
        "SELECT link.object_id FROM sync_link AS link JOIN {table} AS here ON here.id = link.object_id"
        " WHERE link.connection_id = %s AND link.kind = %s AND here.{column} IS NOT DISTINCT FROM %s"
        " AND (link.base->{field}->>'id' = %s"
        " OR (link.base->{field}->>'id' IS NULL AND lower(link.base->{field}->>'label') = lower(%s)))"
        " ORDER BY link.object_id"
    ).format(
        table=sql.Identifier(model_of(kind)._meta.db_table),
        column=sql.Identifier(f"{field}_id"),
        field=sql.Literal(field),
    )
    with loading.plain_cursor() as cursor:
        cursor.execute(statement, [connection.pk, kind, was, option.remote_id, option.label])
        return [row[0] for row in cursor]


def used(connection: Connection) -> dict[int, int]:
    """How many linked records have each entry, by the option's id. One query for each field that holds entries."""
    by_id: dict[tuple[str, str], int] = {}
    by_label: dict[tuple[str, str], int] = {}
    for id, name, remote_id, label in Option.objects.filter(connection=connection).values_list(
        "id", "list", "remote_id", "label"
    ):
        by_id[name, remote_id] = id
        by_label.setdefault((name, label.lower()), id)
    counts: dict[int, int] = defaultdict(int)
    for vendor_list in connection.connector.lists:
        for kind, field in _places(connection, vendor_list.name):
            for remote_id, label, count in loading.rows(COUNTS, [field, field, connection.pk, kind, field]):
                by, word = (by_id, remote_id) if remote_id else (by_label, (label or "").lower())
                found = by.get((vendor_list.name, word))
                if found:
                    counts[found] += count
    return dict(counts)
