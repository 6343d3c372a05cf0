"""Reads a workbook in a process of its own, with limits of its own: `python -m … COMMAND [SHEET]`, the file as input.

calamine holds a whole sheet at once, and a small file may ask for more memory than there is: by a cell far away, by one
long text in every cell. What asks for too much ends this process, and not the one that wants the rows. Without Django,
so that it starts quickly.
"""

import datetime as dt
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO

import msgspec
import python_calamine as calamine

from backoffice.imports.reading.formulas import unquoted
from backoffice.imports.reading.spreadsheet_errors import error_cells
from backoffice.imports.reading.spreadsheet_reach import too_far

DAMAGED, NO_WORKBOOK, TOO_LARGE = 3, 4, 5  # as it ends; any signal is too large, too

MOST_MEMORY_BYTES = 512 << 20
MOST_CPU_SECONDS = 60
MOST_LINE_BYTES = 4 << 20  # of an answer: a row, or how all sheets begin
MOST_UNPACKED_BYTES = 256 << 20  # as the archive itself says, of its XML; pictures are not read
MOST_ROWS, MOST_COLUMNS = 1 << 20, 1 << 14  # as the format has it

# What zipfile raises about an archive that is damaged, locked, or packed in a way it does not know.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, UnicodeDecodeError)
CALAMINES = (calamine.CalamineError, calamine.PasswordError, calamine.ZipError, calamine.XmlError)

type Row = tuple[int, list[str]]


def first_rows(file: BinaryIO, count: str) -> Iterator[list[tuple[str, list[Row]]]]:
    """Of each sheet with anything in it, its name and so many rows of it; hidden ones last. One answer for them all."""
    _check(file)
    workbook = calamine.load_workbook(file)
    visible = calamine.SheetVisibleEnum.Visible
    found: list[tuple[str, list[Row]]] = []
    for about in sorted(workbook.sheets_metadata, key=lambda about: about.visible != visible):
        sheet = workbook.get_sheet_by_name(about.name)
        if sheet.start is not None:
            found.append((about.name, list(islice(_rows(sheet, error_cells(file, about.name)), int(count)))))
    yield found


def rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """Rows of the sheet that are not blank, with their number."""
    sheet = calamine.load_workbook(file).get_sheet_by_name(name)
    yield from _rows(sheet, error_cells(file, name))


def reach(file: BinaryIO) -> Iterator[str]:
    yield too_far(file)


def _check(file: BinaryIO) -> None:
    with zipfile.ZipFile(file) as archive:
        if "xl/workbook.xml" not in archive.namelist():
            sys.exit(NO_WORKBOOK)
        if sum(part.file_size for part in archive.infolist() if part.filename.endswith(".xml")) > MOST_UNPACKED_BYTES:
            sys.exit(TOO_LARGE)
    file.seek(0)


def _rows(sheet: calamine.CalamineSheet, wrong: dict[int, list[tuple[int, str]]]) -> Iterator[Row]:
    if sheet.start is None or sheet.end is None:
        return
    if sheet.end[0] >= MOST_ROWS or sheet.end[1] >= MOST_COLUMNS:
        sys.exit(TOO_LARGE)
    for number, values in enumerate(sheet.iter_rows(), start=1):
        cells = [text(value) for value in values]
        for place, error in wrong.get(number, ()):
            at = place - sheet.start[1]  # blank columns on the left are left out
            if 0 <= at < len(cells):
                cells[at] = error
        if any(cells):
            yield number, cells


def text(value: Any) -> str:
    """A typed cell as text that every column reads one way, whatever the notation of the file's other cells."""
    match value:
        case str():
            return unquoted(value.strip())
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return _number(value)
        case dt.datetime():
            return value.isoformat(" ") if value.time() != dt.time() else value.date().isoformat()
        case _:
            return str(value)


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    plain = format(Decimal(repr(value)), "f")
    # Three digits after the point would look like a thousands mark; a fourth makes it a decimal for sure.
    return plain + "0" if len(plain.partition(".")[2]) == 3 else plain


COMMANDS: dict[str, Callable[..., Iterator[Any]]] = {"first_rows": first_rows, "rows": rows, "reach": reach}


def main(command: str, *arguments: str) -> None:
    """Writes each answer as a line of JSON."""
    _limit()
    encode = msgspec.json.Encoder().encode
    for answer in COMMANDS[command](sys.stdin.buffer, *arguments):
        line = encode(answer)
        if len(line) > MOST_LINE_BYTES:
            sys.exit(TOO_LARGE)
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.write(b"\n")


def _limit() -> None:
    with suppress(ImportError):  # on Windows
        import resource

        for limit, most in ((resource.RLIMIT_AS, MOST_MEMORY_BYTES), (resource.RLIMIT_CPU, MOST_CPU_SECONDS)):
            with suppress(ValueError, OSError):  # macOS takes no limit of the first kind
                resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except MemoryError:
        sys.exit(TOO_LARGE)
    except (*UNREADABLE, *CALAMINES):
        sys.exit(DAMAGED)
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":  # calamine's, about a sheet that contradicts itself
            raise
        sys.exit(DAMAGED)
