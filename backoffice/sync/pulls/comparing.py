"""Which of a page's items are new or have changed: by a short hash of each, kept beside its link.

An item that is as it was last time costs one look at its page's links and no more: it is not even read.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson
from django.db.models import Q

from backoffice.crm.records import Record
from backoffice.imports.merging import loading
from backoffice.sync.links import referencing
from backoffice.sync.models import Connection, Link, Operation, Push, PushState
from connectors.kit.contract import Item
from connectors.kit.errors import Unreadable
from connectors.kit.mapping import Mapping, Wire

DIGEST_BYTES = 16
LONGEST_ID = 200
AT_WORK = (PushState.SENDING, PushState.UNCERTAIN)
IN_ORDER = ("account", "contact", "opportunity")  # others refer to these, not these to others

# Of a page's items, told by their places, those whose link is missing or says otherwise, with its id; and, for all,
# whether pushes of the kind are on their way, and whether anything waits for a record of the kind. Texts of many
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
    SELECT item.place - 1, known.id,
        EXISTS (
            SELECT FROM sync_push
            WHERE connection_id = %(connection)s AND kind = %(kind)s AND state IN ('sending', 'uncertain')
        ),
        EXISTS (SELECT FROM sync_pending WHERE connection_id = %(connection)s AND target_kind = %(kind)s)
    FROM item LEFT JOIN known ON known.remote_id = item.remote_id
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
    unresolved: set[str] = field(default_factory=set)  # fields that refer to what is not here yet
    is_unsettled: bool = False  # it has to be looked at again
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
            if not is_id(self.item.id):
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


@dataclass
class News:
    """The items of a page that are new here, changed, or back. What others of the kind are doing is told beside it."""

    arrivals: list[Arrival] = field(default_factory=list)
    are_pushes_at_work: bool = False
    is_waited_for: bool = False


def news(connection: Connection, kind: str, page: Sequence[Arrival]) -> News:
    """Of a page's items of one kind. A mention (it has no digest) of what is here already says nothing.

    `link_id` is told to those that have a link.
    """
    found = News()
    for version in {arrival.mapping.version for arrival in page}:
        those = [arrival for arrival in page if arrival.mapping.version == version]
        ids = BETWEEN.join([_in_one_word(arrival.item.id) for arrival in those])
        digests = BETWEEN.join([arrival.digest.hex() for arrival in those])
        about = {"connection": connection.pk, "kind": kind, "version": version, "ids": ids, "digests": digests}
        for place, link_id, found.are_pushes_at_work, found.is_waited_for in loading.rows(LOOK, about):
            arrival = those[place]
            arrival.link_id, arrival.link = link_id, None
            arrival.object_id, arrival.is_first, arrival.is_unsettled = 0, False, False  # it may be the second try
            found.arrivals.append(arrival)
    return found


def is_id(id: str) -> bool:
    """What is none has no link, and is set aside when it is read: PostgreSQL could not even be asked for it."""
    return len(id) <= LONGEST_ID and id.isprintable()


def _in_one_word(id: str) -> str:
    return id if is_id(id) else ""


def without_ours_on_the_way(connection: Connection, kind: str, news: News, since: datetime) -> list[Arrival]:
    """Give the arrivals their links, locked, and leave out what our own pushes touch at this moment.

    A page may have been read before a push was done: taken for news, it would undo it. A linked record is then looked
    at again by the next pull; a new one that looks like what we are just creating is linked by the push itself. One
    that ended before the page was looked at has made its link by then.
    """
    arrivals = news.arrivals
    at_work = _at_work(connection, kind) if news.are_pushes_at_work else []
    links = _links(connection, kind, arrivals if at_work else [each for each in arrivals if each.link_id])
    touched = {push.object_id for push in at_work} | _just_pushed(connection, kind, links.values(), since)
    created = [push.sent or {} for push in at_work if push.operation == Operation.CREATE]
    left, again = [], []
    for arrival in arrivals:
        arrival.link = links.get(arrival.item.id)
        if arrival.link is None:
            if arrival.item.is_stub or not _is_ours(arrival, created):
                left.append(arrival)
        elif arrival.link.object_id in touched:
            again.append(arrival.link.pk)
        elif not arrival.item.is_stub:
            left.append(arrival)
    if again:
        Link.objects.filter(pk__in=again).exclude(digest=b"").update(digest=b"")
    return left


def _links(connection: Connection, kind: str, arrivals: Sequence[Arrival]) -> dict[str, Link]:
    if not arrivals:
        return {}
    ids = [arrival.item.id for arrival in arrivals if is_id(arrival.item.id)]
    found = Link.objects.filter(connection=connection, kind=kind, remote_id__in=ids).order_by("id").select_for_update()
    return {link.remote_id: link for link in found}


def _at_work(connection: Connection, kind: str) -> list[Push]:
    return list(Push.objects.filter(connection=connection, kind=kind, state__in=AT_WORK).order_by())


def _just_pushed(connection: Connection, kind: str, links: Collection[Link], since: datetime) -> set[int]:
    """Which of these records were pushed since, or are. With their links locked, no push of them begins or ends."""
    if not links:
        return set()
    those = Q(state__in=AT_WORK) | Q(state=PushState.DONE, ended_at__gte=since)
    done = Push.objects.filter(those, connection=connection, kind=kind)
    return set(done.filter(object_id__in=[link.object_id for link in links]).values_list("object_id", flat=True))


def _is_ours(arrival: Arrival, created: Collection[dict[str, Any]]) -> bool:
    """Whether it may be what an unanswered create has made: it has the words by which we call it."""
    if not created:
        return False
    arrival.read()
    named = ((name, getattr(arrival.record, name, None)) for name in ("name", "subject", "title", "body"))
    words = {name: word for name, word in named if isinstance(word, str) and word}
    return any(words and all(sent.get(name) == word for name, word in words.items()) for sent in created)
