"""What Tactile CRM's server does with a save: checks all that is posted, then writes it.

"/opportunities/save": only name and enddate are compulsory. The order of the messages is that of the vendor's server.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from msgspec import UNSET

from backoffice.crm.records import Account, Activity, Contact, Note, Record, Ref
from connectors.kit.codecs import SOMETIME
from connectors.kit.contract import VendorEntry
from connectors.kit.mapping import Access, Entry, Mapping, Reference, Shape, Wire
from connectors.kit.store import Condition, Query, Store, Stored, Test
from connectors.tactile import mapping as maps
from connectors.tactile.answers import INVALID_ID
from connectors.tactile.areas import ACTIVITIES, OPPORTUNITIES, PEOPLE, Area
from connectors.tactile.asking import Given
from connectors.tactile.codecs import clocked
from connectors.tactile.connector import CLOSED_STATUS

DATES = {"enddate": "Expected Close Date", "date": "Date", "end_date": "End Date", "dob": "Date of Birth"}
TIMES = {"time": "Time", "end_time": "End Time"}
NUMBERS = {"cost": "Cost", "probability": "Probability"}
TODO_KEYS = ("date", "time", "later", "location", "end_date", "end_time")
EVENT_KEYS = ("location", "end_date", "end_time")
COUNTED_ELSEWHERE = frozenset({"tags"})  # by add_tag
MOST_COST = Decimal(100_000_000)  # numeric(10,2)

NUMERIC = re.compile(r"[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)
ISO_DAY = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII)
LONDON_DAY = re.compile(r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})", re.ASCII)


class Wrong(Exception):
    """What was posted can't be saved; `messages` say why, in the vendor's words."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = messages


def save(store: Store, area: Area, given: Given) -> str:
    """Write an object: a new one without an id, else a change of that one, of the keys given. Raises Wrong."""
    id = id_given(given.pop("id", None))
    old = store.get(area.kind, id) if id else None
    if id and old is None:
        raise Wrong(INVALID_ID)
    todo = _taken_apart(given) if area is OPPORTUNITIES else {}
    if area is ACTIVITIES:
        todo = given
        if old is None:
            given.setdefault("class", "todo")
    wrong = [*_wrong(store, area, given, is_new=old is None), *_wrong_when(todo)]
    if wrong:
        raise Wrong(*wrong)
    if area is ACTIVITIES:
        _settle_when(given)
    _make_mentioned(store, area, given)
    record = read(area.mapping, given, is_new=old is None)
    _complete(store, area, record, old)
    if old is None:
        id = store.create(area.kind, record)
    else:
        store.update(area.kind, id, record)
    if any(todo.values()) and area is OPPORTUNITIES:
        _save_todo(store, id, todo, old)
    return id


def save_note(store: Store, given: Given) -> str:
    """ "/notes/save": title and note are compulsory; a note of one's own may be changed. Raises Wrong."""
    id = id_given(given.pop("id", None))
    old = None
    if id:
        old = store.get("note", f"note:{id}") or store.get("note", id)
        if old is None:
            raise Wrong(INVALID_ID)
        if (author := old.record.author) and author.id != store.caller.id:
            raise Wrong("You can only edit your own notes")
    wrong = [
        *_compulsory({"title": "Title", "note": "Note"}, given, is_new=old is None),
        *_unknown(store, maps.NOTE, given),
    ]
    if wrong:
        raise Wrong(*wrong)
    record: Note = read(maps.NOTE, given, is_new=old is None)
    if old is not None:
        store.update("note", old.id, record)
        return old.id
    record.kind, record.author, record.happened_at = "note", Ref(id=store.caller.id), store.now
    if record.private is UNSET:
        record.private = False
    return store.create("note", record)


def id_given(value: Any) -> str:
    """ "" for none: a null id means "new"."""
    text = "" if value is None else str(value).strip()
    if text and not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Wrong(INVALID_ID)
    return "" if text == "0" else text


def read(mapping: Mapping[Any], given: Given, *, is_new: bool) -> Any:
    """The record of what was posted. What the vendor doesn't know, or doesn't take here, is left out."""
    keys = {
        key
        for part in mapping.parts
        if part.is_written and (is_new or part.access is not Access.CREATE_ONLY)
        for key in part.keys(Shape.WRITE)
    } - COUNTED_ELSEWHERE
    return mapping.decode({key: value for key, value in given.items() if key in keys}, Shape.WRITE)


def _taken_apart(given: Given) -> Given:
    """The fields "For 'todo' opportunities" and "For 'event' opportunities", which no opportunity has."""
    return {key: given.pop(key) for key in TODO_KEYS if key in given}


def _wrong(store: Store, area: Area, given: Given, *, is_new: bool) -> Iterator[str]:
    """Everything that is wrong, in the vendor's order. What can be read is given its plain form on the way."""
    yield from _compulsory(area.compulsory, given, is_new=is_new)
    yield from _unknown(store, area.mapping, given)
    yield from _wrong_numbers(given)
    yield from _wrong_dates(given)


def _compulsory(compulsory: Any, given: Given, *, is_new: bool) -> Iterator[str]:
    for key, label in compulsory.items():
        if (is_new or key in given) and given.get(key) is None:
            yield f"{label} is a compulsory field, you must enter a value"


def _unknown(store: Store, mapping: Mapping[Any], given: Given) -> Iterator[str]:
    """References to what is not there, whatever kind they are of."""
    for part in mapping.parts:
        if not part.is_written:
            continue
        value = given.get(part.keys(Shape.WRITE)[0]) if part.keys(Shape.WRITE) else None
        if value is None:
            continue
        if isinstance(part, Reference):
            if not _is_there(store, part.kind, str(value)):
                yield INVALID_ID
        elif isinstance(part, Entry) and not _is_entry(store, part, value):
            yield INVALID_ID


def _is_entry(store: Store, part: Entry, value: Any) -> bool:
    """Titles of people are free text there."""
    if not part.written and part.list != maps.USERS:
        return True
    try:
        word = part.codec.decode(value)
    except ValueError:
        return False
    return any(entry.id == word for entry in store.entries(part.list))


def _is_there(store: Store, kind: str, id: str) -> bool:
    return id.isascii() and id.isdigit() and len(id) <= 18 and store.get(kind, id) is not None


def _wrong_numbers(given: Given) -> Iterator[str]:
    numbers: dict[str, Decimal] = {}
    for key, label in NUMBERS.items():
        if given.get(key) is None:
            continue
        number = _number(given[key])
        if number is None:
            yield f"{label} must contain a numeric value"
        else:
            numbers[key] = given[key] = number
    cost, probability = numbers.get("cost"), numbers.get("probability")
    if cost is not None:
        given["cost"] = cost.quantize(Decimal("0.01"), ROUND_HALF_UP)
        if abs(given["cost"]) >= MOST_COST:
            yield f"The value for Cost must be below {MOST_COST}"
    if probability is not None:
        if not 0 <= probability <= 100:
            yield "The value for Probability must be between 0 and 100"
        elif probability % 5:
            yield "The value for Probability must be a multiple of 5"
        given["probability"] = int(probability)


def _number(value: Any) -> Decimal | None:
    text = str(value)
    if isinstance(value, bool) or not NUMERIC.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if abs(number) < Decimal(10) ** 20 else None


def _wrong_dates(given: Given) -> Iterator[str]:
    for key, label in DATES.items():
        if given.get(key) is None:
            continue
        day = _day(str(given[key]))
        if day is None:
            yield f"Invalid date specified for {label}, should be of the form d/m/Y"
        else:
            given[key] = day.isoformat()


def _day(text: str) -> date | None:
    """`YYYY-MM-DD`, as documented, or d/m/Y, the form the users' settings begin with."""
    match = ISO_DAY.fullmatch(text) or LONDON_DAY.fullmatch(text)
    try:
        return date(int(match["year"]), int(match["month"]), int(match["day"])) if match else None
    except ValueError:
        return None


def _wrong_when(given: Given) -> Iterator[str]:
    """`time`: "only valid if a date is also supplied"; `later`: "if a date isn't supplied"."""
    yield from _wrong_dates({key: value for key, value in given.items() if key != "enddate"})
    for key, label in TIMES.items():
        if given.get(key) is None:
            continue
        try:
            clocked(given[key])
        except ValueError:
            yield f"Invalid time specified for {label}, should be of the form HH:MM"
        if given.get("date") is None and (key == "time" or given.get("end_date") is None):
            yield f"{label} is only valid if a date is also supplied"
    if _is_later(given) and given.get("date") is not None:
        yield "Later is only valid if a date is not supplied"


def _is_later(given: Given) -> bool:
    return str(given.get("later")).lower() in {"true", "t", "1"}


def _settle_when(given: Given) -> None:
    """A day empties "later", and "later" the day."""
    _plain_dates(given)
    if _is_later(given):
        given["date"] = given["time"] = None
    elif given.get("date") is not None:
        given["later"] = None
    if given.get("end_time") is not None and given.get("end_date") is None:
        given["end_date"] = given.get("date")


def _plain_dates(given: Given) -> None:
    for key in DATES:
        if given.get(key) is not None and (day := _day(str(given[key]))):
            given[key] = day.isoformat()


def _make_mentioned(store: Store, area: Area, given: Given) -> None:
    """An organisation or person given by name alone is a new one every time, as on the vendor's server."""
    if area not in {OPPORTUNITIES, ACTIVITIES, PEOPLE}:
        return
    caller = Ref(id=store.caller.id)
    name = given.get("organisation")
    if name and given.get("organisation_id") is None:
        account = Account(name=str(name), owner=caller, assigned_to=caller)
        given["organisation_id"] = store.create("account", account)
    name = given.get("person") if area is not PEOPLE else None
    if name and given.get("person_id") is None:
        first, _, last = str(name).rpartition(" ")
        person = Contact(name=str(name), given=first, family=last, owner=caller, assigned_to=caller)
        if given.get("organisation_id") is not None:
            person.account = Ref(id=str(given["organisation_id"]))
        given["person_id"] = store.create("contact", person)


def _complete(store: Store, area: Area, record: Any, old: Stored | None) -> None:
    """What the server adds of its own: who and when, the first open status of a new opportunity."""
    caller = Ref(id=store.caller.id)
    if old is None:
        if area is not ACTIVITIES:
            record.assigned_to = record.assigned_to or caller
        record.owner = record.owner or caller
        if area is ACTIVITIES:
            record.assigned_by = caller
    if area is OPPORTUNITIES:
        record.altered_by = caller
        _settle_archived(record, old, store.now)
        if old is None:
            record.stage = record.stage or first_open(store)
            record.probability = record.probability or 0
    if area is PEOPLE:
        _settle_name(record, old)


def _settle_archived(record: Any, old: Stored | None, now: datetime) -> None:
    if record.archived_at == SOMETIME:
        record.archived_at = (old.record.archived_at if old else None) or now


def _settle_name(record: Any, old: Stored | None) -> None:
    if record.given is UNSET and record.family is UNSET:
        return
    parts = (
        value if value is not UNSET else getattr(old.record, name, "") if old else ""
        for name, value in (("given", record.given), ("family", record.family))
    )
    record.name = " ".join(str(part) for part in parts if part)


def first_open(store: Store) -> Ref | None:
    entries = store.entries(maps.STATUSES)
    first = next((entry for entry in entries if meaning(entry) == "open"), None) or next(iter(entries), None)
    return Ref(id=first.id, label=first.label) if first else None


def meaning(entry: VendorEntry) -> str:
    """What a status stands for, as the account says; by its name where it doesn't."""
    if status := entry.extras.get("status"):
        return str(status)
    if not (closed := CLOSED_STATUS.search(entry.label)):
        return "open"
    return "won" if closed[0].lower() == "won" else "lost"


def _save_todo(store: Store, id: str, todo: Given, old: Stored | None) -> None:
    """One Activity of the opportunity: saved again, it is the same one that changes."""
    opportunity = store.get("opportunity", id)
    if opportunity is None:
        return
    is_event = any(todo.get(key) is not None for key in EVENT_KEYS)
    given: Wire = {**todo, "name": opportunity.record.name, "class": "event" if is_event else "todo"}
    _settle_when(given)
    record: Activity = read(maps.ACTIVITY, given, is_new=True)
    record.opportunity = Ref(id=id)
    record.account, record.contact = (
        Ref(id=ref.id) if ref else None for ref in (opportunity.record.account, opportunity.record.primary_contact)
    )
    if existing := _todo_of(store, id, {opportunity.record.name, old.record.name if old else ""}):
        store.update("activity", existing.id, record)
        return
    record.owner = opportunity.record.assigned_to or Ref(id=store.caller.id)
    record.assigned_by = Ref(id=store.caller.id)
    store.create("activity", record)


def _todo_of(store: Store, id: str, names: set[str]) -> Stored | None:
    """The open activity that an earlier save of the opportunity made: it has its name."""
    of_it = Condition("opportunity", Test.IS, id)
    is_open = Condition("completed_at", Test.IS_SET, False)
    found = store.find("activity", Query([of_it, is_open])).found
    return next((stored for stored in found if stored.record.subject in names), None)


def tagged(store: Store, area: Area, stored: Stored, tag: str) -> None:
    """Tags are answered newest first; `lastupdated` doesn't move. Raises Wrong."""
    if not tag.strip():
        raise Wrong("Name is a compulsory field, you must enter a value", "Error Tagging")
    tags = list(stored.record.tags or [])
    if tag.casefold() in {each.casefold() for each in tags}:
        raise Wrong("Item already has that tag", "Error Tagging")
    change: Record = area.mapping.record(tags=[tag, *tags], changed_there=stored.record.changed_there)
    store.update(area.kind, stored.id, change)
