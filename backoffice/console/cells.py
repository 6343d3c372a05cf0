"""A list's rows as HTML, the same as unfold's: what a column is, is found out once per page instead of for each row.

Knows what our lists use: fields, references, and columns of the list's own, which may be a yes or no. Not: lists that
are edited in place, or unfold's labels and headers.
"""

from collections.abc import Callable, Iterator
from datetime import date, time
from html import escape
from typing import Any, NamedTuple

from django.db import models
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from unfold.templatetags.unfold_list import LINK_CLASSES, TABLE_ACTION_CELL_CLASSES, TABLE_CELL_CLASSES
from unfold.utils import display_for_field, display_for_value

from backoffice.console.lists import ChangeList

CHECKBOX = "action_checkbox"
NOWRAP = "nowrap"


class Cell(NamedTuple):
    """What a cell says, and whether in one line."""

    text: Any
    nowrap: bool = False


type Reader = Callable[[Any], Cell]


def rows(changelist: ChangeList) -> Iterator[SafeString]:
    """The cells of each row of the list's page."""
    columns = [_column(changelist, name) for name in changelist.list_display]
    for row in changelist.result_list:
        # Whatever may hold markup has been escaped by its column.
        yield mark_safe("".join([column(row) for column in columns]))  # noqa: S308


def _column(changelist: ChangeList, name: Any) -> Callable[[Any], str]:
    """How a column's cell is made of a row."""
    classes = TABLE_ACTION_CELL_CLASSES if name == CHECKBOX else [f"field-{name}", *TABLE_CELL_CLASSES]
    plain, in_one_line = " ".join(classes), " ".join([*classes, NOWRAP])
    read = _reader(changelist, name)
    is_link = name in (changelist.list_display_links or ())
    tag = "th" if is_link and name == changelist.list_display_links[0] else "td"

    def cell(row: Any) -> str:
        text, nowrap = read(row)
        shown = _escaped(text)
        if is_link:
            shown = _link(changelist, row, shown)
        return f'<{tag} class="{in_one_line if nowrap else plain}">{shown}</{tag}>'

    return cell


def _reader(changelist: ChangeList, name: Any) -> Reader:
    field = next((field for field in changelist.model._meta.fields if field.name == name), None)
    own = getattr(changelist.model_admin, name, None)
    empty = changelist.model_admin.get_empty_value_display()
    if field is None or field.auto_created:
        return _reads_own(name, own, getattr(own, "empty_value_display", empty))
    if isinstance(field, models.ForeignKey):
        return lambda row: Cell(empty if (value := getattr(row, name)) is None else value, nowrap=True)
    nowrap = isinstance(field, models.DateField | models.TimeField)
    return lambda row: Cell(display_for_field(getattr(row, name), field, empty), nowrap)


def _reads_own(name: str, own: Callable[[Any], Any] | None, empty: str) -> Reader:
    """A column of the list's own, or else the record's."""
    boolean = bool(getattr(own, "boolean", False))

    def read(row: Any) -> Cell:
        value = own(row) if own else getattr(row, name)
        if type(value) is str or isinstance(value, SafeString):
            return Cell(value)
        return Cell(display_for_value(value, empty, boolean), isinstance(value, date | time))

    return read


def _link(changelist: ChangeList, row: Any, shown: str) -> str:
    opener = f' data-popup-opener="{_escaped(row.pk)}"' if changelist.is_popup else ""
    address = escape(changelist.url_for_result(row))
    return f'<a href="{address}" class="{" ".join(LINK_CLASSES)}" {opener}>{shown}</a>'


def _escaped(text: Any) -> str:
    """As a template would show it; what is marked as safe is left as it is."""
    if isinstance(text, Promise):
        text = str(text)
    return str(text.__html__() if hasattr(text, "__html__") else escape(str(text)))
