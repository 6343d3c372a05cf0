"""A Tactile CRM account in memory, with what the vendor's document shows in it, and how a test calls its facade."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode

from backoffice.crm.records import Account, Contact, Note, Opportunity, Ref
from connectors.kit.contract import VendorEntry
from connectors.kit.facades import Call
from connectors.kit.memory import World
from connectors.kit.store import Caller
from connectors.tactile import mapping as maps
from connectors.tactile.facade import facade

TOKEN = "9a0364b9e99bb480dd25e1f0284c8555dd25e1f0"
GREGS = "7c4a8d09ca3762af61e59520943dc26494f8941b"
USERS = ("dave", "david", "george", "greg", "paul")
STATUSES = {"1": "New", "2": "Preliminaries", "3": "Discussion", "4": "Negotiation", "5": "Won", "6": "Lost"}
TYPES = {"1": "Exisiting Business", "2": "New Business"}
SOURCES = {
    "3": "Google",
    "17": "Newsletters",
    "8": " Website",
    "394": "Telemarketing (Internal)",
    "5": "Word of Mouth",
    "7": "Yellow Pages",
}


class Clock:
    def __init__(self):
        self.now = datetime(2026, 11, 22, 15, 30, 45, tzinfo=UTC)

    def __call__(self):
        return self.now

    def tick(self, **more):
        self.now += timedelta(**more or {"seconds": 1})


def entries(name, given, **extras):
    return [VendorEntry(name, id, label, extras.get(label, {})) for id, label in given.items()]


def account(clock) -> World:
    """With the opportunity of "/opportunities/view", id 1234, and the note of "/opportunities/timeline", id 885."""
    status = {label: {"status": label.lower() if label in {"Won", "Lost"} else "open"} for label in STATUSES.values()}
    world = World(
        maps.MAPPINGS,
        vendor="tactile",
        name="sample",
        callers={TOKEN: Caller("paul", "Paul", is_admin=True), GREGS: Caller("greg", "Greg")},
        lists={
            maps.USERS: entries(maps.USERS, {name: name for name in USERS}),
            maps.STATUSES: entries(maps.STATUSES, STATUSES, **status),
            maps.TYPES: entries(maps.TYPES, TYPES),
            maps.SOURCES: entries(maps.SOURCES, SOURCES),
            maps.INDUSTRIES: entries(maps.INDUSTRIES, {"4": "Boats"}),
        },
        clock=clock or None,
    )
    made = datetime(2009, 2, 2, 15, 31, 43, tzinfo=UTC)
    noted = datetime(2007, 11, 2, 12, 58, 50, tzinfo=UTC)
    paul = Ref(id="paul")
    world.add("account", Account(name="Acme Boats Ltd."), id="9876")
    world.add("account", Account(name="Acme Corp."), id="12676")
    world.add("contact", Contact(name="Bill Smith", given="Bill", family="Smith"), id="87254")
    world.add(
        "opportunity",
        Opportunity(
            name="Boating eCommerce Website",
            description="They're after a new website for selling boat accessories",
            account=Ref(id="9876"),
            primary_contact=Ref(id="87254"),
            probability=70,
            amount=Decimal(100000),
            stage=Ref(label="New"),
            owner=paul,
            assigned_to=paul,
            altered_by=paul,
            created_there=made,
            changed_there=made,
            close_date=date(2009, 3, 6),
        ),
        id="1234",
    )
    world.add(
        "note",
        Note(
            kind="note",
            title="Invoices Sent",
            body="They have never received the invoices so have resent them.",
            opportunity=Ref(id="1234"),
            account=Ref(id="12676"),
            private=False,
            author=Ref(id="george"),
            created_there=noted,
            changed_there=noted,
            happened_at=noted,
        ),
        id="note:885",
    )
    return world


class Site:
    """Calls the facade in front of a world; every call has a token unless it says otherwise."""

    def __init__(self, world, token=TOKEN):
        self.world = world
        self.token = token

    def call(self, target, body=b"", *, method="GET", content_type="", token=True):
        path, _, query = target.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        if token:
            pairs.insert(0, ("api_token", self.token))
        headers = {"content-type": content_type} if content_type else {}
        asked = Call(method, path.removeprefix("/"), pairs, headers, io.BytesIO(body), facade.most_bytes)
        return facade.answer(asked, self.world.door)

    def get(self, target, **more):
        return json.loads(self.call(target, **more).body)

    def post(self, target, given, *, method="POST", content_type="application/json"):
        body = given if isinstance(given, bytes) else json.dumps(given).encode()
        return json.loads(self.call(target, body, method=method, content_type=content_type).body)

    def save(self, /, **fields):
        return self.post("/opportunities/save", {"Opportunity": fields})

    def form(self, target, fields):
        return self.post(target, urlencode(fields).encode(), content_type="application/x-www-form-urlencoded")

    def view(self, id):
        return self.get(f"/opportunities/view/{id}")["opportunity"]
