"""XLSX workbooks: their sheets, as rows of text like those of a CSV file. Read in a process apart, never here."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from django.utils.translation import gettext

from backoffice.imports.faults import Refused
from backoffice.imports.reading import spreadsheet_process
from backoffice.imports.reading.spreadsheet_process import DAMAGED, NO_WORKBOOK, TOO_LARGE, Row, text

__all__ = ["first_rows", "rows", "text"]

ROOT = Path(__file__).resolve().parents[3]

_SHEETS = msgspec.json.Decoder(list[tuple[str, list[tuple[int, list[str]]]]])
_ROW = msgspec.json.Decoder(tuple[int, list[str]])
_CORNER = msgspec.json.Decoder(str)


def first_rows(file: BinaryIO, count: int) -> list[tuple[str, list[Row]]]:
    """Of each sheet with anything in it, its name and so many rows of it; hidden ones last.

    Raises Refused for an archive that is no workbook, or one that takes more to read than there is for it.
    """
    return [sheet for sheets in _answers(file, _SHEETS, "first_rows", str(count)) for sheet in sheets]


def rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """Rows of the sheet that are not blank, with their number."""
    if name:
        yield from _answers(file, _ROW, "rows", name)


def _answers(file: BinaryIO, decoder: msgspec.json.Decoder[Any], *command: str) -> Iterator[Any]:
    """Raises Refused in the end when the process did not come to its own."""
    with tempfile.TemporaryFile() as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", spreadsheet_process.__name__, *command],
            stdin=copy,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,  # a signal for our whole group is for us to obey
        )
    with process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.endswith(b"\n"):  # else it ended in the middle of it
                    yield decoder.decode(line)
        except BaseException:  # whoever asked wants no more
            process.kill()
            raise
    if process.returncode:
        raise _refusal(file, process.returncode, *command)


def _refusal(file: BinaryIO, code: int, command: str, *_: str) -> Exception:
    if code == DAMAGED:
        return Refused(gettext("The workbook is damaged or protected: it cannot be opened."))
    if code == NO_WORKBOOK:
        return Refused(gettext("The file is a ZIP archive, but no Excel workbook. Upload the CSV inside it."))
    if code != TOO_LARGE and code > 0:
        return RuntimeError(f"Reading a workbook ended with the code {code}; its trace is above in the log.")
    if command != "reach" and (corner := _corner(file)):
        return Refused(
            gettext(
                "A sheet of the workbook reaches as far as the cell %(cell)s, which is more than can be read. "
                "Delete what stands far from the table, or save the sheet as CSV."
            )
            % {"cell": corner}
        )
    return Refused(gettext("The workbook is too large once unpacked. Split it, or save it as CSV."))


def _corner(file: BinaryIO) -> str:
    try:
        return next(_answers(file, _CORNER, "reach"), "")
    except Refused:
        return ""
