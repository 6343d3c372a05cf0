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
from pathlib import PurePath
from typing import BinaryIO, Literal, cast

import msgspec
from django.utils.translation import gettext

from backoffice.imports import spreadsheets
from backoffice.imports.faults import Refused
from backoffice.imports.formulas import unprotect
from backoffice.sizes import size_in_words

BLOCK_BYTES = 1 << 20
LONGEST_LINE_BYTES = 8 << 20
HEAD_BYTES = 1 << 16
MOST_COLUMNS = 500
DELIMITERS = ",;\t|"

type Row = tuple[int, list[str]]


class Layout(msgspec.Struct, frozen=True):
    """How a file is written. Kept with the upload, so that the job reads it the way it was examined."""

    format: Literal["csv", "xlsx"]
    encoding: str = ""
    delimiter: str = ""


class Scan(msgspec.Struct, frozen=True):
    """What one pass over the bytes tells."""

    format: Literal["csv", "xlsx"]
    encoding: str
    size: int
    sha256: str


def scan(file: BinaryIO, name: str, limit_bytes: int) -> Scan:
    """Looks at every byte once. Raises Refused for what is no CSV or XLSX file, or larger than the limit."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise Refused(gettext("The file is empty."))
    format_ = _format(head, name)
    file.seek(0)
    check = _Text(head) if format_ == "csv" else None
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
    else:
        spreadsheets.check(file, limit_bytes)
    return Scan(format_, check.encoding if check else "", size, digest.hexdigest())


def delimiter(file: BinaryIO, encoding: str, known: Callable[[list[str]], int]) -> str:
    """The mark between cells: the one under which the most headers are known, then the one with the most cells."""
    first = _first_line(file, encoding)
    said = re.fullmatch(r'"?sep=(.)"?', first.strip(" \r\n"), re.IGNORECASE)
    if said:
        return said[1]

    def score(mark: str) -> tuple[int, int]:
        cells = next(csv.reader([first], delimiter=mark), [])
        return known(cells), len(cells)

    return max(DELIMITERS, key=score)


def rows(file: BinaryIO, layout: Layout) -> Iterator[Row]:
    """Every row that is not blank, with the line a text editor shows for its start; the header comes first.

    Cells are trimmed and freed of the quote that keeps a formula from running.
    Raises Refused at the line where the file cannot be read on.
    """
    file.seek(0)
    stream = spreadsheets.rows(file) if layout.format == "xlsx" else _csv_rows(file, layout)
    first = next(stream, None)
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
    reader = csv.reader(text, delimiter=layout.delimiter, strict=True, skipinitialspace=True)
    line, following = 1, 1
    strip = str.strip
    try:
        for raw in reader:
            line, following = following, reader.line_num + 1
            cells = list(map(strip, raw))
            joined = "".join(cells)
            if not joined:
                continue
            if "'" in joined:
                cells = list(map(unprotect, cells))
            if line == 1 and len(raw) <= 2 and joined.lower().startswith("sep="):
                continue
            yield line, cells
    except csv.Error as error:
        raise Refused(_csv_sentence(str(error), following)) from error
    finally:
        with suppress(ValueError):  # the file was closed before the last row was asked for
            text.detach()


def _csv_sentence(error: str, line: int) -> str:
    if "field larger" in error:
        words = gettext("Line %(line)s: a cell is longer than %(most)s characters. Is a quote never closed?")
    elif "end of data" in error:
        words = gettext("Line %(line)s: a quote opens in this row and is never closed.")
    else:
        words = gettext("Line %(line)s: there is text after a closing quote. Double the quotes inside a quoted cell.")
    return words % {"line": line, "most": csv.field_size_limit()}


def _is_ruler(cells: list[str]) -> bool:
    """The line of dashes that some database tools print under the header."""
    return all(re.fullmatch("-+", cell) for cell in cells)


def _first_line(file: BinaryIO, encoding: str) -> str:
    file.seek(0)
    text = codecs.getincrementaldecoder(encoding)().decode(file.read(HEAD_BYTES))
    lines = (line for line in re.split(r"\r\n|\r|\n", text) if line.strip())
    return next(lines, "")


_SIGNATURES = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"(\xb5/\xfd", "zstd"),
    (b"%PDF", "pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"PAR1", "parquet"),
    (b"SQLite format 3", "sqlite"),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|table|\?xml|!--)", re.IGNORECASE)


def _format(head: bytes, name: str) -> Literal["csv", "xlsx"]:
    """By content; a name that says otherwise is refused rather than believed."""
    found = next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), "text")
    if _MARKUP.match(head.removeprefix(codecs.BOM_UTF8)):
        found = "html"
    says_workbook = PurePath(name).suffix.lower() in {".xlsx", ".xlsm"}
    if found == "zip" and says_workbook:
        return "xlsx"
    if found == "text" and not says_workbook:
        return "csv"
    raise Refused(_not_what_it_says(found, says_workbook))


def _not_what_it_says(found: str, says_workbook: bool) -> str:
    match found:
        case "text":
            return gettext("The file is named as a workbook, but it holds plain text. Name it .csv, then upload it.")
        case "zip":
            return gettext(
                "The file is a ZIP archive or an Excel workbook, not a CSV. Unpack it, or name a workbook .xlsx."
            )
        case "gzip" | "bzip2" | "xz" | "7z" | "rar" | "zstd":
            return gettext("The file is compressed (%(kind)s). Unpack it, and upload the CSV or XLSX inside.") % {
                "kind": found
            }
        case "pdf":
            return gettext("The file is a PDF. Save the table as CSV or XLSX, and upload that.")
        case "html":
            return gettext("The file is a web page (HTML or XML). Save the table as CSV or XLSX, and upload that.")
        case "xls":
            return gettext("The file is an old Excel workbook (.xls) or is protected. Save it as .xlsx or CSV.")
        case _:
            return gettext("The file is neither CSV nor XLSX (%(kind)s).") % {"kind": found}


class _Text:
    """Checks a text file block by block and finds its encoding."""

    def __init__(self, head: bytes) -> None:
        self.encoding = "utf-8"
        self._may_be_windows = False
        if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            raise Refused(gettext("The file is written in UTF-32. Save it as UTF-8."))
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self.encoding = "utf-16"
        elif head.startswith(codecs.BOM_UTF8):
            self.encoding = "utf-8-sig"
        else:
            self._may_be_windows = True
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        self._well_formed = False
        self._since_line_end = 0

    def feed(self, block: bytes, final: bool = False) -> None:
        if self.encoding == "cp1252":
            self._check_windows(block)
        else:
            self._decode(block, final)
        self._check_lines(block)

    def end(self) -> None:
        if self.encoding != "cp1252":
            self.feed(b"", final=True)

    def _decode(self, block: bytes, final: bool) -> None:
        kept = self._decoder.getstate()[0]
        try:
            text = self._decoder.decode(block, final)
        except UnicodeDecodeError as error:
            if not self._may_be_windows:
                raise Refused(
                    gettext("The file says it is %(encoding)s, but holds bytes that are not. Save it again as UTF-8.")
                    % {"encoding": self.encoding.upper()}
                ) from error
            self._turn_windows(kept + block)
            return
        if "\0" in text:
            raise Refused(
                gettext("The file holds NUL bytes: it is damaged, or UTF-16 without its mark. Save it as UTF-8.")
            )
        if not text.isascii():
            self._well_formed = True

    def _turn_windows(self, block: bytes) -> None:
        """Not UTF-8, so Windows-1252; unless nearly all of it is UTF-8, which would then be read as gibberish."""
        guess = block.decode("utf-8", "replace")
        wrong = guess.count("\ufffd")
        right = sum(1 for character in guess if character > "\x7f") - wrong
        if right > wrong or self._well_formed:
            raise Refused(gettext("The file mixes UTF-8 with another encoding. Save it again as UTF-8."))
        self.encoding = "cp1252"
        self._check_windows(block)

    def _check_windows(self, block: bytes) -> None:
        if b"\0" in block:
            raise Refused(gettext("The file holds NUL bytes: it is damaged or no text. Save it as UTF-8."))
        try:
            block.decode("cp1252")
        except UnicodeDecodeError as error:
            raise Refused(gettext("The file is neither UTF-8 nor Windows-1252 text. Save it as UTF-8.")) from error

    def _check_lines(self, block: bytes) -> None:
        end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        self._since_line_end = self._since_line_end + len(block) if end < 0 else len(block) - end
        if self._since_line_end > LONGEST_LINE_BYTES:
            raise Refused(
                gettext("The file has a line longer than %(most)s. Is it a CSV file?")
                % {"most": size_in_words(LONGEST_LINE_BYTES)}
            )


def binary(file: object) -> BinaryIO:
    """Django's files behave as binary streams without being typed as such."""
    return cast("BinaryIO", file)
