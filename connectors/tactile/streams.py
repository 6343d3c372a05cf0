"""What Tactile CRM's lists bring: organisations, people, opportunities, activities, and timelines."""

from collections.abc import Callable, Iterator
from typing import override

from connectors.kit.ahead import ahead
from connectors.kit.contract import Item, Page
from connectors.kit.errors import ConnectorError, Forbidden, Missing
from connectors.kit.mapping import Wire
from connectors.tactile.client import MOST_PER_PAGE, Area, stamp
from connectors.tactile.listing import Listed, Progress, changed_at, is_transient, item
from connectors.tactile.mapping import ACTIVITY, OPPORTUNITY, ORGANISATION, PERSON, TIMELINE

LIST_ALL = "list_all"
ABOUT = ("organisation_id", "person_id", "opportunity_id")
CLOSED = ("recently_won", "recently_lost")


class Organisations(Listed):
    name = "organisations"
    kinds = ("account",)
    mapping = ORGANISATION


class People(Listed):
    """Their date filters are broken on a server we know of: then everything is read."""

    name = "people"
    kinds = ("contact", "account")
    mapping = PERSON
    may_lack_filters = True


class Opportunities(Listed):
    """Open ones, and closed ones as far as the server tells; in full passes also what only list_all shows."""

    name = "opportunities"
    kinds = ("opportunity", "account", "contact")
    mapping = OPPORTUNITY
    further_lists = CLOSED

    @override
    def steps(self, progress: Progress) -> Iterator[Callable[[Progress], Iterator[Page]]]:
        yield from super().steps(progress)
        if progress.full:
            if progress.step != LIST_ALL:
                progress.turn(LIST_ALL)
            yield self.rest

    def rest(self, progress: Progress) -> Iterator[Page]:
        """Told in short, so viewed one by one: those changed since the last time. The others are only shown."""
        try:
            rows = self.area.list_all()
        except ConnectorError as error:
            if is_transient(error):
                raise
            return
        if not self.has_seen_all:
            self.see_all()
        left = sorted((row for row in rows if str(row.get("id")) not in self.seen), key=number_of)
        newest = max((stamp(changed) for row in left if (changed := changed_at(row))), default="")
        left = [row for row in left if number_of(row) > progress.after]
        for begin in range(0, len(left), MOST_PER_PAGE):
            batch = left[begin : begin + MOST_PER_PAGE]
            progress.after = number_of(batch[-1])
            yield Page([*self.viewed_or_shown(progress, batch)], progress.kept())
        progress.closed_since = max(newest, progress.closed_since)

    def see_all(self) -> None:
        """What the steps before this one had shown before a crash."""
        for _, listing in self.listings(Progress(full=True)):
            self.new(listing.rows)

    def viewed_or_shown(self, progress: Progress, rows: list[Wire]) -> Iterator[Item]:
        changed = [row for row in rows if has_changed(row, progress.closed_since)]
        views = ahead(lambda row: view(self.area, str(row["id"])), changed, threads=self.reading.threads)
        for wire in views:
            if wire is not None:
                yield from self.items([wire])
        for row in rows:
            if not has_changed(row, progress.closed_since):
                yield self.item({"id": row["id"], "name": row.get("name")}, is_stub=True)


class Activities(Listed):
    """All, completed ones too. One that is about nothing has no place here; the others come with what they're about."""

    name = "activities"
    kinds = ("activity", "opportunity", "account", "contact")
    mapping = ACTIVITY

    @override
    def items(self, rows: list[Wire]) -> Iterator[Item]:
        about = [row for row in rows if any(map(row.get, ABOUT))]
        yield from self.opportunities(about)
        yield from super().items(about)

    def opportunities(self, rows: list[Wire]) -> Iterator[Item]:
        """Those no list has shown in this run, closed ones perhaps: viewed."""
        ids = dict.fromkeys(str(row["opportunity_id"]) for row in rows if row.get("opportunity_id"))
        unknown = [id for id in ids if ("opportunity", id) not in self.reading.known]
        area = self.reading.client.opportunities
        for wire in ahead(lambda id: view(area, id), unknown, threads=self.reading.threads):
            if wire is not None:
                yield from self.mentioned(wire)
                yield item(OPPORTUNITY, wire)
        self.reading.known |= {("opportunity", id) for id in unknown}


class Timelines(Listed):
    """Notes and emails of opportunities: of those that changed, and in full passes of all that are open.

    Adding a note doesn't move an opportunity's `lastupdated`: a setting has all of them read at every pull.
    """

    name = "timelines"
    kinds = ("note", "account", "contact")
    finds_vanished = False  # those of closed opportunities aren't read again
    mapping = OPPORTUNITY
    further_lists = CLOSED

    @override
    def filters(self, progress: Progress) -> dict[str, str]:
        return {} if self.reading.all_timelines else super().filters(progress)

    @override
    def items(self, rows: list[Wire]) -> Iterator[Item]:
        ids = [str(row["id"]) for row in rows if row.get("id")]
        for entries in ahead(self.timeline, ids, threads=self.reading.threads):
            for id, kind, wire in entries:
                yield from self.entry(id, kind, wire)

    def timeline(self, id: str) -> list[tuple[str, str, Wire]]:
        """Its notes and emails; nothing if the opportunity has gone meanwhile."""
        found: list[Wire] = []
        page, pages = 0, 1
        while page < pages:
            page += 1
            try:
                entries, pages = self.reading.client.opportunities.timeline(id, page=page)
            except (Missing, Forbidden):
                break
            found += entries
        return [(id, kind, wire) for entry in found for kind, wire in entry.items() if isinstance(wire, dict)]

    def entry(self, id: str, kind: str, wire: Wire) -> Iterator[Item]:
        """The documented example names the opportunity twice, first as null: whose timeline it is, we know."""
        if kind in TIMELINE:
            wire = wire if wire.get("opportunity_id") else {**wire, "opportunity_id": int(id)}
            yield from self.mentioned(wire)
            yield item(TIMELINE[kind], wire)


def view(area: Area, id: str) -> Wire | None:
    """None for one that is gone, or not for this token."""
    try:
        return area.view(id)
    except (Missing, Forbidden):
        return None


def number_of(row: Wire) -> int:
    text = str(row.get("id"))
    return int(text) if text.isascii() and text.isdigit() else 0


def has_changed(row: Wire, since: str) -> bool:
    changed = changed_at(row)
    return not since or changed is None or stamp(changed) > since
