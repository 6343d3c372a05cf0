"""The rows that failed, as a file to correct and upload again."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from backoffice.crm.models import Opportunity
from backoffice.imports import error_file, expiring
from backoffice.imports.models import Upload
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from tests.imports.conftest import HEADER, outcomes, row, table

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def text_of(upload, **more):
    return "".join(error_file.stream(upload, **more))


def rows_of(upload, delimiter=","):
    return list(csv.DictReader(io.StringIO(text_of(upload), newline=""), delimiter=delimiter))


def test_it_has_the_original_columns_the_line_and_what_is_wrong(upload):
    header = ("Opportunity ID", "Colour", "Opportunity Name", "Amount")
    done = upload([["A-1", "red", "Chairs", "1"], ["A-2", "blue", "", "lots"], ["", "", "Lamps", ""]], header=header)
    assert rows_of(done) == [
        {
            "Opportunity ID": "A-2",
            "Colour": "blue",
            "Opportunity Name": "",
            "Amount": "lots",
            "line": "3",
            "error": "Opportunity Name is missing. Amount “lots” is not an amount.",
        },
        {
            "Opportunity ID": "",
            "Colour": "",
            "Opportunity Name": "Lamps",
            "Amount": "",
            "line": "4",
            "error": "Opportunity ID is missing.",
        },
    ]


def test_corrected_and_uploaded_again_it_is_taken_as_it_is(upload):
    done = upload([row("A-1", "Chairs"), row("A-2", "", amount="7"), row("A-3", "Lamps", amount="x")])
    corrected = text_of(done, for_spreadsheet=True).replace("A-2,,", "A-2,Desks,").replace("Lamps,x", "Lamps,3")
    again = upload(corrected)
    assert outcomes(again) == ["new", "new"]
    assert again.unknown == []
    assert Opportunity.objects.count() == 3


def test_uncorrected_it_fails_again_and_gives_the_same_file(upload):
    done = upload([row("A-2", "", amount="7"), row("A-1", "Chairs")])
    again = upload(text_of(done))
    assert outcomes(again) == ["failed"]
    assert text_of(again) == text_of(done)


def test_what_the_whole_file_told_about_its_dates_is_remembered_for_the_part_that_failed(upload):
    header = ("Opportunity ID", "Opportunity Name", "Close Date", "Amount")
    done = upload(
        "Opportunity ID;Opportunity Name;Close Date;Amount\nA-1;a;31/12/2026;1,5\nA-2;;1/2/2026;1.250\n",
    )
    assert done.failed == 1
    again = upload(text_of(done).replace("A-2;;", "A-2;b;"))
    assert outcomes(again) == ["new"]
    found = Opportunity.objects.get(external_id="A-2")
    assert (found.close_date.isoformat(), found.amount) == ("2026-02-01", 1250)
    assert len(header) == 4


def test_its_delimiter_is_the_files_own(upload):
    done = upload("Opportunity ID;Opportunity Name\nA-1;\n")
    assert rows_of(done, ";")[0]["error"] == "Opportunity Name is missing."


def test_no_spreadsheet_runs_what_is_in_it(upload):
    header = ("Opportunity ID", "Opportunity Name", "=cmd()")
    rows = [["=1+1", "", "@SUM(A1)"], ["'=2", "", "-3"], ["+5", "", "\u00a0ok"]]
    done = upload(rows, header=header)
    read = list(csv.reader(io.StringIO(text_of(done), newline="")))
    assert read[0][:3] == ["Opportunity ID", "Opportunity Name", "'=cmd()"]
    assert [cells[:3] for cells in read[1:]] == [["'=1+1", "", "'@SUM(A1)"], ["'=2", "", "'-3"], ["'+5", "", "ok"]]
    again = upload(text_of(done))
    assert text_of(again) == text_of(done)
    assert [cells.cells[0] for cells in again.results.order_by("number")] == ["=1+1", "=2", "+5"]


def test_ragged_rows_keep_their_place(upload):
    done = upload("Opportunity ID,Opportunity Name,Amount\n,x\nA-1,b,3,4\n")
    found = rows_of(done)
    assert (found[0]["Amount"], found[0]["line"]) == ("", "2")
    assert (found[1]["Amount"], found[1]["line"]) == ("3", "3")


def test_many_failed_rows_come_piece_by_piece(upload, monkeypatch):
    monkeypatch.setattr(error_file, "ROWS_AT_ONCE", 2)
    done = upload([row(f"A-{number}", "") for number in range(5)])
    assert [piece.count("\r\n") for piece in error_file.stream(done)] == [1, 2, 2, 1]


def test_it_expires_with_the_file_and_the_rows_and_the_counts_stay(upload, settings):
    settings.UPLOAD_KEEP_DAYS = 30
    old, young = upload([row("A-1", ""), row("A-2", "Desks")]), upload([row("A-1", "")])
    assert expiring.sweep() == 0
    assert old.has_error_file
    stored = old.file.name
    Upload.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert expiring.sweep() == 1
    assert expiring.sweep() == 0
    old.refresh_from_db()
    assert not old.has_error_file
    assert not old.file.storage.exists(stored)
    assert (old.results.count(), old.outcomes["failed"], old.outcomes["new"]) == (0, 1, 1)
    assert (young.has_error_file, young.results.count()) == (True, 1)
    verbs_would_find_no_file(old)


def verbs_would_find_no_file(upload):
    Job.objects.filter(pk=upload.job_id).update(state="queued", finished_at=None)
    assert execute(upload.job_id, heartbeat=False) == State.FAILED


def test_a_workbooks_failed_rows_come_as_csv(upload):
    import openpyxl

    book = openpyxl.Workbook()
    for cells in (HEADER, row("A-1", ""), row("A-2", "Desks")):
        book.active.append(cells)
    data = io.BytesIO()
    book.save(data)
    done = upload(data.getvalue(), name="file.xlsx")
    assert rows_of(done)[0]["error"] == "Opportunity Name is missing."
    assert upload(table([row("A-1", "Chairs")])).outcomes["new"] == 1
