"""A vendor account of its own, in memory and in a file: the tests' vendor, push previews, and the demo's sandbox."""

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, override

import msgspec
from msgspec import UNSET

from backoffice.crm import records
from backoffice.crm.records import Email, Phone, Record, Ref
from connectors.kit.contract import VendorEntry
from connectors.kit.errors import Missing
from connectors.kit.mapping import Entry, Part, Reference
from connectors.kit.mapping import Mapping as RecordMapping
from connectors.kit.store import Caller, Condition, Query, Slice, Store, Stored, Test

type Clock = Callable[[], datetime]

ADMIN = Caller("admin", "Admin", is_admin=True)


def _kind(record: type[Record]) -> str:
    return re.sub(r"(?<=.)([A-Z])", r"_\1", record.__name__).lower()


# As the change log calls them.
KINDS: Mapping[str, type[Record]] = {
    _kind(each): each
    for each in vars(records).values()
    if isinstance(each, type) and issubclass(each, Record) and each is not Record
}


class _Kept(msgspec.Struct, omit_defaults=True):
    """A world's form in a file. Records are read as their own kind afterwards."""

    vendor: str = ""
    name: str = ""
    callers: dict[str, Caller] = {}
    lists: dict[str, list[VendorEntry]] = {}
    highest: dict[str, int] = {}
    records: dict[str, dict[str, Any]] = {}


class World:
    """All there is in one account. Several stores, of several callers and threads, may speak to it at once.

    The vendor's `mappings` say what a reference points at and which list an entry stands in, so that records come
    back with both id and label. `version` grows with every change.
    """

    def __init__(
        self,
        mappings: Iterable[RecordMapping[Any]] = (),
        *,
        vendor: str = "",
        name: str = "",
        callers: Mapping[str, Caller] | None = None,
        lists: Mapping[str, Iterable[VendorEntry]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`callers` are found by their secret."""
        self.vendor = vendor
        self.name = name
        self.callers = dict(callers or {})
        self.lists = {list_name: [*entries] for list_name, entries in (lists or {}).items()}
        self.records: dict[str, dict[str, Record]] = {}
        self.highest: dict[str, int] = {}
        self.version = 0
        self.lock = threading.RLock()
        self._clock = clock or (lambda: datetime.now(UTC))
        self._parts: dict[tuple[str, str], Part] = {
            (mapping.kind, part.name): part
            for mapping in mappings
            for part in mapping.parts
            if isinstance(part, Entry | Reference)
        }

    @property
    def now(self) -> datetime:
        """In whole seconds, as vendors keep time."""
        return self._clock().replace(microsecond=0)

    def door(self, secret: str) -> "MemoryStore | None":
        """The store of whoever the secret belongs to: a facade's `Door`."""
        caller = self.callers.get(secret)
        return MemoryStore(self, caller) if caller else None

    def all(self, kind: str) -> dict[str, Record]:
        """The records themselves, by id: for tests and seeds. Who changes one calls `touch`."""
        return self.records.setdefault(kind, {})

    def touch(self) -> None:
        self.version += 1

    def add(self, kind: str, record: Record, id: str = "") -> str:
        """A record as it is, under the id given or the next one above the highest ever seen."""
        with self.lock:
            id = id or str(self.highest.get(kind, 0) + 1)
            number = id.rpartition(":")[2]  # a vendor may count two sorts of a kind apart: "note:885", "email:885"
            if number.isascii() and number.isdigit():
                self.highest[kind] = max(self.highest.get(kind, 0), int(number))
            now = self.now
            kept = msgspec.structs.replace(record)
            kept.created_there = record.created_there or now
            kept.changed_there = record.changed_there or now
            self.all(kind)[id] = kept
            self.touch()
            return id

    def change(self, kind: str, id: str, record: Record) -> None:
        """Set the fields that are set. It was changed now, unless the record says when."""
        with self.lock:
            kept = self.all(kind).get(id)
            if kept is None:
                raise Missing([f"There is no {kind} {id}."])
            changes = known(record)
            changes.setdefault("changed_there", self.now)
            self.all(kind)[id] = msgspec.structs.replace(kept, **changes)
            self.touch()

    def remove(self, kind: str, id: str) -> None:
        """Gone for good, as no facade may do it. Its id is never used again."""
        with self.lock:
            self.all(kind).pop(id, None)
            self.touch()

    def list_of(self, kind: str, field: str) -> str:
        """The list that a field's entries stand in; "" if it is no such field."""
        part = self._parts.get((kind, field))
        return part.list if isinstance(part, Entry) else ""

    def completed(self, kind: str, record: Record) -> Record:
        """A copy of it whose references have ids and labels, as far as they are known here."""
        changes = {
            name: ref
            for name, value in known(record).items()
            if isinstance(value, Ref) and (ref := self.completed_ref(kind, name, value)) is not value
        }
        return msgspec.structs.replace(record, **changes)

    def completed_ref(self, kind: str, field: str, ref: Ref) -> Ref:
        part = self._parts.get((kind, field))
        if isinstance(part, Reference):
            target = self.all(part.kind).get(ref.id)
            return Ref(id=ref.id, label=label_of(target)) if target is not None else ref
        if isinstance(part, Entry):
            for entry in self.lists.get(part.list, ()):
                if entry.id == ref.id if ref.id else entry.label == ref.label:
                    return Ref(id=entry.id, label=entry.label)
        return ref

    def to_bytes(self) -> bytes:
        with self.lock:
            kept = _Kept(
                self.vendor,
                self.name,
                self.callers,
                self.lists,
                self.highest,
                {kind: dict(by_id) for kind, by_id in self.records.items()},
            )
            return msgspec.json.encode(kept)

    @classmethod
    def from_bytes(
        cls, content: bytes, mappings: Iterable[RecordMapping[Any]] = (), *, clock: Clock | None = None
    ) -> "World":
        """Raises ValueError for what is no world."""
        kept = msgspec.json.decode(content, type=_Kept)
        world = cls(mappings, vendor=kept.vendor, name=kept.name, callers=kept.callers, lists=kept.lists, clock=clock)
        world.highest = kept.highest
        for kind, by_id in kept.records.items():
            if kind not in KINDS:
                raise ValueError(f"There are no records of the kind “{kind}”.")
            world.records[kind] = {id: msgspec.convert(each, KINDS[kind]) for id, each in by_id.items()}
        return world

    def save(self, file: Path) -> None:
        write_whole(file, self.to_bytes())

    @classmethod
    def load(cls, file: Path, mappings: Iterable[RecordMapping[Any]] = (), *, clock: Clock | None = None) -> "World":
        return cls.from_bytes(file.read_bytes(), mappings, clock=clock)


class MemoryStore(Store):
    """A world as one of its callers sees it: everybody sees all of it."""

    def __init__(self, world: World | None = None, caller: Caller = ADMIN) -> None:
        self.world = world or World()
        self._caller = caller

    @property
    @override
    def caller(self) -> Caller:
        return self._caller

    @property
    @override
    def now(self) -> datetime:
        return self.world.now

    @override
    def find(self, kind: str, query: Query) -> Slice:
        world = self.world
        with world.lock:
            found = [
                (id, record)
                for id, record in world.all(kind).items()
                if (query.with_archived or not record.archived_at)
                and all(self._meets(kind, record, condition) for condition in query.conditions)
            ]
            found.sort(key=lambda pair: _id_key(pair[0]))
            for field in reversed(query.order):
                found.sort(key=lambda pair: self._order(kind, pair[1], field), reverse=field.startswith("-"))
            end = None if query.limit is None else query.offset + query.limit
            shown = [Stored(id, world.completed(kind, record)) for id, record in found[query.offset : end]]
            return Slice(shown, len(found))

    @override
    def get(self, kind: str, id: str) -> Stored | None:
        with self.world.lock:
            record = self.world.all(kind).get(id)
            return Stored(id, self.world.completed(kind, record)) if record is not None else None

    @override
    def create(self, kind: str, record: Record) -> str:
        return self.world.add(kind, record)

    @override
    def update(self, kind: str, id: str, record: Record) -> None:
        self.world.change(kind, id, record)

    @override
    def entries(self, name: str) -> Sequence[VendorEntry]:
        return [*self.world.lists.get(name, ())]

    def _value(self, kind: str, record: Record, field: str) -> Any:
        value = getattr(record, field)
        if isinstance(value, Ref):
            return self.world.completed_ref(kind, field, value)
        return None if value is UNSET else value

    def _order(self, kind: str, record: Record, field: str) -> tuple[bool, Any]:
        value = self._value(kind, record, field.removeprefix("-"))
        if isinstance(value, Ref):
            value = value.label or value.id
        if isinstance(value, str):
            value = value.casefold()
        return (value is not None, value if value is not None else 0)

    def _meets(self, kind: str, record: Record, condition: Condition) -> bool:
        value = self._value(kind, record, condition.field)
        match condition.test:
            case Test.IS_SET:
                return bool(value not in (None, "", [])) is bool(condition.value)
            case Test.AFTER:
                return value is not None and value > condition.value
            case Test.BEFORE:
                return value is not None and value < condition.value
            case Test.LIKE:
                pattern = ".*".join(re.escape(piece) for piece in str(condition.value).split("*"))
                like = re.compile(pattern, re.IGNORECASE | re.DOTALL)
                return any(like.fullmatch(text) for text in _texts(value))
            case Test.IS:
                plain = isinstance(value, Ref | list | str)
                return str(condition.value) in _texts(value) if plain else value == condition.value


def known(record: Record) -> dict[str, Any]:
    """The fields that are set."""
    return {name: value for name in record.__struct_fields__ if (value := getattr(record, name)) is not UNSET}


def label_of(record: Any) -> str:
    """What people call it: a person's full name, a company's or an opportunity's name, an activity's subject."""
    for field in ("name", "subject", "title"):
        if text := getattr(record, field, "") or "":
            return str(text)
    return " ".join(str(part) for field in ("given", "family") if (part := getattr(record, field, "")))


def write_whole(file: Path, content: bytes) -> None:
    """The file has either all of it or what it had before, whenever the machine stops."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _texts(value: Any) -> AbstractSet[str]:
    match value:
        case None:
            return set()
        case Ref():
            return {text for text in (value.id, value.label) if text}
        case Email():
            return {value.address}
        case Phone():
            return {value.number}
        case list():
            return {text for each in value for text in _texts(each)}
        case _:
            return {str(value)}


def _id_key(id: str) -> tuple[int, str]:
    return (int(id) if id.isascii() and id.isdigit() else 0, id)
