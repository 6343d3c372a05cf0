"""The cells of a workbook whose formula went wrong. calamine gives them as blank, which would be taken for nothing."""

import re
import zipfile
from collections.abc import Iterator
from html import unescape
from typing import BinaryIO

BLOCK_BYTES = 1 << 20
LONGEST_CELL_BYTES = 1 << 16
MOST = 100_000

_MARK = b't="e"'
_CELL = re.compile(
    rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]{1,3})([0-9]+)"[^>]*>'
    rb"(?:<(?:\w+:)?f\b[^>]*/>|<(?:\w+:)?f\b.*?</(?:\w+:)?f>)?<(?:\w+:)?v>([^<]{1,40})</",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""(?:\w+:)?(\w+)\s*=\s*(["'])(.*?)\2""")

type Errors = dict[int, list[tuple[int, str]]]


def error_cells(file: BinaryIO, sheet: str) -> Errors:
    """By row as the sheet counts them: the place in the row, and the error as it is shown."""
    found: Errors = {}
    with zipfile.ZipFile(file) as archive:
        part = _part(archive, sheet)
        if part not in archive.namelist():
            return found
        for count, (letters, number, error) in enumerate(_errors(archive, part)):
            if count == MOST:
                break
            found.setdefault(int(number), []).append((place_of(letters), unescape(error.decode())))
    return found


def _errors(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Read in blocks: what a block may have cut off is looked at again with the next."""
    kept = b""
    with archive.open(part) as stream:
        while block := stream.read(BLOCK_BYTES):
            text = kept + block
            after = 0
            if _MARK in text:
                for cell in _CELL.finditer(text):
                    yield cell[1], cell[2], cell[3]
                    after = cell.end()
            kept = text[max(after, len(text) - LONGEST_CELL_BYTES) :]


def _part(archive: zipfile.ZipFile, sheet: str) -> str:
    """The path within the archive at which a sheet's cells are."""
    sheets = _elements(archive.read("xl/workbook.xml"), "sheet")
    relations = _elements(archive.read("xl/_rels/workbook.xml.rels"), "Relationship")
    number = next((each.get("id") for each in sheets if each.get("name") == sheet), None)
    target = next((each.get("Target", "") for each in relations if number and each.get("Id") == number), "")
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _elements(xml: bytes, tag: str) -> list[dict[str, str]]:
    """The attributes of each element of that name, without their prefixes."""
    found = re.findall(rf"<(?:\w+:)?{tag}\s([^>]*)>", xml.decode())
    return [{name: unescape(value) for name, _, value in _ATTRIBUTE.findall(element)} for element in found]


def place_of(letters: bytes) -> int:
    """Of a column by its letters; the first is 0."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1
