"""A small API of the tests' own: who asks, one thing to make, and everything that can go wrong."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.urls import path
from ninja import File, NinjaAPI, Schema, UploadedFile
from ninja.errors import HttpError
from ninja.responses import Status

from backoffice.access.api import ApiAuth, require_right, scope
from backoffice.access.idempotency import answers_once
from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Region
from backoffice.problems import Problem, install_handlers

api = NinjaAPI(urls_namespace="tests-of-access", auth=ApiAuth(), docs_url=None, openapi_url=None)
install_handlers(api)


class RegionIn(Schema):
    name: str
    number: int = 0


@api.get("/who")
def who(request, limit: int = 1):
    return {"user": request.auth.username, "key": request.api_key.name if request.api_key else None}


@api.post("/who")
@scope("write")
def change(request):
    return who(request)


@api.delete("/accounts")
def delete_accounts(request):
    require_right(request, "delete", Account)
    return {}


@api.post("/regions", response={201: dict})
@answers_once
def create_region(request, region: RegionIn):
    if region.number < 0:
        raise Problem(422, "No", errors=[("number", "Not below zero.")])
    with acting(request.auth, Door.API):
        made = Region.objects.create(name=region.name)
    return Status(201, {"id": made.pk})


@api.post("/files")
@answers_once
def receive(request, file: File[UploadedFile], kind: str = ""):
    return {"read": file.read().decode()}


ERRORS = {
    "problem": Problem(409, "Busy", "Someone else is at it.", errors=[("name", "Taken.")]),
    "missing": Http404("secret words"),
    "refused": PermissionDenied("Not yours."),
    "domain": ValidationError({"amount": ["An amount needs its currency."]}),
    "plain": ValidationError("All wrong."),
    "http": HttpError(415, "Not that."),
    "bug": RuntimeError("the password is hunter2"),
}


@api.get("/errors/{name}", auth=None)
def fail(request, name: str):
    raise ERRORS[name]


urlpatterns = [path("api/", api.urls)]
