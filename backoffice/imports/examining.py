"""One pass over a file before anything is kept of it: its columns, how it writes dates and amounts, its length."""

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

import msgspec
from django.utils.translation import gettext

from backoffice.imports import headers, reading
from backoffice.imports.columns import UploadResource
from backoffice.imports.faults import Refused
from backoffice.imports.options import Options
from backoffice.imports.reading import Layout, Row
from backoffice.imports.values import AmountShapes, DateOrder, DateShapes, DecimalMark, Notation


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


def examine(file: BinaryIO, name: str, resource: type[UploadResource], options: Options, limit_bytes: int) -> Examined:
    """Raises Refused when the file as a whole cannot be taken, or when only a person can say how it is meant."""
    scan = reading.scan(file, name, limit_bytes)
    layout = Layout(scan.format, scan.encoding)
    if scan.format == "csv":
        mark = reading.delimiter(file, scan.encoding, lambda header: headers.known(resource, header))
        layout = Layout(scan.format, scan.encoding, mark)
    rows = reading.rows(file, layout)
    first = next(rows, None)
    if first is None:
        raise Refused(gettext("The file is empty."))
    header = first[1]
    match = headers.match(resource, header, options.columns)
    notation, count = _notation(resource, match.positions, rows, options)
    return Examined(
        layout, header, match.positions, match.unknown, options.noted(notation), count, scan.size, scan.sha256
    )


def _notation(
    resource: type[UploadResource], positions: dict[str, int], rows: Iterator[Row], options: Options
) -> tuple[Notation, int]:
    watched = resource.watched(positions)
    adders = [
        (place, shapes.add)
        for place, shapes in watched
        if not (options.date_order if isinstance(shapes, DateShapes) else options.decimal_mark)
    ]
    count = 0
    for _line, cells in rows:
        count += 1
        for place, add in adders:
            if place < len(cells) and (cell := cells[place]):
                add(cell)
    date_order = options.date_order or _one_date_order([shapes for _, shapes in watched])
    decimal_mark = options.decimal_mark or _one_decimal_mark([shapes for _, shapes in watched])
    return Notation(date_order, decimal_mark), count


def _one_date_order(watched: list[AmountShapes | DateShapes]) -> DateOrder | None:
    decided = (shapes.decide() for shapes in watched if isinstance(shapes, DateShapes))
    return next((order for order in decided if order), None)


def _one_decimal_mark(watched: list[AmountShapes | DateShapes]) -> DecimalMark | None:
    decided = (shapes.decide() for shapes in watched if isinstance(shapes, AmountShapes))
    return next((mark for mark in decided if mark), None)


def data_rows(file: BinaryIO, layout: Layout, skip: int = 0) -> Iterator[Row]:
    """The rows under the header, beginning after so many of them."""
    return islice(reading.rows(file, layout), skip + 1, None)
