"""Whatever is in a file: its error file holds the failed rows as they were, and fails again as they did."""

import csv
import io

import pytest
from django.core.files.base import ContentFile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from backoffice.imports import error_file
from backoffice.imports.faults import Refused
from backoffice.imports.models import Outcome, Upload
from backoffice.imports.starting import receive
from backoffice.jobs.running import execute
from tests.imports.conftest import outcomes

pytestmark = [pytest.mark.db, pytest.mark.django_db]
HEADER = ["Opportunity ID", "Colour", "Opportunity Name", "Amount", "Close Date"]

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8) | st.sampled_from(
    ["", "A-1", "'=1+1", "=1+1", "''", "-", "\ufeff", " x ", 'a"b', "a,b", "a;b", "line\nline", '="7"', "NULL", "#N/A"]
)
amounts = st.sampled_from(["", "5", "1250.50", "lots", "5%", "=A1", "1_000", "(3)", "NaN"])
dates = st.sampled_from(["", "2026-11-30", "2026-02-30", "soon", "46356", "Nov 30, 2026"])
rows = st.lists(st.tuples(texts, texts, texts, amounts, dates), min_size=1, max_size=12)
ragged = st.lists(st.integers(1, 7), min_size=12, max_size=12)


def written(table, delimiter):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(table)
    return text.getvalue()


def cells_of(upload):
    """The failed rows as they were, and why. Our own columns and the cells that stand behind them are left out."""
    failed = upload.results.filter(outcome=Outcome.FAILED).order_by("number")
    own = slice(len(HEADER), len(upload.header))
    padded = [(row.cells + [""] * (len(upload.header) - len(row.cells)), row.faults) for row in failed]
    return [([*cells[: own.start], *cells[own.stop :]], codes(faults)) for cells, faults in padded]


def codes(faults):
    return [(fault.code, fault.column) for fault in faults]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, widths=ragged, delimiter=st.sampled_from(",;\t|"), bom=st.booleans())
def test_the_error_file_holds_the_failed_rows_and_fails_as_they_did(
    operations_user, no_broker, rows, widths, delimiter, bom
):
    def applied(text):
        received = receive(ContentFile(text.encode(), name="file.csv"), "opportunities", operations_user)
        execute(received.job_id, heartbeat=False)
        return Upload.objects.get(pk=received.pk)

    table = [[*cells, "extra", "more"][:width] for cells, width in zip(rows, widths, strict=False)]
    try:
        first = applied(written([HEADER, *table], delimiter))
    except Refused:
        assume(False)
    assert len(outcomes(first)) == first.rows
    assume(first.failed)
    errors = "".join(error_file.stream(first, for_spreadsheet=bom))
    again = applied(errors)
    assert again.rows == again.failed == first.failed
    assert cells_of(again) == cells_of(first)
