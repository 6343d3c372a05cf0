"""How far the sheets of a workbook reach: calamine makes room for every cell up to the last that says something.

One such cell, far below and to the right of a small table, takes more memory than there is. Only asked to say so, when
a workbook could not be read: it does not see the cells that do not say where they are.
"""

import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from backoffice.imports.reading.spreadsheet_errors import place_of

BLOCK_BYTES = 1 << 20
LONGEST_TAG = 256
MANY_CELLS = 4_000_000  # within the rectangle that holds them all: 40 columns of 100,000 rows

# Without a boundary before the name, which would take five times as long.
_CELL = re.compile(rb"""r\s*=\s*["']([A-Za-z]{1,3})([0-9]{1,7})["'][^<>]*(?<!/)>""")


def too_far(file: BinaryIO) -> str:
    """The corner of a sheet that reaches far, such as XFD1048576; the empty text when none does.

    Raises whatever zipfile does about a damaged archive.
    """
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            column, last = _reach(archive, entry)
            if (place_of(column) + 1) * last > MANY_CELLS:
                return f"{column.decode()}{last}"
    return ""


def _reach(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[bytes, int]:
    """The last column and row of the part's cells with a content; of a part that is no sheet, the first and none."""
    columns, last, is_sheet = {b"A"}, 0, False
    for text in _texts(archive, entry):
        is_sheet = is_sheet or b"sheetData" in text
        for column, row in _CELL.findall(text):
            columns.add(column.upper())
            last = max(last, int(row))
    return (max(columns, key=place_of), last) if is_sheet else (b"A", 0)


def _texts(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The part in blocks, each beginning with the end of the one before: no cell's tag is cut in two."""
    kept = b""
    with archive.open(entry) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield kept + block
            kept = block[-LONGEST_TAG:]
