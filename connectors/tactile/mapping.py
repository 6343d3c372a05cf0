"""Tactile CRM's objects beside our records. Sources: "/opportunities/view" and "/opportunities/save" of the vendor's
document; the other objects as the vendor's other pages and server have them.

A partial save keeps what it leaves out and empties what is null, so that only what has changed is sent.
"""

from typing import override

from backoffice.crm.records import Account, Activity, Contact, Email, Note, Opportunity, Phone
from connectors.kit.codecs import Archived, Day, Integer, Moment, YesNo
from connectors.kit.mapping import Access, Entry, Field, MainAddress, Mapping, Part, Reference, Wire
from connectors.tactile.codecs import (
    LONDON,
    Always,
    AtMoment,
    Body,
    Contacted,
    ContactMethods,
    Cost,
    Dashed,
    Happened,
    Kind,
    Later,
    ListEntry,
    OnDay,
    Percent,
    Tags,
    Trimmed,
    Username,
)

# The vendor's lists, as mappings and `Connector.entries` name them.
USERS = "user"
STATUSES = "status"
TYPES = "type"
SOURCES = "source"
ORGANISATION_STATUSES = "organisation_status"
ORGANISATION_TYPES = "organisation_type"
ORGANISATION_SOURCES = "organisation_source"
INDUSTRIES = "industry"
CLASSIFICATIONS = "classification"
RATINGS = "rating"
TITLES = "title"

READ_ONLY, CREATE_ONLY, WRITE_ONLY = Access.READ_ONLY, Access.CREATE_ONLY, Access.WRITE_ONLY

ADDRESS = {
    "street1": "street1",
    "street2": "street2",
    "street3": "street3",
    "town": "city",
    "county": "county",
    "postcode": "postcode",
    "country": "country",
    "country_code": "country_code",
}


def user(key: str, name: str, access: Access = Access.READ_WRITE) -> Entry:
    return Entry(key, name, USERS, codec=Username(), access=access)


def refers(key: str, name: str, kind: str, label: str = "", access: Access = Access.READ_WRITE) -> Reference:
    return Reference(key, name, kind, label, Integer(), access=access)


def stamps() -> tuple[Part, ...]:
    return (
        Field("created", "created_there", Moment(LONDON), access=READ_ONLY),
        Field("lastupdated", "changed_there", Moment(LONDON), access=READ_ONLY),
    )


OPPORTUNITY = Mapping(
    "opportunity",
    Opportunity,
    Field("name", "name", Trimmed(), required=True),
    Field("description", "description", Trimmed()),
    refers("organisation_id", "account", "account", "organisation"),
    Field("probability", "probability", Percent()),
    Field("cost", "amount", Cost()),  # without a currency: the connection's applies
    Field("archived", "archived_at", Archived()),
    ListEntry("status", "stage", STATUSES, written="status_id"),
    ListEntry("type", "type", TYPES, written="type_id"),
    ListEntry("source", "source", SOURCES, written="source_id"),
    user("owner", "owner", CREATE_ONLY),
    user("assigned_to", "assigned_to"),
    user("alteredby", "altered_by", READ_ONLY),
    *stamps(),
    Field("enddate", "close_date", Day(), required=True),
    refers("person_id", "primary_contact", "contact", "person"),
    Tags("tags", "tags"),  # written by add_tag
)

ORGANISATION = Mapping(
    "account",
    Account,
    Field("name", "name", Trimmed(), required=True),
    Field("description", "description", Trimmed()),
    Field("accountnumber", "client_number", Trimmed()),
    ContactMethods("phones", {"phone": "office"}, Phone, unread={"fax": "fax"}),
    ContactMethods("emails", {"email": ""}, Email),
    Field("website", "website", Contacted(), access=WRITE_ONLY),
    user("owner", "owner", CREATE_ONLY),
    user("assigned_to", "assigned_to"),
    MainAddress("addresses", ADDRESS),
    refers("parent_id", "parent", "account", "parent"),
    *stamps(),
    ListEntry("status", "status", ORGANISATION_STATUSES, written="status_id"),
    ListEntry("source", "source", ORGANISATION_SOURCES, written="source_id"),
    ListEntry("classification", "classification", CLASSIFICATIONS, written="classification_id"),
    ListEntry("rating", "rating", RATINGS, written="rating_id"),
    ListEntry("industry", "industry", INDUSTRIES, written="industry_id"),
    ListEntry("type", "type", ORGANISATION_TYPES, written="type_id"),
    Tags("tags", "tags"),
)

PERSON = Mapping(
    "contact",
    Contact,
    Field("name", "name", Trimmed(), access=CREATE_ONLY),  # of first name and surname; see `completing`
    Field("description", "description", Trimmed()),
    Entry("title", "salutation", TITLES, codec=Trimmed()),
    Field("firstname", "given", Dashed()),
    Field("surname", "family", Dashed()),
    Field("suffix", "suffix", Trimmed()),
    Field("jobtitle", "job_title", Trimmed()),
    Field("language_code", "language", Trimmed()),
    refers("organisation_id", "account", "account", "organisation"),
    ContactMethods("phones", {"phone": "office"}, Phone),
    ContactMethods("emails", {"email": ""}, Email),
    user("owner", "owner", CREATE_ONLY),
    user("assigned_to", "assigned_to"),
    MainAddress("addresses", ADDRESS),
    refers("reports_to", "reports_to", "contact"),
    Field("can_call", "can_call", YesNo()),
    Field("can_email", "can_email", YesNo()),
    *stamps(),
    Field("dob", "birthday", Day()),
    Tags("tags", "tags"),
)

ACTIVITY = Mapping(
    "activity",
    Activity,
    Field("name", "subject", Trimmed(), required=True),
    Field("location", "location", Trimmed()),
    Field("description", "details", Trimmed()),
    Field("type", "type", Trimmed(), access=READ_ONLY),
    refers("organisation_id", "account", "account", "organisation"),
    refers("opportunity_id", "opportunity", "opportunity", "opportunity"),
    Field("class", "kind", Kind()),
    user("assigned_to", "owner"),
    user("assigned_by", "assigned_by", READ_ONLY),
    Field("later", "later", Later()),
    *stamps(),
    Field("completed", "completed_at", Moment(LONDON), access=READ_ONLY),
    OnDay("start_on", "date", "time"),
    AtMoment("start_at", "date", "time"),
    OnDay("end_on", "end_date", "end_time"),
    AtMoment("end_at", "end_date", "end_time"),
    refers("person_id", "contact", "contact", "person"),
    Tags("tags", "tags"),
)

# The fields "for 'todo' opportunities" and "for 'event' opportunities" of /opportunities/save: no opportunity has them.
# They are one activity of the opportunity that is saved with them.
SCHEDULE = Mapping(
    "activity",
    Activity,
    Field("location", "location", Trimmed()),
    Field("later", "later", Later()),
    OnDay("start_on", "date", "time"),
    AtMoment("start_at", "date", "time"),
    OnDay("end_on", "end_date", "end_time"),
    AtMoment("end_at", "end_date", "end_time"),
)


class TimelineMapping(Mapping[Note]):
    """An entry's id is unique only within its kind: the kind is part of ours."""

    def __init__(self, entry: str, *parts: Part) -> None:
        super().__init__("note", Note, *parts)
        self.entry = entry

    @override
    def id_of(self, wire: Wire) -> str:
        return f"{self.entry}:{super().id_of(wire)}"


NOTE = TimelineMapping(
    "note",
    Always("kind", "note", access=READ_ONLY),
    Field("title", "title", Trimmed()),  # compulsory, as the text is: one stands for the other; see `completing`
    Body("note", "body", Trimmed()),
    refers("opportunity_id", "opportunity", "opportunity", "opportunity"),
    refers("organisation_id", "account", "account", "organisation"),
    refers("activity_id", "activity", "activity", "activity"),
    Field("private", "private", YesNo()),
    user("owner", "author", READ_ONLY),
    *stamps(),
    Happened("created", "happened_at", access=READ_ONLY),
    refers("person_id", "contact", "contact", "person"),
)

EMAIL = TimelineMapping(
    "email",
    Always("kind", "email", access=READ_ONLY),
    Field("subject", "title", Trimmed(), access=READ_ONLY),
    Body("body", "body", Trimmed(), access=READ_ONLY),
    Field("email_from", "sender", Trimmed(), access=READ_ONLY),
    Field("email_to", "recipients", Trimmed(), access=READ_ONLY),
    refers("opportunity_id", "opportunity", "opportunity", "opportunity", READ_ONLY),
    refers("organisation_id", "account", "account", "organisation", READ_ONLY),
    user("owner", "author", READ_ONLY),
    Field("created", "created_there", Moment(LONDON), access=READ_ONLY),
    Field("received", "happened_at", Moment(LONDON), access=READ_ONLY),
    refers("person_id", "contact", "contact", "person", READ_ONLY),
)

TIMELINE = {"note": NOTE, "email": EMAIL}
MAPPINGS = (OPPORTUNITY, ORGANISATION, PERSON, ACTIVITY, NOTE, EMAIL)
