"""A vendor's object and our record side by side: one table of fields, used in all four directions.

A vendor may take a record in another form than it gives it (a label read, an id written): the two shapes of its wire.

            READ: as the vendor answers    WRITE: as the vendor takes it
decode      a pull                         a write that comes to our facade
encode      an answer of our facade        a push
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, override

import msgspec
from msgspec import UNSET

from backoffice.crm.records import Address, Email, Phone, Record, Ref
from connectors.kit.codecs import Codec, Text
from connectors.kit.errors import Unreadable

type Wire = dict[str, Any]


class Shape(Enum):
    READ = "read"
    WRITE = "write"


class Access(Enum):
    """What a vendor lets be done with a field."""

    READ_WRITE = "read and write"
    READ_ONLY = "read"
    CREATE_ONLY = "read, and written when it is created"
    WRITE_ONLY = "write"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What may be done with a field. A `required` one can't be left out of a new record, or emptied."""

    access: Access = Access.READ_WRITE
    required: bool = False


class Part(Rules, ABC):
    """How one field of a record stands on the wire: in one key or in several."""

    name: str

    @property
    def is_read(self) -> bool:
        return self.access is not Access.WRITE_ONLY

    @property
    def is_written(self) -> bool:
        return self.access is not Access.READ_ONLY

    @abstractmethod
    def keys(self, shape: Shape) -> tuple[str, ...]:
        """Its keys on the wire, in the vendor's order."""

    @abstractmethod
    def decode(self, wire: Wire, shape: Shape) -> Any:
        """The record's value; UNSET when none of its keys is there. Raises ValueError."""

    @abstractmethod
    def encode(self, value: Any, shape: Shape) -> Wire:
        """Its keys with their values."""


@dataclass(frozen=True)
class Field(Part):
    """One key, one value."""

    key: str
    name: str
    codec: Codec[Any] = field(default_factory=Text)

    @override
    def keys(self, shape: Shape) -> tuple[str, ...]:
        return (self.key,)

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        return self.codec.decode(wire[self.key]) if self.key in wire else UNSET

    @override
    def encode(self, value: Any, shape: Shape) -> Wire:
        return {self.key: self.codec.encode(value)}


@dataclass(frozen=True)
class Reference(Part):
    """Another of the vendor's records: its id under one key and, where it is read, its name under another."""

    key: str
    name: str
    kind: str  # of the record it points at
    label: str = ""  # the key of its name
    id: Codec[Any] = field(default_factory=Text)

    @override
    def keys(self, shape: Shape) -> tuple[str, ...]:
        return (self.label, self.key) if self.label and shape is Shape.READ else (self.key,)

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        if self.key not in wire and (not self.label or self.label not in wire):
            return UNSET
        number = self.id.decode(wire.get(self.key))
        label = Text().decode(wire.get(self.label)) if self.label else ""
        return Ref("" if number is None else str(number), label) if number not in {None, ""} or label else None

    @override
    def encode(self, value: Ref | None, shape: Shape) -> Wire:
        wire: Wire = {}
        if self.label and shape is Shape.READ:
            wire[self.label] = value.label or None if value else None
        wire[self.key] = self.id.encode(self.id.decode(value.id)) if value and value.id else None
        return wire


@dataclass(frozen=True)
class Entry(Part):
    """An entry of one of the vendor's lists: read as its label under `key`, written as its id under `written`.

    Without `written` it is read and written as the same word, which is its id as well (a user name).
    """

    key: str
    name: str
    list: str  # the vendor's list, as `Connector.entries` names it
    written: str = ""
    codec: Codec[str] = field(default_factory=Text)

    @override
    def keys(self, shape: Shape) -> tuple[str, ...]:
        return (self.written,) if self.written and shape is Shape.WRITE else (self.key,)

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        (key,) = self.keys(shape)
        if key not in wire:
            return UNSET
        word = self.codec.decode(wire[key]).strip()
        if not word:
            return None
        return Ref(label=word) if self.written and shape is Shape.READ else Ref(id=word)

    @override
    def encode(self, value: Ref | None, shape: Shape) -> Wire:
        (key,) = self.keys(shape)
        if value is None:
            return {key: None}
        by_label = self.written and shape is Shape.READ
        return {key: self.codec.encode(value.label if by_label else value.id)}


@dataclass(frozen=True)
class Numbers(Part):
    """Phones or emails, each under a key of its own: the record has them as one list.

    `kinds` says what stands under which key. Of several of one kind the first is written.
    """

    name: str
    kinds: Table[str, str]
    struct: type[Phone] | type[Email] = Phone

    @override
    def keys(self, shape: Shape) -> tuple[str, ...]:
        return tuple(self.kinds)

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        if not any(key in wire for key in self.kinds):
            return UNSET
        texts = {key: Text().decode(wire.get(key)).strip() for key in self.kinds}
        return [self.struct(text, kind=self.kinds[key]) for key, text in texts.items() if text]

    @override
    def encode(self, value: list[Phone] | list[Email], shape: Shape) -> Wire:
        wire: Wire = dict.fromkeys(self.kinds)
        for key, kind in self.kinds.items():
            of_kind = [each for each in value if each.kind == kind] or ([*value] if len(self.kinds) == 1 else [])
            wire[key] = str(getattr(of_kind[0], msgspec.structs.fields(self.struct)[0].name)) if of_kind else None
        return wire


@dataclass(frozen=True)
class MainAddress(Part):
    """One postal address, its lines under keys of their own."""

    name: str
    lines: Table[str, str]  # the wire's key: the address's field
    kind: str = "main"

    @override
    def keys(self, shape: Shape) -> tuple[str, ...]:
        return tuple(self.lines)

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        if not any(key in wire for key in self.lines):
            return UNSET
        given: dict[str, Any] = {line: Text().decode(wire.get(key)).strip() for key, line in self.lines.items()}
        return [Address(kind=self.kind, **given)] if any(given.values()) else []

    @override
    def encode(self, value: list[Address], shape: Shape) -> Wire:
        here = next((address for address in value if address.kind == self.kind), None)
        return {key: getattr(here, line) or None if here else None for key, line in self.lines.items()}


@dataclass(frozen=True)
class Words(Part):
    """Tags: a list of words, in order; the key may be missing where there are none."""

    key: str
    name: str
    missing_is_empty: bool = False

    @override
    def keys(self, shape: Shape) -> tuple[str, ...]:
        return (self.key,)

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        given = wire.get(self.key)
        if given is None:
            return [] if self.missing_is_empty or self.key in wire else UNSET
        if not isinstance(given, list):
            raise ValueError("expected a list of words")  # noqa: TRY004
        return [word for word in (Text().decode(each).strip() for each in given) if word]

    @override
    def encode(self, value: list[str], shape: Shape) -> Wire:
        return {self.key: list(value)}


class Mapping[R: Record]:
    """A vendor's object as one of our records. What it can hold, read and write is data: `parts`."""

    SHAPES: ClassVar[tuple[Shape, ...]] = (Shape.READ, Shape.WRITE)

    def __init__(self, kind: str, record: type[R], *parts: Part, id: str = "id", version: int = 1) -> None:
        """`kind` is the record's in the change log; `id` the wire's key of the vendor's own id.

        A new `version` has every record compared anew at the next pull.
        """
        self.kind = kind
        self.record = record
        self.parts = parts
        self.id = id
        self.version = version
        known = {each.name for each in msgspec.structs.fields(record)}
        unknown = [part.name for part in parts if part.name not in known]
        if unknown:
            raise TypeError(f"{record.__name__} has no field {', '.join(unknown)}.")
        self._in = {
            Shape.READ: tuple(part for part in parts if part.is_read),
            Shape.WRITE: tuple(part for part in parts if part.is_written),
        }
        self._holds = frozenset(part.name for part in self._in[Shape.READ])

    @property
    def holds(self) -> frozenset[str]:
        """The record's fields the vendor keeps and gives back: those that a merge compares."""
        return self._holds

    @property
    def takes(self) -> frozenset[str]:
        """The record's fields a push may change."""
        return frozenset(part.name for part in self.parts if part.access in {Access.READ_WRITE, Access.WRITE_ONLY})

    @property
    def takes_new(self) -> frozenset[str]:
        """The record's fields a new record may be sent with."""
        return frozenset(part.name for part in self.parts if part.is_written)

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)

    def id_of(self, wire: Wire) -> str:
        """The vendor's id of the object; raises Unreadable without one."""
        number = wire.get(self.id)
        if number is None or number == "" or isinstance(number, bool | list | dict):
            raise Unreadable(f"A {self.kind} without an id ({self.id}).")
        return str(number)

    def decode(self, wire: Wire, shape: Shape = Shape.READ) -> R:
        """Raises Unreadable, naming every key that can't be read. Keys that are not there stay UNSET."""
        values: dict[str, Any] = {}
        wrong: list[str] = []
        for part in self._in[shape]:
            try:
                value = part.decode(wire, shape)
            except ValueError as error:
                wrong.append(f"{', '.join(part.keys(shape))}: {error}")
                continue
            if value is not UNSET:
                values[part.name] = value
        if wrong:
            raise Unreadable(f"{self.kind} {wire.get(self.id, '')}: {'; '.join(wrong)}".strip())
        return self.record(**values)

    def encode(self, record: R, shape: Shape = Shape.READ, only: Collection[str] | None = None) -> Wire:
        """Its known fields on the wire; of these `only` the ones named, if any are."""
        wire: Wire = {}
        for part in self._in[shape]:
            value = getattr(record, part.name)
            if value is not UNSET and (only is None or part.name in only):
                wire |= part.encode(value, shape)
        return wire

    def normal(self, record: R) -> R:
        """The record as this vendor can hold it: what both sides can agree on. Applied twice it changes nothing more.

        A reference with an id is its id alone: its name is the other record's business.
        """
        kept = self.decode(self.encode(record, Shape.READ), Shape.READ)
        changes = {
            name: Ref(id=value.id)
            for name in self.holds
            if isinstance(value := getattr(kept, name), Ref) and value.id and value.label
        }
        return msgspec.structs.replace(kept, **changes) if changes else kept
