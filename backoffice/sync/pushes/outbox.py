"""What is to be written to vendors: pushes made from the change log, whoever made the change.

One reader goes through the log for all connections. Where a connection begins stands in the log itself, as the entry
that switched its pushes on: nothing older is sent. What came from a connection is no push to it, so that an echo never
goes back; to every other one it is a change like any.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import orjson
import structlog
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from backoffice.changes.models import Change, Position
from backoffice.changes.models import Operation as Logged
from backoffice.changes.reading import entries_after
from backoffice.changes.registry import logged_models
from backoffice.sync.models import (
    UNSENT,
    Connection,
    ConnectionState,
    Link,
    Operation,
    Push,
    PushState,
    Reader,
    SendsNew,
)
from connectors.kit.contract import Capability, Connector
from connectors.kit.registry import UnknownVendor

logger = structlog.get_logger(__name__)

READER = "outbox"
CHUNK = 5_000
RATE = "exchange_rate"  # the kind whose change may let a push go that waits for it
AMOUNT_FIELDS = ("amount", "price")
FOLLOWS = {"currency": AMOUNT_FIELDS}  # what is sent otherwise once the column has changed


class Target(NamedTuple):
    """One of our records, and the connection it is to be sent over."""

    connection_id: int
    kind: str
    object_id: int


class Wanted(NamedTuple):
    """A push to be made."""

    target: Target
    operation: Operation
    fields: Iterable[str] = ()


def enqueue(connection: Connection, kind: str, object_id: int, operation: str, fields: Iterable[str] = ()) -> None:
    """Have a record sent; an unsent push of it takes this one in. Nothing happens where the connection can't."""
    enqueue_many(connection, kind, operation, {object_id: fields})


def enqueue_many(connection: Connection, kind: str, operation: str, wanted: Mapping[int, Iterable[str]]) -> None:
    """The same for several records of a kind: the fields to be sent, by id."""
    capability = capability_for(connection, kind) if _collects(connection) else None
    if capability is None or not _can(capability, Operation(operation)):
        return
    known = _held(capability, Operation(operation))
    pushes = [
        Wanted(Target(connection.pk, kind, number), Operation(operation), sorted(set(fields) & known))
        for number, fields in wanted.items()
    ]
    _write([push for push in pushes if push.operation != Operation.UPDATE or push.fields])


def collect(limit: int | None = None, *, chunk: int = CHUNK) -> int:
    """Make pushes of what the change log tells of since the last time; at most `limit` entries. Answers how many.

    Chunk by chunk, each in a transaction of its own with the reader's new position: call it outside of one.
    """
    read = 0
    while limit is None or read < limit:
        size = chunk if limit is None else min(chunk, limit - read)
        found = _collect_chunk(size)
        read += found
        if found < size:
            break
    return read


def release(connection: Connection | None = None) -> int:
    """Have pushes that wait for something looked at again at the next occasion: a person has settled what it was."""
    waiting = Push.objects.filter(state=PushState.WAITING, next_at__isnull=False)
    return (waiting if connection is None else waiting.filter(connection=connection)).update(next_at=None)


def capability_for(connection: Connection, kind: str) -> Capability | None:
    """How the vendor takes records of the kind; None when it does not at all."""
    try:
        connector = connection.connector
    except UnknownVendor:
        logger.warning("push_to_unknown_vendor", connection=connection.name, vendor=connection.vendor)
        return None
    return capability_of(connector, kind)


def capability_of(connector: Connector | type[Connector], kind: str) -> Capability | None:
    """A vendor may have several sorts of what is one kind to us: the first that can be written counts."""
    known = connector.capabilities
    named = [known[kind]] if kind in known else []
    for capability in (*named, *known.values()):
        if capability.mapping.kind == kind and (capability.create or capability.update or capability.delete):
            return capability
    return None


def _collects(connection: Connection) -> bool:
    """A paused one does: what is changed meanwhile is sent when it goes on."""
    return connection.pushes and connection.state != ConnectionState.RETIRED


def _can(capability: Capability, operation: Operation) -> bool:
    return {
        Operation.CREATE: capability.create,
        Operation.UPDATE: capability.update,
        Operation.DELETE: capability.delete,
    }[operation]


def _held(capability: Capability, operation: Operation) -> frozenset[str]:
    return capability.mapping.takes_new if operation == Operation.CREATE else capability.mapping.takes


# ── from the change log ──────────────────────────────────────────────────────────────────────────────────────────────


class Event(NamedTuple):
    """An entry of the log as the outbox sees it."""

    position: Position
    origin: int | None
    deletes: bool
    fields: frozenset[str]


@dataclass
class Told:
    """What a chunk of the log tells of one record, for one connection."""

    fields: set[str] = field(default_factory=set)
    is_deleted: bool = False


def _collect_chunk(size: int) -> int:
    with transaction.atomic():
        connections = {each.pk: each for each in Connection.objects.order_by("pk") if _collects(each)}
        if not connections:
            return 0
        Reader.objects.get_or_create(name=READER)
        reader = Reader.objects.select_for_update().get(name=READER)
        begins = _beginnings([*connections])
        position = max(Position(reader.xid, reader.position), min(begins.get(pk, Position()) for pk in connections))
        entries = entries_after(position, size)
        if entries:
            _take([*connections.values()], begins, entries)
            position = entries[-1].position
        if position != (reader.xid, reader.position):
            Reader.objects.filter(pk=READER).update(xid=position.xid, position=position.id)
        return len(entries)


BEGINNINGS = f"""
SELECT DISTINCT ON (object_id) object_id, xid::text::bigint, id FROM {Change._meta.db_table}
WHERE kind = 'connection' AND object_id = ANY(%s)
  AND (after->'pushes' = 'true' OR (operation = 'update' AND before->>'state' = %s))
ORDER BY object_id, xid DESC, id DESC
"""


def _beginnings(connections: list[int]) -> dict[int, Position]:
    """Since when each connection has been pushing: its last being made so, switched on, or called back."""
    with database.cursor() as cursor:
        cursor.execute(BEGINNINGS, [connections, ConnectionState.RETIRED])
        return {pk: Position(xid, number) for pk, xid, number in cursor.fetchall()}


def _take(connections: list[Connection], begins: Mapping[int, Position], entries: list[Change]) -> None:
    records: dict[tuple[str, int], list[Event]] = defaultdict(list)
    for entry in entries:
        records[entry.kind, entry.object_id].append(_event(entry))
    if any(kind == RATE for kind, _id in records):
        release()
    told: dict[Target, Told] = {}
    for connection in connections:
        begin = begins.get(connection.pk, Position())
        takes = {kind: capability_for(connection, kind) is not None for kind in {kind for kind, _id in records}}
        for (kind, number), events in records.items():
            if takes[kind] and (news := _news(connection.pk, begin, events)):
                told[Target(connection.pk, kind, number)] = news
    if told:
        _write_told({each.pk: each for each in connections}, told)


def _event(entry: Change) -> Event:
    if entry.child_kind is not None:
        return Event(entry.position, entry.connection_id, deletes=False, fields=_part(entry.child_kind))
    names = _fields(entry.kind)
    changed = {each for column in entry.columns for each in (names.get(column, column), *FOLLOWS.get(column, ()))}
    return Event(entry.position, entry.connection_id, entry.operation == Logged.DELETE, frozenset(changed))


def _news(connection_id: int, begin: Position, events: Iterable[Event]) -> Told | None:
    """What somebody else than the connection's own pulls and facade did since it began."""
    told = None
    for event in events:
        if event.origin == connection_id or event.position <= begin:
            continue
        told = told or Told()
        told.fields |= event.fields
        told.is_deleted = event.deletes
    return told


def _write_told(connections: Mapping[int, Connection], told: Mapping[Target, Told]) -> None:
    in_flight, linked = _in_flight(told), _linked(told)  # a create that ends in between has made its link by then
    deleted = {target for target, news in told.items() if news.is_deleted}
    _drop_unsent(deleted)
    pushes = []
    for target, news in told.items():
        connection = connections[target.connection_id]
        is_known = target in linked or target in in_flight
        if push := _push_of(connection, target, news, is_known=is_known):
            pushes.append(push)
    _write(pushes)


def _push_of(connection: Connection, target: Target, news: Told, *, is_known: bool) -> Wanted | None:
    """A record the vendor doesn't have is sent whole; of one it has what it can hold of the change."""
    capability = capability_for(connection, target.kind)
    if capability is None:
        return None
    if news.is_deleted:
        return Wanted(target, Operation.DELETE) if is_known and capability.delete else None
    operation = Operation.UPDATE if is_known else Operation.CREATE
    fields = news.fields & _held(capability, operation)
    if not fields or not _can(capability, operation):
        return None
    if operation == Operation.UPDATE:
        return Wanted(target, operation, sorted(fields))
    return Wanted(target, operation) if connection.sends_new == SendsNew.ALL else None


@cache
def _fields(kind: str) -> Mapping[str, str]:
    """The names of a kind's fields by their columns."""
    models = [logged.model for logged in logged_models() if logged.kind == kind]
    return {str(each.column): each.name for model in models for each in model._meta.concrete_fields}


@cache
def _part(child_kind: str) -> frozenset[str]:
    """The field of the record that a part (a line, a tag) belongs to."""
    for logged in logged_models():
        if logged.kind == child_kind and logged.parent_column:
            relation: Any = next(each for each in logged.model._meta.fields if each.column == logged.parent_column)
            return frozenset({relation.remote_field.get_accessor_name()})
    return frozenset()


# ── in the database ──────────────────────────────────────────────────────────────────────────────────────────────────

AMONG = """
FROM jsonb_to_recordset(%(wanted)s) AS w(connection_id bigint, kind text, object_id bigint)
"""
OF_TARGET = "p.connection_id = w.connection_id AND p.kind = w.kind AND p.object_id = w.object_id"
LINKED = f"SELECT p.connection_id, p.kind, p.object_id {AMONG} JOIN {Link._meta.db_table} p ON {OF_TARGET}"
IN_FLIGHT = f"""
SELECT p.connection_id, p.kind, p.object_id {AMONG} JOIN {Push._meta.db_table} p ON {OF_TARGET}
WHERE p.state IN ('sending', 'uncertain')
"""
DROP_UNSENT = f"""
DELETE FROM {Push._meta.db_table} p
USING jsonb_to_recordset(%(wanted)s) AS w(connection_id bigint, kind text, object_id bigint)
WHERE {OF_TARGET} AND p.state IN ('waiting', 'retry')
"""
# An unsent create stays one; of an update the fields come together. What it waited for may be mended by the change.
WRITE = f"""
INSERT INTO {Push._meta.db_table} AS p
    (connection_id, kind, object_id, operation, fields, state, reason, remote_id, attempts, created_at)
SELECT w.connection_id, w.kind, w.object_id, w.operation, w.fields, 'waiting', '', '', 0, %(now)s
FROM jsonb_to_recordset(%(wanted)s) AS
    w(connection_id bigint, kind text, object_id bigint, operation text, fields text[])
ON CONFLICT (connection_id, kind, object_id) WHERE state IN ('waiting', 'retry') DO UPDATE SET
    operation = CASE WHEN p.operation = 'create' AND excluded.operation = 'update' THEN 'create'
                     ELSE excluded.operation END,
    fields = CASE WHEN p.operation = 'update' AND excluded.operation = 'update'
                  THEN ARRAY(SELECT DISTINCT name FROM unnest(p.fields || excluded.fields) AS name ORDER BY name)
                  WHEN p.operation = 'create' AND excluded.operation = 'update' THEN p.fields
                  ELSE excluded.fields END,
    state = 'waiting', reason = '', next_at = NULL, attempts_before = p.attempts
"""


def _as_json(targets: Iterable[Target]) -> dict[str, str]:
    return {"wanted": orjson.dumps([target._asdict() for target in targets]).decode()}


def _linked(targets: Iterable[Target]) -> set[Target]:
    with database.cursor() as cursor:
        cursor.execute(LINKED, _as_json(targets))
        return set(map(Target._make, cursor.fetchall()))


def _in_flight(targets: Iterable[Target]) -> set[Target]:
    """What the vendor may have by now, though there is no link yet."""
    with database.cursor() as cursor:
        cursor.execute(IN_FLIGHT, _as_json(targets))
        return set(map(Target._make, cursor.fetchall()))


def _drop_unsent(targets: Iterable[Target]) -> None:
    if wanted := sorted(targets):
        with database.cursor() as cursor:
            cursor.execute(DROP_UNSENT, _as_json(wanted))


def _write(wanted: Iterable[Wanted]) -> None:
    """In the order of their keys, so that two writers wait for each other rather than in a circle."""
    rows = [
        push.target._asdict() | {"operation": push.operation.value, "fields": [*push.fields]}
        for push in _one_each(wanted)
    ]
    if rows:
        with database.cursor() as cursor:
            cursor.execute(WRITE, {"wanted": orjson.dumps(rows).decode(), "now": timezone.now()})


def _one_each(wanted: Iterable[Wanted]) -> Iterator[Wanted]:
    yield from sorted({push.target: push for push in wanted}.values(), key=lambda push: push.target)


# ── what a person may do with a push ─────────────────────────────────────────────────────────────────────────────────


def retry(push: Push) -> bool:
    """Send a rejected push again; it joins one that was made since. Whether there was anything to do."""
    with transaction.atomic():
        if not _leave(push, (PushState.REJECTED,), PushState.DISCARDED):
            return False
        target = Target(push.connection_id, push.kind, push.object_id)
        _write([Wanted(target, Operation(push.operation), push.fields)])
    return True


def discard(push: Push) -> bool:
    """Never send it; what is different there stays so. Not while it is being sent."""
    return _leave(push, (*UNSENT, PushState.REJECTED, PushState.UNCERTAIN), PushState.DISCARDED)


def _leave(push: Push, states: Iterable[PushState], into: PushState) -> bool:
    changed = Push.objects.filter(pk=push.pk, state__in=states).update(state=into, ended_at=timezone.now())
    if changed:
        push.refresh_from_db()
    return changed == 1
