"""The pages for what is not there, not allowed or broken: in words, with an id to ask about, never a trace."""

import sys
from typing import Any
from uuid import uuid4

import structlog
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.translation import gettext
from unfold.settings import get_config

log = structlog.get_logger(__name__)

HOME = "/admin/"


class NotThere(Http404):
    """Its text is a sentence for whoever asks, true whether there is nothing or only nothing for them."""


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        404,
        gettext("Not found"),
        str(exception)
        if isinstance(exception, NotThere)
        else gettext("There is nothing at this address, or nothing that you may see."),
    )


def no_content() -> HttpResponse:
    return _page(
        404,
        gettext("No content"),
        gettext("We know of this document, but its content is not kept here."),
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        403,
        gettext("Not allowed"),
        gettext("Your role doesn't open this page. An administrator can change that."),
        _logged("refused", request),
    )


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token doesn't fit the session: a login in another window, or cookies that were cleared."""
    return _page(
        403,
        gettext("This page has grown old"),
        gettext("You have logged in or out since it was opened. Go back, reload it, and send it again."),
    )


def broken(request: HttpRequest) -> HttpResponse:
    return _page(
        500,
        gettext("This didn't work"),
        gettext("The fault is ours, and it has been written down. Nothing was saved."),
        _logged("broken", request, exc_info=sys.exc_info()),
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        400,
        gettext("We could not read that"),
        gettext("The request was incomplete or not in order. Go back and try again."),
        _logged("unreadable", request),
    )


def locked_out(request: HttpRequest, response: Any = None, credentials: Any = None, *args: Any) -> HttpResponse:
    return _page(
        429,
        gettext("Too many attempts"),
        gettext(
            "The password was wrong too often. Wait a quarter of an hour, then try again, or ask an administrator "
            "to set a new one."
        ),
    )


def _logged(event: str, request: HttpRequest, **details: Any) -> str:
    error_id = uuid4().hex[:12]
    log.error(event, error_id=error_id, path=request.path, **details)
    return error_id


def _page(status: int, title: str, explanation: str, error_id: str = "") -> HttpResponse:
    """Drawn without asking the database or the session: either may be what is broken."""
    context = {
        "status": status,
        "title": title,
        "explanation": explanation,
        "id": error_id,
        "home": HOME,
        "styles": [static("console/console.css")],
        "colors": get_config("UNFOLD")["COLORS"],
    }
    return HttpResponse(render_to_string("console/trouble.html", context), status=status)
