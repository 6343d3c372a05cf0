"""Tactile CRM's protocol as its client sees it: a method per documented call, in the vendor's words.

Everything is answered with 200, errors too; `status` in the body tells. The token travels in the query string. An id
may stand in the path or in the query, a request is never redirected, and a page of HTML is no answer: it is the login.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from connectors.kit.codecs import Integer, shown
from connectors.kit.errors import (
    ConnectorError,
    Forbidden,
    Invalid,
    LoginFailed,
    Misconfigured,
    Missing,
    Unavailable,
    Uncertain,
    Unreadable,
)
from connectors.kit.mapping import Wire
from connectors.kit.transport import Request, Response, Transport

VENDOR = "Tactile CRM"
MOST_PER_PAGE = 100  # "Paging": more, and it answers 30
LOGIN_FORM = re.compile(r"type\s*=\s*[\"']?password", re.IGNORECASE)
NO_PERMISSION = re.compile(r"\bpermission\b|only edit your own", re.IGNORECASE)
FAILED_LOGIN = "failed to login"
NO_SUCH_ID = "invalid id specified"  # of view and timeline "id", of save and add_tag "ID"
HAS_TAG = "already has that tag"


class Listing(msgspec.Struct, frozen=True):
    """A page of a list. `at` is the vendor's time when it was asked for, or ours."""

    rows: Sequence[Wire]
    page: int
    pages: int
    total: int
    at: datetime


class Area:
    """What can be called of one of the vendor's kinds of objects: `/opportunities`, `/organisations` and so on."""

    def __init__(self, client: "Client", path: str, one: str, saved: str) -> None:
        self.client = client
        self.path = path
        self.one = one
        self.saved = saved

    def index(self, *, page: int = 1, limit: int = MOST_PER_PAGE, **filters: str) -> Listing:
        """GET /AREA. Filters: `created_before`, `created_after`, `updated_before`, `updated_after`; see `stamp`."""
        return self.listing("", page=page, limit=limit, **filters)

    def mine(self, *, page: int = 1) -> Listing:
        """GET /AREA/mine: assigned to the token's user."""
        return self.listing("/mine", page=page)

    def list_all(self) -> list[Wire]:
        """GET /AREA/list_all, of the later server: all there are, closed and archived ones too, in short."""
        return rows_of(self.client.get(f"{self.path}/list_all"), self.path)

    def view(self, id: str) -> Wire:
        """GET /AREA/view/ID. Raises Missing; archived ones are shown."""
        return object_of(self.client.get(f"{self.path}/view/{number(id)}", names_one=True), self.one)

    def timeline(self, id: str, *, page: int = 1) -> tuple[list[Wire], int]:
        """GET /AREA/timeline: entries, each an object of one key, its kind; and how many pages the later server has."""
        query = {"id": number(id), **({"page": page} if page > 1 else {})}
        answer = self.client.get(f"{self.path}/timeline", query, names_one=True)
        return rows_of(answer, "timeline"), count_of(answer, "num_pages", 1)

    def contact_methods(self, id: str) -> Wire:
        """GET /AREA/contact_methods, of organisations and people."""
        return self.client.get(f"{self.path}/contact_methods", {"id": number(id)}, names_one=True)

    def options(self) -> dict[str, dict[str, str]]:
        """GET /AREA/options: the lists, each with its entries by id, in the account's order."""
        options = object_of(self.client.get(f"{self.path}/options"), f"{self.one}_options")
        return {name: entries_of(given) for name, given in options.items()}

    def save(self, fields: Wire) -> int:
        """POST /AREA/save: a new one, or with an `id` in `fields` a change of that one; its id.

        A field left out keeps its value, null empties it. There is nothing by which a repeated creation would be known.
        """
        return self.client.save(f"{self.path}/save", self.saved, fields)

    def add_tag(self, id: str, tag: str) -> None:
        """GET /AREA/add_tag, which writes. Doing it again changes nothing; no call takes a tag off."""
        try:
            self.client.get(f"{self.path}/add_tag", {"id": number(id), "tag": tag}, names_one=True)
        except Invalid as error:
            if not any(HAS_TAG in message.lower() for message in error.messages):
                raise

    def listing(self, action: str, **query: Any) -> Listing:
        answer, response = self.client.answer(self.client.request("GET", f"{self.path}{action}", query))
        return Listing(
            rows_of(answer, self.path),
            count_of(answer, "cur_page", query.get("page", 1)),
            count_of(answer, "num_pages"),
            count_of(answer, "total"),
            asked_at(response),
        )


class Opportunities(Area):
    def recently_won(self, *, page: int = 1, **filters: str) -> Listing:
        """GET /opportunities/recently_won, of the later server: the last 60 days."""
        return self.listing("/recently_won", page=page, limit=MOST_PER_PAGE, **filters)

    def recently_lost(self, *, page: int = 1, **filters: str) -> Listing:
        """GET /opportunities/recently_lost, of the later server: the last 60 days."""
        return self.listing("/recently_lost", page=page, limit=MOST_PER_PAGE, **filters)


class Client:
    """May be used by several threads at once, as its transport may."""

    def __init__(self, transport: Transport, api_token: str) -> None:
        self._transport = transport
        self._api_token = api_token
        self.opportunities = Opportunities(self, "opportunities", "opportunity", "Opportunity")
        self.organisations = Area(self, "organisations", "organisation", "Organisation")
        self.people = Area(self, "people", "person", "Person")
        self.activities = Area(self, "activities", "activity", "Activity")

    def save_note(self, fields: Wire) -> int:
        """POST /notes/save. `title` and `note` are compulsory; with an `id` only the note's owner may."""
        return self.save("notes/save", "Note", fields)

    def preferences(self) -> Wire:
        """GET /preferences: whose token it is."""
        return self.get("preferences")

    def get(self, path: str, query: Mapping[str, Any] | None = None, *, names_one: bool = False) -> Wire:
        return self.answer(self.request("GET", path, query or {}), names_one=names_one)[0]

    def save(self, path: str, name: str, fields: Wire) -> int:
        is_change = bool(fields.get("id"))
        answer, response = self.answer(self.request("POST", path, {}, {name: fields}), repeatable=is_change)
        try:
            saved = Integer().decode(answer.get("id"))
        except ValueError:
            saved = None
        if saved is None:
            error = Unavailable if is_change else Uncertain
            raise error("It says that it was saved, and not as what.", **about(response))
        return saved

    def request(self, method: str, path: str, query: Mapping[str, Any], json: Any = None) -> Request:
        return Request(method, path, {"api_token": self._api_token, **query}, json=json)

    def answer(self, request: Request, *, repeatable: bool = True, names_one: bool = False) -> tuple[Wire, Response]:
        """The answer of a success. `names_one`: the request names one object, which then is what may be missing.

        An answer that says nothing: what was asked is asked once more, what was changed is to be sent again, and of
        what must not be repeated nobody knows whether it was done.
        """
        response = self._transport.send(request, repeatable=repeatable)
        try:
            return understood(response, names_one=names_one), response
        except (Unavailable, Unreadable, LoginFailed) as error:
            if not says_nothing(response, error):
                raise
            if not repeatable:
                raise Uncertain(f"Whether it was saved is unknown. {error}", **about(response)) from error
            if request.method != "GET":
                raise Unavailable(f"Whether it was saved is unknown. {error}", **about(response)) from error
            if not isinstance(error, Unreadable):
                raise
        response = self._transport.send(request, repeatable=repeatable)
        return understood(response, names_one=names_one), response


def says_nothing(response: Response, error: ConnectorError) -> bool:
    """Whether the answer leaves open what was done: not so the login page, nor a refusal to look at the request."""
    if isinstance(error, LoginFailed):
        return is_html(response) and response.status == 200 and not LOGIN_FORM.search(response.text)
    return response.status != 429


def understood(response: Response, *, names_one: bool = False) -> Wire:
    """What a success says; raises what anything else means."""
    check_status(response)
    if is_html(response):
        raise LoginFailed(
            "A page of HTML came instead of data: the API token is not accepted, or this is not the address of a "
            "Tactile CRM site.",
            **about(response),
        )
    answer = response.json()
    if not isinstance(answer, dict):
        raise Unreadable(f"The answer is no object but {shown(answer)}.", **about(response))
    if answer.get("status") == "success":
        return answer
    messages = messages_of(answer)
    if answer.get("status") != "error" and not messages:
        raise Unreadable("The answer says neither success nor error.", **about(response))
    raise refusal(messages, response, names_one=names_one)


def check_status(response: Response) -> None:
    """The server answers with 200 alone; what else comes is from what stands before it, or from a crash."""
    status = response.status
    if status == 429:
        wait = response.headers.get("retry-after", "")
        seconds = float(wait) if wait.isascii() and wait.isdigit() else None
        raise Unavailable("Too many requests.", retry_after_seconds=seconds, **about(response))
    if status >= 500:
        raise Unavailable(f"The server failed with status {status}.", **about(response))
    if 300 <= status < 400:
        place = response.headers.get("location", "another page")
        raise Misconfigured(
            f"Tactile CRM sends us to {place} instead of answering: the account is suspended, its terms are not "
            "accepted, or the address is not that of a site.",
            **about(response),
        )
    if status in {401, 403, 404}:
        raise LoginFailed(
            f"Status {status}: the API token is not accepted, or this is not the address of a Tactile CRM site.",
            **about(response),
        )
    if status >= 400 and response.content_type != "application/json":
        raise Invalid([f"Status {status}: {response.text[:200]}"], **about(response))


def refusal(messages: Sequence[str], response: Response, *, names_one: bool) -> ConnectorError:
    """Which error the vendor's words stand for."""
    said = " ".join(messages).lower()
    if FAILED_LOGIN in said:
        return LoginFailed(
            "Tactile CRM says “Failed to login”: the API token is wrong, its user is disabled, or API access is "
            "switched off in the account.",
            **about(response),
        )
    if NO_PERMISSION.search(said):
        return Forbidden(messages, **about(response))
    if names_one and NO_SUCH_ID in said:
        return Missing(messages, **about(response))
    return Invalid(messages, **about(response))


def messages_of(answer: Wire) -> list[str]:
    """Its errors: an array as documented, an object with keys on the later server; `errors` in the introduction.

    An object names the field (`opportunity_status_id`): told where the words alone wouldn't say what is meant.
    """
    given: Any = next((answer[key] for key in ("messages", "errors") if answer.get(key)), [])
    if isinstance(given, dict):
        return [with_field(str(key), str(text)) for key, text in given.items()]
    return [str(text) for text in given] if isinstance(given, list) else [str(given)]


def with_field(key: str, text: str) -> str:
    name = key.partition("_")[2]
    return f"{text} ({name})" if text.lower() == NO_SUCH_ID and name and not name.isdigit() else text


def rows_of(answer: Wire, name: str) -> list[Wire]:
    rows = answer.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable(f"The answer has no list of objects called {name}.", vendor=VENDOR)
    return rows


def object_of(answer: Wire, name: str) -> Wire:
    given = answer.get(name)
    if not isinstance(given, dict):
        raise Unreadable(f"The answer has no object called {name}.", vendor=VENDOR)
    return given


def entries_of(given: Any) -> dict[str, str]:
    """A list of options. PHP writes an empty one as `[]`, and one numbered from 0 on as an array."""
    if isinstance(given, list):
        given = dict(enumerate(given))
    if not isinstance(given, dict):
        raise Unreadable(f"Expected the entries of a list, not {shown(given)}.", vendor=VENDOR)
    return {str(id): str(label) for id, label in given.items()}


def count_of(answer: Wire, name: str, default: int | None = None) -> int:
    try:
        count = Integer().decode(answer.get(name, default))
    except ValueError:
        count = None
    if count is None:
        raise Unreadable(f"The answer has no number called {name}.", vendor=VENDOR)
    return count


def number(id: str) -> int:
    """An id as the vendor has them. One that is none names nothing there."""
    if not (id.isascii() and id.isdigit()):
        raise Missing([f"Tactile CRM's ids are numbers, not “{id}”."], vendor=VENDOR)
    return int(id)


def stamp(moment: datetime) -> str:
    """A time for a filter, in UTC with a Z: a `+` in a query would be read as a blank, and refused."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def is_html(response: Response) -> bool:
    return response.content_type == "text/html" or response.body.lstrip()[:1] == b"<"


def asked_at(response: Response) -> datetime:
    try:
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)


def about(response: Response) -> dict[str, Any]:
    return {"vendor": VENDOR, "status": response.status, "answer": response.text[:500]}
