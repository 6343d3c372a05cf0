"""Rows that stand in a table without being a record: its header once more, totals, notes under it.

They fail like any row that is wrong, but with a sentence of their own. A row with all that a record needs is a record,
whatever it is called.
"""

import re
from collections.abc import Callable, Sequence

from backoffice.imports.faults import Fault, shown
from backoffice.imports.reading import headers

_TOTAL = re.compile(r"(?:grand|gran|sub|suma|overall|sum)?total(?:s|es|general|geral)?\d*|suma?")


def header_again(header: Sequence[str]) -> Callable[[list[str]], bool]:
    """Whether a row repeats the header; the columns our error file adds aside."""
    places = [place for place, text in enumerate(header) if text and headers.folded(text) not in headers.OWN_COLUMNS]
    first = places[0] if places else 0

    def is_header(cells: list[str]) -> bool:
        return cells[first] == header[first] and all(cells[place] == header[place] for place in places)

    return is_header if len(places) > 1 else lambda cells: False


def seen_in(cells: Sequence[str], header: Sequence[str]) -> Fault | None:
    """What a row that is wrong looks like, when it does not look like a record at all."""
    own = headers.OWN_COLUMNS
    filled = [
        place for place, cell in enumerate(cells[: len(header)]) if cell and headers.folded(header[place]) not in own
    ]
    if not filled:
        return None
    first = cells[filled[0]]
    if _TOTAL.fullmatch(headers.folded(first)):
        return Fault("total", values={"value": shown(first)})
    if filled == [0] and " " in first:
        return Fault("note", values={"value": shown(first)})
    return None
