"""Which column of a file is which column of ours, by the header alone."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from django.utils.translation import gettext

from backoffice.imports.faults import Refused, listed, shown

if TYPE_CHECKING:
    from backoffice.imports.columns import Column

OWN_COLUMNS = ("line", "error")  # our error file adds them; uploaded again, they mean nothing


class Match(msgspec.Struct, frozen=True):
    """`positions`: our column's name to its place in the file. `unknown`: headers that are ignored, as written."""

    positions: dict[str, int]
    unknown: list[str]


def folded(header: str) -> str:
    """A header as it is compared: no case, accents, separators, star, or remark in brackets at its end."""
    text = header.strip("\ufeff \t\"'*")
    text = re.sub(r"[(\[][^()\[\]]*[)\]]\s*\*?$", "", text)
    text = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in text if character.isalnum())


def names(columns: Mapping[str, "Column"]) -> dict[str, str]:
    """Every spelling that is understood, folded, to our column's name."""
    return {folded(spelling): name for name, column in columns.items() for spelling in column.spellings}


def known(columns: Mapping[str, "Column"], header: Sequence[str]) -> int:
    """How many of the header's cells name a column of ours."""
    understood = names(columns)
    return len({understood[text] for text in map(folded, header) if text in understood})


def match(columns: Mapping[str, "Column"], header: Sequence[str]) -> Match:
    """Raises Refused when a column stands twice, or when required ones are missing: all of them, by name."""
    understood = names(columns)
    places: dict[str, list[int]] = {}
    unknown = []
    for place, text in enumerate(header):
        name = understood.get(folded(text))
        if name:
            places.setdefault(name, []).append(place)
        elif text and folded(text) not in OWN_COLUMNS:
            unknown.append(text)
    wrong = _twice(columns, header, places) + _missing(columns, places, header)
    if wrong:
        raise Refused(*wrong)
    return Match({name: found[0] for name, found in places.items()}, unknown)


def _twice(columns: Mapping[str, "Column"], header: Sequence[str], places: Mapping[str, list[int]]) -> list[str]:
    return [
        gettext("The column %(column)s stands more than once in the file: %(headers)s. Keep one of them.")
        % {"column": columns[name].header, "headers": listed([shown(header[place]) for place in found])}
        for name, found in places.items()
        if len(found) > 1
    ]


def _missing(columns: Mapping[str, "Column"], places: Mapping[str, list[int]], header: Sequence[str]) -> list[str]:
    missing = [str(column.header) for name, column in columns.items() if column.required and name not in places]
    if not missing:
        return []
    return [
        gettext("Missing required column: %(columns)s. The file's first line is read as the header: %(header)s.")
        % {"columns": ", ".join(missing), "header": shown(", ".join(header))}
    ]
