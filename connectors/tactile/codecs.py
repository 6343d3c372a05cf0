"""How Tactile CRM writes single values, and fields that stand in several keys. The oddities it has lie here."""

import re
from abc import ABC
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from html import unescape
from typing import Any, override
from zoneinfo import ZoneInfo

from msgspec import UNSET

from backoffice.crm.records import Email, Phone, Ref
from connectors.kit.codecs import Amount, Codec, Day, Integer, Moment, Text, shown
from connectors.kit.mapping import Entry, Field, Numbers, Part, Shape, Wire, Words

LONDON = ZoneInfo("Europe/London")  # of times without a zone: "Filtering"

ESCAPED = re.compile(r"&(?:amp|lt|gt|quot|#0?39);")
LINE_BREAK = re.compile(r"<br\s*/?>\r?\n?|</p>\s*<p[^>]*>", re.IGNORECASE)
MARKUP = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?", re.ASCII)


class Trimmed(Text):
    """The server trims what it is given."""

    @override
    def decode(self, value: Any) -> str:
        return super().decode(value).strip()

    @override
    def encode(self, value: str) -> Any:
        return value.strip() or None


class Dashed(Trimmed):
    """A first name or a surname: the server demands both, and writes "-" itself for the one it isn't given."""

    @override
    def decode(self, value: Any) -> str:
        text = super().decode(value)
        return "" if text == "-" else text

    @override
    def encode(self, value: str) -> Any:
        return super().encode(value) or "-"


class Name(Trimmed):
    """A list entry's name. The server escapes it for HTML in records (`R&amp;D`), and doesn't in options."""

    @override
    def decode(self, value: Any) -> str:
        text = super().decode(value)
        while ESCAPED.search(text):  # to the end, so that reading what was read changes nothing more
            text = ESCAPED.sub(lambda escape: unescape(escape.group()), text)
        return text.strip()


class Username(Trimmed):
    """`paul`, which the later server calls `paul//sample` (user//site)."""

    @override
    def decode(self, value: Any) -> str:
        return super().decode(value).partition("//")[0].strip()


class Percent(Integer):
    """A multiple of 5 between 0 and 100: "/opportunities/save". Others are rounded before they are sent."""

    @override
    def decode(self, value: Any) -> int | None:
        number = super().decode(value)
        if number is None:
            return None
        if not 0 <= number <= 100:
            raise ValueError(f"expected a probability between 0 and 100, not {shown(value)}")
        return rounded(number)

    @override
    def encode(self, value: int | None) -> Any:
        return None if value is None else rounded(value)


def rounded(percent: int) -> int:
    return (percent + 2) // 5 * 5


class Cost(Amount):
    """Money in two decimals. The server knows no unknown cost: it is 0 there."""

    @override
    def decode(self, value: Any) -> Decimal | None:
        amount = super().decode(value)
        if amount is None:
            return None
        cents = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
        return Decimal(int(cents)) if cents == cents.to_integral_value() else Decimal(format(cents, "f").rstrip("0"))

    @override
    def encode(self, value: Decimal | None) -> Any:
        return super().encode(self.decode(value) if value is not None else Decimal(0))


class EntryId(Text):
    """The id of a list's entry: a key of options, so a string there, and a number in what is saved."""

    @override
    def encode(self, value: str) -> Any:
        return int(value) if value.isascii() and value.isdigit() else value or None


class Kind(Codec[str]):
    """`todo` or `event`: what else we know goes there as one of the two."""

    @override
    def decode(self, value: Any) -> str:
        return "event" if Text().decode(value).strip().lower() == "event" else "to_do"

    @override
    def encode(self, value: str) -> Any:
        return "event" if value in {"event", "meeting"} else "todo"


class Later(Codec[bool]):
    """Without a date "this should be set to 'true'": the word. It answers with a JSON boolean."""

    @override
    def decode(self, value: Any) -> bool:
        return str(value).lower() in {"true", "t", "1"}

    @override
    def encode(self, value: bool) -> Any:
        return "true" if value else False


def plain(html: str) -> str:
    """The text of what the later server answers in timelines: escaped, with line breaks and links as HTML."""
    return unescape(MARKUP.sub("", LINE_BREAK.sub("\n", html))).strip()


def is_later_servers(entry: Wire) -> bool:
    """Whether a timeline's entry is in the later server's form, where ids are strings and texts are HTML."""
    return isinstance(entry.get("id"), str)


@dataclass(frozen=True)
class ListEntry(Entry):
    """An entry read as its name, and written as its id under a key of its own."""

    codec: Codec[str] = field(default_factory=Name)

    @override
    def encode(self, value: Ref | None, shape: Shape) -> Wire:
        if value is not None and self.written and shape is Shape.WRITE:
            return {self.written: EntryId().encode(value.id)}
        return super().encode(value, shape)


@dataclass(frozen=True)
class Always(Part):
    """What the vendor doesn't say, because of this object it is always so."""

    name: str
    value: Any

    @override
    def keys(self, shape: Shape) -> tuple[str, ...]:
        return ()

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        return self.value

    @override
    def encode(self, value: Any, shape: Shape) -> Wire:
        return {}


@dataclass(frozen=True)
class Happened(Field):
    """When it happened, under the key of when it was made: of the two the one that is known is written."""

    codec: Codec[Any] = field(default_factory=lambda: Moment(LONDON))

    @override
    def encode(self, value: datetime | None, shape: Shape) -> Wire:
        return {} if value is None else super().encode(value, shape)


@dataclass(frozen=True)
class Body(Field):
    """A text of a timeline: plain as documented, HTML in the later server's form."""

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        text = super().decode(wire, shape)
        return plain(text) if text is not UNSET and is_later_servers(wire) else text


@dataclass(frozen=True)
class Tags(Words):
    """Tags, newest first. The documented server doesn't tell them; the later one leaves the key out for none."""

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        if self.key not in wire and "custom_fields" in wire:
            return []
        return super().decode(wire, shape)


@dataclass(frozen=True)
class ContactMethods(Numbers):
    """Phones or emails: the main ones as texts when read, each as `{"contact": …}` when written.

    Of those in `unread` the vendor only takes: what it has there is not in its answer.
    """

    unread: Table[str, str] = field(default_factory=dict)

    @override
    def keys(self, shape: Shape) -> tuple[str, ...]:
        return super().keys(shape) + (tuple(self.unread) if shape is Shape.WRITE else ())

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        if shape is Shape.READ:
            return super().decode(wire, shape)
        kinds = {**self.kinds, **self.unread}
        given = {key: Contacted().decode(wire[key]) for key in kinds if key in wire}
        return [self.struct(text, kind=kinds[key]) for key, text in given.items() if text] if given else UNSET

    @override
    def encode(self, value: list[Phone] | list[Email], shape: Shape) -> Wire:
        """Of several of one kind the first; where there is none, one of a kind that has no place of its own."""
        kinds = {**self.kinds, **self.unread}
        given = [(each.kind, text) for each in value if (text := text_of(each))]
        spare = [text for kind, text in given if kind not in kinds.values()]
        wire: Wire = {}
        for key, kind in self.kinds.items():
            of_kind = [text for each, text in given if each == kind] or spare
            wire[key] = of_kind[0] if of_kind else None
        if shape is Shape.READ:
            return wire
        for key, kind in self.unread.items():
            if of_kind := [text for each, text in given if each == kind]:
                wire[key] = of_kind[0]
        return {key: Contacted().encode(text or "") for key, text in wire.items()}


def text_of(value: Phone | Email) -> str:
    return (value.number if isinstance(value, Phone) else value.address).strip()


class Contacted(Codec[str]):
    """A phone, fax, email or website as it is saved: `{"contact": …}`; a plain text is understood as well."""

    @override
    def decode(self, value: Any) -> str:
        return Text().decode(value.get("contact") if isinstance(value, dict) else value).strip()

    @override
    def encode(self, value: str) -> Any:
        return {"contact": value.strip()} if value.strip() else None


@dataclass(frozen=True)
class When(Part, ABC):
    """A part of when an activity begins or ends: two keys of the vendor's for two fields of ours."""

    name: str
    day: str
    clock: str

    @override
    def keys(self, shape: Shape) -> tuple[str, ...]:
        return (self.day, self.clock)


@dataclass(frozen=True)
class OnDay(When):
    """A day without a time: `date` alone. Stands before `AtMoment`, and empties both keys."""

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        if self.day not in wire:
            return UNSET
        return None if clocked(wire.get(self.clock)) else Day().decode(wire[self.day])

    @override
    def encode(self, value: date | None, shape: Shape) -> Wire:
        return {self.day: Day().encode(value), self.clock: None}


@dataclass(frozen=True)
class AtMoment(When):
    """A day and a time, which is London's: "only valid if a date is also supplied"."""

    @override
    def decode(self, wire: Wire, shape: Shape) -> Any:
        if self.day not in wire:
            return UNSET
        clock, day = clocked(wire.get(self.clock)), Day().decode(wire[self.day])
        return datetime.combine(day, clock, LONDON).astimezone(UTC) if clock and day else None

    @override
    def encode(self, value: datetime | None, shape: Shape) -> Wire:
        if value is None:
            return {}
        there = value.astimezone(LONDON)
        return {self.day: there.date().isoformat(), self.clock: f"{there:%H:%M}"}


def clocked(value: Any) -> time | None:
    """Its midnight is true, unlike a day without a time."""
    if value is None or value == "":
        return None
    if not (match := CLOCK.fullmatch(str(value).strip())):
        raise ValueError(f"expected a time such as 17:30, not {shown(value)}")
    return time(int(match[1]), int(match[2]))
