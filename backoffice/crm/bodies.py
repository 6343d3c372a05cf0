"""How the domain's records are written in the API."""

from typing import Any

from django.db import models

from backoffice import values
from backoffice.bodies import Body, reference_body, written_as
from backoffice.crm import records
from backoffice.crm.models import (
    Account,
    Campaign,
    Choice,
    Contact,
    Group,
    LineItem,
    Opportunity,
    OpportunityContact,
    Product,
    Rep,
    Team,
)

REFERENCES: dict[type[models.Model], Any] = {
    Rep: reference_body("Rep", email=values.Email),
    Account: reference_body("Account", external_id=values.Name),
    Contact: reference_body("Contact", email=values.Email),
    Product: reference_body("Product", external_id=values.Name),
    Campaign: reference_body("Campaign"),
    Group: reference_body("Group"),
    Team: reference_body("Team"),
}
# A vendor's own times, and what only a pull or an upload can know.
THEIRS = ("uid", "created_there", "changed_there", "archived_at", "altered_by", "stage_system", "forecast_system")


ACCOUNT_EXAMPLE = {
    "name": "Ferretería del Norte",
    "external_id": "A-1001",
    "website": "https://norte.example",
    "emails": [{"address": "compras@norte.example", "kind": "office"}],
    "owner": {"email": "ana@example.com"},
    "tags": ["key account"],
}
CONTACT_EXAMPLE = {
    "given": "Lucía",
    "family": "Méndez",
    "job_title": "Head of purchasing",
    "account": {"external_id": "A-1001"},
    "emails": [{"address": "lucia@norte.example"}],
    "phones": [{"number": "+52 81 5555 0100", "kind": "office", "extension": "12"}],
}
OPPORTUNITY_EXAMPLE = {
    "name": "Forklifts, second order",
    "external_id": "O-2040",
    "account": {"external_id": "A-1001"},
    "owner": {"email": "ana@example.com"},
    "amount": "125000.00",
    "currency": "MXN",
    "stage": "Negotiation",
    "probability": 60,
    "close_date": "2026-11-30",
}


@written_as(records.LineItem, LineItem, REFERENCES, required=("product",))
class LineBody(Body):
    """A line of an opportunity. Its total is taken as sent."""


@written_as(records.OpportunityContact, OpportunityContact, REFERENCES, required=("contact",))
class RoleBody(Body):
    """A contact's role in an opportunity."""


TAGS = {"tags": values.Name}
PARTS_OF_OPPORTUNITY = TAGS | {"lines": LineBody, "contacts": RoleBody}


@written_as(
    records.Account,
    Account,
    REFERENCES,
    required=("name",),
    skip=THEIRS,
    labels=Choice,
    parts=TAGS,
    example=ACCOUNT_EXAMPLE,
)
class NewAccount(Body):
    """An account to create."""


@written_as(
    records.Account,
    Account,
    REFERENCES,
    skip=THEIRS,
    labels=Choice,
    parts=TAGS,
    example={"billing_name": "Ferretería del Norte S.A. de C.V."},
)
class AccountChanges(Body):
    """What to change of an account."""


@written_as(records.Contact, Contact, REFERENCES, skip=THEIRS, labels=Choice, parts=TAGS, example=CONTACT_EXAMPLE)
class NewContact(Body):
    """A contact to create."""


@written_as(
    records.Contact, Contact, REFERENCES, skip=THEIRS, labels=Choice, parts=TAGS, example={"job_title": "Buyer"}
)
class ContactChanges(Body):
    """What to change of a contact."""


@written_as(
    records.Opportunity,
    Opportunity,
    REFERENCES,
    required=("name",),
    skip=THEIRS,
    labels=Choice,
    parts=PARTS_OF_OPPORTUNITY,
    example=OPPORTUNITY_EXAMPLE,
)
class NewOpportunity(Body):
    """An opportunity to create."""


@written_as(
    records.Opportunity,
    Opportunity,
    REFERENCES,
    skip=THEIRS,
    labels=Choice,
    parts=PARTS_OF_OPPORTUNITY,
    example={"stage": "Won", "probability": 100},
)
class OpportunityChanges(Body):
    """What to change of an opportunity."""
