"""Errors of the API as problem details (RFC 9457): every answer that is not a success has this one shape."""

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DomainError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, Throttled, ValidationError

CONTENT_TYPE = "application/problem+json"

logger = logging.getLogger(__name__)


class Problem(Exception):
    """Ends a request with a problem's answer. `errors` are pairs of a field and what is wrong with it."""

    def __init__(
        self,
        status: int,
        title: str = "",
        detail: str = "",
        *,
        type: str = "about:blank",
        errors: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        instance: str = "",
    ) -> None:
        super().__init__(status, title, detail)
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        self.detail = detail
        self.type = type
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.instance = instance

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"type": self.type, "title": self.title, "status": self.status}
        if self.detail:
            body["detail"] = self.detail
        if self.instance:
            body["instance"] = self.instance
        if self.errors:
            body["errors"] = [{"field": field, "message": message} for field, message in self.errors]
        return body


def unauthorized() -> Problem:
    """The one answer to whoever does not say who they are, whatever the reason."""
    return Problem(
        401,
        _("Who is asking?"),
        _("Send a valid API key as “Authorization: Bearer …”, or log in to the console."),
        headers={"WWW-Authenticate": "Bearer"},
    )


def forbidden(detail: str = "") -> Problem:
    return Problem(403, _("Not allowed"), detail)


def not_found() -> Problem:
    """Also for what is there, but not for the one who asks."""
    return Problem(404, _("Not found"), _("There is nothing at this address that you may see."))


def invalid(errors: Iterable[tuple[str, str]], detail: str = "") -> Problem:
    return Problem(422, _("Not valid"), detail or _("Correct the fields named in “errors”."), errors=errors)


def problem_response(problem: Problem) -> HttpResponse:
    return HttpResponse(
        json.dumps(problem.body, ensure_ascii=False),
        status=problem.status,
        content_type=CONTENT_TYPE,
        headers=problem.headers,
    )


def install_handlers(api: NinjaAPI) -> None:
    """Answer everything that goes wrong in the API's operations with a problem."""
    for error, translate in HANDLED.items():
        api.add_exception_handler(error, _handler(translate))


def _handler(translate: Callable[[Any], Problem]) -> Callable[[HttpRequest, Any], HttpResponse]:
    def answer(request: HttpRequest, error: Any) -> HttpResponse:
        return problem_response(translate(error))

    return answer


def _of_request(error: ValidationError) -> Problem:
    """What pydantic found wrong with path, query or body."""
    return invalid((_field(found["loc"]), found["msg"].removeprefix("Value error, ")) for found in error.errors)


def _field(location: Iterable[str | int]) -> str:
    """`amount`, `emails.0.address`: the caller's own words, without the names our functions give to a body."""
    first, *rest = [str(part) for part in location]
    if first in {"body", "form"} and len(rest) > 1:
        rest = rest[1:]
    return ".".join(rest) if rest else first


def _of_domain(error: DomainError) -> Problem:
    """What a model or rule refused."""
    if not hasattr(error, "error_dict"):
        return invalid((("", message) for message in error.messages), " ".join(error.messages))
    return invalid(
        ("" if field == NON_FIELD_ERRORS else field, message)
        for field, messages in error.message_dict.items()
        for message in messages
    )


def _of_http(error: HttpError) -> Problem:
    if error.status_code == 401:
        return unauthorized()
    wait = getattr(error, "wait", None) if isinstance(error, Throttled) else None
    return Problem(error.status_code, detail=error.message, headers={"Retry-After": str(wait)} if wait else {})


def _of_bug(error: Exception) -> Problem:
    """A person gets a number to mention; the log gets the trace beside it."""
    number = uuid.uuid4()
    logger.error("Error %s in the API.", number, exc_info=error)
    return Problem(
        500,
        _("Our fault"),
        _("Something broke on our side. It is in our log as {number}.").format(number=number),
        instance=f"urn:uuid:{number}",
    )


def _itself(problem: Problem) -> Problem:
    return problem


HANDLED: dict[type[Exception], Callable[[Any], Problem]] = {
    Problem: _itself,
    ValidationError: _of_request,
    DomainError: _of_domain,
    HttpError: _of_http,
    Http404: lambda _error: not_found(),
    PermissionDenied: lambda error: forbidden(str(error)),
    RequestDataTooBig: lambda _error: Problem(413, _("Too large"), _("The request is larger than we take.")),
    SuspiciousOperation: lambda _error: Problem(400, _("Not a request we understand")),
    Exception: _of_bug,
}


class ProblemMiddleware:
    """Gives the API's shape also to what never reaches an operation: unknown addresses, other methods."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or not request.path.startswith("/api/"):
            return response
        if response.headers.get("Content-Type", "").startswith(CONTENT_TYPE):
            return response
        if isinstance(response, HttpResponseNotAllowed):
            allowed = response.headers["Allow"]
            detail = _("This address knows {methods}.").format(methods=allowed)
            return problem_response(Problem(405, _("Not with this method"), detail, headers={"Allow": allowed}))
        return problem_response(not_found() if response.status_code == 404 else Problem(response.status_code))
