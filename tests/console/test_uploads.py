"""Uploading in the console: the form, the upload's page, its error file, the list; and who sees what of it."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Opportunity, Rep
from backoffice.imports import showing
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Upload, UploadRow
from backoffice.imports.resources.opportunities import OpportunityResource
from backoffice.imports.starting import receive
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute

pytestmark = [pytest.mark.django_db, pytest.mark.db]

ADD = "admin:imports_upload_add"
HEADER = "Opportunity ID,Opportunity Name,Amount,Close Date,Opportunity Owner,Opportunity Owner Email,Colour\r\n"
GOOD = [
    f"OPP-{number},Deal {number},{number}00.50,2026-11-{number:02},Ana Torres,ana@example.com,red"
    for number in range(1, 6)
]
WRONG = [
    "OPP-6,,100,2026-11-06,Ana Torres,ana@example.com,red",
    "OPP-7,Deal 7,lots,2026-11-07,Ana Torres,ana@example.com,red",
    "OPP-8,=Deal 8,heaps,2026-11-08,Ana Torres,ana@example.com,red",
]


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def text(*rows):
    return HEADER + "".join(row + "\r\n" for row in rows)


def a_file(*rows, name="pipeline.csv"):
    return SimpleUploadedFile(name, text(*rows).encode(), "text/csv")


def uploaded(user, *rows, name="pipeline.csv", **given):
    with acting(user, Door.CONSOLE):
        return receive(ContentFile(text(*rows).encode(), name), "opportunities", user, given=given)


def applied(user, *rows, **more):
    upload = uploaded(user, *rows, **more)
    execute(upload.job_id, heartbeat=False)
    return Upload.objects.get(pk=upload.pk)


def page_of(client, upload):
    return client.get(reverse("admin:imports_upload_change", args=[upload.pk])).content.decode()


# The form


def test_the_page_tells_the_limit_the_columns_and_where_to_get_a_template(client, manager_user, settings):
    settings.UPLOAD_LIMIT_BYTES = 3 << 20
    client.force_login(manager_user)
    shown = client.get(reverse(ADD)).content.decode()
    assert "at most 3 MB" in shown
    assert f'data-limit="{3 << 20}"' in shown
    assert reverse("admin:imports_upload_template", args=["opportunities"]) in shown
    assert all(header in shown for header in OpportunityResource.headers())


def test_a_file_that_is_to_be_applied_at_once_is_taken_and_its_page_opened(client, manager_user):
    client.force_login(manager_user)
    answer = client.post(reverse(ADD), {"kind": "opportunities", "file": a_file(*GOOD), "mode": "apply"})
    upload = Upload.objects.get()
    assert answer.url == reverse("admin:imports_upload_change", args=[upload.pk])
    assert (upload.name, upload.rows, upload.asked_by, upload.job.state) == (
        "pipeline.csv",
        5,
        manager_user,
        State.QUEUED,
    )
    assert "pipeline" not in upload.file.name


def test_a_file_sent_by_script_is_told_where_to_go(client, manager_user):
    client.force_login(manager_user)
    sent = {"kind": "opportunities", "file": a_file(*GOOD), "mode": "apply"}
    answer = client.post(reverse(ADD), sent, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == reverse("admin:imports_upload_change", args=[Upload.objects.get().pk])


def test_options_are_kept_with_the_upload(client, manager_user):
    client.force_login(manager_user)
    options = {"date_order": "DMY", "decimal_mark": ",", "currency": "mxn", "blank": "clear"}
    client.post(reverse(ADD), {"kind": "opportunities", "file": a_file(), **options})
    assert Upload.objects.get().options == {
        "date_order": "DMY",
        "decimal_mark": ",",
        "currency": "MXN",
        "blank": "clear",
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose a file."),
        ({"file": SimpleUploadedFile("a.csv", b"")}, "The file is empty."),
        ({"file": SimpleUploadedFile("a.csv", b"%PDF-1.7 ...")}, "The file is a PDF."),
        ({"file": SimpleUploadedFile("a.csv", b"Name,Amount\n1,2\n")}, "Missing required column"),
        ({"file": a_file(*GOOD), "currency": "XXQ"}, "takes a code such as USD or MXN"),
        ({"file": a_file(*GOOD), "date_order": "YDM"}, "Select a valid choice"),
        ({"file": a_file(*GOOD), "kind": "secrets"}, "Select a valid choice"),
    ],
)
def test_what_is_refused_is_said_beside_its_field_and_nothing_is_kept(client, manager_user, fields, words):
    client.force_login(manager_user)
    answer = client.post(reverse(ADD), {"kind": "opportunities", "mode": "apply"} | fields)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Upload.objects.exists()
    assert not Job.objects.exists()


def test_too_large_a_file_is_refused_with_both_sizes(client, manager_user, settings):
    settings.UPLOAD_LIMIT_BYTES = 1 << 20
    client.force_login(manager_user)
    file = SimpleUploadedFile("a.csv", b"x" * (2 << 20))
    shown = client.post(reverse(ADD), {"kind": "opportunities", "file": file}).content.decode()
    assert "the most is 1 MB" in shown


def test_a_rep_may_neither_upload_nor_see_the_page(client, rep_user):
    client.force_login(rep_user)
    assert client.get(reverse(ADD)).status_code == 403
    assert client.post(reverse(ADD), {"kind": "opportunities", "file": a_file(*GOOD)}).status_code == 403
    for name in ("template", "sample"):
        arguments = ["opportunities"] + (["new"] if name == "sample" else [])
        assert client.get(reverse(f"admin:imports_upload_{name}", args=arguments)).status_code == 403
    assert not Upload.objects.exists()


# Template and samples


def test_the_template_is_the_documented_header(client, manager_user):
    client.force_login(manager_user)
    answer = client.get(reverse("admin:imports_upload_template", args=["opportunities"]))
    assert list(csv.reader(io.StringIO(answer.content.decode()))) == [OpportunityResource.headers()]
    assert "attachment" in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", [("template", ["nothing"]), ("sample", ["opportunities", "x"])])
def test_a_file_there_is_not_is_not_found(client, manager_user, path):
    client.force_login(manager_user)
    assert client.get(reverse(f"admin:imports_upload_{path[0]}", args=path[1])).status_code == 404


def test_the_samples_do_what_they_say_one_after_the_other(manager_user):
    outcomes = []
    for name in ("new", "changes", "changes", "failing"):
        with acting(manager_user, Door.CONSOLE):
            file = ContentFile(KINDS["opportunities"].sample_file(name, manager_user).encode(), f"{name}.csv")
            upload = receive(file, "opportunities", manager_user)
        execute(upload.job_id, heartbeat=False)
        upload.refresh_from_db()
        outcomes.append({word: number for word, number in upload.counts.items() if number})
    assert outcomes[:3] == [{"new": 25}, {"updated": 10, "unchanged": 15}, {"unchanged": 25}]
    assert outcomes[3]["failed"] == 5


def test_samples_are_owned_by_reps_their_reader_sees(manager_user, outsider_user):
    sample = KINDS["opportunities"].sample_file("new", manager_user)
    assert manager_user.email in sample
    assert outsider_user.email not in sample


def test_samples_of_an_empty_company_bring_their_reps_and_go_on_with_them(operations_user):
    assert not Rep.objects.exists()
    outcomes = []
    for name in ("new", "changes"):
        with acting(operations_user, Door.CONSOLE):
            file = ContentFile(KINDS["opportunities"].sample_file(name, operations_user).encode(), f"{name}.csv")
            upload = receive(file, "opportunities", operations_user)
        execute(upload.job_id, heartbeat=False)
        upload.refresh_from_db()
        outcomes.append({word: number for word, number in upload.counts.items() if number})
    assert Rep.objects.count() == 2
    assert outcomes == [{"new": 25}, {"updated": 10, "unchanged": 15}]


# The upload's page


def test_an_open_upload_shows_its_progress_and_polls(client, manager_user):
    upload = uploaded(manager_user, *GOOD)
    client.force_login(manager_user)
    shown = page_of(client, upload)
    assert "Waiting for a free worker." in shown
    assert f'hx-get="{reverse("admin:imports_upload_live", args=[upload.pk])}"' in shown
    assert client.get(reverse("admin:imports_upload_live", args=[upload.pk])).status_code == 200


def test_the_outcome_adds_up_and_names_what_was_made_on_the_way(client, operations_user):
    upload = applied(operations_user, *GOOD, *WRONG)
    client.force_login(operations_user)
    answer = client.get(reverse("admin:imports_upload_live", args=[upload.pk]))
    assert answer.status_code == 286
    counts = {count.word: count.number for count in answer.context_data["counts"]}
    assert counts == {"new": 5, "updated": 0, "unchanged": 0, "failed": 3}
    assert answer.context_data["sentence"] == "3 of 8 rows failed. The others are applied."
    assert [(made.label, made.number) for made in answer.context_data["besides"]] == [("rep", 1)]
    assert Opportunity.objects.count() == 5


def test_failed_rows_are_grouped_by_reason_with_line_cells_and_words(client, operations_user):
    upload = applied(operations_user, *GOOD, *WRONG)
    first, second = showing.reasons(upload)
    assert (first.code, first.header, first.rows) == ("not_an_amount", "Amount", 2)
    assert [(row.line, row.cells[0]) for row in first.first] == [(8, "OPP-7"), (9, "OPP-8")]
    assert (second.code, second.rows, second.first[0].line) == ("missing", 1, 7)
    client.force_login(operations_user)
    shown = page_of(client, upload)
    assert "Amount “lots” is not an amount." in shown
    assert "OPP-8" in shown


def test_a_row_that_is_wrong_in_two_ways_stands_under_both(operations_user):
    upload = applied(operations_user, "OPP-1,,lots,2026-11-01,,,")
    assert {reason.code for reason in showing.reasons(upload)} == {"missing", "not_an_amount"}


def test_only_the_first_rows_of_each_reason_are_shown(operations_user):
    wrong = [f"OPP-{number},Deal,lots {number},,,," for number in range(12)]
    (reason,) = showing.reasons(applied(operations_user, *wrong))
    assert (reason.rows, len(reason.first)) == (12, showing.ROWS_PER_REASON)


def test_different_values_that_are_wrong_in_one_way_are_all_named_while_they_are_few(client, operations_user):
    wrong = [f"OPP-{number},Deal,{'heaps' if number == 10 else 'lots'},,,," for number in range(12)]
    upload = applied(operations_user, *wrong)
    (reason,) = showing.reasons(upload)
    assert (reason.rows, reason.values, reason.named) == (12, 2, ["lots", "heaps"])
    client.force_login(operations_user)
    assert "2 different values: lots, heaps" in page_of(client, upload)


def test_columns_are_shown_as_they_were_understood(client, operations_user):
    upload = applied(operations_user, *GOOD)
    client.force_login(operations_user)
    answer = client.get(reverse("admin:imports_upload_change", args=[upload.pk]))
    assert answer.context_data["columns"][0] == ("Opportunity ID", "Opportunity ID")
    assert answer.context_data["columns"][-1] == ("Colour", None)
    assert "One column means nothing here and was ignored" in answer.content.decode()


def test_cells_of_a_file_are_text_on_the_page_whatever_they_hold(client, operations_user):
    upload = applied(operations_user, 'OPP-1,<script>alert(1)</script>,"<b>lots</b>",,,,', name="<i>.csv")
    client.force_login(operations_user)
    shown = page_of(client, upload)
    assert "<script>alert(1)" not in shown
    assert "<b>lots" not in shown
    assert "<i>.csv" not in shown


def test_the_error_file_has_the_failed_rows_with_line_and_reason(client, operations_user):
    upload = applied(operations_user, *GOOD, *WRONG)
    client.force_login(operations_user)
    answer = client.get(reverse("admin:imports_upload_errors", args=[upload.pk]))
    assert "attachment" in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [(row["Opportunity ID"], row["line"]) for row in rows] == [("OPP-6", "7"), ("OPP-7", "8"), ("OPP-8", "9")]
    assert rows[2]["Opportunity Name"] == "'=Deal 8"
    assert "lots" in rows[1]["error"]


def test_a_corrected_error_file_keeps_what_a_blank_cell_meant(client, operations_user):
    client.force_login(operations_user)
    upload = applied(operations_user, *WRONG, blank="clear")
    address = reverse("admin:imports_upload_errors", args=[upload.pk])
    corrected = b"".join(client.get(address).streaming_content).replace(b"lots", b"7")
    sent = {"kind": "opportunities", "blank": "keep", "file": SimpleUploadedFile("errors.csv", corrected)}
    client.post(reverse(ADD), sent)
    assert Upload.objects.latest("id").chosen.blank == "clear"


def test_there_is_no_error_file_where_nothing_failed_or_after_it_expired(client, operations_user):
    clean, old = applied(operations_user, *GOOD), applied(operations_user, *WRONG)
    Upload.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=400))
    client.force_login(operations_user)
    for upload in (clean, old):
        assert client.get(reverse("admin:imports_upload_errors", args=[upload.pk])).status_code == 404
        assert 'id="error-file"' not in page_of(client, upload)


def test_the_page_says_for_how_long_the_file_and_its_failed_rows_are_kept(client, operations_user):
    upload = applied(operations_user, *WRONG)
    Upload.objects.filter(pk=upload.pk).update(created_at="2026-01-01T12:00Z")
    client.force_login(operations_user)
    assert "Kept until" in page_of(client, upload)
    assert "April 1, 2026" in page_of(client, upload)


def test_an_upload_that_changes_nothing_says_so(client, operations_user):
    client.force_login(operations_user)
    assert "All 5 rows are applied." in page_of(client, applied(operations_user, *GOOD))
    assert "Every row was here already" in page_of(client, applied(operations_user, *GOOD))
    assert "a header and no rows" in page_of(client, applied(operations_user))
    assert "Every row failed" in page_of(client, applied(operations_user, *WRONG))


@pytest.mark.parametrize("name", ["change", "live", "errors"])
def test_a_foreign_upload_does_not_exist(client, manager_user, outsider_user, rep_user, operations_user, name):
    upload = applied(manager_user, *WRONG)
    address = reverse(f"admin:imports_upload_{name}", args=[upload.pk])
    for user in (outsider_user, rep_user):
        client.force_login(user)
        assert client.get(address).status_code == 404
    for user in (manager_user, operations_user):
        client.force_login(user)
        assert client.get(address).status_code in {200, 286}


def test_the_list_has_what_its_reader_may_see(client, manager_user, outsider_user, operations_user):
    uploaded(manager_user, *GOOD, name="marta.csv")
    uploaded(outsider_user, *GOOD, name="otto.csv")
    seen = {}
    for user in (manager_user, outsider_user, operations_user):
        client.force_login(user)
        shown = client.get(reverse("admin:imports_upload_changelist")).content.decode()
        seen[user] = ("marta.csv" in shown, "otto.csv" in shown)
    assert seen == {manager_user: (True, False), outsider_user: (False, True), operations_user: (True, True)}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("outcome=open", {"waits.csv"}),
        ("outcome=incomplete", {"fails.csv"}),
        ("outcome=succeeded", {"works.csv"}),
        ("kind=opportunities", {"waits.csv", "fails.csv", "works.csv"}),
        ("by=me", {"works.csv"}),
    ],
)
def test_the_list_is_narrowed_by_kind_outcome_and_who(client, manager_user, operations_user, query, names):
    uploaded(manager_user, *GOOD, name="waits.csv")
    applied(manager_user, *WRONG, name="fails.csv")
    applied(operations_user, *GOOD, name="works.csv")
    client.force_login(operations_user)
    rows = client.get(f"{reverse('admin:imports_upload_changelist')}?{query}").context_data["cl"].result_list
    assert {upload.name for upload in rows} == names


def test_the_pages_cost_the_same_queries_whatever_their_length(client, operations_user, django_assert_max_num_queries):
    client.force_login(operations_user)
    upload = applied(operations_user, *WRONG)
    for _ in range(20):
        uploaded(operations_user, *GOOD)
    with django_assert_max_num_queries(8):
        client.get(reverse("admin:imports_upload_changelist"))
    with django_assert_max_num_queries(12):
        client.get(reverse("admin:imports_upload_change", args=[upload.pk]))
    with django_assert_max_num_queries(12):
        client.get(reverse("admin:imports_upload_live", args=[upload.pk]))


def test_rows_are_kept_for_the_upload_they_belong_to(operations_user):
    first, second = applied(operations_user, *WRONG), applied(operations_user, WRONG[0])
    assert [sum(reason.rows for reason in showing.reasons(upload)) for upload in (first, second)] == [3, 1]
    assert UploadRow.objects.filter(upload=second).count() == 1
