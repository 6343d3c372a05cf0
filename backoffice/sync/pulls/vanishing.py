"""What a full pass did not show: looked for singly, and archived when it is really gone. Never too much at once.

A record that left a list is not gone for that: an opportunity that was won may be shown by its id alone.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import batched

import structlog
from django.utils import timezone

from backoffice.imports.merging import loading
from backoffice.jobs.running import Chunk, Run
from backoffice.sync import telling
from backoffice.sync.models import Connection, Cursor, Link, Seen
from backoffice.sync.pulls.taking import Taking
from backoffice.sync.rows import rows
from connectors.kit.contract import Connector, Item, Stream
from connectors.kit.errors import Missing, Refused, Unreadable

logger = structlog.get_logger(__name__)

VIEWS_PER_CHUNK = 20
ROWS_PER_CHUNK = 500

IN_QUESTION = """
    FROM sync_link AS link
    WHERE link.connection_id = %(connection)s AND link.kind = %(kind)s AND link.gone_at IS NULL
        AND NOT link.is_stub AND link.linked_at < %(began)s
"""
KNOWN = f"SELECT count(*) {IN_QUESTION}"
MISSED = f"""
    WITH seen AS MATERIALIZED (
        SELECT unnest(remote_ids) AS remote_id FROM sync_seen
        WHERE connection_id = %(connection)s AND stream = %(stream)s
    )
    SELECT link.remote_id {IN_QUESTION}
        AND NOT EXISTS (SELECT FROM seen WHERE seen.remote_id = link.remote_id)
    ORDER BY link.id
"""
HAS_SEEN = """
    SELECT EXISTS (
        SELECT FROM sync_seen
        WHERE connection_id = %(connection)s AND stream = %(stream)s AND cardinality(remote_ids) > 0
    )
"""


def conclude(run: Run, taking: Taking, connector: Connector, stream: Stream, cursor: Cursor) -> str:
    """Archive what is gone. Answers what to ask a person where that would be too much: then nothing is archived.

    Broken off, it may be called again: what turned out to be there counts as seen.
    """
    connection, kind = taking.connection, stream.kinds[0]
    about = {
        "connection": connection.pk,
        "stream": stream.name,
        "kind": kind,
        "began": cursor.pass_began_at or timezone.now(),
    }
    missed = [remote_id for (remote_id,) in loading.rows(MISSED, about)]
    if not missed:
        return ""
    ((total,),), ((has_seen,),) = loading.rows(KNOWN, about), loading.rows(HAS_SEEN, about)
    most_percent = connection.most_archived_percent
    if not has_seen and most_percent < 100:
        return telling.shows_nothing(connector.label, kind, total)
    gone: list[str] = []
    for some in batched(missed, VIEWS_PER_CHUNK):
        run.check()
        found = dict(_looked_for(connector, kind, some))
        gone += [id for id, item in found.items() if item is None]
        if len(gone) * 100 > total * most_percent:
            return telling.too_many_gone(connector.label, kind, total, most_percent)
        there = [item for item in found.values() if item is not None]
        if there:
            run.in_chunk(partial(_take_in, taking=taking, stream=stream, items=there))
    for ids in batched(gone, ROWS_PER_CHUNK):
        run.in_chunk(partial(_archive, connection=connection, kind=kind, ids=ids))
    return ""


def _looked_for(connector: Connector, kind: str, ids: Sequence[str]) -> Iterator[tuple[str, Item | None]]:
    """Where the vendor shows no single ones, what a complete pass did not show is gone.

    Of one that is hidden from us, or that can't be read, nothing is concluded.
    """
    can_view = any(
        capability.view and capability.mapping.kind == kind for capability in connector.capabilities.values()
    )
    for id in ids:
        try:
            yield id, connector.view(kind, id) if can_view else None
        except Missing:
            yield id, None
        except (Refused, Unreadable) as error:
            logger.warning("vanished_record_not_shown", vendor=connector.vendor, kind=kind, id=id, error=str(error))


def _take_in(chunk: Chunk, *, taking: Taking, stream: Stream, items: Sequence[Item]) -> None:
    chunk.counts += taking.take(items, since=timezone.now())
    Seen.objects.create(connection=taking.connection, stream=stream.name, remote_ids=[item.id for item in items])


def _archive(chunk: Chunk, *, connection: Connection, kind: str, ids: Sequence[str]) -> None:
    """The time is the same in both places: by it a record that comes back is known to have been archived here."""
    now = timezone.now()
    links = list(
        Link.objects.filter(connection=connection, kind=kind, remote_id__in=ids, gone_at=None)
        .order_by("id")
        .select_for_update()
    )
    here = rows.read(kind, [link.object_id for link in links], lock=True, fields={"archived_at"})
    unarchived = {id: {"archived_at": now} for id, record in here.items() if record.archived_at is None}
    chunk.count(archived=len(rows.update(kind, unarchived)))
    Link.objects.filter(pk__in=[link.pk for link in links]).update(gone_at=now)
