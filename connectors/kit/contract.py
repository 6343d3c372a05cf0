"""What a connector promises: what its vendor can do, how to read it page by page, and how to write to it.

`sync` drives any connector through this alone. Records a connector gives and takes have references as the vendor's own
ids (`Ref`); what they mean here is for `sync` to know.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar

import msgspec

from backoffice.crm.records import Record
from connectors.kit.mapping import Mapping, Wire
from connectors.kit.settings import Setting
from connectors.kit.transport import Transport


class Item(msgspec.Struct, frozen=True):
    """One object as the vendor gave it, not yet read: an unchanged one never is.

    A stub is an object that is only mentioned, by another one or in a list that tells little of it: it creates what is
    not here yet and changes nothing. It has not vanished.
    """

    kind: str  # of the record, as in the change log: "opportunity"
    id: str  # the vendor's, unique within its kind
    wire: Wire
    mapping: Mapping[Any]
    is_stub: bool = False


class Page(msgspec.Struct, frozen=True):
    """What one step of a stream brings. Its items and `state` are committed together.

    Items an item refers to may stand before it, in the same page. After the last page `state` is where the next pull
    begins. `total` is how many items the whole pass will have, if the vendor tells.
    """

    items: Sequence[Item]
    state: dict[str, Any]
    total: int | None = None
    is_last: bool = False


class Stream(ABC):
    """One list of the vendor's, read from where the last pull came to."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]  # that it brings; of the first, what a full pass didn't show may have vanished
    is_incremental: ClassVar[bool] = False
    finds_vanished: ClassVar[bool] = True

    @abstractmethod
    def pages(self, state: dict[str, Any], *, full: bool) -> Iterator[Page]:
        """The pages from `state` on (empty: from the beginning). A state given in mid pass goes on in that pass.

        `full` asks for everything, not only what has changed; a pass that was begun in full stays so by its state.
        """


class Capability(msgspec.Struct, frozen=True):
    """What a vendor lets be done with records of a kind. Fields are told by the mapping."""

    mapping: Mapping[Any]
    pull: bool = True
    create: bool = False
    update: bool = False
    delete: bool = False
    find: bool = False  # a record just sent can be looked for
    view: bool = False  # a record can be asked for by its id


class Meaning(Enum):
    """What the entries of a vendor's list are of ours: a login of the vendor is a rep, the rest are pick lists."""

    REP = "rep"
    CHOICE = "choice"


class VendorList(msgspec.Struct, frozen=True):
    """One of the vendor's lists, as `Entry` in a mapping names it, and our pick list that it corresponds to."""

    name: str
    meaning: Meaning
    choices: str = ""  # `ChoiceList` of ours
    label: Any = ""  # for people


class VendorEntry(msgspec.Struct, frozen=True):
    """An entry of a vendor's list. `extras` may tell more: a user's email, a stage's status."""

    list: str
    id: str
    label: str
    extras: dict[str, Any] = {}


class Receipt(msgspec.Struct, frozen=True):
    """What a write came to: the vendor's id of the record. What it made of it is read by the next pull."""

    id: str


class Health(msgspec.Struct, frozen=True):
    """A plain answer to "does it work": whom the vendor takes us for, and what we should know."""

    text: str
    hints: Sequence[str] = ()


@dataclass(frozen=True)
class Site:
    """One customer's account at a vendor, as a connection describes it."""

    base_url: str
    transport: Transport
    settings: Table[str, Any] = field(default_factory=dict)
    secrets: Table[str, str] = field(default_factory=dict)


class Connector(ABC):
    """A vendor. One is made for each run, and belongs to its thread unless its client says otherwise.

    Every method that calls the vendor raises the errors of `errors`, and nothing else.
    """

    vendor: ClassVar[str]  # in lower case, as connections name it
    label: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]] = ()
    secrets: ClassVar[tuple[Setting, ...]] = ()
    lists: ClassVar[tuple[VendorList, ...]] = ()
    capabilities: ClassVar[Table[str, Capability]]
    quiet_seconds: ClassVar[int] = 30  # after a lost answer the vendor may still be at work so long
    calls_per_minute: ClassVar[int] = 0  # that the vendor allows; 0: it doesn't say

    def __init__(self, site: Site) -> None:
        self.site = site

    @abstractmethod
    def test(self) -> Health:
        """One cheap call that needs the credentials."""

    @abstractmethod
    def entries(self) -> Sequence[VendorEntry]:
        """Everything that stands in `lists` at the vendor."""

    @abstractmethod
    def streams(self) -> Sequence[Stream]:
        """In the order they are to be read: what others refer to first."""

    def view(self, kind: str, id: str) -> Item | None:
        """The object as it is now; None when it is gone."""
        raise NotImplementedError(f"{self.label} shows no single {kind}.")

    def create(self, kind: str, record: Record) -> Receipt:
        """Make a new one with the fields that are set. Not repeatable: see `Uncertain`."""
        raise NotImplementedError(f"{self.label} takes no new {kind}.")

    def update(self, kind: str, id: str, record: Record, changed: frozenset[str]) -> Receipt:
        """Send the `changed` fields of the whole record. Repeating it does no harm."""
        raise NotImplementedError(f"{self.label} takes no change of a {kind}.")

    def delete(self, kind: str, id: str) -> None:
        """Gone afterwards, also if it was already."""
        raise NotImplementedError(f"{self.label} deletes no {kind}.")

    def find(self, kind: str, record: Record, since: datetime) -> Sequence[Item]:
        """Objects that may be what a lost `create` of this record made at `since` or later."""
        raise NotImplementedError(f"{self.label} finds no {kind}.")
