"""Quotas over the JSON API."""

from typing import ClassVar, Literal

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from ninja import Body, Path, Query, Router

from backoffice import values
from backoffice.access.api import scope
from backoffice.access.idempotency import answers_once
from backoffice.bodies import Body as WrittenBody
from backoffice.bodies import optional, written_as
from backoffice.crm import records
from backoffice.crm.answering import changed, created, listed, shown
from backoffice.crm.bodies import REFERENCES, THEIRS
from backoffice.crm.filters import CHANGED, ID, Filters
from backoffice.crm.models import Rep
from backoffice.crm.readings import reading
from backoffice.paging import Sort
from backoffice.quotas.models import Quota
from backoffice.values import QueryId

router = Router(tags=["quotas"])

QUOTA = reading(Quota, records.Quota, begins=("rep", "team", "month", "amount", "currency"))
EXAMPLE = {"rep": {"email": "ana@example.com"}, "month": "2026-11", "amount": "250000.00", "currency": "MXN"}


@written_as(records.Quota, Quota, REFERENCES, required=("month", "amount", "currency"), skip=THEIRS, example=EXAMPLE)
class NewQuota(WrittenBody):
    """A quota to create, of a rep or of a team."""


@written_as(records.Quota, Quota, REFERENCES, skip=THEIRS, example={"amount": "300000.00"})
class QuotaChanges(WrittenBody):
    """What to change of a quota."""


class QuotaFilters(Filters):
    rep: values.QueryId = optional("A rep's id.")
    rep_email: values.QueryText = optional()
    team: values.QueryId = optional("A team's id.")
    month: values.Month = optional("A month, or any day of it.")
    month_from: values.Month = optional()
    month_until: values.Month = optional("Included.")
    currency: values.QueryText = optional()
    sort: Literal["month", "-month", "changed_at", "-changed_at", "id", "-id"] = "-month"

    sorts: ClassVar = {"month": Sort("month"), "changed_at": CHANGED, "id": ID}
    narrowings: ClassVar = {
        "rep": "rep_id",
        "rep_email": lambda email: Q(rep__in=Rep.objects.filter(email__iexact=email).values("id")),
        "team": "team_id",
        "month": "month",
        "month_from": "month__gte",
        "month_until": "month__lte",
        "currency": "currency",
    }


@router.get("/quotas", response=QUOTA.page_schema, summary="List quotas")
@scope("read")
def list_quotas(request: HttpRequest, filters: Query[QuotaFilters]) -> HttpResponse:
    """The quotas you may see, latest month first."""
    return listed(request, QUOTA, filters)


@router.get("/quotas/{number}", response=QUOTA.record_schema, summary="Read a quota")
@scope("read")
def read_quota(request: HttpRequest, number: Path[QueryId]) -> HttpResponse:
    """The quota of a rep or a team for a month."""
    return shown(request, QUOTA, number)


@router.post("/quotas", response={201: QUOTA.record_schema}, summary="Create a quota")
@answers_once
@scope("write")
def create_quota(request: HttpRequest, quota: Body[NewQuota]) -> HttpResponse:
    """What a rep, or a team, is to sell in a month: one quota each and month."""
    return created(request, QUOTA, quota)


@router.patch("/quotas/{number}", response=QUOTA.record_schema, summary="Change a quota")
@scope("write")
def change_quota(request: HttpRequest, number: Path[QueryId], changes: Body[QuotaChanges]) -> HttpResponse:
    """Sets the fields sent and leaves the others alone. Every change leaves a revision."""
    return changed(request, QUOTA, number, changes)
