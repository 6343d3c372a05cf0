"""Cells of one row to values, every fault of it named. Compiled once per file: this runs for each of a million rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from backoffice.imports.faults import Fault, Invalid
from backoffice.imports.options import Options
from backoffice.imports.reading import no_records
from backoffice.imports.reading.values import Parser
from backoffice.imports.resources.columns import Amount, Column, Currency, UploadResource

CURRENCIES_REMEMBERED = 50
NOTHING = frozenset({"NULL", "\\N"})  # what database tools print for it


class Parsed:
    """A row as values in the order of `UploadResource.columns_in`; None where the file says nothing."""

    __slots__ = ("beside", "cells", "differences", "faults", "line", "number", "object_id", "outcome", "values")

    def __init__(self, number: int, line: int, cells: list[str]) -> None:
        self.number = number
        self.line = line
        self.cells = cells
        self.values: list[Any] = []
        self.faults: list[Fault] = []
        self.differences: list[Any] = []  # what a preview shows: `backoffice.imports.merging.merger.Difference`
        self.outcome = ""
        self.object_id: int | None = None
        self.beside: dict[str, list[int]] | None = None

    def wrote(self, kind: str, id: int) -> None:
        """Note a record that it wrote beside `object_id`, by its kind in the change log."""
        self.beside = self.beside or {}
        self.beside.setdefault(kind, []).append(id)


type ParseRow = Callable[[int, int, list[str]], Parsed]
type Cell = tuple[int, int, Parser, bool, str]
"""Where a value goes, where its cell is, what reads it, whether it must be there, and its column's header."""


def compiled(
    resource: type[UploadResource], positions: Mapping[str, int], header: Sequence[str], options: Options
) -> ParseRow:
    width = len(header)
    empty: list[Any] = [None] * len(resource.columns_in(positions))
    cells_of = _planned(resource, positions, header, options)
    is_header = no_records.header_again(header)

    def parse(number: int, line: int, cells: list[str]) -> Parsed:
        row = Parsed(number, line, cells)
        row.values = values = empty.copy()
        if len(cells) != width:
            cells = _fitted(row, cells, width)
        if is_header(cells):
            row.faults = [Fault("header_again")]
            return row
        for place, position, parser, required, title in cells_of(values):
            cell = cells[position]
            if cell and cell not in NOTHING:
                try:
                    values[place] = parser(cell)
                except Invalid as invalid:
                    row.faults.append(invalid.fault(title))
            elif required:
                row.faults.append(Fault("missing", title))
        if row.faults and (seen := no_records.seen_in(cells, header)):
            row.faults, row.values = [seen], empty.copy()
        return row

    return parse


def _planned(
    resource: type[UploadResource], positions: Mapping[str, int], header: Sequence[str], options: Options
) -> Callable[[list[Any]], Iterable[Cell]]:
    """What to do with a row's cells. Amounts come last where their currency may stand in the row itself."""
    columns, declared = resource.columns_in(positions), resource.columns()
    plan: list[Cell] = []
    amounts: list[tuple[int, int, Callable[[str], Parser], bool, str]] = []
    money = next(
        (place for place, name in enumerate(columns) if name in positions and _is_currency(columns[name])), None
    )
    for place, (name, column) in enumerate(columns.items()):
        if name not in positions:
            continue
        rest = (column.required, str(column.header) if name in declared else header[positions[name]])
        if money is not None and isinstance(column.widget, Amount):
            amounts.append((place, positions[name], _by_currency(column.widget, options), *rest))
        else:
            plan.append((place, positions[name], column.widget.parser(options), *rest))

    def cells_of(values: list[Any]) -> Iterator[Cell]:
        yield from plan
        code = values[money] or options.money if money is not None else ""
        for place, position, parser_in, required, title in amounts:
            yield place, position, parser_in(code), required, title

    return cells_of if amounts else lambda values: plan


def _is_currency(column: Column) -> bool:
    return isinstance(column.widget, Currency)


def _by_currency(widget: Amount, options: Options) -> Callable[[str], Parser]:
    """What reads an amount of a row that is in the currency."""

    @lru_cache(CURRENCIES_REMEMBERED)
    def parser_in(code: str) -> Parser:
        return widget.parser(msgspec.structs.replace(options, currency=code))

    return parser_in


def _fitted(row: Parsed, cells: list[str], width: int) -> list[str]:
    """Missing cells are blank; cells beyond the header are a fault, unless blank themselves."""
    if any(cells[width:]):
        row.faults.append(Fault("too_many_cells", values={"cells": len(cells), "columns": width}))
    return cells[:width] + [""] * (width - len(cells))
