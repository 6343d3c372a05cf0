"""How far the sheets of a workbook reach: calamine makes room for every cell up to the last that says something.

One such cell, far below and to the right of a small table, would take more memory than there is.
"""

import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from backoffice.imports.reading.spreadsheet_errors import place_of

BLOCK_BYTES = 1 << 20
LONGEST_TAG = 256
MOST_CELLS = 30_000_000  # within the rectangle that holds them all: 28 columns all the way down

# Without a boundary before the name, which would take five times as long.
_BEFORE, _AFTER = rb"""r\s*=\s*["']""", rb"""["'][^<>]*(?<!/)>"""
_FAR_RIGHT = re.compile(_BEFORE + rb"(?:[Aa][C-Zc-z]|[B-Zb-z][A-Za-z]|[A-Za-z]{3})[0-9]")  # AC is the 29th
_COLUMN = re.compile(_BEFORE + rb"([A-Za-z]{1,3})[0-9]{1,7}" + _AFTER)
_ROW = re.compile(_BEFORE + rb"[A-Za-z]{1,3}([0-9]{1,7})" + _AFTER)


def too_far(file: BinaryIO) -> str:
    """The corner of a sheet that reaches too far, such as XFD1048576; the empty text when none does.

    Raises whatever zipfile does about a damaged archive.
    """
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if any(_FAR_RIGHT.search(text) for text in _texts(archive, entry)):
                column, last = _reach(archive, entry)
                if (place_of(column) + 1) * last > MOST_CELLS:
                    return f"{column.decode()}{last}"
    return ""


def _reach(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[bytes, int]:
    """The last column and row of the part's cells with a content; of a part that is no sheet, the first and none."""
    columns, last, is_sheet = {b"A"}, 0, False
    for text in _texts(archive, entry):
        is_sheet = is_sheet or b"sheetData" in text
        columns.update(_COLUMN.findall(text))
        last = max(last, *map(int, set(_ROW.findall(text))), 0)
    return (max(map(bytes.upper, columns), key=place_of), last) if is_sheet else (b"A", 0)


def _texts(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The part in blocks, each beginning with the end of the one before: no cell's tag is cut in two."""
    kept = b""
    with archive.open(entry) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield kept + block
            kept = block[-LONGEST_TAG:]
