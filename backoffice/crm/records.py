"""The domain's objects as plain typed structs, for whatever is not the database: connectors, the API, uploads.

Every field defaults to UNSET, so that a record can say "I don't know this field" apart from "it is empty". A
record and its model are the only two hand-written lists of fields; tests/crm/test_records.py keeps them equal.
References are `Ref`: an id (ours in the API, the vendor's in a connection's record) and a label for people.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct, UnsetType

type Known[T] = T | UnsetType


class Value(Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A part of a record without a life of its own; an empty field is a default and is left out of its JSON."""


class Ref(Value, frozen=True):
    """Which other record. Either part may be all there is: a vendor may name a thing without an id."""

    id: str = ""
    label: str = ""


class Email(Value, frozen=True):
    address: str
    kind: str = ""


class Phone(Value, frozen=True):
    """A number as given. `kind` is office, mobile, fax or other; an extension belongs to an office number."""

    number: str
    kind: str = ""
    extension: str = ""


class Address(Value, frozen=True):
    """A postal address. `kind` is main, shipping or billing; states and countries both as a code and as given."""

    kind: str = "main"
    street1: str = ""
    street2: str = ""
    street3: str = ""
    number: str = ""
    interior_number: str = ""
    suburb: str = ""
    city: str = ""
    county: str = ""
    state_code: str = ""
    state: str = ""
    postcode: str = ""
    country_code: str = ""
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None


class Assistant(Value, frozen=True):
    name: str = ""
    surname: str = ""
    second_surname: str = ""
    phone: str = ""
    extension: str = ""
    email: str = ""
    skype: str = ""
    linkedin: str = ""


class Record(Struct, kw_only=True, omit_defaults=True):
    """What every record has; see `backoffice.crm.models.base.Row`."""

    uid: Known[str] = UNSET
    created_there: Known[datetime | None] = UNSET
    changed_there: Known[datetime | None] = UNSET
    archived_at: Known[datetime | None] = UNSET
    custom: Known[dict[str, Any]] = UNSET


class Part(Struct, kw_only=True, omit_defaults=True):
    """A part of a record that points at another: a line, a role, a member."""


class Region(Record):
    name: Known[str] = UNSET


class Team(Record):
    name: Known[str] = UNSET
    region: Known[Ref | None] = UNSET
    parent: Known[Ref | None] = UNSET


class RepPlace(Record):
    rep: Known[Ref] = UNSET
    manager: Known[Ref | None] = UNSET
    team: Known[Ref | None] = UNSET
    from_month: Known[date] = UNSET
    until_month: Known[date | None] = UNSET


class Rep(Record):
    given: Known[str] = UNSET
    family: Known[str] = UNSET
    second_family: Known[str] = UNSET
    email: Known[str | None] = UNSET
    username: Known[str] = UNSET
    phone: Known[str] = UNSET
    active: Known[bool] = UNSET
    is_administrator: Known[bool] = UNSET
    user: Known[Ref | None] = UNSET


class Account(Record):
    name: Known[str] = UNSET
    external_id: Known[str | None] = UNSET
    billing_name: Known[str] = UNSET
    tax_id: Known[str] = UNSET
    client_number: Known[str] = UNSET
    description: Known[str] = UNSET
    website: Known[str] = UNSET
    emails: Known[list[Email]] = UNSET
    phones: Known[list[Phone]] = UNSET
    addresses: Known[list[Address]] = UNSET
    type: Known[Ref | None] = UNSET
    industry: Known[Ref | None] = UNSET
    status: Known[Ref | None] = UNSET
    source: Known[Ref | None] = UNSET
    classification: Known[Ref | None] = UNSET
    rating: Known[Ref | None] = UNSET
    parent: Known[Ref | None] = UNSET
    owner: Known[Ref | None] = UNSET
    assigned_to: Known[Ref | None] = UNSET
    tags: Known[list[str]] = UNSET


class Contact(Record):
    name: Known[str] = UNSET
    salutation: Known[Ref | None] = UNSET
    given: Known[str] = UNSET
    family: Known[str] = UNSET
    second_family: Known[str] = UNSET
    suffix: Known[str] = UNSET
    job_title: Known[str] = UNSET
    department: Known[Ref | None] = UNSET
    position: Known[Ref | None] = UNSET
    company_name: Known[str] = UNSET
    account: Known[Ref | None] = UNSET
    emails: Known[list[Email]] = UNSET
    phones: Known[list[Phone]] = UNSET
    addresses: Known[list[Address]] = UNSET
    skype: Known[str] = UNSET
    linkedin: Known[str] = UNSET
    twitter: Known[str] = UNSET
    assistant: Known[Assistant | None] = UNSET
    origin: Known[Ref | None] = UNSET
    status: Known[Ref | None] = UNSET
    description: Known[str] = UNSET
    language: Known[str] = UNSET
    birthday: Known[date | None] = UNSET
    reports_to: Known[Ref | None] = UNSET
    can_call: Known[bool] = UNSET
    can_email: Known[bool] = UNSET
    owner: Known[Ref | None] = UNSET
    assigned_to: Known[Ref | None] = UNSET
    tags: Known[list[str]] = UNSET


class LineItem(Part):
    product: Known[Ref] = UNSET
    quantity: Known[int] = UNSET
    unit_price: Known[Decimal | None] = UNSET
    discount: Known[Decimal | None] = UNSET
    tax: Known[Decimal | None] = UNSET
    total: Known[Decimal | None] = UNSET


class OpportunityContact(Part):
    contact: Known[Ref] = UNSET
    role: Known[str] = UNSET


class Opportunity(Record):
    name: Known[str] = UNSET
    external_id: Known[str | None] = UNSET
    account: Known[Ref | None] = UNSET
    primary_contact: Known[Ref | None] = UNSET
    contacts: Known[list[OpportunityContact]] = UNSET
    group: Known[Ref | None] = UNSET
    campaign: Known[Ref | None] = UNSET
    owner: Known[Ref | None] = UNSET
    assigned_to: Known[Ref | None] = UNSET
    altered_by: Known[Ref | None] = UNSET
    amount: Known[Decimal | None] = UNSET
    currency: Known[str] = UNSET
    probability: Known[int | None] = UNSET
    close_date: Known[date | None] = UNSET
    expected_close: Known[date | None] = UNSET
    closed_at: Known[datetime | None] = UNSET
    stage: Known[Ref | None] = UNSET
    stage_system: Known[str] = UNSET
    forecast_system: Known[str] = UNSET
    forecast_category: Known[Ref | None] = UNSET
    type: Known[Ref | None] = UNSET
    source: Known[Ref | None] = UNSET
    prospect_type: Known[str] = UNSET
    operation: Known[str] = UNSET
    next_step: Known[str] = UNSET
    description: Known[str] = UNSET
    product_text: Known[str] = UNSET
    wants_products: Known[bool] = UNSET
    wants_tax: Known[bool] = UNSET
    active: Known[bool] = UNSET
    activity_index: Known[int | None] = UNSET
    relationship_index: Known[int | None] = UNSET
    lines: Known[list[LineItem]] = UNSET
    tags: Known[list[str]] = UNSET


class Product(Record):
    name: Known[str] = UNSET
    external_id: Known[str | None] = UNSET
    short_name: Known[str] = UNSET
    sku: Known[str] = UNSET
    description: Known[str] = UNSET
    price: Known[Decimal | None] = UNSET
    currency: Known[str] = UNSET
    category: Known[Ref | None] = UNSET
    measure: Known[Ref | None] = UNSET
    validity: Known[Ref | None] = UNSET
    discount: Known[Ref | None] = UNSET
    active: Known[bool] = UNSET
    taxes: Known[list[Ref]] = UNSET


class AboutSomething(Record):
    account: Known[Ref | None] = UNSET
    contact: Known[Ref | None] = UNSET
    group: Known[Ref | None] = UNSET
    opportunity: Known[Ref | None] = UNSET


class Activity(AboutSomething):
    kind: Known[str] = UNSET
    type: Known[str] = UNSET
    subject: Known[str] = UNSET
    details: Known[str] = UNSET
    start_on: Known[date | None] = UNSET
    start_at: Known[datetime | None] = UNSET
    end_on: Known[date | None] = UNSET
    end_at: Known[datetime | None] = UNSET
    later: Known[bool] = UNSET
    all_day: Known[bool] = UNSET
    colour: Known[str] = UNSET
    location: Known[str] = UNSET
    owner: Known[Ref | None] = UNSET
    assigned_by: Known[Ref | None] = UNSET
    completed_at: Known[datetime | None] = UNSET
    result: Known[str] = UNSET
    tags: Known[list[str]] = UNSET


class Note(AboutSomething):
    kind: Known[str] = UNSET
    type_code: Known[str] = UNSET
    title: Known[str] = UNSET
    body: Known[str] = UNSET
    private: Known[bool] = UNSET
    author: Known[Ref | None] = UNSET
    sender: Known[str] = UNSET
    recipients: Known[str] = UNSET
    happened_at: Known[datetime | None] = UNSET
    activity: Known[Ref | None] = UNSET


class Document(AboutSomething):
    name: Known[str] = UNSET
    size: Known[int | None] = UNSET
    author: Known[Ref | None] = UNSET
    content: Known[bytes | None] = UNSET


class Ticket(Record):
    title: Known[str] = UNSET
    description: Known[str] = UNSET
    account: Known[Ref | None] = UNSET
    contact: Known[Ref | None] = UNSET
    opportunity: Known[Ref | None] = UNSET
    owner: Known[Ref | None] = UNSET
    origin: Known[Ref | None] = UNSET
    case: Known[Ref | None] = UNSET
    priority: Known[Ref | None] = UNSET
    status: Known[Ref | None] = UNSET
    due: Known[date | None] = UNSET
    closed_at: Known[datetime | None] = UNSET
    tags: Known[list[str]] = UNSET


class Member(Part):
    account: Known[Ref | None] = UNSET
    contact: Known[Ref | None] = UNSET
    since: Known[date | None] = UNSET


class Campaign(Record):
    name: Known[str] = UNSET
    description: Known[str] = UNSET
    owner: Known[Ref | None] = UNSET
    status: Known[Ref | None] = UNSET
    members: Known[list[Member]] = UNSET


class Group(Record):
    name: Known[str] = UNSET
    description: Known[str] = UNSET
    owner: Known[Ref | None] = UNSET
    status: Known[Ref | None] = UNSET
    members: Known[list[Member]] = UNSET


class Tag(Record):
    name: Known[str] = UNSET


class Choice(Record):
    """An entry of a pick list; `list` names it (see `ChoiceList`)."""

    list: Known[str] = UNSET
    label: Known[str] = UNSET
    order: Known[int] = UNSET
    active: Known[bool] = UNSET
    status: Known[str] = UNSET
    probability: Known[int | None] = UNSET
    rate: Known[Decimal | None] = UNSET
    days: Known[int | None] = UNSET


class CustomField(Record):
    entity: Known[str] = UNSET
    slug: Known[str] = UNSET
    label: Known[str] = UNSET
    type: Known[str] = UNSET
    options: Known[list[str]] = UNSET
    required: Known[bool] = UNSET
    read_only: Known[bool] = UNSET
    order: Known[int] = UNSET


class Layout(Record):
    user: Known[Ref] = UNSET
    entity: Known[str] = UNSET
    name: Known[str] = UNSET
    fields: Known[list[str]] = UNSET


class Quota(Record):
    rep: Known[Ref | None] = UNSET
    team: Known[Ref | None] = UNSET
    month: Known[date] = UNSET
    amount: Known[Decimal] = UNSET
    currency: Known[str] = UNSET


class ExchangeRate(Record):
    month: Known[date] = UNSET
    currency: Known[str] = UNSET
    rate: Known[Decimal] = UNSET
