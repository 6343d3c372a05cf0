"""The rows of an upload that failed, or would, as a CSV to correct and upload again: with `line` and `error`."""

import csv
from collections.abc import Iterator

from backoffice.access.models import User
from backoffice.imports.kinds import Kind
from backoffice.imports.models import FileRow, Outcome, Upload
from backoffice.imports.options import Options
from backoffice.imports.reading import headers
from backoffice.imports.reading.formulas import protect

ROWS_AT_ONCE = 1_000
UPLOADS_LOOKED_AT = 20
BYTE_ORDER_MARK = "\ufeff"  # spreadsheets take a file without it for another encoding


class _Line:
    """A file that csv writes to and that hands each line on."""

    def write(self, text: str) -> str:
        return text


def name_of(upload: Upload) -> str:
    return f"errors-{upload.kind}-{upload.pk}.csv"


def stream(upload: Upload, *, for_spreadsheet: bool = False) -> Iterator[str]:
    """The file piece by piece, a thousand rows in memory at most."""
    delimiter = upload.how_written.delimiter or ","
    writer = csv.writer(_Line(), delimiter=delimiter)
    kept = _kept_places(upload.header)
    header = writer.writerow([*(protect(upload.header[place]) for place in kept), *headers.OWN_COLUMNS])
    yield BYTE_ORDER_MARK + str(header) if for_spreadsheet else str(header)
    for rows in _failed(upload):
        yield "".join(str(writer.writerow(_cells(row, kept, len(upload.header)))) for row in rows)


def _cells(row: FileRow, kept: list[int], width: int) -> list[str | int]:
    """Cells beyond the header come last: nothing of the row is lost, and uncorrected it fails again."""
    cells: list[str] = row.cells or []
    padded = cells + [""] * (width - len(cells))
    return [*(protect(padded[place]) for place in kept), row.line, protect(row.reason), *map(protect, cells[width:])]


def _kept_places(header: list[str]) -> list[int]:
    """All columns but those an earlier error file had added."""
    return [place for place, text in enumerate(header) if headers.folded(text) not in headers.OWN_COLUMNS]


def _failed(upload: Upload) -> Iterator[list[FileRow]]:
    last = 0
    failed = upload.known_rows.filter(outcome=Outcome.FAILED).order_by("number")
    while rows := list(failed.filter(number__gt=last)[:ROWS_AT_ONCE]):
        yield rows
        last = rows[-1].number


def options_of_its_upload(header: list[str], kind: Kind, user: User) -> Options | None:
    """How the upload was read that this error file came from; None for the header of any other file."""
    if not set(headers.OWN_COLUMNS) <= {headers.folded(text) for text in header}:
        return None
    wanted = [header[place] for place in _kept_places(header)]
    for upload in Upload.objects.filter(kind=kind.name, asked_by=user).order_by("-id")[:UPLOADS_LOOKED_AT]:
        if [upload.header[place] for place in _kept_places(upload.header)] == wanted:
            return upload.chosen
    return None
