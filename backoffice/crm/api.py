"""The domain over the JSON API: reps, accounts, contacts and opportunities."""

from django.http import HttpRequest, HttpResponse
from ninja import Body, Path, Query, Router

from backoffice.access.api import scope
from backoffice.access.idempotency import answers_once
from backoffice.crm.answering import changed, created, listed, shown
from backoffice.crm.bodies import (
    AccountChanges,
    ContactChanges,
    NewAccount,
    NewContact,
    NewOpportunity,
    OpportunityChanges,
)
from backoffice.crm.filters import AccountFilters, ContactFilters, OpportunityFilters, RepFilters
from backoffice.crm.models import Contact
from backoffice.crm.readings import ACCOUNT, CONTACT, OPPORTUNITY, REP
from backoffice.values import QueryId

router = Router()


@router.get("/reps", response=REP.page_schema, tags=["reps"], summary="List reps")
@scope("read")
def list_reps(request: HttpRequest, filters: Query[RepFilters]) -> HttpResponse:
    """The reps you may see, by name."""
    return listed(request, REP, filters)


@router.get("/reps/{number}", response=REP.record_schema, tags=["reps"], summary="Read a rep")
@scope("read")
def read_rep(request: HttpRequest, number: Path[QueryId]) -> HttpResponse:
    """A rep, if it is among those you may see."""
    return shown(request, REP, number)


@router.get("/accounts", response=ACCOUNT.page_schema, tags=["accounts"], summary="List accounts")
@scope("read")
def list_accounts(request: HttpRequest, filters: Query[AccountFilters]) -> HttpResponse:
    """The accounts you may see, by name; without their tags."""
    return listed(request, ACCOUNT, filters)


@router.get("/accounts/{number}", response=ACCOUNT.record_schema, tags=["accounts"], summary="Read an account")
@scope("read")
def read_account(request: HttpRequest, number: Path[QueryId]) -> HttpResponse:
    """An account with its tags."""
    return shown(request, ACCOUNT, number)


@router.post("/accounts", response={201: ACCOUNT.record_schema}, tags=["accounts"], summary="Create an account")
@answers_once
@scope("write")
def create_account(request: HttpRequest, account: Body[NewAccount]) -> HttpResponse:
    """A new account. Created by a rep without an owner, it is the rep's own."""
    return created(request, ACCOUNT, account)


@router.patch("/accounts/{number}", response=ACCOUNT.record_schema, tags=["accounts"], summary="Change an account")
@scope("write")
def change_account(request: HttpRequest, number: Path[QueryId], changes: Body[AccountChanges]) -> HttpResponse:
    """Sets the fields sent and leaves the others alone."""
    return changed(request, ACCOUNT, number, changes)


@router.get("/contacts", response=CONTACT.page_schema, tags=["contacts"], summary="List contacts")
@scope("read")
def list_contacts(request: HttpRequest, filters: Query[ContactFilters]) -> HttpResponse:
    """The contacts you may see, by name; without their tags."""
    return listed(request, CONTACT, filters)


@router.get("/contacts/{number}", response=CONTACT.record_schema, tags=["contacts"], summary="Read a contact")
@scope("read")
def read_contact(request: HttpRequest, number: Path[QueryId]) -> HttpResponse:
    """A contact with its tags."""
    return shown(request, CONTACT, number)


@router.post("/contacts", response={201: CONTACT.record_schema}, tags=["contacts"], summary="Create a contact")
@answers_once
@scope("write")
def create_contact(request: HttpRequest, contact: Body[NewContact]) -> HttpResponse:
    """A new contact, with a name or at least an email. Two contacts may have the same email."""
    return created(request, CONTACT, contact, Contact.clean)


@router.patch("/contacts/{number}", response=CONTACT.record_schema, tags=["contacts"], summary="Change a contact")
@scope("write")
def change_contact(request: HttpRequest, number: Path[QueryId], changes: Body[ContactChanges]) -> HttpResponse:
    """Sets the fields sent and leaves the others alone. A list sent takes the place of the one there is."""
    return changed(request, CONTACT, number, changes, Contact.clean)


@router.get("/opportunities", response=OPPORTUNITY.page_schema, tags=["opportunities"], summary="List opportunities")
@scope("read")
def list_opportunities(request: HttpRequest, filters: Query[OpportunityFilters]) -> HttpResponse:
    """The opportunities you may see, last changed first; without their lines, contacts and tags."""
    return listed(request, OPPORTUNITY, filters)


@router.get(
    "/opportunities/{number}",
    response=OPPORTUNITY.record_schema,
    tags=["opportunities"],
    summary="Read an opportunity",
)
@scope("read")
def read_opportunity(request: HttpRequest, number: Path[QueryId]) -> HttpResponse:
    """An opportunity with its lines, contacts and tags."""
    return shown(request, OPPORTUNITY, number)


@router.post(
    "/opportunities",
    response={201: OPPORTUNITY.record_schema},
    tags=["opportunities"],
    summary="Create an opportunity",
)
@answers_once
@scope("write")
def create_opportunity(request: HttpRequest, opportunity: Body[NewOpportunity]) -> HttpResponse:
    """A new opportunity. Created by a rep without an owner, it is the rep's own."""
    return created(request, OPPORTUNITY, opportunity)


@router.patch(
    "/opportunities/{number}",
    response=OPPORTUNITY.record_schema,
    tags=["opportunities"],
    summary="Change an opportunity",
)
@scope("write")
def change_opportunity(request: HttpRequest, number: Path[QueryId], changes: Body[OpportunityChanges]) -> HttpResponse:
    """Sets the fields sent and leaves the others alone. A list sent takes the place of the one there is."""
    return changed(request, OPPORTUNITY, number, changes)
