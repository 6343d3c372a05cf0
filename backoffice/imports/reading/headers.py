"""Which column of a file is which column of ours: by the header alone, and by what somebody chose for a header."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from django.utils.translation import gettext

from backoffice.imports.faults import Refused, listed, shown
from backoffice.imports.options import CURRENCIES

if TYPE_CHECKING:
    from backoffice.imports.resources.columns import Column, UploadResource

    type Resource = type[UploadResource]

OWN_COLUMNS = ("line", "error")  # our error file adds them; uploaded again, they mean nothing


class Match(msgspec.Struct, frozen=True):
    """`positions`: our column's name to its place in the file. `unknown`: headers that are ignored, as written.

    The rest is what keeps the file from being taken: headers of ours that are `missing`, and sentences about what
    stands `twice` and what else is `wrong`, choices that make no sense above all.
    """

    positions: dict[str, int]
    unknown: list[str]
    missing: list[str] = []
    twice: list[str] = []
    wrong: list[str] = []
    wrong_choices: list[str] = []


def folded(header: str) -> str:
    """A header as it is compared: no case, accents, separators, star, or remark in brackets at its end."""
    text = header.strip("\ufeff \t\"'*")
    text = re.sub(r"[(\[][^()\[\]]*[)\]]\s*\*?$", "", text)
    text = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in text if character.isalnum())


def currency_of(header: str) -> str:
    """The currency that a header says its amounts are in, such as the one of “Amount (MXN)”; else the empty text."""
    found = re.search(r"[(\[]\s*([A-Z]{3})\s*[)\]]\W*$", header)
    return found[1] if found and found[1] in CURRENCIES else ""


def names(columns: Mapping[str, "Column"]) -> dict[str, str]:
    """Every spelling that is understood, folded, to our column's name."""
    return {folded(spelling): name for name, column in columns.items() for spelling in column.spellings}


def known(resource: "Resource", header: Sequence[str], chosen: Iterable[str] = ()) -> int:
    """How many of the header's cells name a column of ours, or are among the headers somebody chose one for."""
    understood = names(resource.columns())
    also = {folded(text) for text in chosen}
    ours = {name for text in header if (name := _named(resource, understood, text))}
    return len(ours) + len(also.intersection(map(folded, header)))


def match(resource: "Resource", header: Sequence[str], chosen: Mapping[str, str] | None = None) -> Match:
    """Raises Refused when columns stand twice or required ones are missing: all of them, by name.

    A choice (see `propose`) that makes no sense is refused too, naming the option.
    """
    found = propose(resource, header, chosen)
    sentences = found.wrong_choices + found.twice + found.wrong + _missing(found.missing, header)
    if sentences:
        raise Refused(*sentences, option="columns" if found.wrong_choices else "")
    return found


def propose(resource: "Resource", header: Sequence[str], chosen: Mapping[str, str] | None = None) -> Match:
    """What the columns are taken for, and all that stands against it; never raises.

    `chosen` says for headers, as written or folded, which column of ours they mean, by its name or one of its
    headers; the empty text means none. What was chosen for one header is not looked for in others.
    """
    understood = names(resource.columns())
    meant, wrong_choices = _meant(resource, understood, header, chosen or {})
    claimed = {name for name in meant.values() if name}
    places: dict[str, list[int]] = {}
    unknown: list[int] = []
    for place, text in enumerate(header):
        name = meant.get(place)
        if name is None:
            name = _named(resource, understood, text)
            name = "" if name in claimed else name
        if name:
            places.setdefault(name, []).append(place)
        elif text and folded(text) not in OWN_COLUMNS:
            unknown.append(place)
    named = {name: header[found[0]] for name, found in places.items()}
    shape = resource.shape(named, [header[place] for place in unknown if place not in meant])
    idle = {place for name in shape.idle for place in places.get(name, ())}
    positions = {name: found[0] for name, found in places.items() if name not in shape.idle}
    missing = [str(resource.column_called(name).header) for name in shape.required if name not in positions]
    return Match(
        positions,
        [header[place] for place in sorted({*unknown, *idle})],
        missing,
        [*_twice(resource, header, places), *shape.twice],
        list(shape.wrong),
        wrong_choices,
    )


def _named(resource: "Resource", understood: Mapping[str, str], text: str) -> str:
    """Our name for a column with this header; the empty text for none."""
    name = understood.get(folded(text), "")
    if not name and text and (beside := resource.dynamic(text)):
        name = beside[0]
    return name


def _meant(
    resource: "Resource", understood: Mapping[str, str], header: Sequence[str], chosen: Mapping[str, str]
) -> tuple[dict[int, str], list[str]]:
    """Places of the header for which something was chosen, with our column's name; and sentences on wrong choices."""
    meant: dict[int, str] = {}
    wrong = []
    for text, wanted in chosen.items():
        places = [place for place, cell in enumerate(header) if cell == text]
        places = places or [place for place, cell in enumerate(header) if folded(cell) == folded(text)]
        name = _chosen_name(resource, understood, wanted.strip())
        if not places:
            wrong.append(
                gettext("The option columns speaks of “%(header)s”, which is not in the file's header: %(all)s.")
                % {"header": shown(text), "all": shown(", ".join(header))}
            )
        if name is None:
            wrong.append(
                gettext(
                    "The option columns takes “%(header)s” for “%(wanted)s”, which is no column; there are: %(all)s."
                )
                % {"header": shown(text), "wanted": shown(wanted), "all": ", ".join(resource.headers())}
            )
        else:
            meant |= dict.fromkeys(places, name)
    return meant, wrong


def _chosen_name(resource: "Resource", understood: Mapping[str, str], wanted: str) -> str | None:
    if not wanted:
        return ""
    try:
        resource.column_called(wanted)
    except KeyError:
        return _named(resource, understood, wanted) or None
    return wanted


def _twice(resource: "Resource", header: Sequence[str], places: Mapping[str, list[int]]) -> list[str]:
    return [
        gettext("The column %(column)s stands more than once in the file: %(headers)s. Keep one of them.")
        % {
            "column": resource.column_called(name).header,
            "headers": listed([shown(header[place]) for place in found]),
        }
        for name, found in places.items()
        if len(found) > 1
    ]


def _missing(missing: Sequence[str], header: Sequence[str]) -> list[str]:
    if not missing:
        return []
    return [
        gettext("Missing required column: %(columns)s. The file's first line is read as the header: %(header)s.")
        % {"columns": ", ".join(missing), "header": shown(", ".join(header))}
    ]
