"""Rows as a file for people: CSV or an XLSX workbook, written piece by piece."""

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, BinaryIO, Protocol

from django.utils.translation import gettext
from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from backoffice.imports.error_file import BYTE_ORDER_MARK
from backoffice.imports.faults import Refused
from backoffice.imports.models import Format
from backoffice.imports.reading.formulas import protect, quoted
from backoffice.imports.resources.columns import Amount, Column, Day

MOST_ROWS = {Format.XLSX: 1_048_575}  # a sheet's, without the header
LONGEST_CELL = 32_767
EXACT_DIGITS = 15  # of a number in a workbook: what has more keeps them as text
CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
AS_TEXT, AS_AMOUNT, AS_DAY = "@", "#,##0.00##", "yyyy-mm-dd"
NARROW, WIDE = 14, 28

type Values = Sequence[Any]
type WriteCell = Callable[[Any], object]


class Writer(Protocol):
    """Takes rows as they come and is closed once; the file is whole only then. What is discarded leaves nothing."""

    def add(self, rows: Iterable[Values]) -> None: ...

    def close(self) -> None: ...

    def discard(self) -> None: ...


def writer(file: BinaryIO, format_: Format, columns: Sequence[Column], title: str, *, for_people: bool) -> Writer:
    """`for_people`: a CSV file says by a mark that it is UTF-8, as spreadsheets want it."""
    return Workbooks(file, columns, title) if format_ is Format.XLSX else Csv(file, columns, for_people=for_people)


def refuse_too_many(rows: int, format_: Format) -> None:
    """Raises Refused for more rows than a file of this format can hold."""
    most = MOST_ROWS.get(format_)
    if most is not None and rows > most:
        raise Refused(
            gettext(
                "There are %(rows)s rows; a workbook holds %(most)s at most. Export them as CSV, or narrow the list."
            )
            % {"rows": f"{rows:,}", "most": f"{most:,}"}
        )


class Csv:
    """Commas and, with a mark, UTF-8: what Excel opens as a table in English and in Mexican Spanish."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column], *, for_people: bool) -> None:
        self.file = file
        self.cells = [_in_csv(column) for column in columns]
        self._write([[protect(str(column.header)) for column in columns]], BYTE_ORDER_MARK if for_people else "")

    def add(self, rows: Iterable[Values]) -> None:
        cells = self.cells
        self._write([write(value) for write, value in zip(cells, row, strict=True)] for row in rows)

    def close(self) -> None:
        self.file.flush()

    def discard(self) -> None:
        """Nothing is kept elsewhere."""

    def _write(self, rows: Iterable[Sequence[object]], before: str = "") -> None:
        text = io.StringIO(before, newline="")
        text.seek(0, io.SEEK_END)
        csv.writer(text).writerows(rows)
        self.file.write(text.getvalue().encode())


def _in_csv(column: Column) -> WriteCell:
    """Text that a spreadsheet would run is protected; an amount below zero is no such text."""
    render = column.widget.render

    def cell(value: Any) -> str:
        if value is None or value == "":
            return ""
        text = str(render(value))
        return text if _is_typed(value) else protect(text)

    return cell


def _is_typed(value: Any) -> bool:
    return isinstance(value, Decimal | dt.date | int | float)


class Workbooks:
    """One sheet with true text, numbers and days. openpyxl keeps a row at most, and the sheet in a file of its own."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column], title: str) -> None:
        self.file = file
        self.workbook = Workbook(write_only=True)
        self.sheet = self.workbook.create_sheet(title[:31])
        self.sheet.freeze_panes = "A2"
        for number, column in enumerate(columns, start=1):
            narrow = isinstance(column.widget, Amount | Day)
            self.sheet.column_dimensions[get_column_letter(number)].width = NARROW if narrow else WIDE
        self.cells = [self._cell(column) for column in columns]
        self.sheet.append([self._heading(str(column.header)) for column in columns])

    def add(self, rows: Iterable[Values]) -> None:
        cells, append = self.cells, self.sheet.append
        for row in rows:
            append([write(value) for write, value in zip(cells, row, strict=True)])

    def close(self) -> None:
        self.workbook.save(self.file)

    def discard(self) -> None:
        self.sheet.close()
        self.sheet._writer.cleanup()  # what is not saved would lie there until the process ends

    def _heading(self, text: str) -> Cell:
        cell = self._text_cell()
        cell.font = Font(bold=True)
        cell.value = text
        cell.data_type = "s"
        return cell

    def _text_cell(self) -> Cell:
        cell = WriteOnlyCell(self.sheet)
        cell.number_format = AS_TEXT
        return cell

    def _cell(self, column: Column) -> WriteCell:
        """One cell for the whole column, filled anew for each row: a row is written before the next one comes."""
        render = column.widget.render
        as_text, as_amount, as_day = self._text_cell(), WriteOnlyCell(self.sheet), WriteOnlyCell(self.sheet)
        as_amount.number_format, as_day.number_format = AS_AMOUNT, AS_DAY

        def written(value: Any) -> Cell | None:
            if value is None or value == "":
                return None
            if isinstance(value, dt.date):
                as_day.value = value
                return as_day
            if isinstance(value, Decimal | int | float) and _is_exact(value):
                as_amount.value = value
                return as_amount
            as_text.value = _sheet_text(quoted(str(render(value))), str(column.header))
            as_text.data_type = "s"  # also of "=1+1" and "#N/A"
            return as_text

        return written


def _is_exact(value: Decimal | float) -> bool:
    return not isinstance(value, Decimal) or len(value.normalize().as_tuple().digits) <= EXACT_DIGITS


# What a sheet can't hold, and what it reads as the code of a character (ECMA-376, ST_Xstring).
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_LIKE_A_CODE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


def _sheet_text(text: str, header: str) -> str:
    if not text.isprintable():
        text = _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    if "_x" in text:
        text = _LIKE_A_CODE.sub("_x005F_", text)
    if "\r" in text:
        text = text.replace("\r", "_x000D_")
    if len(text) > LONGEST_CELL:
        raise Refused(
            gettext(
                "%(column)s has a text of %(length)s characters; a workbook's cell holds %(most)s at most. "
                "Export as CSV."
            )
            % {"column": header, "length": f"{len(text):,}", "most": f"{LONGEST_CELL:,}"}
        )
    return text
