"""Tactile CRM's protocol from the server's side, as its document describes it.

Any method does for any call, "/opportunities" is "/opportunities/" is "/opportunities/index", and an id may stand in
path, query or body. Where the document is silent, it is the behaviour of the vendor's later server.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from datetime import time as clock
from functools import partial

from backoffice.crm.records import Ref
from connectors.kit.errors import ConnectorError, Forbidden, Missing, Refused, Uncertain, Unreadable
from connectors.kit.facades import Call, Facade, Reply, TooLarge
from connectors.kit.store import Condition, Query, Store, Stored, Test
from connectors.tactile import mapping as maps
from connectors.tactile.answers import (
    FAILED_LOGIN,
    INVALID_ID,
    INVALID_PAGE_ID,
    MAYBE_DONE,
    NOT_NOW,
    TOO_LARGE,
    error,
    login_page,
    success,
)
from connectors.tactile.areas import ACTIVITIES, AREAS, OPPORTUNITIES, Area, entry_of, number_of
from connectors.tactile.asking import id_of, names_id, paged, param_of, saved_fields
from connectors.tactile.codecs import LONDON
from connectors.tactile.saving import Wrong, meaning, save, save_note, tagged
from connectors.tactile.times import Unreadable as NoTime
from connectors.tactile.times import strtotime

TOKEN = "api_token"  # noqa: S105
MAY_NOT_SAVE = "You don't have permission to edit this item"
MAY_NOT_TAG = "You do not have permission to edit this item"
RECENTLY = timedelta(days=60)
STAMPS = (
    ("updated_after", "changed_there", Test.AFTER),
    ("updated_before", "changed_there", Test.BEFORE),
    ("created_after", "created_there", Test.AFTER),
    ("created_before", "created_there", Test.BEFORE),
)
SHORT_KEYS = ("name", "organisation_id", "organisation", "person_id", "person", "lastupdated", "archived")


def credential(call: Call) -> str:
    """Only the query counts: a token in the body is not seen."""
    return next((value for key, value in reversed(call.query) if key == TOKEN), "")


def refuse(call: Call) -> Reply:
    """Without a token it is a browser's call; every token that doesn't do gets the same answer."""
    return error(FAILED_LOGIN) if credential(call) else login_page()


def nowhere(call: Call) -> Reply:
    return login_page()


def explain(call: Call, raised: Exception) -> Reply | None:
    match raised:
        case Wrong():
            return error(*raised.messages)
        case TooLarge():
            return error(TOO_LARGE, status=413)
        case Forbidden():
            return error(MAY_NOT_TAG if "add_tag" in call.path else MAY_NOT_SAVE)
        case Missing():
            return error(INVALID_ID)
        case Refused():
            return error(*raised.messages)
        case Unreadable():
            return error(str(raised))
        case Uncertain():
            return error(MAYBE_DONE, status=502)
        case ConnectorError():
            return error(NOT_NOW, status=503)
        case _:
            return None


facade = Facade("tactile", credential=credential, refuse=refuse, nowhere=nowhere, explain=explain)

type Action = Callable[[Area, Call, Store, Mapping[str, str]], Reply]


def index(area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """A page of what isn't archived, by name."""
    return listing(area, call, store, filters_of(area, call, store))


def mine(area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """Of the later server: assigned to the token's user."""
    whose = "owner" if area is ACTIVITIES else "assigned_to"  # an activity is its doer's
    return listing(area, call, store, [*filters_of(area, call, store), Condition(whose, Test.IS, store.caller.id)])


def listing(area: Area, call: Call, store: Store, conditions: Sequence[Condition]) -> Reply:
    page, limit = paged(call)
    query = Query(conditions, area.order, (page - 1) * limit, limit)
    found = store.find(area.kind, query)
    return pages(area, found.found, found.total, page, limit)


def pages(area: Area, shown: Sequence[Stored], total: int, page: int, limit: int) -> Reply:
    return success(
        **{area.path: [area.wire(stored) for stored in shown]},
        cur_page=page,
        num_pages=-(-total // limit),
        per_page=limit,
        total=total,
    )


def filters_of(area: Area, call: Call, store: Store) -> list[Condition]:
    """ "anything else will be ignored"; so is an empty value, or 0. Of dates that can't be read the first is named."""
    conditions = []
    for name, field, test in STAMPS:
        if (text := param_of(call, name)) in {"", "0"}:
            continue
        try:
            conditions.append(Condition(field, test, strtotime(text, store.now)))
        except NoTime as unread:
            raise Wrong(f"Invalid Date Value for {name}") from unread
    for name, (field, test) in area.filters.items():
        if (text := param_of(call, name)) not in {"", "0"}:
            conditions.append(Condition(field, test, text))
    return conditions


def closed(status: str, area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """Of the later server: won or lost in the last 60 days, the newest first; archived ones too."""
    began = datetime.combine((store.now.astimezone(LONDON) - RECENTLY).date(), clock(0), LONDON)
    conditions = [*filters_of(area, call, store), Condition("changed_there", Test.AFTER, began)]
    found = [
        stored
        for entry in store.entries(maps.STATUSES)
        if meaning(entry) == status
        for stored in store.find(
            area.kind, Query([*conditions, Condition("stage", Test.IS, entry.id)], with_archived=True)
        ).found
    ]
    found.sort(key=lambda stored: stored.record.changed_there, reverse=True)
    page, limit = paged(call)
    return pages(area, found[(page - 1) * limit : page * limit], len(found), page, limit)


def list_all(area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """Of the later server: everything in one answer, in short, archived and closed too. The ids are strings here."""
    found = store.find(area.kind, Query((), area.order, with_archived=True)).found
    rows = []
    for stored in found:
        wire = area.wire(stored)
        row = {
            key: str(wire[key]) if key.endswith("_id") and wire[key] else wire[key] for key in SHORT_KEYS if key in wire
        }
        rows.append({"id": stored.id, **row})
    return success(**{area.path: rows})


def view(area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """Archived and closed ones are shown."""
    return success(**{area.one: area.wire(found(area, call, store, groups))})


def found(area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Stored:
    id = id_of(call, groups)
    stored = store.get(area.kind, id) if id else None
    if stored is None:
        raise Wrong(INVALID_PAGE_ID)
    return stored


def timeline(area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """Notes and emails, the newest first; somebody else's private note is only an admin's to see."""
    stored = found(area, call, store, groups)
    notes = store.find("note", Query([Condition(area.about, Test.IS, stored.id)], ["-happened_at", "-created_there"]))
    return success(timeline=[entry_of(note) for note in notes.found if may_see(store, note)])


def may_see(store: Store, note: Stored) -> bool:
    author = note.record.author
    is_own = isinstance(author, Ref) and author.id == store.caller.id
    return note.record.private is not True or is_own or store.caller.is_admin


def options(area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """Users by their name, everything else by its id; in the account's own order."""
    lists = {
        key: {entry.id: entry.id if name == maps.USERS else entry.label for entry in store.entries(name)}
        for key, name in area.options.items()
    }
    return success(**{f"{area.one}_options": lists})


def saved(area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """An id in path or query is only looked at: without one in the body a new object is made."""
    if names_id(call, groups):
        stored = found(area, call, store, groups)
        if stored.record.archived_at and area is OPPORTUNITIES:
            raise Wrong("You cannot edit archived opportunities")
    return success(id=int(save(store, area, saved_fields(call, area.saved))))


def add_tag(area: Area, call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """Writes, whatever the method: the document shows it as a query."""
    id = id_of(call, groups)
    stored = store.get(area.kind, id) if id else None
    if stored is None:
        raise Wrong(INVALID_ID)
    tag = param_of(call, "tag")
    tagged(store, area, stored, tag)
    return success(tag=tag)


def path_of(area: str, action: str = "") -> str:
    """What follows the id is ignored. After the area only letters make an action: "/opportunities/1234" is the list."""
    if not action or action == "index":
        return rf"/*{area}(?:/+(?:index(?:/.*)?|[^A-Za-z_/-].*)?)?"
    return rf"/*{area}/+{action}(?:/+(?P<id>[^/]*)(?:/.*)?)?"


ACTIONS: Mapping[str, Action] = {
    "index": index,
    "view": view,
    "timeline": timeline,
    "options": options,
    "save": saved,
    "add_tag": add_tag,
    "list_all": list_all,
}
MORE: Mapping[str, Mapping[str, Action]] = {
    "opportunities": {
        "mine": mine,
        "recently_won": partial(closed, "won"),
        "recently_lost": partial(closed, "lost"),
    },
    "organisations": {"mine": mine},
    "people": {"mine": mine},
    "activities": {"mine": mine},
}
for area in AREAS:
    for name, action in {**ACTIONS, **MORE[area.path]}.items():
        facade.route(path_of(area.path, name))(partial(action, area))


@facade.route(path_of("notes", "save"))
@facade.route(path_of("opportunities", "save_note"))
def note(call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    return success(id=int(number_of(save_note(store, saved_fields(call, "Note")))))


@facade.route(path_of("preferences"))
def preferences(call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    """Of the later server: whose token it is. Its users are no people of the account here."""
    return success(
        preferences={
            "username": store.caller.id,
            "person_id": None,
            "is_admin": store.caller.is_admin,
            "account_plan": None,
            "date_format": "d/m/Y",
            "timezone": LONDON.key,
        }
    )


@facade.route(path_of("preferences", "options"))
def preference_options(call: Call, store: Store, groups: Mapping[str, str]) -> Reply:
    users = {entry.id: entry.id for entry in store.entries(maps.USERS)}
    return success(preferences_options={"users": users, "timezones": {LONDON.key: LONDON.key}})
