"""Phones and addresses: cells of a file that are parts of a record's lists, both ways."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, override

from backoffice.imports.merging.merger import Over
from backoffice.imports.options import Options
from backoffice.imports.reading import values
from backoffice.imports.reading.values import REMEMBERED_CELLS, Parser
from backoffice.imports.resources.columns import NAME_CHARACTERS, Cell

OFFICE, MOBILE = "office", "mobile"
MAIN = "main"
PHONE_CHARACTERS = 60

# “555-0100 ext. 12”, “555-0100 x12”, “555-0100, extensión 12”
_EXTENSION = re.compile(r"(?P<number>.*\d.*?)[\s,;]*(?:extensi[oó]n|ext\.?|x)\s*(?P<extension>\d{1,10})", re.IGNORECASE)


class Number(NamedTuple):
    number: str
    extension: str


def _place_of_phone(phones: Sequence[Mapping[str, Any]], kind: str) -> int | None:
    """The first of the kind; a number of no kind counts as one of the office."""
    kinds = [str(phone.get("kind") or "") for phone in phones]
    if kind in kinds:
        return kinds.index(kind)
    return kinds.index("") if kind == OFFICE and "" in kinds else None


class Phone(Cell):
    """A number as given, with its extension, if any, after “ext.”."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    @override
    def parser(self, options: Options) -> Parser:
        plain = values.text(PHONE_CHARACTERS)

        @lru_cache(REMEMBERED_CELLS)
        def parse(cell: str) -> Number:
            plain(cell)
            found = _EXTENSION.fullmatch(cell)
            return Number(found["number"], found["extension"]) if found else Number(cell, "")

        return parse

    @override
    def render(self, value: Sequence[Mapping[str, Any]] | None, obj: Any = None, **kwargs: Any) -> str:
        place = _place_of_phone(value or (), self.kind)
        if not value or place is None:
            return ""
        extension = value[place].get("extension")
        return f"{value[place]['number']} ext. {extension}" if extension else str(value[place]["number"])


class Phones(Over):
    """Numbers by kind, laid over a list of phones; None takes the one of that kind away."""

    __slots__ = ("said",)

    def __init__(self, said: Sequence[tuple[str, Number | None]]) -> None:
        self.said = said

    @override
    def over(self, was: Any) -> Any:
        phones = list(was or ())
        for kind, said in self.said:
            place = _place_of_phone(phones, kind)
            if said is None:
                if place is not None:
                    del phones[place]
            elif place is None:
                phones.append(_with_number({"kind": kind}, said))
            else:
                phones[place] = _with_number(phones[place], said)
        return phones


def _with_number(phone: Mapping[str, Any], said: Number) -> dict[str, Any]:
    """The same number without its extension is still that number."""
    if phone.get("number") == said.number and said.extension in {"", phone.get("extension")}:
        return dict(phone)
    without = {name: value for name, value in phone.items() if name != "extension"}
    return without | {"number": said.number} | ({"extension": said.extension} if said.extension else {})


class AddressPart(Cell):
    """A line of the main address. States and countries are kept as a code, as given, or both: either is known again."""

    def __init__(self, name: str, code: str = "") -> None:
        super().__init__()
        self.name, self.code = name, code

    @override
    def parser(self, options: Options) -> Parser:
        return values.text(NAME_CHARACTERS)

    @override
    def render(self, value: Sequence[Mapping[str, Any]] | None, obj: Any = None, **kwargs: Any) -> str:
        place = _place_of_address(value or ())
        if not value or place is None:
            return ""
        return str(value[place].get(self.name) or value[place].get(self.code) or "")

    def lay_over(self, address: dict[str, Any], said: str | None) -> None:
        """Changes `address`; None clears the part."""
        known = {str(address.get(name)).casefold() for name in (self.name, self.code) if address.get(name)}
        if self.code and said and said.casefold() in known:
            return
        for name in (self.name, self.code):
            address.pop(name, None)
        if said:
            is_code = self.code and len(said) == 2 and said.isalpha() and said.isupper()
            address[self.code if is_code else self.name] = said


def _place_of_address(addresses: Sequence[Mapping[str, Any]]) -> int | None:
    """The first main one; a kind that is not said is the main one."""
    kinds = [str(address.get("kind") or MAIN) for address in addresses]
    return kinds.index(MAIN) if MAIN in kinds else None


class Address(Over):
    """Parts of the main address, laid over a list of addresses."""

    __slots__ = ("said",)

    def __init__(self, said: Sequence[tuple[AddressPart, str | None]]) -> None:
        self.said = said

    @override
    def over(self, was: Any) -> Any:
        addresses = list(was or ())
        place = _place_of_address(addresses)
        address = dict(addresses[place]) if place is not None else {}
        for part, said in self.said:
            part.lay_over(address, said)
        if place is not None:
            if address.keys() <= {"kind"}:
                del addresses[place]
            else:
                addresses[place] = address
        elif address:
            addresses.append(address)
        return addresses
