"""Acme, a vendor of the tests' own: accounts, contacts and opportunities, in a world that stands in this process.

    world.add("opportunity", name="Chairs", account_id=world.add("account", name="Globex"))
    world.fails(Unavailable("down"), at=3)                     the third call from now raises
    world.fails(Uncertain("cut"), on="POST", after=True)       the next POST is done, its answer lost

`world.requests` is what was asked for, `world.calls("POST")` those of a method.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from backoffice.crm.records import Account, Contact, Email, Opportunity
from connectors.kit.codecs import Amount, Day, Integer, Moment
from connectors.kit.contract import (
    Capability,
    Connector,
    Health,
    Item,
    Meaning,
    Page,
    Receipt,
    Stream,
    VendorEntry,
    VendorList,
)
from connectors.kit.errors import Invalid, LoginFailed, Missing, Unreadable
from connectors.kit.facades import Facade, Reply
from connectors.kit.mapping import Access, Entry, Field, MainAddress, Mapping, Numbers, Reference, Shape, Words
from connectors.kit.settings import Kind, Setting
from connectors.kit.store import Query
from connectors.kit.transport import Request, Response

TOKEN = "acme-secret-token"
BEGAN = datetime(2026, 11, 2, 8, tzinfo=UTC)
READ_ONLY = Access.READ_ONLY


def times():
    return (
        Field("created", "created_there", Moment(), access=READ_ONLY),
        Field("changed", "changed_there", Moment(), access=READ_ONLY),
        Field("archived", "archived_at", Moment()),
    )


ACCOUNT = Mapping(
    "account",
    Account,
    Field("name", "name", required=True),
    Field("website", "website"),
    Field("tax_id", "tax_id"),
    Field("description", "description"),
    Numbers("phones", {"phone": "office", "fax": "fax"}),
    MainAddress("addresses", {"street": "street1", "city": "city"}),
    Entry("industry", "industry", "industries", written="industry_id"),
    Entry("owner", "owner", "users"),
    Words("tags", "tags", missing_is_empty=True),
    *times(),
)
CONTACT = Mapping(
    "contact",
    Contact,
    Field("name", "name", required=True),
    Field("given", "given"),
    Field("family", "family"),
    Field("job_title", "job_title"),
    Reference("account_id", "account", "account", label="account", id=Integer()),
    Numbers("emails", {"email": ""}, struct=Email),
    Numbers("phones", {"phone": "office", "mobile": "mobile"}),
    Entry("owner", "owner", "users"),
    *times(),
)
OPPORTUNITY = Mapping(
    "opportunity",
    Opportunity,
    Field("name", "name", required=True),
    Reference("account_id", "account", "account", label="account", id=Integer()),
    Reference("contact_id", "primary_contact", "contact", label="contact", id=Integer()),
    Field("amount", "amount", Amount()),
    Field("probability", "probability", Integer()),
    Field("close_date", "close_date", Day()),
    Entry("status", "stage", "statuses", written="status_id"),
    Entry("owner", "owner", "users"),
    Field("description", "description"),
    Field("forecast", "forecast_system", access=READ_ONLY),
    Words("tags", "tags", missing_is_empty=True),
    *times(),
)
MAPPINGS = {mapping.kind: mapping for mapping in (ACCOUNT, CONTACT, OPPORTUNITY)}
PATHS = {"accounts": "account", "contacts": "contact", "opportunities": "opportunity"}
PATH_OF = {kind: path for path, kind in PATHS.items()}
ENTRIES = (
    VendorEntry("statuses", "1", "Prospecting", {"status": "open"}),
    VendorEntry("statuses", "2", "Negotiation", {"status": "open"}),
    VendorEntry("statuses", "3", "Won", {"status": "won"}),
    VendorEntry("statuses", "4", "Lost", {"status": "lost"}),
    VendorEntry("industries", "1", "Furniture"),
    VendorEntry("users", "ren", "Ren Test", {"email": "ren@example.com"}),
    VendorEntry("users", "nobody", "Nobody Here", {"email": "nobody@example.com"}),
)


class World:
    """Acme's side: its records as they stand on the wire, and what is to go wrong."""

    def __init__(self) -> None:
        self.records: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in MAPPINGS}
        self.order: dict[tuple[str, int], int] = {}  # at which step it was last changed
        self.entries = list(ENTRIES)
        self.requests: list[Request] = []
        self.page_size = 3
        self.token = TOKEN
        self.unlisted: set[tuple[str, int]] = set()  # shown singly, but in no list
        self.without_lists: set[str] = set()  # kinds that are known by being mentioned only
        self.step = 0
        self._last_id = 100
        self._faults: list[dict[str, Any]] = []

    @property
    def now(self) -> datetime:
        return BEGAN + timedelta(minutes=self.step)

    # What people do there.

    def add(self, kind: str, **wire: Any) -> int:
        self._last_id += 1
        self._touch(kind, self._last_id)
        stamps = {"created": self.now.isoformat(), "changed": self.now.isoformat()}
        self.records[kind][self._last_id] = {"id": self._last_id, **stamps, **self._read(kind, wire)}
        return self._last_id

    def change(self, kind: str, id: int, **wire: Any) -> None:
        self._touch(kind, id)
        self.records[kind][id] |= self._read(kind, wire) | {"changed": self.now.isoformat()}

    def remove(self, kind: str, id: int) -> None:
        self.step += 1
        del self.records[kind][id]

    def wire(self, kind: str, id: int) -> dict[str, Any]:
        """As it is read: the names of what it refers to beside their ids."""
        wire = dict(self.records[kind][id])
        for key, target in (("account", "account"), ("contact", "contact")):
            if f"{key}_id" in wire:
                wire[key] = self.records[target].get(wire[f"{key}_id"], {}).get("name")
        return wire

    # What goes wrong.

    def fails(self, error: Exception, *, at: int = 1, on: str = "", after: bool = False, times: int = 1) -> None:
        """Raise `error` at the `at`th call from now whose "METHOD path" begins with `on`; `after` it was done."""
        self._faults.append({"error": error, "at": at, "on": on, "after": after, "times": times})

    def calls(self, on: str = "") -> list[Request]:
        return [request for request in self.requests if f"{request.method} {request.path}".startswith(on)]

    # A transport.

    def send(self, request: Request, *, repeatable: bool) -> Response:
        self.requests.append(request)
        due = self._due(f"{request.method} {request.path}")
        if due and not due["after"]:
            raise due["error"]
        response = self._answer(request)
        if due:
            raise due["error"]
        return response

    def _due(self, call: str) -> dict[str, Any] | None:
        for fault in self._faults:
            if not call.startswith(fault["on"]) or not fault["times"]:
                continue
            fault["at"] -= 1
            if fault["at"] <= 0:
                fault["times"] -= 1
                return fault
        return None

    def _answer(self, request: Request) -> Response:
        if request.headers.get("Authorization") != self.token:
            return _response(401, {"error": "Who are you?"})
        match request.method, *request.path.split("/"):
            case "GET", "me":
                return _response(200, {"user": "ren"})
            case "GET", "lists":
                return _response(200, [{"list": e.list, "id": e.id, "label": e.label} | e.extras for e in self.entries])
            case "GET", path:
                return _response(200, self._list(PATHS[path], dict(request.query)))
            case "POST", path:
                return self._saved(PATHS[path], None, request.json)
            case method, path, id:
                return self._one(method, PATHS[path], int(id), request.json)
        raise AssertionError(request)

    def _one(self, method: str, kind: str, id: int, wire: Any) -> Response:
        if method == "DELETE":
            self.records[kind].pop(id, None)
            return _response(200, {})
        if id not in self.records[kind]:
            return _response(404, {"error": f"There is no {kind} {id}."})
        return self._saved(kind, id, wire) if method == "PATCH" else _response(200, self.wire(kind, id))

    def _saved(self, kind: str, id: int | None, wire: dict[str, Any]) -> Response:
        if (id is None or "name" in wire) and not wire.get("name"):
            return _response(422, {"error": "name is required"})
        if id is None:
            id = self.add(kind, **wire)
        else:
            self.change(kind, id, **wire)
        return _response(200, {"id": id, "item": self.wire(kind, id)})

    def _list(self, kind: str, query: dict[str, Any]) -> dict[str, Any]:
        since, after = int(query.get("since", 0)), int(query.get("after", 0))
        wanted = [
            id for id in sorted(self.records[kind]) if (kind, id) not in self.unlisted and self.order[kind, id] > since
        ]
        found = [id for id in wanted if id > after][: self.page_size]
        return {
            "items": [self.wire(kind, id) for id in found],
            "total": len(wanted),
            "step": self.step,
            "more": bool(found) and any(id > found[-1] for id in wanted),
        }

    def _read(self, kind: str, wire: dict[str, Any]) -> dict[str, Any]:
        """What was written, as it is read."""
        wire = dict(wire)
        for part in MAPPINGS[kind].parts:
            if isinstance(part, Entry) and part.written and part.written in wire:
                id = wire.pop(part.written)
                wire[part.key] = next((e.label for e in self.entries if e.list == part.list and e.id == id), None)
        return wire

    def _touch(self, kind: str, id: int) -> None:
        self.step += 1
        self.order[kind, id] = self.step


def _response(status: int, answer: Any) -> Response:
    return Response(status, {"content-type": "application/json"}, orjson.dumps(answer))


WORLDS: dict[str, World] = {}  # by the address of the connection


class Rows(Stream):
    """The records of one kind, by their ids; what they mention stands before them where there is no list of it."""

    is_incremental = True

    def __init__(self, acme: "Acme", kind: str) -> None:
        self.acme, self.kind = acme, kind
        self.name = PATH_OF[kind]  # type: ignore[misc]
        self.kinds = (kind, *sorted(acme.without_lists)) if kind == "opportunity" else (kind,)  # type: ignore[misc]

    def pages(self, state: dict[str, Any], *, full: bool) -> Iterator[Page]:
        if "after" not in state:
            state = {"since": 0 if full else state.get("since", 0), "after": 0}
        while True:
            answer = self.acme.get(self.name, since=state["since"], after=state["after"])
            until = state.get("until", answer["step"])
            items = [item for wire in answer["items"] for item in (*self._stubs(wire), self.acme.item(self.kind, wire))]
            last = not answer["more"]
            after = answer["items"][-1]["id"] if answer["items"] else state["after"]
            state = {"since": until} if last else state | {"after": after, "until": until}
            yield Page(items, state, total=answer["total"], is_last=last)
            if last:
                return

    def _stubs(self, wire: dict[str, Any]) -> Iterator[Item]:
        for kind in sorted(self.acme.without_lists):
            if id := wire.get(f"{kind}_id"):
                yield Item(kind, str(id), {"id": id, "name": wire[kind]}, MAPPINGS[kind], is_stub=True)


class Acme(Connector):
    vendor = "acme"
    label = "Acme CRM"
    settings = (Setting("threads", "Threads", Kind.NUMBER, default=1, least=1, most=6),)
    secrets = (Setting("token", "Token", required=True),)
    lists = (
        VendorList("statuses", Meaning.CHOICE, "stage"),
        VendorList("industries", Meaning.CHOICE, "industry"),
        VendorList("users", Meaning.REP, label="Users"),
    )
    capabilities = {
        kind: Capability(mapping, create=True, update=True, delete=True, find=True, view=True)
        for kind, mapping in MAPPINGS.items()
    }
    quiet_seconds = 30

    def __init__(self, site) -> None:
        super().__init__(site)
        # Over HTTP to the world at the connection's address; a preview brings a transport of its own.
        is_http = type(site.transport).__name__ == "HttpTransport" or site.transport is None
        self.transport = WORLDS[site.base_url] if is_http else site.transport
        self.without_lists = WORLDS[site.base_url].without_lists if site.base_url in WORLDS else set()

    def test(self) -> Health:
        return Health(f"Acme takes us for {self.get('me')['user']}.")

    def entries(self):
        return [
            VendorEntry(each.pop("list"), each.pop("id"), each.pop("label"), each)
            for each in map(dict, self.get("lists"))
        ]

    def streams(self):
        return [Rows(self, kind) for kind in MAPPINGS if kind not in self.without_lists]

    def view(self, kind, id):
        try:
            return self.item(kind, self.get(f"{PATH_OF[kind]}/{id}"))
        except Missing:
            return None

    def create(self, kind, record):
        return self._receipt(self._send("POST", PATH_OF[kind], MAPPINGS[kind].encode(record, Shape.WRITE)))

    def update(self, kind, id, record, changed):
        wire = MAPPINGS[kind].encode(record, Shape.WRITE, changed & MAPPINGS[kind].takes)
        return self._receipt(self._send("PATCH", f"{PATH_OF[kind]}/{id}", wire))

    def delete(self, kind, id):
        self._send("DELETE", f"{PATH_OF[kind]}/{id}")

    def find(self, kind, record, since):
        found = self.get(PATH_OF[kind], since=0, after=0)["items"]
        return [
            self.item(kind, wire)
            for wire in found
            if wire["name"] == record.name and Moment().decode(wire["created"]) >= since.replace(microsecond=0)
        ]

    def get(self, path: str, **query: Any) -> Any:
        return self._send("GET", path, **query)

    def item(self, kind: str, wire: dict[str, Any]) -> Item:
        return Item(kind, MAPPINGS[kind].id_of(wire), wire, MAPPINGS[kind])

    def _receipt(self, answer: dict[str, Any]) -> Receipt:
        return Receipt(str(answer["id"]))

    def _send(self, method: str, path: str, json: Any = None, **query: Any) -> Any:
        headers = {"Authorization": self.site.secrets.get("token", "")}
        request = Request(method, path, query=query, headers=headers, json=json)
        response = self.transport.send(request, repeatable=method != "POST")
        answer = response.json()
        if response.status == 401:
            raise LoginFailed("Acme does not know this token.", vendor=self.label, status=401)
        if response.status == 404:
            raise Missing([answer["error"]], vendor=self.label, status=404)
        if response.status == 422:
            raise Invalid([answer["error"]], vendor=self.label, status=422)
        if response.status != 200:
            raise Unreadable(f"Acme answered {response.status}.", vendor=self.label, status=response.status)
        return answer


# The same protocol from the server's side, so far as it takes to write and to view.

facade = Facade(
    "acme",
    credential=lambda call: call.headers.get("authorization", ""),
    refuse=lambda call: Reply(orjson.dumps({"error": "Who are you?"}), 401),
    nowhere=lambda call: Reply(b'{"error":"Nothing here."}', 404),
    explain=lambda call, error: (
        Reply(orjson.dumps({"error": str(error)}), 404 if isinstance(error, Missing) else 422)
        if isinstance(error, Missing | Invalid)
        else None
    ),
)
KINDS = "|".join(PATHS)


@facade.route(f"(?P<path>{KINDS})", "GET")
def listed(call, store, groups):
    mapping = MAPPINGS[PATHS[groups["path"]]]
    found = store.find(mapping.kind, Query()).found
    items = [{"id": int(each.id)} | mapping.encode(each.record) for each in found]
    return Reply(orjson.dumps({"items": items, "total": len(items), "step": 0, "more": False}))


@facade.route(f"(?P<path>{KINDS})", "POST")
def created(call, store, groups):
    mapping = MAPPINGS[PATHS[groups["path"]]]
    return Reply(orjson.dumps({"id": int(store.create(mapping.kind, mapping.decode(call.json, Shape.WRITE)))}))


@facade.route(f"(?P<path>{KINDS})/(?P<id>[0-9]+)", "GET", "PATCH")
def viewed_or_changed(call, store, groups):
    mapping = MAPPINGS[PATHS[groups["path"]]]
    if call.method == "PATCH":
        store.update(mapping.kind, groups["id"], mapping.decode(call.json, Shape.WRITE))
        return Reply(orjson.dumps({"id": int(groups["id"])}))
    found = store.get(mapping.kind, groups["id"])
    if found is None:
        raise Missing(["There is no such record."])
    return Reply(orjson.dumps({"id": int(found.id)} | mapping.encode(found.record)))
