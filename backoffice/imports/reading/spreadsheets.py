"""XLSX workbooks: their sheets, as rows of text like those of a CSV file."""

import datetime as dt
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, BinaryIO

import python_calamine as calamine
from django.utils.translation import gettext

from backoffice.imports.faults import Refused
from backoffice.imports.reading.formulas import unquoted
from backoffice.imports.reading.spreadsheet_errors import error_cells
from backoffice.imports.reading.spreadsheet_reach import too_far

UNPACKED_FACTOR = 5
# What zipfile raises about an archive that is damaged, locked, or packed in a way it does not know.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, UnicodeDecodeError)


def check(file: BinaryIO, limit_bytes: int) -> None:
    """Raises Refused for an archive that is no workbook, or one that takes far more room than it seems."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise Refused(gettext("The workbook is damaged: it cannot be opened.")) from error
    if "xl/workbook.xml" not in names:
        raise Refused(gettext("The file is a ZIP archive, but no Excel workbook. Upload the CSV inside it."))
    if unpacked > limit_bytes * UNPACKED_FACTOR:
        raise Refused(gettext("The workbook is too large once unpacked. Split it, or save it as CSV."))
    try:
        corner = too_far(file)
    except UNREADABLE as error:
        raise Refused(gettext("The workbook is damaged or protected: it cannot be opened.")) from error
    if corner:
        raise Refused(
            gettext(
                "A sheet of the workbook reaches as far as the cell %(cell)s, which is more than can be read. "
                "Delete what stands far from the table, or save the sheet as CSV."
            )
            % {"cell": corner}
        )


def sheets_in_use(file: BinaryIO) -> list[str]:
    """The names of the sheets with anything in them; hidden ones last."""
    with _opened(file) as workbook:
        used = [sheet for sheet in workbook.sheets_metadata if workbook.get_sheet_by_name(sheet.name).start is not None]
    return [sheet.name for sheet in sorted(used, key=lambda sheet: sheet.visible != calamine.SheetVisibleEnum.Visible)]


def rows(file: BinaryIO, name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of the sheet that are not blank, with their number."""
    if not name:
        return
    with _opened(file) as workbook:
        sheet = workbook.get_sheet_by_name(name)
        wrong = error_cells(file, name)
    for number, values in enumerate(sheet.iter_rows(), start=1):
        cells = [text(value) for value in values]
        for place, error in wrong.get(number, ()):
            at = place - sheet.start[1]  # blank columns on the left are left out
            if 0 <= at < len(cells):
                cells[at] = error
        if any(cells):
            yield number, cells


@contextmanager
def _opened(file: BinaryIO) -> Iterator[Any]:
    try:
        file.seek(0)
        yield calamine.load_workbook(file)
    except (calamine.CalamineError, calamine.PasswordError, calamine.ZipError, calamine.XmlError, *UNREADABLE) as error:
        raise Refused(gettext("The workbook is damaged or protected: it cannot be opened.")) from error


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
