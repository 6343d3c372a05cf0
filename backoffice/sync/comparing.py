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

from backoffice.crm.records import Record
from backoffice.imports.merging import loading
from backoffice.sync.models import Connection, Link, Push, PushState
from connectors.kit.contract import Item
from connectors.kit.mapping import Mapping, Wire

DIGEST_BYTES = 16
IN_ORDER = ("account", "contact", "opportunity")  # others refer to these, not these to others

LOOK = """
    SELECT remote_id, digest, version, is_stub, gone_at IS NOT NULL FROM sync_link
    WHERE connection_id = %s AND kind = %s AND remote_id = ANY(%s)
"""


@dataclass(eq=False)
class Arrival:
    """An item on its way in: what the vendor said, as it was read, and with our ids; and the link it has, if any."""

    item: Item
    digest: bytes
    link: Link | None = None
    record: Record = field(default_factory=Record)  # references are the vendor's ids
    ours: Record = field(default_factory=Record)  # references are ours
    base: dict[str, Any] = field(default_factory=dict)  # what both sides agree on from now on
    object_id: int = 0

    @property
    def mapping(self) -> Mapping[Any]:
        return self.item.mapping


def by_kind(items: Iterable[Item]) -> list[tuple[str, list[Item]]]:
    """What others refer to first; of one that stands twice the last, and rather itself than its mention."""
    groups: dict[str, dict[str, Item]] = {}
    for item in items:
        group = groups.setdefault(item.kind, {})
        if not (item.is_stub and item.id in group):
            group[item.id] = item
    ordered = sorted(groups, key=lambda kind: IN_ORDER.index(kind) if kind in IN_ORDER else len(IN_ORDER))
    return [(kind, list(groups[kind].values())) for kind in ordered]


def digest(wire: Wire) -> bytes:
    """Alike for the same content, in whatever order its keys stand."""
    try:
        content = orjson.dumps(wire, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a number beyond 64 bits, a key that is no text
        content = json.dumps(wire, sort_keys=True, default=str).encode(errors="surrogatepass")
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def differing(connection: Connection, kind: str, items: Sequence[Item]) -> list[Arrival]:
    """Those that are new here, changed, or back. A mention of what is here already says nothing."""
    known = {
        remote_id: (bytes(was), version, is_stub, is_gone)
        for remote_id, was, version, is_stub, is_gone in loading.rows(
            LOOK, [connection.pk, kind, [item.id for item in items]]
        )
    }
    arrivals = []
    for item in items:
        was = known.get(item.id)
        if item.is_stub:
            if was is None:
                arrivals.append(Arrival(item, b""))
            continue
        now = digest(item.wire)
        if was != (now, item.mapping.version, False, False):
            arrivals.append(Arrival(item, now))
    return arrivals


def without_ours_on_the_way(
    connection: Connection, kind: str, arrivals: Sequence[Arrival], since: datetime
) -> list[Arrival]:
    """Give the arrivals their links, locked, and leave out what our own pushes touch at this moment.

    A page may have been read before a push was done: taken for news, it would undo it. A linked record is then looked
    at again by the next pull; a new one that looks like what we are just creating is linked by the push itself. The
    pushes are asked for before the links: one that ends in between has made its link by then.
    """
    on_the_way = _pushes(connection, kind, since)
    ids = [arrival.item.id for arrival in arrivals]
    found = Link.objects.filter(connection=connection, kind=kind, remote_id__in=ids).order_by("id").select_for_update()
    links = {link.remote_id: link for link in found}
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


def _pushes(connection: Connection, kind: str, since: datetime) -> list[Push]:
    mine = Push.objects.filter(connection=connection, kind=kind)
    at_work = mine.filter(state__in=(PushState.SENDING, PushState.UNCERTAIN))
    return [*at_work, *mine.filter(state=PushState.DONE, ended_at__gte=since)]


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
