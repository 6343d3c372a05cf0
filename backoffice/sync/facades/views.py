"""The facades over HTTP, at `/facade/<connection>/…`: no session, no cookies, no CSRF token. See also `hosts`."""

from io import BytesIO
from typing import IO, Any, cast
from urllib.parse import parse_qsl
from uuid import uuid4

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from backoffice.sync.facades.door import FacadeDoor
from backoffice.sync.models import Connection
from connectors.kit import registry
from connectors.kit.facades import Call, Facade, TooLarge

logger = structlog.get_logger(__name__)


@csrf_exempt
def facade(request: HttpRequest, name: str, path: str = "") -> HttpResponse:
    """A facade at its address here. One that is switched off is not there."""
    connection = Connection.objects.filter(name=name, facade=True).first()
    return answer(request, connection, path) if connection else nothing_here()


def answer(request: HttpRequest, connection: Connection, path: str) -> HttpResponse:
    """What the vendor would answer, down to the bytes."""
    served = registry.facade(connection.vendor)
    if served is None:
        return nothing_here()
    try:
        with translation.override("en"):  # what the vendor has no words for is said in its language
            reply = served.answer(call_of(request, path, served), FacadeDoor(connection, request))
    except TooLarge:
        return plain(413, "The request is larger than we take.")
    except OSError:  # the caller hung up in the midst of the body
        return plain(400, "The request was cut off.")
    except Exception:
        number = uuid4()
        logger.exception("facade_broke", connection=connection.name, path=path, error_id=str(number))
        return plain(500, f"Something broke on our side. It is in our log as {number}.")
    return HttpResponse(reply.body, status=reply.status, content_type=reply.content_type, headers=dict(reply.headers))


def call_of(request: HttpRequest, path: str, served: Facade) -> Call:
    query: str = request.META.get("QUERY_STRING", "")
    return Call(
        method=request.method or "GET",
        path=path,
        query=parse_qsl(query.encode("latin-1", "replace").decode("utf-8", "replace"), keep_blank_values=True),
        headers={name.lower(): value for name, value in request.headers.items()},
        stream=stream_of(request),
        most_bytes=served.most_bytes,
    )


def stream_of(request: HttpRequest) -> IO[bytes]:
    """The body, read as it comes. Of one without a length Django sees nothing; our server ends it where it ends."""
    environ: dict[str, Any] = getattr(request, "environ", {})
    has_length = bool(request.META.get("CONTENT_LENGTH"))
    if not has_length and environ.get("wsgi.input_terminated"):
        return cast("IO[bytes]", environ["wsgi.input"])
    return cast("IO[bytes]", request) if has_length else BytesIO()


def nothing_here() -> HttpResponse:
    return plain(404, "There is nothing at this address.")


def plain(status: int, text: str) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
