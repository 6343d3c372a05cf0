"""Finding a page of a long table: the few rows that match come before the order they stand in.

PostgreSQL's planner believes a match to be common and walks the order's index past a million others, or believes it
rare and sorts half the table. So: first the ids of up to `LIMIT` matches, without an order. When that is all of them,
the page is taken from these ids; when there are more, matches are common and walking the order finds a page soon.
"""

from typing import Any

from django.db import connection
from django.db.models import Model, QuerySet

LIMIT = 1000


def first_ids(rows: QuerySet[Any]) -> list[int]:
    """Ids of up to `LIMIT` + 1 of the rows, in no order."""
    return list(rows.order_by().values_list("pk", flat=True)[: LIMIT + 1])


def estimated_count(model: type[Model]) -> int:
    """About how many rows the table has, as of its last ANALYZE; -1 when nobody knows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
        row = cursor.fetchone()
    return int(row[0]) if row else -1
