"""What can be done with a Tactile CRM account: what it is called, pulled from it, and written to it."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, override

import structlog
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from backoffice.crm.records import Record
from connectors.kit.contract import (
    Capability,
    Connector,
    Health,
    Item,
    Meaning,
    Receipt,
    Site,
    Stream,
    VendorEntry,
    VendorList,
)
from connectors.kit.errors import ConnectorError, Invalid, Missing
from connectors.kit.mapping import Mapping, Shape, Wire
from connectors.kit.settings import Kind, Setting, checked
from connectors.tactile import mapping as lists
from connectors.tactile.client import NO_SUCH_ID, VENDOR, Area, Client, number
from connectors.tactile.codecs import EntryId, Later, Name, Username
from connectors.tactile.completing import check, completed
from connectors.tactile.finding import Finding
from connectors.tactile.listing import Reading, is_transient, item
from connectors.tactile.mapping import ACTIVITY, NOTE, OPPORTUNITY, ORGANISATION, PERSON
from connectors.tactile.streams import Activities, Opportunities, Organisations, People, Timelines

log = structlog.get_logger()

CLOSED_STATUS = re.compile(r"\b(won|lost|closed|dead|cancell?ed|abandoned|declined)\b", re.IGNORECASE)
COMPULSORY = re.compile(r"compulsory|required", re.IGNORECASE)
SALUTATIONS = ("Mr", "Mrs", "Ms", "Miss", "Master", "Dr", "Sir", "Dame", "Lady", "Lord", "Madam")
WHEN = frozenset({"start_on", "start_at", "end_on", "end_at", "later"})

# Options of each kind of object, as we call the lists.
OPTIONS = {
    "opportunities": {
        "assigned_to": lists.USERS,
        "status": lists.STATUSES,
        "type": lists.TYPES,
        "source": lists.SOURCES,
    },
    "organisations": {
        "assigned_to": lists.USERS,
        "status": lists.ORGANISATION_STATUSES,
        "type": lists.ORGANISATION_TYPES,
        "source": lists.ORGANISATION_SOURCES,
        "industry": lists.INDUSTRIES,
        "classification": lists.CLASSIFICATIONS,
        "rating": lists.RATINGS,
    },
    "people": {"assigned_to": lists.USERS},
    "activities": {"assigned_to": lists.USERS},
}


class Tactile(Connector):
    vendor = "tactile"
    label = VENDOR
    settings = (
        Setting(
            "threads",
            _("Requests at once"),
            Kind.NUMBER,
            default=4,
            least=1,
            most=6,
            help=_("How many pages and timelines are read at the same time."),
        ),
        Setting(
            "timelines",
            _("Notes and emails"),
            Kind.CHOICE,
            default="changed",
            options=("changed", "all"),
            help=_(
                "“changed” reads those of changed opportunities, and of all open ones when everything is looked at; "
                "“all” those of all open ones at every pull. A new note alone is no change of its opportunity there."
            ),
        ),
        Setting(
            "overlap_seconds",
            _("Overlap in seconds"),
            Kind.NUMBER,
            default=5,
            least=1,
            most=86_400,
            help=_("How far before the last change a pull begins to ask for changes."),
        ),
    )
    secrets = (
        Setting(
            "api_token",
            _("API token"),
            required=True,
            help=_("From the user's preferences in Tactile CRM. Take an administrator's: others see only a part."),
        ),
    )
    lists = (
        VendorList(lists.USERS, Meaning.REP, label=_("Users")),
        VendorList(lists.STATUSES, Meaning.CHOICE, "stage", _("Opportunity status")),
        VendorList(lists.TYPES, Meaning.CHOICE, "type", _("Opportunity type")),
        VendorList(lists.SOURCES, Meaning.CHOICE, "source", _("Opportunity source")),
        VendorList(lists.ORGANISATION_STATUSES, Meaning.CHOICE, "account_status", _("Organisation status")),
        VendorList(lists.ORGANISATION_TYPES, Meaning.CHOICE, "account_type", _("Organisation type")),
        VendorList(lists.ORGANISATION_SOURCES, Meaning.CHOICE, "source", _("Organisation source")),
        VendorList(lists.INDUSTRIES, Meaning.CHOICE, "industry", _("Industry")),
        VendorList(lists.CLASSIFICATIONS, Meaning.CHOICE, "classification", _("Classification")),
        VendorList(lists.RATINGS, Meaning.CHOICE, "rating", _("Rating")),
        VendorList(lists.TITLES, Meaning.CHOICE, "title", _("Title")),
    )
    capabilities: ClassVar[dict[str, Capability]] = {
        "opportunity": Capability(OPPORTUNITY, create=True, update=True, find=True, view=True),
        "account": Capability(ORGANISATION, create=True, update=True, find=True, view=True),
        "contact": Capability(PERSON, create=True, update=True, find=True, view=True),
        "activity": Capability(ACTIVITY, create=True, update=True, find=True, view=True),
        "note": Capability(NOTE, create=True, update=True, find=True),
    }

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        given = checked(self.settings, site.settings)
        self.client = Client(site.transport, site.secrets.get("api_token", ""))
        self.reading = Reading(
            self.client,
            threads=given["threads"],
            overlap=timedelta(seconds=given["overlap_seconds"]),
            all_timelines=given["timelines"] == "all",
        )
        self.areas: dict[str, Area] = {
            "opportunity": self.client.opportunities,
            "account": self.client.organisations,
            "contact": self.client.people,
            "activity": self.client.activities,
        }
        self._options: dict[str, dict[str, dict[str, str]] | None] = {}

    @override
    def test(self) -> Health:
        total = self.client.opportunities.index(limit=1).total
        text = _now("Tactile CRM answers. The token sees %(count)s open opportunities.") % {"count": total}
        hints = []
        if not self.may(self.client.organisations) or not self.may(self.client.people):
            hints.append(
                _now("The token may not read organisations or people: they come by name only, with opportunities.")
            )
        return Health(text, hints)

    @override
    def entries(self) -> Sequence[VendorEntry]:
        """Of organisations and people as far as the token may."""
        found: dict[tuple[str, str], VendorEntry] = {}
        for area in self.areas.values():
            options = self.options(area) or {}
            for key, name in OPTIONS[area.path].items():
                for id, label in options.get(key, {}).items():
                    entry = entry_of(name, id, label)
                    found.setdefault((name, entry.id), entry)
        titles = [VendorEntry(lists.TITLES, title, title) for title in SALUTATIONS]
        return [*found.values(), *titles]

    @override
    def streams(self) -> Sequence[Stream]:
        """What the token may not read is left out: what others mention of it comes with them."""
        client, reading = self.client, self.reading
        streams: list[tuple[Area, Stream]] = [
            (client.organisations, Organisations(reading, client.organisations)),
            (client.people, People(reading, client.people)),
            (client.opportunities, Opportunities(reading, client.opportunities)),
            (client.activities, Activities(reading, client.activities)),
            (client.opportunities, Timelines(reading, client.opportunities)),
        ]
        return [stream for area, stream in streams if area is client.opportunities or self.may(area)]

    @override
    def view(self, kind: str, id: str) -> Item | None:
        """Also what is archived or closed, and so in no list. Entries of timelines aren't shown singly."""
        if kind not in self.areas:
            return super().view(kind, id)
        try:
            return item(self.mapping(kind), self.areas[kind].view(id))
        except Missing:
            return None

    @override
    def create(self, kind: str, record: Record) -> Receipt:
        record = completed(record)
        check(self.mapping(kind), record)
        fields = {key: value for key, value in self.fields(kind, record).items() if is_sent(key, value)}
        if kind == "note":
            return Receipt(f"note:{self.client.save_note(fields)}")
        if kind == "opportunity" and "status_id" not in fields and (status := self.first_open_status()):
            fields["status_id"] = EntryId().encode(status)
        id = str(self.areas[kind].save(fields))
        try:
            self.tag(kind, id, record)
        except ConnectorError as error:  # it is there, and must not be made again for its tags
            log.warning("tactile.not_tagged", kind=kind, id=id, error=str(error))
        return Receipt(id)

    @override
    def update(self, kind: str, id: str, record: Record, changed: frozenset[str]) -> Receipt:
        """Only what changed: what is left out keeps its value there, and what is empty is emptied."""
        if kind == "activity" and changed & WHEN:
            changed |= WHEN
        record = completed(record)
        check(self.mapping(kind), record, changed)
        fields = self.fields(kind, record, changed & self.mapping(kind).takes)
        if fields.get("probability", 0) is None:
            del fields["probability"]  # compulsory there
        if fields:
            self.save(kind, id, fields, record)
        if "tags" in changed:
            self.tag(kind, id, record)
        return Receipt(id)

    @override
    def find(self, kind: str, record: Record, since: datetime) -> Sequence[Item]:
        return Finding(self.client, self.mapping(kind)).find(completed(record), since)

    def mapping(self, kind: str) -> Mapping[Any]:
        return self.capabilities[kind].mapping

    def fields(self, kind: str, record: Record, only: frozenset[str] | None = None) -> Wire:
        fields = self.mapping(kind).encode(record, Shape.WRITE, only)
        fields.pop("tags", None)  # an action of its own
        if kind == "contact":
            fields.pop("name", None)  # sent in its parts
        if kind == "activity" and not fields.get("date") and (only is None or only & WHEN):
            fields["later"] = Later().encode(True)  # "If a date isn't supplied, this should be set to 'true'"
        return fields

    def save(self, kind: str, id: str, fields: Wire, record: Record) -> None:
        """A change; with all that is compulsory where the server wants it in every save, as its page may be read."""
        if kind == "note":
            self.client.save_note({"id": note_number(id), **fields})
            return
        fields = {"id": number(id), **fields}
        try:
            self.areas[kind].save(fields)
        except Invalid as error:
            if says(error, NO_SUCH_ID) and self.view(kind, id) is None:
                raise Missing(error.messages, vendor=error.vendor, answer=error.answer) from error
            missing = {key: value for key, value in self.compulsory(kind, record).items() if key not in fields}
            if not missing or not COMPULSORY.search(str(error)):
                raise
            self.areas[kind].save({**missing, **fields})

    def compulsory(self, kind: str, record: Record) -> Wire:
        mapping = self.mapping(kind)
        names = {part.name for part in mapping.parts if part.required} | ({"stage"} if kind == "opportunity" else set())
        return {key: value for key, value in self.fields(kind, record, frozenset(names)).items() if value is not None}

    def tag(self, kind: str, id: str, record: Record) -> None:
        """The vendor shows the last one added first. It has no call to take one off."""
        for word in reversed(getattr(record, "tags", None) or ()):
            self.areas[kind].add_tag(id, word)

    def options(self, area: Area) -> dict[str, dict[str, str]] | None:
        """Asked for once; None where the token may not, or the server doesn't know the call."""
        if area.path not in self._options:
            try:
                self._options[area.path] = area.options()
            except ConnectorError as error:
                if area is self.client.opportunities or is_transient(error):
                    raise
                self._options[area.path] = None
        return self._options[area.path]

    def may(self, area: Area) -> bool:
        return self.options(area) is not None

    def first_open_status(self) -> str | None:
        """Which are open, the vendor doesn't say: the first whose name doesn't speak of an end."""
        statuses = (self.options(self.client.opportunities) or {}).get("status", {})
        return next((id for id, name in statuses.items() if not CLOSED_STATUS.search(name)), None)


def entry_of(name: str, id: str, label: str) -> VendorEntry:
    if name == lists.USERS:
        return VendorEntry(name, Username().decode(id), Username().decode(label))
    return VendorEntry(name, id, Name().decode(label))


def is_sent(key: str, value: Any) -> bool:
    """Whether a new record says it: not what is unknown, nor that it is not archived."""
    return value is not None and not (key in {"archived", "later"} and value is False)


def note_number(id: str) -> int:
    entry, _, rest = id.rpartition(":")
    if entry == "email":
        raise Invalid(["Tactile CRM's emails can't be changed."], vendor=VENDOR)
    return number(rest)


def says(error: Invalid, words: str) -> bool:
    return any(words in message.lower() for message in error.messages)
