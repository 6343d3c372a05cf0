"""Reading one of Tactile CRM's lists, page by page, from where the last pull came to.

A list is in the order of names, so that its pages shift when something changes between two of them: what was seen is
known by its id, and a set of pages that shifted is read once more.
"""

from abc import ABC
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, override

import msgspec
import orjson

from backoffice.crm.records import Record
from connectors.kit.ahead import ahead
from connectors.kit.codecs import Moment
from connectors.kit.contract import Item, Page, Stream
from connectors.kit.errors import ConnectorError, Unavailable, Unreadable
from connectors.kit.mapping import Mapping, Shape, Wire
from connectors.tactile.client import MOST_PER_PAGE, Area, Client, Listing, stamp
from connectors.tactile.codecs import LONDON
from connectors.tactile.mapping import ORGANISATION, PERSON

INDEX = "index"
# Whom objects mention: under which keys, id and name, and what that is here.
MENTIONED: tuple[tuple[str, str, str, Mapping[Any]], ...] = (
    ("organisation_id", "organisation", "account", ORGANISATION),
    ("person_id", "person", "contact", PERSON),
)
TRANSIENT = {None, 429, 502, 503, 504}  # an answer with another status will be the same the next time


@dataclass
class Reading:
    """How the streams of one run read, and what they have shown so far."""

    client: Client
    threads: int = 4
    overlap: timedelta = timedelta(seconds=5)
    all_timelines: bool = False
    known: set[tuple[str, str]] = field(default_factory=set)


class Progress(msgspec.Struct, omit_defaults=True):
    """A stream's state. Between two passes only the first three say something."""

    since: str = ""  # the newest change seen; empty: never read
    closed_since: str = ""  # the same, of what only list_all shows
    lacks: list[str] = []  # calls that this server doesn't answer
    step: str = ""  # of the pass under way
    page: int = 0  # the last one taken
    full: bool = False
    newest: str = ""
    began: str = ""  # the vendor's time then
    total: int = 0
    count: int = 0  # different ones so far
    shifted: bool = False
    again: bool = False  # read once more
    last: list[str] = []  # ids on the last page taken
    after: int = 0  # the last id taken, of list_all

    @property
    def changed_after(self) -> datetime | None:
        """Since when changes are wanted; None: everything is."""
        return None if self.full or not self.since else datetime.fromisoformat(self.since)

    def note(self, rows: Iterable[Wire]) -> None:
        if newest := max(filter(None, map(changed_at, rows)), default=None):
            self.newest = max(self.newest, stamp(newest))

    def turn(self, step: str) -> None:
        """To a list's first page."""
        self.step, self.page, self.count, self.total, self.last = step, 0, 0, 0, []

    def ended(self) -> dict[str, Any]:
        """Where the next pass begins: not after this one's beginning, for what changed on a page already read."""
        newest = min(self.newest, self.began) if self.began else self.newest
        return Progress(max(newest, self.since), self.closed_since, self.lacks).kept()

    def kept(self) -> dict[str, Any]:
        return dict(msgspec.to_builtins(self))


class Listed(Stream, ABC):
    """One of the lists: all of its pages, or those of what has changed."""

    is_incremental = True
    mapping: ClassVar[Mapping[Any]]
    further_lists: ClassVar[tuple[str, ...]] = ()  # calls of the later server that answer like the list
    may_lack_filters: ClassVar[bool] = False

    def __init__(self, reading: Reading, area: Area) -> None:
        self.reading = reading
        self.area = area
        self.seen: dict[str, str] = {}  # id: lastupdated, of this pass
        self.has_seen_all = False  # from its beginning on

    @override
    def pages(self, state: dict[str, Any], *, full: bool) -> Iterator[Page]:
        progress = msgspec.convert(state, Progress)
        if not progress.step:
            progress = Progress(progress.since, progress.closed_since, [] if full else progress.lacks, full=full)
            progress.turn(INDEX)
        for step in self.steps(progress):
            yield from step(progress)
        yield Page([], progress.ended(), is_last=True)

    def steps(self, progress: Progress) -> Iterator[Callable[[Progress], Iterator[Page]]]:
        """The steps from the one under way on."""
        names = [INDEX, *self.further_lists]
        for name in names[names.index(progress.step) :] if progress.step in names else ():
            if progress.step != name:
                progress.turn(name)
            yield self.index if name == INDEX else self.further

    def items(self, rows: list[Wire]) -> Iterator[Item]:
        """What the pull is given for new rows, with what they refer to before them."""
        for row in rows:
            yield from self.mentioned(row)
            yield self.item(row)

    def item(self, row: Wire, *, is_stub: bool = False) -> Item:
        made = item(self.mapping, row, is_stub=is_stub)
        self.reading.known.add((made.kind, made.id))
        return made

    def mentioned(self, row: Wire) -> Iterator[Item]:
        """Organisations and people that the row names, and that this run hasn't shown."""
        for id, name, kind, mapping in MENTIONED:
            if not (number := row.get(id)) or (kind, str(number)) in self.reading.known or not row.get(name):
                continue
            self.reading.known.add((kind, str(number)))
            yield Item(kind, str(number), {"id": number, "name": row[name]}, mapping, is_stub=True)

    def page(self, progress: Progress, rows: list[Wire], total: int | None = None) -> Iterator[Page]:
        progress.note(rows)
        if rows:
            yield Page([*self.items(rows)], progress.kept(), total)

    def index(self, progress: Progress) -> Iterator[Page]:
        """The list itself, and once more if its pages shifted."""
        self.has_seen_all = not progress.page
        yield from self.round(progress)
        if not progress.again and (progress.shifted or progress.count != progress.total):
            progress.turn(INDEX)
            progress.again = self.has_seen_all = True
            yield from self.round(progress)

    def round(self, progress: Progress) -> Iterator[Page]:
        shown = set(progress.last)
        for number, listing in self.listings(progress):
            ids = [str(row.get("id")) for row in listing.rows]
            progress.count += len({*ids} - shown)
            progress.shifted |= progress.total not in {0, listing.total}
            progress.page, progress.total, progress.last = number, listing.total, ids
            shown.update(ids)
            yield from self.page(progress, self.new(listing.rows), listing.total)

    def new(self, rows: Iterable[Wire]) -> list[Wire]:
        """Those that this pass has not shown yet, or that have changed since."""
        fresh = []
        for row in rows:
            id, changed = str(row.get("id")), str(row.get("lastupdated"))
            if self.seen.get(id) != changed:
                self.seen[id] = changed
                fresh.append(row)
        return fresh

    def listings(self, progress: Progress) -> Iterator[tuple[int, Listing]]:
        """The pages from the one after the last on: the first tells how many there are, the rest are read ahead."""
        filters = self.filters(progress)
        begin = progress.page + 1
        first = self.first(progress, begin, filters)
        progress.began = progress.began or stamp(first.at)
        yield begin, first
        rest = range(begin + 1, first.pages + 1)
        yield from zip(
            rest,
            ahead(lambda page: self.area.index(page=page, **filters), rest, threads=self.reading.threads),
            strict=True,
        )

    def first(self, progress: Progress, page: int, filters: dict[str, Any]) -> Listing:
        """Without the filters from then on, where the server breaks over them."""
        try:
            return self.area.index(page=page, **filters)
        except ConnectorError as error:
            if not (filters and self.may_lack_filters) or is_transient(error):
                raise
        progress.lacks = [*progress.lacks, "filters"]
        filters.clear()
        return self.area.index(page=page)

    def filters(self, progress: Progress) -> dict[str, Any]:
        after = progress.changed_after
        if after is None or "filters" in progress.lacks:
            return {}
        return {"updated_after": stamp(after - self.reading.overlap)}

    def further(self, progress: Progress) -> Iterator[Page]:
        """A list of what has left the first one; where the server answers it."""
        pages = progress.page + 1
        while progress.page < pages and progress.step not in progress.lacks:
            try:
                listing = self.area.listing(
                    f"/{progress.step}", page=progress.page + 1, limit=MOST_PER_PAGE, **self.filters(progress)
                )
            except ConnectorError as error:
                if is_transient(error):
                    raise
                progress.lacks = [*progress.lacks, progress.step]
                return
            progress.page, pages = progress.page + 1, listing.pages
            yield from self.page(progress, self.new(row for row in listing.rows if self.is_wanted(row, progress)))

    def is_wanted(self, row: Wire, progress: Progress) -> bool:
        """Also where the server doesn't look at the filters."""
        after, changed = progress.changed_after, changed_at(row)
        return after is None or changed is None or changed > after - self.reading.overlap


class Nameless(Mapping[Record]):
    """Of an object without an id: it can't be read, and is set aside."""

    @override
    def decode(self, wire: Wire, shape: Shape = Shape.READ) -> Record:
        raise Unreadable(f"{self.kind.capitalize()} without an id.")


def item(mapping: Mapping[Any], wire: Wire, *, is_stub: bool = False) -> Item:
    try:
        return Item(mapping.kind, mapping.id_of(wire), wire, mapping, is_stub)
    except Unreadable:
        text = orjson.dumps(wire, option=orjson.OPT_SORT_KEYS)[:100].decode(errors="replace")
        return Item(mapping.kind, f"? {text}", wire, Nameless(mapping.kind, Record))


def changed_at(row: Wire) -> datetime | None:
    try:
        return Moment(LONDON).decode(row.get("lastupdated"))
    except ValueError:
        return None


def is_transient(error: ConnectorError) -> bool:
    """Whether the same call may be answered otherwise later, so that nothing follows from its failure."""
    return isinstance(error, Unavailable) and error.status in TRANSIENT
