"""Which of a page's items are new or have changed: by a short hash of each, kept beside its link.

An item that is as it was last time costs one look at its page's links and no more: it is not even read.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson
from django.db.models import Q

from backoffice.crm.records import Record
from backoffice.imports.merging import loading
from backoffice.sync import referencing
from backoffice.sync.models import Connection, Link, Push, PushState
from connectors.kit.contract import Item
from connectors.kit.errors import Unreadable
from connectors.kit.mapping import Mapping, Wire

DIGEST_BYTES = 16
LONGEST_ID = 200
IN_ORDER = ("account", "contact", "opportunity")  # others refer to these, not these to others

# Of a page's items, told by their places, those whose link is missing or says otherwise, with its id. Texts of many
# are put together: as lists they would cost more than the look itself. On its way it has the transaction not wait for
# the disk.
BETWEEN = "\x1f"
LOOK = f"""
    WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
    known AS MATERIALIZED (
        SELECT id, remote_id, digest, version, is_stub, gone_at FROM sync_link
        WHERE connection_id = %(connection)s AND kind = %(kind)s
            AND remote_id = ANY(string_to_array(%(ids)s, '{BETWEEN}'))
    ),
    item AS (
        SELECT place, remote_id, decode(digest, 'hex') AS digest
        FROM quickly, unnest(string_to_array(%(ids)s, '{BETWEEN}'), string_to_array(%(digests)s, '{BETWEEN}'))
            WITH ORDINALITY AS given (remote_id, digest, place)
    )
    SELECT item.place - 1, known.id FROM item LEFT JOIN known ON known.remote_id = item.remote_id
    WHERE known.id IS NULL
        OR item.digest <> '' AND (known.is_stub OR known.gone_at IS NOT NULL OR known.digest <> item.digest
            OR known.version <> %(version)s)
    ORDER BY 1
"""


@dataclass(eq=False)
class Arrival:
    """An item on its way in: what the vendor said, as it was read, and with our ids; and the link it has, if any."""

    item: Item
    digest: bytes
    link_id: int | None = None
    link: Link | None = None
    record: Record = field(default_factory=Record)  # references are the vendor's ids
    ours: Record = field(default_factory=Record)  # references are ours
    there: dict[str, Any] = field(default_factory=dict)  # as merging compares it
    base: dict[str, Any] = field(default_factory=dict)  # what both sides agree on from now on
    object_id: int = 0
    is_first: bool = False  # a row that was here meets it for the first time
    is_read: bool = False
    error: Exception | None = None  # why it can't be read

    @property
    def mapping(self) -> Mapping[Any]:
        return self.item.mapping

    def read(self) -> None:
        """Read what the vendor said, once. Raises nothing: see `error`."""
        if self.is_read:
            return
        self.is_read = True
        try:
            if len(self.item.id) > LONGEST_ID or not self.item.id.isprintable():
                raise Unreadable(f"{self.item.id[:LONGEST_ID]!r} can't be an id.")
            self.record = self.mapping.decode(self.item.wire)
            self.there = referencing.plain(self.mapping, self.record)
        except Exception as error:  # a record nobody foresaw: the others are not to suffer from it
            self.error = error


class Batch:
    """A page's items by kind, what others refer to first. Nothing here needs the database: it may be made ahead.

    Of one that stands twice the last counts, and rather itself than its mention. `decoded`: news is expected, so that
    they are read as well.
    """

    def __init__(self, items: Iterable[Item], *, decoded: bool = False) -> None:
        groups: dict[str, dict[str, Item]] = {}
        for item in items:
            group = groups.setdefault(item.kind, {})
            if not (item.is_stub and item.id in group):
                group[item.id] = item
        ordered = sorted(groups, key=lambda kind: IN_ORDER.index(kind) if kind in IN_ORDER else len(IN_ORDER))
        self.kinds = [(kind, [_arrival(item, decoded=decoded) for item in groups[kind].values()]) for kind in ordered]


def _arrival(item: Item, *, decoded: bool) -> Arrival:
    arrival = Arrival(item, b"" if item.is_stub else digest(item.wire))
    if decoded:
        arrival.read()
    return arrival


def digest(wire: Wire) -> bytes:
    """Alike for the same content, in whatever order its keys stand."""
    try:
        content = orjson.dumps(wire, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a number beyond 64 bits, a key that is no text
        content = json.dumps(wire, sort_keys=True, default=str).encode(errors="surrogatepass")
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def differing(connection: Connection, kind: str, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Those that are new here, changed, or back. A mention (it has no digest) of what is here already says nothing.

    All are of one mapping's version. `link_id` is told to those that have a link.
    """
    found: list[Arrival] = []
    for version in {arrival.mapping.version for arrival in arrivals}:
        those = [arrival for arrival in arrivals if arrival.mapping.version == version]
        ids = BETWEEN.join([_in_one_word(arrival.item.id) for arrival in those])
        digests = BETWEEN.join([arrival.digest.hex() for arrival in those])
        about = {"connection": connection.pk, "kind": kind, "version": version, "ids": ids, "digests": digests}
        for place, link_id in loading.rows(LOOK, about):
            arrival = those[place]
            arrival.link_id, arrival.link = link_id, None
            arrival.object_id, arrival.is_first = 0, False  # it may be the second try
            found.append(arrival)
    return found


def _in_one_word(id: str) -> str:
    """What is no id finds no link, and is set aside when it is read."""
    return id if id.isprintable() else ""


def without_ours_on_the_way(
    connection: Connection, kind: str, arrivals: Sequence[Arrival], since: datetime
) -> list[Arrival]:
    """Give the arrivals their links, locked, and leave out what our own pushes touch at this moment.

    A page may have been read before a push was done: taken for news, it would undo it. A linked record is then looked
    at again by the next pull; a new one that looks like what we are just creating is linked by the push itself. The
    pushes are asked for before the links: one that ends in between has made its link by then.
    """
    on_the_way = _pushes(connection, kind, since)
    links = _links(connection, kind, arrivals if on_the_way else [each for each in arrivals if each.link_id])
    if links:  # a push locks its record's link when it begins: from here on none does
        on_the_way += _pushes(connection, kind, since)
    left, again = [], []
    for arrival in arrivals:
        arrival.link = links.get(arrival.item.id)
        if arrival.link is None:
            if arrival.item.is_stub or not _is_ours(arrival.item, on_the_way):
                left.append(arrival)
        elif any(push.object_id == arrival.link.object_id for push in on_the_way):
            again.append(arrival.link.pk)
        elif not arrival.item.is_stub:
            left.append(arrival)
    if again:
        Link.objects.filter(pk__in=again).exclude(digest=b"").update(digest=b"")
    return left


def _links(connection: Connection, kind: str, arrivals: Sequence[Arrival]) -> dict[str, Link]:
    if not arrivals:
        return {}
    ids = [arrival.item.id for arrival in arrivals]
    found = Link.objects.filter(connection=connection, kind=kind, remote_id__in=ids).order_by("id").select_for_update()
    return {link.remote_id: link for link in found}


def _pushes(connection: Connection, kind: str, since: datetime) -> list[Push]:
    at_work = Q(state__in=(PushState.SENDING, PushState.UNCERTAIN))
    just_done = Q(state=PushState.DONE, ended_at__gte=since)
    return list(Push.objects.filter(at_work | just_done, connection=connection, kind=kind).order_by())


def _is_ours(item: Item, pushes: Iterable[Push]) -> bool:
    """Whether it may be what an unanswered create has made: it has the words by which we call it."""
    created = [push.sent or {} for push in pushes if push.operation == "create" and push.state != PushState.DONE]
    if not created:
        return False
    words = _words(item)
    return any(words and all(sent.get(name) == word for name, word in words.items()) for sent in created)


def _words(item: Item) -> dict[str, str]:
    try:
        record = item.mapping.decode(item.wire)
    except Exception:  # what can't be read is set aside, later
        return {}
    named = ((name, getattr(record, name, None)) for name in ("name", "subject", "title", "body"))
    return {name: word for name, word in named if isinstance(word, str) and word}
