"""The same rows, written otherwise, mean the same: for every kind, its sample in other encodings, marks and so on."""

import csv
import io

import openpyxl
import pytest

from backoffice.imports import error_file
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Outcome
from tests.imports.conftest import outcomes, reasons

pytestmark = [pytest.mark.db, pytest.mark.django_db]
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
FLAGS = {"create_reps": "yes"}


def table(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def written(rows, delimiter=",", **how):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, **how).writerows(rows)
    return text.getvalue()


def workbook(rows, *before):
    book = openpyxl.Workbook()
    for number, sheet in enumerate((*before, rows)):
        page = book.active if number == 0 else book.create_sheet()
        for cells in sheet:
            page.append(cells)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def other_columns(rows):
    """Backwards, with a column nobody asked for."""
    return [[*cells[::-1], "Extra" if number == 0 else "x"] for number, cells in enumerate(rows)]


WAYS = {
    "with semicolons": lambda rows: written(rows, ";"),
    "with tabs": lambda rows: written(rows, "\t"),
    "with every cell quoted": lambda rows: written(rows, quoting=csv.QUOTE_ALL),
    "with line ends of Unix": lambda rows: written(rows, lineterminator="\n"),
    "with its mark": lambda rows: written(rows).encode("utf-8-sig"),
    "in UTF-16": lambda rows: written(rows, "\t").encode("utf-16"),
    "in UTF-16 without a mark": lambda rows: written(rows).encode("utf-16-le"),
    "with columns in another order": lambda rows: written(other_columns(rows)),
    "with headers shouted": lambda rows: written([[cell.upper() + " *" for cell in rows[0]], *rows[1:]]),
    "with titles above": lambda rows: written([["What we know of it"], ["as of today", "", ""], [], *rows]),
    "with blank lines between": lambda rows: written([cells for row in rows for cells in (row, [])]),
    "with a ruler": lambda rows: written([rows[0], ["---"] * len(rows[0]), *rows[1:]]),
    "as a workbook": workbook,
    "as a workbook on its second sheet": lambda rows: workbook(rows, [["Read me first"], ["Then ask"]]),
}


def sample(kind, name, user):
    return kind.sample_file(name, user)


@pytest.fixture
def given(upload):
    """Applies a file of a kind."""

    def applied(kind, data):
        is_workbook = isinstance(data, bytes) and data.startswith(b"PK")
        options = {name: value for name, value in FLAGS.items() if name in kind.options}
        return upload(data, kind=kind.name, name="file.xlsx" if is_workbook else "file.csv", **options)

    return applied


@every_kind
@pytest.mark.parametrize("way", WAYS)
def test_the_same_rows_written_otherwise_change_nothing(given, operations_user, kind, way):
    text = sample(kind, "new", operations_user)
    first = given(kind, text)
    assert set(outcomes(first)) == {Outcome.NEW}
    again = given(kind, WAYS[way](table(text)))
    assert reasons(again) == {}
    assert outcomes(again) == [Outcome.UNCHANGED] * first.rows


@every_kind
def test_what_stands_around_the_rows_fails_with_a_sentence_of_its_own(given, operations_user, kind):
    header, *rows = table(sample(kind, "new", operations_user))
    done = given(kind, written([header, *rows[:2], header, ["Grand total"], ["* as of today"]]))
    assert list(reasons(done).values()) == [
        "The row repeats the header.",
        "The row begins with “Grand total”: it looks like a total of other rows, not like a record.",
        "The row has one cell only, “* as of today”: it looks like a note, not like a record.",
    ]
    assert outcomes(done)[:2] == [Outcome.NEW] * 2


@every_kind
def test_an_error_file_fails_again_as_it_is_and_is_taken_once_corrected(given, operations_user, kind):
    failing, right = (table(sample(kind, name, operations_user)) for name in ("failing", "new"))
    first = given(kind, written(failing))
    assert first.failed >= 4
    errors = "".join(error_file.stream(first))
    again = given(kind, errors)
    header, *rows = table(errors)
    line = header.index("line")
    failed_again = table("".join(error_file.stream(again)))
    assert [[*cells[:line], *cells[line + 1 :]] for cells in failed_again[1:]] == [
        [*cells[:line], *cells[line + 1 :]] for cells in rows
    ]
    corrected = [[*right[int(cells[line]) - 1], *cells[line:]] for cells in rows]
    done = given(kind, written([header, *corrected]))
    assert reasons(done) == {}
    assert done.rows == first.failed
