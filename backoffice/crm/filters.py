"""What the API's lists can be narrowed and sorted by."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal
from uuid import UUID

from django.db.models import Q, QuerySet, Value

from backoffice import values
from backoffice.bodies import optional
from backoffice.crm.models import Choice, Rep, Status
from backoffice.crm.models.base import Fold
from backoffice.crm.searching import found_by
from backoffice.paging import PageQuery, Sort

type Narrowing = str | Callable[[Any], Q]
"""A lookup for the filter's value, or what makes a condition of it."""


class Filters(PageQuery):
    """The filters every list of the domain has. A subclass says for each of its own how it narrows."""

    narrowings: ClassVar[Mapping[str, Narrowing]] = {}
    sorts: ClassVar[Mapping[str, Sort]] = {}

    changed_since: values.Moment = optional("Changed here at or after this time.")
    archived: values.QueryYesNo = False
    sort: str = ""

    def narrow[R: QuerySet[Any]](self, rows: R) -> R:
        rows = rows.filter(archived_at__isnull=not self.archived)
        for name, how in self.every_narrowing().items():
            if name in self.model_fields_set:
                value = getattr(self, name)
                rows = rows.filter(how(value) if callable(how) else Q(**{how: value}))
        return rows

    @classmethod
    def every_narrowing(cls) -> Mapping[str, Narrowing]:
        return {"changed_since": "changed_at__gte", "q": found_by, **cls.narrowings}

    def asked(self) -> str:
        """What a cursor is bound to: all that decides which rows there are, but not how many are shown."""
        return self.model_dump_json(exclude={"limit", "cursor", "sort"}, include=self.model_fields_set)


def by_email_of_owner(email: str) -> Q:
    return Q(owner__in=Rep.objects.filter(email__iexact=email).values("id"))


def by_choice(field: str, list_name: str) -> Callable[[str], Q]:
    """By label, case and accents aside, or by id."""

    def narrow(wanted: str) -> Q:
        if wanted.isascii() and wanted.isdigit() and len(wanted) < len(str(values.LARGEST_ID)):
            return Q(**{f"{field}_id": int(wanted)})
        entries = Choice.objects.filter(list=list_name, label_key=Fold(Value(wanted)))
        return Q(**{f"{field}__in": entries.order_by().values("id")})

    return narrow


def by_status(status: str) -> Q:
    stages = Choice.objects.filter(list="stage", status=status).order_by().values("id")
    condition = Q(stage__in=stages)
    return condition | Q(stage__isnull=True) if status == Status.OPEN else condition


NAME, CHANGED, ID = Sort("name_key"), Sort("changed_at"), Sort("id")
Q_DESCRIPTION = "Words that are all to be found: parts of words of three letters or more, beginnings of shorter ones."


class RepFilters(Filters):
    q: values.QueryText = optional(Q_DESCRIPTION)
    email: values.QueryText = optional()
    username: values.QueryText = optional()
    active: values.QueryYesNo = optional()
    sort: Literal["name", "-name", "id", "-id"] = "name"

    sorts: ClassVar = {"name": NAME, "id": ID}
    narrowings: ClassVar = {"email": "email__iexact", "username": "username", "active": "active"}


class AccountFilters(Filters):
    q: values.QueryText = optional(Q_DESCRIPTION)
    external_id: values.QueryText = optional("The account ID.")
    email: values.QueryText = optional("The first email.")
    domain: values.QueryText = optional("The website's domain, such as example.com.")
    tax_id: values.QueryText = optional()
    owner: values.QueryId = optional("A rep's id.")
    owner_email: values.QueryText = optional()
    parent: values.QueryId = optional("An account's id.")
    type: values.QueryText = optional("Label or id.")
    industry: values.QueryText = optional("Label or id.")
    status: values.QueryText = optional("Label or id.")
    sort: Literal["name", "-name", "changed_at", "-changed_at", "id", "-id"] = "name"

    sorts: ClassVar = {"name": NAME, "changed_at": CHANGED, "id": ID}
    narrowings: ClassVar = {
        "external_id": "external_id",
        "email": lambda email: Q(email=email.lower()),
        "domain": lambda domain: Q(domain=domain.lower()),
        "tax_id": "tax_id",
        "owner": "owner_id",
        "owner_email": by_email_of_owner,
        "parent": "parent_id",
        "type": by_choice("type", "account_type"),
        "industry": by_choice("industry", "industry"),
        "status": by_choice("status", "account_status"),
    }


class ContactFilters(Filters):
    q: values.QueryText = optional(Q_DESCRIPTION)
    email: values.QueryText = optional("The first email.")
    account: values.QueryId = optional("An account's id.")
    account_external_id: values.QueryText = optional("An account ID.")
    owner: values.QueryId = optional("A rep's id.")
    owner_email: values.QueryText = optional()
    status: values.QueryText = optional("Label or id.")
    origin: values.QueryText = optional("Label or id.")
    sort: Literal["name", "-name", "changed_at", "-changed_at", "id", "-id"] = "name"

    sorts: ClassVar = {"name": NAME, "changed_at": CHANGED, "id": ID}
    narrowings: ClassVar = {
        "email": lambda email: Q(email=email.lower()),
        "account": "account_id",
        "account_external_id": "account__external_id",
        "owner": "owner_id",
        "owner_email": by_email_of_owner,
        "status": by_choice("status", "contact_status"),
        "origin": by_choice("origin", "origin"),
    }


class OpportunityFilters(Filters):
    q: values.QueryText = optional(Q_DESCRIPTION)
    external_id: values.QueryText = optional("The opportunity ID.")
    uid: UUID = optional()
    owner: values.QueryId = optional("A rep's id.")
    owner_email: values.QueryText = optional()
    account: values.QueryId = optional("An account's id.")
    account_external_id: values.QueryText = optional("An account ID.")
    stage: values.QueryText = optional("Label or id.")
    status: Literal["open", "pending", "won", "lost"] = optional()
    type: values.QueryText = optional("Label or id.")
    source: values.QueryText = optional("Label or id.")
    currency: values.QueryText = optional()
    amount_from: values.QueryAmount = optional("In whatever currency; say which with `currency`.")
    amount_until: values.QueryAmount = optional()
    close_date_from: values.Day = optional()
    close_date_until: values.Day = optional("Included.")
    sort: Literal[
        "changed_at", "-changed_at", "name", "-name", "amount", "-amount", "close_date", "-close_date", "id", "-id"
    ] = "-changed_at"

    sorts: ClassVar = {
        "changed_at": CHANGED,
        "name": NAME,
        "amount": Sort("amount", nullable=True),
        "close_date": Sort("close_date", nullable=True),
        "id": ID,
    }
    narrowings: ClassVar = {
        "external_id": "external_id",
        "uid": "uid",
        "owner": "owner_id",
        "owner_email": by_email_of_owner,
        "account": "account_id",
        "account_external_id": "account__external_id",
        "stage": by_choice("stage", "stage"),
        "status": by_status,
        "type": by_choice("type", "type"),
        "source": by_choice("source", "source"),
        "currency": "currency",
        "amount_from": "amount__gte",
        "amount_until": "amount__lte",
        "close_date_from": "close_date__gte",
        "close_date_until": "close_date__lte",
    }
