"""The JSON API: the apps' routers under one roof, /api/v1, and its OpenAPI pages at /api/docs."""

from collections.abc import Callable
from functools import wraps
from typing import Any, override

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.views.generic import RedirectView
from ninja import NinjaAPI, Schema
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from backoffice.access.api import ApiAuth
from backoffice.crm.api import router as crm
from backoffice.crm.writing import Taken
from backoffice.imports.api import router as imports
from backoffice.imports.exports.api import router as exports
from backoffice.imports.undo.api import router as undos
from backoffice.jobs.api import router as jobs
from backoffice.problems import CONTENT_TYPE, Problem, install_handlers, problem_response
from backoffice.quotas.api import router as quotas
from backoffice.sync.api import router as connections

DESCRIPTION = """
Everything is JSON in UTF-8. Amounts are decimals as text beside their currency (ISO 4217), days `2026-11-30`, times in
UTC, references objects with an `id`; entries of pick lists read as their label, with the id beside it.

**Who asks.** Send an API key as `Authorization: Bearer bo_…` (`manage.py apikey create NAME --user LOGIN`), or use the
session of the console. You see what your login sees there; what you may not see does not exist (404).

**Lists** come in pages of at most `limit` (50; up to 500): `{"items": […], "next": cursor}`. Send `next` as `cursor`
with the same sort and filters for the following page; it is null on the last. Rows without a sort value come last.

**Writes** name their fields; what is not sent is left alone. Send an `Idempotency-Key` with a POST and you may repeat
it: it is done once, and answered again for a day.

**Errors** are problem details (RFC 9457); `errors` names the fields.
"""
TAGS = {
    "opportunities": "What may be sold, with its lines, the people in it and its tags.",
    "accounts": "The companies we sell to.",
    "contacts": "The people at the accounts.",
    "reps": "Those who sell. Kept by uploads and in the console.",
    "quotas": "What a rep or a team is to sell in a month.",
    "imports": "Uploads: files of opportunities, and what became of each row.",
    "exports": "Lists as files: CSV or XLSX.",
    "connections": "Vendors we pull from and push to, and what both sides changed.",
    "jobs": "Background work: state, progress, log, outcome.",
}
PROBLEMS = {
    400: "Not a request we understand: no JSON, or cut off.",
    401: "No valid API key, and no session.",
    403: "The login's role, or the key's scopes, do not allow this.",
    404: "Not there, or not for you to see.",
    409: "Against another row, or against the state of things.",
    413: "Larger than we take.",
    422: "Something in the request is not valid; see `errors`.",
    500: "Our fault; the problem's `instance` is the number to mention.",
}
WRITES_ALONE = {409, 413}


class FieldProblem(Schema):
    field: str
    message: str


class ProblemDetails(Schema):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: list[FieldProblem] = []


class StrictParser(Parser):
    """JSON as RFC 8259 has it: no NaN, no lone surrogates, UTF-8."""

    @override
    def parse_body(self, request: HttpRequest) -> Any:
        return orjson.loads(request.body)


class BackOfficeAPI(NinjaAPI):
    @override
    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(*args, **kwargs)
        schema["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
        components = schema["components"]
        components["schemas"]["ProblemDetails"] = ProblemDetails.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        components["schemas"].update(components["schemas"]["ProblemDetails"].pop("$defs"))
        components["responses"] = {f"Problem{status}": _problem(text) for status, text in PROBLEMS.items()}
        components["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "An API key: bo_…"},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "The console's session; writes also need its CSRF token in X-CSRFToken.",
            },
        }
        for methods in schema["paths"].values():
            for method, operation in methods.items():
                _complete(method, operation)
        return schema


def _problem(description: str) -> dict[str, Any]:
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {"description": description, "content": content}


def _complete(method: str, operation: dict[str, Any]) -> None:
    """What holds for every operation, said once: who may ask, how it fails, how it is repeated."""
    operation["security"] = [{"key": []}, {"session": []}]
    for status in PROBLEMS:
        if status in WRITES_ALONE and method == "get":
            continue
        operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
    if method == "post":
        operation["parameters"] = [*operation.get("parameters", []), IDEMPOTENCY_KEY]
    if 201 in operation["responses"]:
        operation["responses"][201]["headers"] = {
            "Location": {"description": "The new record's address.", "schema": {"type": "string"}}
        }


IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "Of your choice, for repeats that are done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[!-~]+$"},
}

api = BackOfficeAPI(
    title="Back office",
    version="1",
    description=DESCRIPTION,
    auth=ApiAuth(),
    parser=StrictParser(),
    openapi_url="/openapi.json",
    docs_url=None,
    urls_namespace="api",
)
for router in (crm, quotas, imports, undos, exports, connections, jobs):
    api.add_router("", router)
install_handlers(api)


@api.exception_handler(Taken)
def taken(request: HttpRequest, error: Taken) -> HttpResponse:
    errors = [(field, message) for field, messages in error.message_dict.items() for message in messages]
    return problem_response(Problem(409, errors[0][1], errors=errors))


def docs(request: HttpRequest) -> HttpResponse:
    """Swagger's page, from files of our own."""
    settings = {"url": reverse("api:openapi-json"), "layout": "BaseLayout", "deepLinking": True}
    context = {"api": api, "swagger_settings": orjson.dumps(settings).decode(), "add_csrf": True}
    return render(request, "ninja/swagger.html", context)


def _polite(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answers HEAD like GET without the body, and OPTIONS with what the address knows."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = request.method
        if asked == "HEAD":
            request.method = "GET"
        response = view(request, *args, **kwargs)
        if asked == "HEAD":
            request.method = "HEAD"
        if isinstance(response, HttpResponseNotAllowed):
            known = set(filter(None, response.headers["Allow"].split(", "))) | {"OPTIONS"}
            allowed = sorted(known | {"HEAD"} if "GET" in known else known)
            if asked == "OPTIONS":
                return HttpResponse(status=204, headers={"Allow": ", ".join(allowed)})
            return HttpResponseNotAllowed(allowed)
        return response

    return answer


def _patterns() -> tuple[list[URLPattern], str, str]:
    found: tuple[list[Any], str, str] = api.urls
    patterns, app, namespace = found
    wrapped = [URLPattern(one.pattern, _polite(one.callback), one.default_args, one.name) for one in patterns]
    return wrapped, app, namespace


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="api-docs")),
    path("docs", docs, name="api-docs"),
    path("v1/", _patterns()),
]
