"""Cells of one row to values, every fault of it named. Compiled once per file: this runs for each of a million rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backoffice.imports import no_records
from backoffice.imports.columns import UploadResource
from backoffice.imports.faults import Fault, Invalid
from backoffice.imports.options import Options

NOTHING = frozenset({"NULL", "\\N"})  # what database tools print for it


class Parsed:
    """A row as values in the order of `UploadResource.columns_in`; None where the file says nothing."""

    __slots__ = ("cells", "differences", "faults", "line", "number", "object_id", "outcome", "values")

    def __init__(self, number: int, line: int, cells: list[str]) -> None:
        self.number = number
        self.line = line
        self.cells = cells
        self.values: list[Any] = []
        self.faults: list[Fault] = []
        self.differences: list[Any] = []  # what a preview shows: `backoffice.imports.merging.Difference`
        self.outcome = ""
        self.object_id: int | None = None


type ParseRow = Callable[[int, int, list[str]], Parsed]


def compiled(
    resource: type[UploadResource], positions: Mapping[str, int], header: Sequence[str], options: Options
) -> ParseRow:
    columns, declared = resource.columns_in(positions), resource.columns()
    width = len(header)
    empty: list[Any] = [None] * len(columns)
    titles = {name: str(columns[name].header) if name in declared else header[positions[name]] for name in positions}
    plan = [
        (place, positions[name], column.widget.parser(options), column.required, titles[name])
        for place, (name, column) in enumerate(columns.items())
        if name in positions
    ]
    is_header = no_records.header_again(header)

    def parse(number: int, line: int, cells: list[str]) -> Parsed:
        row = Parsed(number, line, cells)
        row.values = values = empty.copy()
        if len(cells) != width:
            cells = _fitted(row, cells, width)
        if is_header(cells):
            row.faults = [Fault("header_again")]
            return row
        for place, position, parser, required, title in plan:
            cell = cells[position]
            if cell and cell not in NOTHING:
                try:
                    values[place] = parser(cell)
                except Invalid as invalid:
                    row.faults.append(invalid.fault(title))
            elif required:
                row.faults.append(Fault("missing", title))
        if row.faults and (seen := no_records.seen_in(cells, header)):
            row.faults = [seen]
        return row

    return parse


def _fitted(row: Parsed, cells: list[str], width: int) -> list[str]:
    """Missing cells are blank; cells beyond the header are a fault, unless blank themselves."""
    if any(cells[width:]):
        row.faults.append(Fault("too_many_cells", values={"cells": len(cells), "columns": width}))
    return cells[:width] + [""] * (width - len(cells))
