"""How the domain's records read in the API.

A reference reads as an object with `id` and `name` (a rep's also `email`); an entry of a pick list flat, as its label
with the id beside it: `stage`, `stage_id`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from django.db import models

from backoffice.access.models import User
from backoffice.crm import records
from backoffice.crm.models import (
    Account,
    AccountTag,
    Campaign,
    Choice,
    Contact,
    ContactTag,
    Group,
    LineItem,
    Opportunity,
    OpportunityContact,
    OpportunityTag,
    Product,
    Rep,
    Status,
    Tag,
    Team,
)
from backoffice.schemas import ROW, Id, Member, Parts, Reading, Shown, members_of

NAME = Member("name", str, f"{ROW}.name")
FULL_NAME = rf"""CASE WHEN btrim({ROW}.name) <> '' THEN {ROW}.name
    ELSE btrim(regexp_replace({ROW}.given || ' ' || {ROW}.family || ' ' || {ROW}.second_family, '\s+', ' ', 'g')) END"""

SHOWN: dict[type[models.Model], Shown] = {
    shown.model: shown
    for shown in (
        Shown(Choice, label="label"),
        Shown(Rep, (NAME, Member("email", str | None, f"{ROW}.email"))),
        Shown(Contact, (Member("name", str, FULL_NAME),)),
        Shown(User, (Member("name", str, f"{ROW}.username"),)),
        *(Shown(model, (NAME,)) for model in (Account, Campaign, Group, Product, Team)),
    )
}
FIRST_OF_EACH = (
    Member("email", str | None, f"{ROW}.email", "The first of `emails`, in lower case."),
    Member("phone", str | None, f"{ROW}.phone", "The first of `phones`."),
)
TIMES = (
    Member("created_at", datetime, f"{ROW}.created_at", "When it came here."),
    Member("changed_at", datetime, f"{ROW}.changed_at", "When it last changed here."),
)


def reading(
    model: type[models.Model],
    struct: type[msgspec.Struct],
    *,
    begins: Sequence[str],
    extra: Sequence[Member] = (),
    parts: Sequence[Parts] = (),
) -> Reading:
    """How `model` reads: the members named in `begins`, then the record's other fields, then `extra` and our times.

    An extra member takes the place of the record's field of the same name.
    """
    fields = {member.name: member for member in members_of(struct, model, SHOWN)}
    members = {"id": Member("id", Id, f"{ROW}.id")} | fields | {member.name: member for member in (*extra, *TIMES)}
    return Reading(model, [members.pop(name) for name in ("id", "uid", *begins)] + list(members.values()), parts)


def tags(model: type[models.Model], parent: str) -> Parts:
    name = Member("name", str, f"(SELECT seen.name FROM {Tag._meta.db_table} AS seen WHERE seen.id = {ROW}.tag_id)")
    return Parts("tags", model, parent, [name], bare=True)


REP = reading(Rep, records.Rep, begins=("name", "email", "active"), extra=(NAME,))

ACCOUNT = reading(
    Account,
    records.Account,
    begins=("external_id", "name", "owner"),
    extra=FIRST_OF_EACH,
    parts=(tags(AccountTag, "account_id"),),
)

CONTACT = reading(
    Contact,
    records.Contact,
    begins=("name", "email", "phone", "account", "owner"),
    extra=(Member("name", str, FULL_NAME, "As given, or put together from its parts."), *FIRST_OF_EACH),
    parts=(tags(ContactTag, "contact_id"),),
)

STATUS = "COALESCE(stage_id_entry.status, 'open')"
LINES = Parts(
    "lines",
    LineItem,
    "opportunity_id",
    members_of(records.LineItem, LineItem, SHOWN, currency="record.currency"),
)
ROLES = Parts(
    "contacts", OpportunityContact, "opportunity_id", members_of(records.OpportunityContact, OpportunityContact, SHOWN)
)
StatusText: Any = Literal[tuple(Status.values)]

OPPORTUNITY = reading(
    Opportunity,
    records.Opportunity,
    begins=(
        *("external_id", "name", "amount", "currency", "status", "stage", "stage_id", "probability", "close_date"),
        *("account", "owner"),
    ),
    extra=(
        Member(
            "status", StatusText, STATUS, "What the stage means; without a stage: open.", SHOWN[Choice].join("stage_id")
        ),
    ),
    parts=(LINES, ROLES, tags(OpportunityTag, "opportunity_id")),
)
