"""Writing links, many at once, and what goes with a new one: the highest id the vendor ever gave."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from psycopg.types.json import Jsonb

from backoffice.imports.merging import loading
from backoffice.sync.models import Connection, HighestId, Link

NEW = ("connection_id", "kind", "remote_id", "object_id", "base", "digest", "version", "is_stub")
CHANGED = ("object_id", "base", "converted", "digest", "version", "is_stub", "gone_at")
RAISE = f"""
    INSERT INTO {HighestId._meta.db_table} AS known (connection_id, kind, last) VALUES (%s, %s, %s)
    ON CONFLICT (connection_id, kind) DO UPDATE SET last = EXCLUDED.last WHERE known.last < EXCLUDED.last
"""
HIGHEST = 2**63 - 1


class Growth:
    """How many links a run has made, so that PostgreSQL learns in time that the table is no longer small.

    By what it knew of an empty one it would read all links of a connection to find a page's hundred, until its own
    analysis comes round, which may take a minute.
    """

    FIRST, TIMES = 1_000, 8

    def __init__(self) -> None:
        self._made = 0
        self._told_at = self.FIRST

    def add(self, made: int) -> None:
        self._made += made
        if self._made >= self._told_at:
            self._told_at = self._made * self.TIMES
            with loading.plain_cursor() as cursor:
                cursor.execute(f"ANALYZE (SKIP_LOCKED) {Link._meta.db_table}".encode())


class NewLink(NamedTuple):
    remote_id: str
    object_id: int
    base: dict[str, Any]
    digest: bytes
    version: int
    is_stub: bool


def make(connection: Connection, kind: str, links: Sequence[NewLink]) -> None:
    loading.copy(
        Link,
        NEW,
        (
            (connection.pk, kind, remote_id, object_id, orjson.dumps(base).decode(), *rest)
            for remote_id, object_id, base, *rest in links
        ),
    )
    raise_highest(connection.pk, kind, (link.remote_id for link in links))


def begin(connection: Connection, kind: str, met: Mapping[str, int]) -> dict[str, Link]:
    """Link the vendor's records to rows they have just met, by their ids, before anything is agreed on.

    So each can say which record of the vendor's another of them refers to.
    """
    make(connection, kind, [NewLink(remote_id, id, {}, b"", 0, is_stub=False) for remote_id, id in met.items()])
    found = Link.objects.filter(connection=connection, kind=kind, remote_id__in=met)
    return {link.remote_id: link for link in found}


def keep(links: Sequence[Link]) -> None:
    """Write what has changed of these, which are locked."""
    loading.update(
        Link,
        CHANGED,
        (
            (
                *(link.pk, link.object_id, Jsonb(link.base)),
                None if link.converted is None else Jsonb(link.converted),
                *(bytes(link.digest), link.version, link.is_stub, link.gone_at),
            )
            for link in links
        ),
    )


def raise_highest(connection_id: int, kind: str, remote_ids: Iterable[str]) -> None:
    """Ids that are no numbers count for nothing here."""
    last = max((int(id) for id in remote_ids if id.isascii() and id.isdigit() and len(id) < 20), default=0)
    if 0 < last <= HIGHEST:
        with loading.plain_cursor() as cursor:
            cursor.execute(RAISE.encode(), [connection_id, kind, last])
