"""How single values stand on a wire, both ways. A vendor with an oddity of its own writes a codec beside its mapping.

`decode` raises ValueError, in words, for what it can't read; `encode` never raises for what `decode` gave.
"""

import re
from abc import ABC, abstractmethod
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, override

AMOUNT = re.compile(r"[+-]?\d{1,15}(\.\d{1,10})?", re.ASCII)
SOMETIME = datetime(1970, 1, 1, tzinfo=UTC)  # archived there, and nobody says since when
WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


class Codec[T](ABC):
    """One kind of value on the wire."""

    @abstractmethod
    def decode(self, value: Any) -> T: ...

    @abstractmethod
    def encode(self, value: T) -> Any: ...


class Text(Codec[str]):
    """A string; absent or null is the empty one. Control characters, which PostgreSQL can't hold, are dropped."""

    @override
    def decode(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"expected a text, not {shown(value)}")  # noqa: TRY004
        return str(value).replace("\0", "")

    @override
    def encode(self, value: str) -> Any:
        return value or None


class Integer(Codec[int | None]):
    """A whole number, or a string of its digits."""

    @override
    def decode(self, value: Any) -> int | None:
        if value is None or value == "":
            return None
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not WHOLE.fullmatch(str(value)):
            raise ValueError(f"expected a whole number, not {shown(value)}")
        return int(value)

    @override
    def encode(self, value: int | None) -> Any:
        return value


class YesNo(Codec[bool]):
    """true or false; also as 1 and 0, or the words."""

    WORDS = {"true": True, "t": True, "1": True, "yes": True, "false": False, "f": False, "0": False, "no": False}

    @override
    def decode(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if value is None or value == "":
            return False
        try:
            return self.WORDS[str(value).lower()]
        except KeyError:
            raise ValueError(f"expected true or false, not {shown(value)}") from None

    @override
    def encode(self, value: bool) -> Any:
        return value


class Archived(YesNo):
    """`archived_at` of a vendor that says only whether: `SOMETIME` stands for the moment it doesn't tell."""

    @override
    def decode(self, value: Any) -> Any:
        return SOMETIME if super().decode(value) else None

    @override
    def encode(self, value: Any) -> Any:
        return value is not None


class Amount(Codec[Decimal | None]):
    """Money as a JSON number or a string, never through a float's digits. Whole amounts are written without a point."""

    @override
    def decode(self, value: Any) -> Decimal | None:
        if value is None or value == "":
            return None
        text = format(value, "f") if isinstance(value, Decimal) else str(value)
        if isinstance(value, float):
            text = format(Decimal(repr(value)), "f")
        if isinstance(value, bool) or not AMOUNT.fullmatch(text):
            raise ValueError(f"expected an amount, not {shown(value)}")
        try:
            return Decimal(text)
        except InvalidOperation:
            raise ValueError(f"expected an amount, not {shown(value)}") from None

    @override
    def encode(self, value: Decimal | None) -> Any:
        if value is None:
            return None
        return int(value) if value == value.to_integral_value() else float(value)


class Day(Codec[date | None]):
    """A date as YYYY-MM-DD; what follows the day is dropped."""

    @override
    def decode(self, value: Any) -> date | None:
        if value is None or value == "":
            return None
        try:
            return date.fromisoformat(str(value)[:10])
        except ValueError:
            raise ValueError(f"expected a date such as 2026-11-30, not {shown(value)}") from None

    @override
    def encode(self, value: date | None) -> Any:
        return value.isoformat() if value else None


class Moment(Codec[datetime | None]):
    """A time in ISO 8601, its offset with or without a colon; without one it is in the `zone` given. Ours are in UTC.

    Vendors keep whole seconds: so do we, or nothing would come back as it went.
    """

    def __init__(self, zone: tzinfo = UTC) -> None:
        self.zone = zone

    @override
    def decode(self, value: Any) -> datetime | None:
        if value is None or value == "":
            return None
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"expected a time such as 2026-11-30T17:00:00+00:00, not {shown(value)}") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        return moment.astimezone(UTC).replace(microsecond=0)

    @override
    def encode(self, value: datetime | None) -> Any:
        return value.astimezone(self.zone).replace(microsecond=0).isoformat() if value else None


def shown(value: Any) -> str:
    """A value in an error's text, at most 60 letters of it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
