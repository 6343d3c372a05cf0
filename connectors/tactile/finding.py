"""Looking for what a lost creation may have made: "no idempotency key", so it is known by what it says."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from backoffice.crm.records import Note, Record, Ref
from connectors.kit.contract import Item
from connectors.kit.errors import ConnectorError, Missing, Unreadable
from connectors.kit.mapping import Mapping, Wire
from connectors.tactile.client import Area, Client, stamp
from connectors.tactile.listing import is_transient, item
from connectors.tactile.streams import CLOSED

MARGIN = timedelta(seconds=60)  # the vendor's clock is not ours
LONG_AGO = datetime.min.replace(tzinfo=UTC)

# What is the same in the record that was sent and in the one it became.
ALIKE = {
    "opportunity": ("name", "account"),
    "account": ("name",),
    "contact": ("given", "family", "account"),
    "activity": ("subject", "opportunity", "account", "contact"),
    "note": ("title", "body"),
}
# The vendor may add to whom an opportunity belongs by itself, from the others it is about.
ADDED = frozenset({"account", "contact"})


class Finding:
    def __init__(self, client: Client, mapping: Mapping[Any]) -> None:
        self.client = client
        self.mapping = mapping

    def find(self, record: Record, since: datetime) -> Sequence[Item]:
        """Those of its name, and of its organisation, that were made since then; newest first."""
        after = since - MARGIN
        sent = self.mapping.normal(record)
        found: dict[str, tuple[datetime, int, Item]] = {}
        for row in self.rows(record, after):
            candidate = item(self.mapping, row)
            try:
                there = self.mapping.normal(self.mapping.decode(row))
            except Unreadable:
                continue
            made = there.created_there or LONG_AGO
            if (made == LONG_AGO or made >= after) and is_alike(sent, there, ALIKE[self.mapping.kind]):
                found[candidate.id] = made, int(candidate.id.rpartition(":")[2]), candidate
        return [candidate for _, _, candidate in sorted(found.values(), key=lambda each: each[:2], reverse=True)]

    def rows(self, record: Record, after: datetime) -> Iterator[Wire]:
        match self.mapping.kind:
            case "opportunity":
                yield from pages(self.client.opportunities, "", created_after=stamp(after))
                for action in CLOSED:
                    yield from if_answered(pages(self.client.opportunities, f"/{action}"))
            case "contact":
                yield from self.people(record, after)
            case "account":
                yield from pages(self.client.organisations, "", created_after=stamp(after))
            case "activity":
                yield from pages(self.client.activities, "", created_after=stamp(after))
            case _:
                yield from self.notes(record)

    def people(self, record: Record, after: datetime) -> Iterator[Wire]:
        """By name where the server breaks over the date."""
        try:
            yield from [*pages(self.client.people, "", created_after=stamp(after))]
        except ConnectorError as error:
            if is_transient(error):
                raise
            names = {"firstname": getattr(record, "given", ""), "surname": getattr(record, "family", "")}
            yield from pages(self.client.people, "", **{key: name for key, name in names.items() if name})

    def notes(self, record: Record) -> Iterator[Wire]:
        """There is no list of notes: they stand in the timelines of what they are about."""
        assert isinstance(record, Note)
        about: list[tuple[Ref | Any, Area]] = [
            (record.opportunity, self.client.opportunities),
            (record.account, self.client.organisations),
            (record.contact, self.client.people),
            (record.activity, self.client.activities),
        ]
        for ref, area in about:
            if ref and ref.id:
                try:
                    entries, _ = area.timeline(ref.id)
                except Missing:
                    continue
                yield from (entry["note"] for entry in entries if isinstance(entry.get("note"), dict))
                return


def pages(area: Area, action: str, **filters: str) -> Iterator[Wire]:
    page, last = 0, 1
    while page < last:
        page += 1
        listing = area.listing(action, page=page, limit=100, **filters)
        last = listing.pages
        yield from listing.rows


def if_answered(rows: Iterable[Wire]) -> Iterator[Wire]:
    try:
        yield from rows
    except ConnectorError as error:
        if is_transient(error):
            raise


def is_alike(sent: Record, there: Record, fields: Sequence[str]) -> bool:
    """Unknown and empty are alike."""
    for name in fields:
        ours, theirs = getattr(sent, name) or None, getattr(there, name) or None
        if ours != theirs and not (ours is None and name in ADDED and has_others(sent)):
            return False
    return True


def has_others(sent: Record) -> bool:
    return any(getattr(sent, name, None) for name in ("primary_contact", "opportunity", "contact"))
