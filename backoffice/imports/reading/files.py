"""A file as a stream of rows: what it is by its content, how it is written, and its cells, trimmed.

Nothing here knows what the columns mean, and nothing keeps more than a row of a CSV file in memory.
"""

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import BinaryIO, NamedTuple, TextIO, cast

import msgspec
from django.utils.translation import gettext, ngettext

from backoffice.imports.faults import Refused, listed, shown
from backoffice.imports.reading import spreadsheets
from backoffice.imports.reading.contents import Format, format_of
from backoffice.imports.reading.encodings import Text
from backoffice.imports.reading.formulas import unprotect
from backoffice.sizes import size_in_words

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 1 << 16
PIECE_CHARACTERS, PIECES_PER_ROW = 1 << 18, 32
MOST_COLUMNS = 500
DELIMITERS = ",;\t|"
HEADER_WITHIN_ROWS = 20  # titles may stand above it
ENOUGH_HEADERS = 2  # of ours, to take another row than the first for the header
END_OF_FILE = "\x1a"  # of MS-DOS

_INVISIBLE = re.compile("[\ufeff\u200b-\u200f\u2060\u202a-\u202e]")
_INVISIBLE_ENDS = re.compile(rf"^(?:\s|{_INVISIBLE.pattern})+|(?:\s|{_INVISIBLE.pattern})+$")

type Row = tuple[int, list[str]]


class Layout(msgspec.Struct, frozen=True):
    """How a file is written. Kept with the upload, so that the job reads it the way it was examined.

    `above`: how many rows stand above the header, titles mostly. `sheet`: the one that is read of a workbook.
    """

    format: Format
    encoding: str = ""
    delimiter: str = ""
    above: int = 0
    sheet: str = ""
    other_sheets: list[str] = []

    @property
    def left_out(self) -> list[str]:
        """Sentences on what of the file is not read."""
        said = []
        if self.above:
            said.append(
                ngettext(
                    "One row above the header is left out.",
                    "%(number)s rows above the header are left out.",
                    self.above,
                )
                % {"number": self.above}
            )
        if self.other_sheets:
            said.append(
                gettext("Only the sheet “%(sheet)s” is read; left out: %(others)s.")
                % {"sheet": shown(self.sheet), "others": listed([shown(name) for name in self.other_sheets])}
            )
        return said


class Scan(msgspec.Struct, frozen=True):
    """What one pass over the bytes tells."""

    format: Format
    encoding: str
    size: int
    sha256: str


def scan(file: BinaryIO, name: str, limit_bytes: int) -> Scan:
    """Looks at every byte once. Raises Refused for what is no CSV or XLSX file by its beginning, or over the limit."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise Refused(gettext("The file is empty."))
    format_ = format_of(head, name)
    file.seek(0)
    check = Text(head) if format_ == "csv" else None
    digest = hashlib.sha256()
    size = 0
    while block := file.read(BLOCK_BYTES):
        size += len(block)
        if size > limit_bytes:
            raise Refused(
                gettext("The file is larger than %(limit)s. Split it, with the header in each part.")
                % {"limit": size_in_words(limit_bytes)}
            )
        digest.update(block)
        if check:
            check.feed(block)
    if check:
        check.end()
    return Scan(format_, check.encoding if check else "", size, digest.hexdigest())


def layout(file: BinaryIO, scan: Scan, known: Callable[[list[str]], int]) -> Layout:
    """Where the table is and how its cells are told apart: so that the most headers are known.

    `known` says how many cells of a row are headers of ours. A line further down, or a sheet further on, is only
    taken for the header's when it has several of them and those before it have fewer.
    """
    if scan.format == "xlsx":
        return _sheet(file, known)
    text = _head(file, scan.encoding)
    said = re.match(r'\s*"?sep=([^" \r\n])"?\s*[\r\n]', text, re.IGNORECASE)
    best = (-1, -1)
    found = Layout("csv", scan.encoding, DELIMITERS[0])
    for mark in said[1] if said else DELIMITERS:
        header = _header(_until_broken(_clean_rows(io.StringIO(text, newline=""), mark)), known)
        if (header.known, header.width) > best:
            best = (header.known, header.width)
            found = Layout("csv", scan.encoding, mark, header.above)
    return found


def _sheet(file: BinaryIO, known: Callable[[list[str]], int]) -> Layout:
    sheets = spreadsheets.first_rows(file, HEADER_WITHIN_ROWS)
    names = [name for name, _ in sheets]
    headers = ((name, _header(iter(rows), known)) for name, rows in sheets)
    found = next(((name, header.above) for name, header in headers if header.known >= ENOUGH_HEADERS), None)
    name, above = found or (names[0] if names else "", 0)
    return Layout("xlsx", above=above, sheet=name, other_sheets=[other for other in names if other != name])


class _Header(NamedTuple):
    """A candidate: how many of its cells are known and how many there are, and how many rows stand above it."""

    known: int
    width: int
    above: int


def _header(rows: Iterator[Row], known: Callable[[list[str]], int]) -> _Header:
    best = _Header(0, 0, 0)
    for above, (_line, cells) in enumerate(islice(rows, HEADER_WITHIN_ROWS)):
        count = known(cells) if len(cells) <= MOST_COLUMNS else 0
        if not above or (count > best.known and count >= ENOUGH_HEADERS):
            best = _Header(count, len(cells), above)
    return best


def _until_broken(rows: Iterator[Row]) -> Iterator[Row]:
    """Whoever reads the file itself says what is wrong with it, and where."""
    with suppress(Refused):
        yield from rows


def rows(file: BinaryIO, layout: Layout) -> Iterator[Row]:
    """Every row that is not blank, with the line a text editor shows for its start; the header comes first.

    Cells are trimmed and freed of the quote that keeps a formula from running. What stands above the header is left
    out, and so is a ruler under it.
    Raises Refused at the line where the file cannot be read on.
    """
    file.seek(0)
    stream = spreadsheets.rows(file, layout.sheet) if layout.format == "xlsx" else _csv_rows(file, layout)
    first = next(islice(stream, layout.above, None), None)
    if first is None:
        return
    if len(first[1]) > MOST_COLUMNS:
        raise Refused(
            gettext("The header has %(columns)s columns; the most is %(most)s.")
            % {"columns": len(first[1]), "most": MOST_COLUMNS}
        )
    yield first
    second = next(stream, None)
    if second is None:
        return
    if not _is_ruler(second[1]):
        yield second
    yield from stream


def _csv_rows(file: BinaryIO, layout: Layout) -> Iterator[Row]:
    text = io.TextIOWrapper(file, encoding=layout.encoding, newline="")
    try:
        yield from _clean_rows(text, layout.delimiter)
    finally:
        with suppress(ValueError):  # the file was closed before the last row was asked for
            text.detach()


def _clean_rows(text: TextIO, delimiter: str) -> Iterator[Row]:
    line, following = 1, 1

    def lines() -> Iterator[list[str]]:
        """By pieces of the file; refused once many of them go by without the end of a row."""
        last, pieces = 0, 0
        while piece := text.readlines(PIECE_CHARACTERS):
            last, pieces = (last, pieces + 1) if following == last else (following, 0)
            if pieces > PIECES_PER_ROW:
                raise Refused(_csv_sentence("unexpected end of data", following))
            yield piece

    reader = csv.reader(chain.from_iterable(lines()), delimiter=delimiter, strict=True, skipinitialspace=True)
    strip = str.strip
    try:
        for raw in reader:
            line, following = following, reader.line_num + 1
            cells = list(map(strip, raw))
            joined = "".join(cells)
            if not joined.isascii() and _INVISIBLE.search(joined):
                cells = [_INVISIBLE_ENDS.sub("", cell) for cell in cells]
                joined = "".join(cells)
            if not joined or joined == END_OF_FILE:
                continue
            if "'" in joined or '="' in joined:
                cells = list(map(unprotect, cells))
            if line == 1 and len(raw) <= 2 and joined.lower().startswith("sep="):
                continue
            yield line, cells
    except csv.Error as error:
        raise Refused(_csv_sentence(str(error), following)) from error


def _csv_sentence(error: str, line: int) -> str:
    if "field larger" in error:
        words = gettext("Line %(line)s: a cell is longer than %(most)s characters. Is a quote never closed?")
    elif "end of data" in error:
        words = gettext("Line %(line)s: a quote opens in this row and is never closed.")
    else:
        words = gettext("Line %(line)s: there is text after a closing quote. Double the quotes inside a quoted cell.")
    return words % {"line": line, "most": csv.field_size_limit()}


def _is_ruler(cells: list[str]) -> bool:
    """The line of dashes that database tools print under the header, and wikis too."""
    return all(re.fullmatch("[-:=+]*", cell) for cell in cells)


def _head(file: BinaryIO, encoding: str) -> str:
    file.seek(0)
    return codecs.getincrementaldecoder(encoding)().decode(file.read(HEAD_BYTES))


def binary(file: object) -> BinaryIO:
    """Django's files behave as binary streams without being typed as such."""
    return cast("BinaryIO", file)
