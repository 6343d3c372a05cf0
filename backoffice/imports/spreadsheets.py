"""XLSX workbooks: the first sheet with anything in it, as rows of text like those of a CSV file."""

import datetime as dt
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import python_calamine as calamine
from django.utils.translation import gettext

from backoffice.imports.faults import Refused

UNPACKED_FACTOR = 5


def check(file: BinaryIO, limit_bytes: int) -> None:
    """Raises Refused for an archive that is no workbook, or one that unpacks to far more than it seems."""
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


def rows(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, with their number in the sheet."""
    try:
        workbook = calamine.load_workbook(file)
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.start is not None:
                yield from _sheet_rows(sheet)
                return
    except (calamine.CalamineError, calamine.PasswordError, calamine.ZipError, calamine.XmlError) as error:
        raise Refused(gettext("The workbook is damaged or protected: it cannot be opened.")) from error


def _sheet_rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    for number, values in enumerate(sheet.iter_rows(), start=1):
        cells = [text(value) for value in values]
        if any(cells):
            yield number, cells


def text(value: Any) -> str:
    """A typed cell as text that every column reads one way, whatever the notation of the file's other cells."""
    match value:
        case str():
            return value.strip()
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
