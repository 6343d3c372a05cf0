"""A file whose columns are looked at before anything is done with it."""

import io

import openpyxl
import pytest
from django.core.files.base import ContentFile

from backoffice.crm.models import Opportunity
from backoffice.imports import error_file
from backoffice.imports.drafting import confirm, proposal
from backoffice.imports.faults import Refused
from backoffice.imports.models import ColumnChoice, Mode, Phase, Upload
from backoffice.imports.starting import WrongState, receive, start_apply, start_preview
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from tests.imports.conftest import content, row, table

pytestmark = [pytest.mark.db, pytest.mark.django_db]
FOREIGN = "Folio,Title,Worth,Due\nA-1,Chairs,10,2026-11-30\nA-2,Desks,,\nA-3,Lamps,5,\nA-4,Pens,,\n"
MEANT = {"Folio": "opportunity_id", "Title": "name", "Worth": "amount", "Due": "close_date"}


@pytest.fixture
def draft(operations_user, no_broker):
    def drafted(text, *, user=operations_user, **given):
        return receive(content(text), "opportunities", user, mode=Mode.DRAFT, given=given)

    return drafted


def fresh(upload):
    return Upload.objects.select_related("job", "preview_job").get(pk=upload.pk)


def names(upload, user):
    return {column.header: column.name for column in proposal(upload, user).columns}


def test_a_draft_starts_nothing(draft, operations_user):
    upload = draft(table([row("A-1")]))
    assert (upload.phase, upload.mode, upload.rows) == (Phase.DRAFT, Mode.DRAFT, 1)
    assert not Job.objects.exists()
    assert proposal(upload, operations_user).is_ready


def test_each_column_is_shown_with_its_first_cells_and_what_it_is_taken_for(draft, operations_user):
    proposed = proposal(draft(FOREIGN.replace("Folio", "Opportunity ID")), operations_user)
    first, second, third, _ = proposed.columns
    assert (first.place, first.header, first.name, first.examples) == (
        0,
        "Opportunity ID",
        "opportunity_id",
        ["A-1", "A-2", "A-3"],
    )
    assert (second.header, second.name) == ("Title", None)
    assert third.examples == ["10", "5"]
    assert proposed.missing == ["Opportunity Name"]
    assert not proposed.is_ready
    assert ("name", "Opportunity Name", True) in [(one.name, one.header, one.required) for one in proposed.choices]


def test_nothing_starts_before_the_columns_are_settled(draft, operations_user):
    upload = draft(FOREIGN)
    for start in (start_preview, start_apply):
        with pytest.raises(Refused, match="Missing required column: Opportunity ID, Opportunity Name"):
            start(upload, operations_user)
    assert not Job.objects.exists()
    assert fresh(upload).phase == Phase.DRAFT


def test_confirmed_it_is_read_as_chosen(draft, operations_user):
    upload = draft(FOREIGN)
    confirm(upload, operations_user, MEANT, {"currency": "MXN"})
    assert names(upload, operations_user) == MEANT
    assert proposal(upload, operations_user).is_ready
    assert execute(start_apply(upload, operations_user).pk, heartbeat=False) == State.SUCCEEDED
    found = Opportunity.objects.get(external_id="A-1")
    assert (found.name, found.amount, found.currency, found.close_date.isoformat()) == (
        "Chairs",
        10,
        "MXN",
        "2026-11-30",
    )


def test_what_was_chosen_is_remembered_for_the_next_file(draft, operations_user, manager_user):
    confirm(draft(FOREIGN), operations_user, MEANT, {})
    again = draft("DUE,title,FOLIO,Colour\n,Chairs,A-9,red\n")
    proposed = proposal(again, operations_user)
    assert {column.header: column.name for column in proposed.columns} == {
        "DUE": "close_date",
        "title": "name",
        "FOLIO": "opportunity_id",
        "Colour": None,
    }
    assert [column.remembered for column in proposed.columns] == [True, True, True, False]
    assert proposed.is_ready
    assert names(draft(FOREIGN, user=manager_user), manager_user) == dict.fromkeys(MEANT)


def test_only_what_differs_from_the_headers_own_meaning_is_remembered(draft, operations_user):
    text = "Opportunity ID,Opportunity Name,Amount,Colour\nA-1,Chairs,1,red\n"
    plain = {"Opportunity ID": "opportunity_id", "Opportunity Name": "name", "Amount": "amount", "Colour": ""}
    confirm(draft(text), operations_user, plain | {"Amount": ""}, {})
    assert list(ColumnChoice.objects.values_list("header", "column")) == [("amount", "")]
    assert names(draft(text), operations_user)["Amount"] is None
    confirm(draft(text), operations_user, plain, {})
    assert not ColumnChoice.objects.exists()


def test_headers_too_long_to_be_remembered_are_taken_all_the_same(draft, operations_user):
    one, other = "x" * 300 + "1", "x" * 300 + "2"
    upload = draft(f"Opportunity ID,Opportunity Name,{one},{other}\nA-1,Chairs,1,Write\n")
    confirm(upload, operations_user, {one: "amount", other: "next_step"}, {})
    assert fresh(upload).columns["next_step"] == 3
    assert not ColumnChoice.objects.exists()


def test_what_was_remembered_and_is_no_column_any_more_is_left_out(draft, operations_user):
    ColumnChoice.objects.create(user=operations_user, kind="opportunities", header="folio", column="gone")
    assert names(draft(FOREIGN), operations_user)["Folio"] is None


def test_other_doors_do_not_depend_on_what_was_clicked(draft, operations_user):
    confirm(draft(FOREIGN), operations_user, MEANT, {})
    with pytest.raises(Refused, match="Missing required column"):
        receive(content(FOREIGN), "opportunities", operations_user)


def test_what_only_a_person_can_say_is_asked(draft, operations_user):
    text = 'Opportunity ID,Opportunity Name,Amount,Close Date\nA-1,Chairs,"1,250",1/2/2026\n'
    upload = draft(text)
    assert [question.option for question in proposal(upload, operations_user).questions] == [
        "date_order",
        "decimal_mark",
    ]
    with pytest.raises(Refused, match="either number may be the day") as refused:
        start_preview(upload, operations_user)
    assert refused.value.option == "date_order"
    assert [option for option, _sentence in refused.value.by_option] == ["date_order", "decimal_mark"]
    confirm(upload, operations_user, {}, {"date_order": "DMY", "decimal_mark": ","})
    assert proposal(upload, operations_user).questions == []
    start_preview(upload, operations_user)
    assert fresh(upload).phase == Phase.PREVIEWING


def test_what_is_missing_and_what_is_open_is_said_together(draft, operations_user):
    upload = draft('Opportunity ID,Amount,Close Date\nA-1,"1,250",1/2/2026\n')
    for start in (
        lambda: start_preview(upload, operations_user),
        lambda: confirm(upload, operations_user, {}, {}),
    ):
        with pytest.raises(Refused) as refused:
            start()
        assert [option for option, _sentence in refused.value.by_option] == ["", "date_order", "decimal_mark"]
        assert "Opportunity Name" in str(refused.value)
    with pytest.raises(Refused) as refused:
        confirm(upload, operations_user, {}, {"date_order": "DMY"})
    assert [option for option, _sentence in refused.value.by_option] == ["", "decimal_mark"]


def test_a_workbook_that_packs_well_is_taken_as_any_other(operations_user, no_broker):
    book, file = openpyxl.Workbook(), io.BytesIO()
    for cells in [["Opportunity ID", "Opportunity Name"], *([f"A-{n}", "Chairs and desks " * 5] for n in range(500))]:
        book.active.append(cells)
    book.save(file)
    upload = receive(ContentFile(file.getvalue(), "a.xlsx"), "opportunities", operations_user, mode=Mode.DRAFT)
    confirm(upload, operations_user, {}, {})
    start_preview(upload, operations_user)
    assert fresh(upload).phase == Phase.PREVIEWING


def test_a_confirmation_that_makes_no_sense_leaves_the_draft_as_it_was(draft, operations_user):
    upload = draft(FOREIGN)
    confirm(upload, operations_user, MEANT, {})
    for columns, given, words in (
        (MEANT | {"Title": "amount"}, {}, "stands more than once"),
        ({"Folio": "opportunity_id"}, {}, "Missing required column: Opportunity Name"),
        (MEANT, {"currency": "XYZ"}, "takes a code such as USD"),
        (MEANT, {"create_reps": "yes"}, "is not for opportunities"),
    ):
        with pytest.raises(Refused, match=words):
            confirm(upload, operations_user, columns, given)
    assert names(fresh(upload), operations_user) == MEANT


def test_confirmed_anew_an_earlier_preview_is_forgotten(draft, operations_user):
    upload = draft(table([row("A-1", amount="10")]))
    execute(start_preview(upload, operations_user).pk, heartbeat=False)
    assert fresh(upload).expected["new"] == 1
    confirm(upload, operations_user, {"Amount": ""}, {})
    assert (fresh(upload).phase, fresh(upload).expected["new"]) == (Phase.DRAFT, 0)
    assert not upload.known_rows.exists()
    execute(start_preview(upload, operations_user).pk, heartbeat=False)
    assert [one.changes for one in upload.previews.all()] == [{"external_id": ["", "A-1"], "name": ["", "Chairs"]}]


def test_confirming_ends_a_preview_under_way(draft, operations_user):
    upload = draft(table([row("A-1")]))
    job = start_preview(upload, operations_user)
    confirm(upload, operations_user, {}, {})
    assert Job.objects.get(pk=job.pk).state == State.CANCELLED


def test_what_is_applied_is_confirmed_no_more(draft, operations_user):
    upload = draft(table([row("A-1")]))
    start_apply(upload, operations_user)
    with pytest.raises(WrongState, match="being applied"):
        confirm(upload, operations_user, {}, {})


def test_a_file_that_is_gone_is_said_to_be(draft, operations_user):
    upload = draft(table([row("A-1")]))
    upload.file.storage.delete(upload.file.name)
    with pytest.raises(WrongState, match="no longer there"):
        confirm(upload, operations_user, {}, {})


def test_only_a_file_that_can_not_be_read_is_refused(draft):
    for text, words in (("", "empty"), ("%PDF-1.7", "PDF"), ('a,b\n"never closed\n', "never closed")):
        with pytest.raises(Refused, match=words):
            draft(text)
    assert not Upload.objects.exists()


def test_long_cells_are_cut_short_in_examples(draft, operations_user):
    upload = draft(table([row("A-1", next_step="x" * 5_000)]))
    longest = max(len(cell) for column in proposal(upload, operations_user).columns for cell in column.examples)
    assert longest <= 60


def test_a_corrected_error_file_is_read_like_the_file_it_came_from(draft, operations_user):
    upload = draft(FOREIGN.replace("Desks,,", "Desks,lots,"))
    confirm(upload, operations_user, MEANT, {"currency": "EUR"})
    execute(start_apply(upload, operations_user).pk, heartbeat=False)
    corrected = "".join(error_file.stream(fresh(upload))).replace("lots", "7")
    again = receive(content(corrected), "opportunities", operations_user)
    execute(again.job_id, heartbeat=False)
    assert fresh(again).outcomes["new"] == 1
    found = Opportunity.objects.get(external_id="A-2")
    assert (found.amount, found.currency) == (7, "EUR")
