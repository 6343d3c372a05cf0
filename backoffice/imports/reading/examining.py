"""One pass over a file before anything is kept of it: its columns, how it writes dates and amounts, its length."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import BinaryIO

import msgspec
from django.utils.translation import gettext

from backoffice.imports.faults import Refused, listed, shown
from backoffice.imports.options import Options
from backoffice.imports.reading import files, headers
from backoffice.imports.reading.dates import DateShapes
from backoffice.imports.reading.files import Layout, Row
from backoffice.imports.reading.values import AmountShapes, Notation
from backoffice.imports.resources.columns import UploadResource

ROWS_FOR_EXAMPLES = 200
EXAMPLES_EACH = 3


class Question(msgspec.Struct, frozen=True):
    """What only a person can say: the option that would say it, and the sentence that asks."""

    option: str
    sentence: str


class Noticed(msgspec.Struct, frozen=True):
    """What a file showed as it went by: examples of its cells by place, and all that keeps it from being taken."""

    examples: list[list[str]] = []
    refused: list[str] = []
    questions: list[Question] = []

    def refuse(self) -> None:
        """Raises Refused with all that is against the file, unless there is nothing."""
        against = [("", sentence) for sentence in self.refused]
        against += [(question.option, question.sentence) for question in self.questions]
        if against:
            raise Refused.each(against)


class Examined(msgspec.Struct, frozen=True):
    """All that the job needs to read the file the same way again."""

    layout: Layout
    header: list[str]
    columns: dict[str, int]
    unknown: list[str]
    options: Options
    rows: int
    size: int
    sha256: str
    noticed: Noticed = Noticed()


type Settle = Callable[[list[str]], Options]
"""The options for a file with this header."""


def examine(
    file: BinaryIO,
    name: str,
    resource: type[UploadResource],
    options: Options,
    limit_bytes: int,
    *,
    settle: Settle | None = None,
    is_draft: bool = False,
) -> Examined:
    """Raises Refused when the file as a whole cannot be taken, or when only a person can say how it is meant.

    A draft is only refused when it can't be read, and tells in `noticed` what else is against it.
    """
    scan = files.scan(file, name, limit_bytes)
    layout = files.layout(file, scan, lambda cells: headers.known(resource, cells, options.columns))
    rows = files.rows(file, layout)
    first = next(rows, None)
    if first is None:
        raise Refused(gettext("The file is empty."))
    header = first[1]
    chosen = settle(header) if settle else options
    match, refused = _matched(resource, header, chosen, is_draft)
    watch = _Watch(resource, match.positions, chosen, header)
    count = sum(1 for _ in map(watch.see, rows))
    notation = watch.notation()
    noticed = Noticed(watch.examples, refused, watch.questions)
    if not is_draft:
        noticed.refuse()
    columns, unknown, noted = match.positions, match.unknown, chosen.noted(notation)
    return Examined(layout, header, columns, unknown, noted, count, scan.size, scan.sha256, noticed)


def _matched(
    resource: type[UploadResource], header: list[str], options: Options, is_draft: bool
) -> tuple[headers.Match, list[str]]:
    try:
        return headers.match(resource, header, options.columns), []
    except Refused as refused:
        if not is_draft:
            raise
        return headers.propose(resource, header, options.columns), refused.messages


class _Watch:
    """Rows going by: how they write dates and amounts, and the first cells of each column."""

    def __init__(
        self, resource: type[UploadResource], positions: Mapping[str, int], options: Options, header: list[str]
    ) -> None:
        self.options = options
        self.header = header
        self.watched = resource.watched(positions)
        self.questions: list[Question] = []
        self.examples: list[list[str]] = [[] for _ in header]
        self._left = ROWS_FOR_EXAMPLES
        self._adders = [
            (place, shapes.add)
            for place, shapes in self.watched
            if not (options.date_order if isinstance(shapes, DateShapes) else options.decimal_mark)
        ]

    def see(self, row: Row) -> None:
        _line, cells = row
        for place, add in self._adders:
            if place < len(cells) and (cell := cells[place]):
                add(cell)
        if self._left:
            self._left -= 1
            for found, cell in zip(self.examples, cells, strict=False):
                if cell and len(found) < EXAMPLES_EACH:
                    found.append(shown(cell))

    def notation(self) -> Notation:
        """What the file decides itself; what it leaves open are questions."""
        shared = dict.fromkeys(shapes for _, shapes in self.watched)  # several columns may be looked at as one
        dates = [shapes for shapes in shared if isinstance(shapes, DateShapes)]
        amounts = [shapes for shapes in shared if isinstance(shapes, AmountShapes)]
        date_order = self.options.date_order or self._first(shapes.decide for shapes in dates)
        decimal_mark = self.options.decimal_mark or self._first(shapes.decide for shapes in amounts)
        return Notation(date_order, decimal_mark, self.options.currency or self._currency())

    def _currency(self) -> str:
        """The one that the headers of amounts name."""
        amounts = [self.header[place] for place, shapes in self.watched if isinstance(shapes, AmountShapes)]
        said = {code: header for header in amounts if (code := headers.currency_of(header))}
        if len(said) > 1:
            sentence = gettext(
                "The headers name several currencies: %(headers)s. Say in which one amounts without their own are "
                "with the option currency."
            )
            self.questions.append(Question("currency", sentence % {"headers": listed(list(said.values()))}))
            return ""
        return next(iter(said), "")

    def _first[T](self, deciding: Iterable[Callable[[], T | None]]) -> T | None:
        for decide in deciding:
            try:
                if (decided := decide()) is not None:
                    return decided
            except Refused as refused:
                self.questions.append(Question(refused.option, str(refused)))
        return None


def data_rows(file: BinaryIO, layout: Layout, skip: int = 0) -> Iterator[Row]:
    """The rows under the header, beginning after so many of them."""
    return islice(files.rows(file, layout), skip + 1, None)
