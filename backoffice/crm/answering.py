"""What the routers of the domain have in common: a list, a record, a write, each from request to response."""

from contextlib import AbstractContextManager
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse

from backoffice.access.api import api_key_of, require_right
from backoffice.access.models import User
from backoffice.bodies import Body
from backoffice.changes.acting import Door, acting
from backoffice.crm.filters import Filters
from backoffice.crm.models.base import Row
from backoffice.crm.writing import Gone, Rule, write
from backoffice.paging import page, refuse_unknown, sort_named
from backoffice.problems import not_found
from backoffice.schemas import Reading

JSON = "application/json"


def listed(request: HttpRequest, reading: Reading, filters: Filters) -> HttpResponse:
    """A page of what the caller may see, narrowed by what it asks for."""
    user = require_right(request, "view", reading.model)
    refuse_unknown(request, filters)
    rows = filters.narrow(reading.model._default_manager.visible_to(user))  # type: ignore[attr-defined]
    items, following = page(
        rows,
        reading.page,
        cursor=filters.cursor,
        limit=filters.limit,
        sort=sort_named(filters.sort, filters.sorts),
        bound_to=f"{request.path} {filters.asked()}",
    )
    body = f'{{"items":[{",".join(items)}],"next":{msgspec.json.encode(following).decode()}}}'
    return HttpResponse(body, content_type=JSON)


def shown(request: HttpRequest, reading: Reading, number: int, *, status: int = 200) -> HttpResponse:
    """A record with its parts."""
    user = require_right(request, "view", reading.model)
    rows: Any = reading.model._default_manager
    record = reading.record(rows.visible_to(user).filter(pk=number))
    if record is None:
        raise not_found()
    return HttpResponse(record, status=status, content_type=JSON)


def created(request: HttpRequest, reading: Reading, body: Body, *rules: Rule) -> HttpResponse:
    user = require_right(request, "add", reading.model)
    with _acting(request, user):
        number = write(_row(reading), body.sent(), by=user, rules=rules)
        response = shown(request, reading, number, status=201)
    response.headers["Location"] = f"{request.path.rstrip('/')}/{number}"
    return response


def changed(request: HttpRequest, reading: Reading, number: int, body: Body, *rules: Rule) -> HttpResponse:
    user = require_right(request, "change", reading.model)
    with _acting(request, user):
        try:
            write(_row(reading), body.sent(), by=user, number=number, rules=rules)
        except Gone:
            raise not_found() from None
        return shown(request, reading, number)


def _acting(request: HttpRequest, user: User) -> AbstractContextManager[None]:
    key = api_key_of(request)
    return acting(user, Door.API if key else Door.CONSOLE, api_key=key.pk if key else None)


def _row(reading: Reading) -> type[Row]:
    if not issubclass(reading.model, Row):
        raise TypeError(f"{reading.model} is not a table of the domain.")
    return reading.model
