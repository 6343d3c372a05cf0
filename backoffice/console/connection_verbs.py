"""What one can have a connection do: test, pull, push, rest, go on, retire. Each a POST that leads back to its page."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from backoffice.changes.acting import Door, acting
from backoffice.console import connection_pages as pages
from backoffice.jobs.models import Job
from backoffice.sync import registering
from backoffice.sync.checking import check
from backoffice.sync.models import Connection, ConnectionState
from backoffice.sync.pulls.pulling import CannotPull, start_pull
from backoffice.sync.pushes.pushing import CannotPush, start_push


def test(request: HttpRequest, connection_id: int) -> HttpResponse:
    """One call to the vendor, and a plain answer. Not inside a transaction: the vendor may take its time."""
    connection = pages.own(request, connection_id)
    if request.method == "POST":
        found = check(connection)
        hints = format_html_join("", "<br>{}", ((hint,) for hint in found.hints))
        level = messages.SUCCESS if found.works else messages.ERROR
        messages.add_message(request, level, format_html("{}{}", found.text, hints))
    return _back(connection)


def pull(request: HttpRequest, connection_id: int) -> HttpResponse:
    """What has changed; with `full` everything."""
    is_full = bool(request.POST.get("full"))
    return _started(
        request,
        pages.own(request, connection_id),
        lambda connection, user: start_pull(connection, user, full=is_full),
        gettext("Everything is being pulled.") if is_full else gettext("The pull is on its way."),
    )


def push(request: HttpRequest, connection_id: int) -> HttpResponse:
    return _started(request, pages.own(request, connection_id), start_push, gettext("The push is on its way."))


def _started(
    request: HttpRequest, connection: Connection, start: Callable[[Connection, Any], Job], said: str
) -> HttpResponse:
    if request.method == "POST":
        try:
            start(connection, request.user)
        except (CannotPull, CannotPush) as refused:
            messages.warning(request, str(refused))
        else:
            messages.success(request, said)
    return _back(connection)


def pause(request: HttpRequest, connection_id: int) -> HttpResponse:
    said = gettext("Paused. Nothing is pulled or pushed; what changes here is kept, and sent when it goes on.")
    return _moved(request, pages.own(request, connection_id), ConnectionState.PAUSED, said)


def resume(request: HttpRequest, connection_id: int) -> HttpResponse:
    return _moved(request, pages.own(request, connection_id), ConnectionState.ACTIVE, gettext("It goes on."))


def retire(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    """Asks first, and says what it means."""
    connection = pages.own(request, connection_id)
    if request.method == "POST":
        said = gettext("Retired. Its records stay here.")
        return _moved(request, connection, ConnectionState.RETIRED, said)
    context |= {
        "title": gettext("Retire “%(name)s”?") % {"name": connection.name},
        "connection": connection,
        "original": connection,
        "page": pages.address(connection),
        "has_facade": connection.facade,
    }
    return TemplateResponse(request, "console/connections/retire.html", context)


def _moved(request: HttpRequest, connection: Connection, state: ConnectionState, said: str) -> HttpResponse:
    if request.method == "POST" and connection.state != state:
        try:
            with acting(request.user, Door.CONSOLE):  # type: ignore[arg-type]
                registering.change(connection, {"state": state})
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, said)
    return _back(connection)


def _back(connection: Connection) -> HttpResponse:
    return HttpResponseRedirect(pages.address(connection))
