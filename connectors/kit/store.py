"""What a facade speaks to: the records of one vendor account, with the vendor's ids.

`sync` answers from the domain; `MemoryStore` (see `memory`) is a small world of its own.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

import msgspec

from backoffice.crm.records import Record
from connectors.kit.contract import VendorEntry


class Caller(msgspec.Struct, frozen=True):
    """Whose credentials a call came with: the vendor's name for the user, and how people call them."""

    id: str
    name: str = ""
    email: str = ""
    is_admin: bool = False


class Stored(msgspec.Struct, frozen=True):
    """A record with the vendor's id. `created_there` and `changed_there` are always set."""

    id: str
    record: Any  # of the kind asked for


class Test(Enum):
    IS = "is"
    AFTER = "after"  # strictly
    BEFORE = "before"  # strictly
    LIKE = "like"  # case-blind, * for any characters
    IS_SET = "is set"  # value: True or False


class Condition(msgspec.Struct, frozen=True):
    """`field` is the record's; of a reference its vendor's id is compared (for an entry of a list: its label or id).

    The name alone of what is compared: "changed_there", "account", "name".
    """

    field: str
    test: Test
    value: Any = True


class Query(msgspec.Struct, frozen=True):
    """Of the records that meet all conditions, `limit` from `offset` on, in order; "-" before a field: downwards.

    Ties go by id. What is archived is left out unless asked for.
    """

    conditions: Sequence[Condition] = ()
    order: Sequence[str] = ()
    offset: int = 0
    limit: int | None = None
    with_archived: bool = False


class Slice(msgspec.Struct, frozen=True):
    found: Sequence[Stored]
    total: int


class Store(Protocol):
    """The world a caller sees. What the caller may not see is not there; what may not be done raises `Refused`."""

    @property
    def caller(self) -> Caller: ...

    @property
    def now(self) -> datetime: ...

    def find(self, kind: str, query: Query) -> Slice: ...

    def get(self, kind: str, id: str) -> Stored | None: ...

    def create(self, kind: str, record: Record) -> str:
        """A new record with the fields that are set; its id. Raises Invalid, Forbidden, Unavailable, Uncertain."""
        ...

    def update(self, kind: str, id: str, record: Record) -> None:
        """Change the fields that are set. Raises Missing, Invalid, Forbidden, Unavailable, Uncertain."""
        ...

    def entries(self, name: str) -> Sequence[VendorEntry]:
        """A list of the vendor's, in its order."""
        ...
