"""The areas of Tactile CRM's address space as its server has them: what is listed, in which order, with which keys."""

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Any

from backoffice.crm.records import Record
from connectors.kit.mapping import Mapping, Wire
from connectors.kit.store import Stored, Test
from connectors.tactile import mapping as maps

ADDRESS_KEYS = ("street1", "street2", "street3", "town", "county", "postcode", "country", "country_code")
EVENTS_ALONE = ("location", "end_date", "end_time")
TODOS_ALONE = ("later",)


@dataclass(frozen=True, eq=False)
class Area:
    path: str
    one: str  # an object's key in answers
    saved: str  # … and in the body of a save
    mapping: Mapping[Any]
    keys: tuple[str, ...]  # in the order of the vendor's page
    order: tuple[str, ...]
    about: str  # the field by which a note points here
    compulsory: Table[str, str] = field(default_factory=lambda: {"name": "Name"})  # key: what errors call it
    filters: Table[str, tuple[str, Test]] = field(default_factory=dict)  # parameter: field and how it is compared
    options: Table[str, str] = field(default_factory=dict)  # key: the list
    defaults: Table[str, Any] = field(default_factory=dict)  # of keys the record says nothing of

    @property
    def kind(self) -> str:
        return self.mapping.kind

    def wire(self, stored: Stored) -> Wire:
        """The object as list and view show it: every key there, tags only if there are any."""
        wire = self.mapping.encode(stored.record)
        wire[self.mapping.id] = int(stored.id)
        shown = {key: wire.get(key, self.defaults.get(key)) for key in self.keys}
        if wire.get("tags"):
            shown["tags"] = wire["tags"]
        return shown


@dataclass(frozen=True, eq=False)
class ActivityArea(Area):
    """A to-do has no place and no end, an event no "later"."""

    def wire(self, stored: Stored) -> Wire:
        shown = super().wire(stored)
        shown["later"] = stored.record.later is True
        for key in TODOS_ALONE if shown["class"] == "event" else EVENTS_ALONE:
            del shown[key]
        return shown


OPPORTUNITIES = Area(
    path="opportunities",
    one="opportunity",
    saved="Opportunity",
    mapping=maps.OPPORTUNITY,
    keys=(
        *("name", "description", "organisation", "id", "probability", "organisation_id", "cost", "archived", "status"),
        *("type", "source", "owner", "assigned_to", "alteredby", "created", "lastupdated", "enddate", "person_id"),
        "person",
    ),
    order=("name",),
    about="opportunity",
    compulsory={"name": "Name", "enddate": "Expected Close Date"},
    options={
        "assigned_to": maps.USERS,
        "status": maps.STATUSES,
        "type": maps.TYPES,
        "source": maps.SOURCES,
    },
    defaults={"cost": 0, "archived": False},
)

ORGANISATIONS = Area(
    path="organisations",
    one="organisation",
    saved="Organisation",
    mapping=maps.ORGANISATION,
    keys=(
        *("name", "description", "accountnumber", "phone", "email", "owner", "assigned_to", *ADDRESS_KEYS, "id"),
        *("parent_id", "parent", "created", "lastupdated", "status", "source", "classification", "rating"),
        *("industry", "type"),
    ),
    order=("name",),
    about="account",
    filters={
        "name": ("name", Test.LIKE),
        "accountnumber": ("client_number", Test.LIKE),
        "email": ("emails", Test.LIKE),
    },
    options={
        "assigned_to": maps.USERS,
        "status": maps.ORGANISATION_STATUSES,
        "source": maps.ORGANISATION_SOURCES,
        "classification": maps.CLASSIFICATIONS,
        "rating": maps.RATINGS,
        "industry": maps.INDUSTRIES,
        "type": maps.ORGANISATION_TYPES,
    },
)

PEOPLE = Area(
    path="people",
    one="person",
    saved="Person",
    mapping=maps.PERSON,
    keys=(
        *("name", "description", "title", "firstname", "surname", "suffix", "jobtitle", "language", "language_code"),
        *("organisation", "organisation_id", "phone", "email", "owner", "assigned_to", *ADDRESS_KEYS, "id"),
        *("reports_to", "can_call", "can_email", "created", "lastupdated", "dob"),
    ),
    order=("given", "family"),
    about="contact",
    compulsory={"firstname": "First Name", "surname": "Surname"},
    filters={
        "firstname": ("given", Test.LIKE),
        "surname": ("family", Test.LIKE),
        "name": ("name", Test.LIKE),
        "email": ("emails", Test.LIKE),
        "organisation_id": ("account", Test.IS),
    },
    options={"assigned_to": maps.USERS},
    defaults={"can_call": True, "can_email": True},
)

ACTIVITIES = ActivityArea(
    path="activities",
    one="activity",
    saved="Activity",
    mapping=maps.ACTIVITY,
    keys=(
        *("name", "location", "description", "time", "end_time", "type", "organisation", "opportunity", "class"),
        *("assigned_to", "assigned_by", "owner", "alteredby", "id", "organisation_id", "opportunity_id", "later"),
        *("created", "lastupdated", "completed", "date", "end_date", "person_id", "person"),
    ),
    order=("subject",),
    about="activity",
    options={"assigned_to": maps.USERS},
    defaults={"class": "todo"},
)

AREAS = (OPPORTUNITIES, ORGANISATIONS, PEOPLE, ACTIVITIES)

NOTE_KEYS = (
    *("title", "note", "opportunity", "organisation", "id", "opportunity_id", "organisation_id", "private", "owner"),
    *("created", "lastupdated", "person_id", "person"),
)
EMAIL_KEYS = (
    *("subject", "body", "email_from", "email_to", "opportunity", "organisation", "id", "opportunity_id"),
    *("organisation_id", "owner", "received", "created", "person_id", "person"),
)


def entry_of(stored: Stored) -> Wire:
    """A timeline's entry: an object of one key, its kind. Each key in it stands once, unlike on the page."""
    record: Record = stored.record
    is_email = getattr(record, "kind", "") == "email"
    wire = (maps.EMAIL if is_email else maps.NOTE).encode(stored.record)
    wire["id"] = int(number_of(stored.id))
    shown = {key: wire.get(key) for key in (EMAIL_KEYS if is_email else NOTE_KEYS)}
    if not is_email:
        shown["private"] = bool(shown["private"])
        if wire.get("activity_id"):
            shown |= {"activity_id": wire["activity_id"], "activity": wire["activity"]}
    return {"email" if is_email else "note": shown}


def number_of(id: str) -> str:
    """Notes and emails are counted apart: in our ids their kind stands before the number ("note:885")."""
    return id.rpartition(":")[2]
