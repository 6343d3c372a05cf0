"""The step in which a file's columns are looked at: what each is taken for, what is missing, twice, or asked."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from backoffice.imports.models import ColumnChoice, Mode, Phase, Upload
from tests.console.uploading import HEADER, as_csv, choices, drafted, page

pytestmark = [pytest.mark.django_db, pytest.mark.db]

ROWS = [(f"OPP-{n}", f"Deal {n}", "100.00", "2026-11-30", "Won", "Acme") for n in range(1, 6)]


@pytest.fixture
def olga(client, operations_user, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    client.force_login(operations_user)
    return operations_user


def asked(client, upload):
    return client.get(page("columns", upload.pk)).context_data


def test_a_file_that_is_to_be_checked_first_leads_to_its_columns(client, olga):
    file = SimpleUploadedFile("a.csv", as_csv(*ROWS))
    answer = client.post(page("add"), {"kind": "opportunities", "file": file, "notify": "on"}, follow=True)
    upload = Upload.objects.get()
    assert (upload.mode, upload.job, upload.preview_job, upload.notify) == (Mode.DRAFT, None, None, True)
    assert answer.redirect_chain[-1][0] == page("columns", upload.pk)
    shown = answer.context_data["asked"]
    assert [(column.header, column.chosen) for column in shown][:2] == [
        ("Opportunity ID", "opportunity_id"),
        ("Opportunity Name", "name"),
    ]
    assert list(shown[1].examples) == ["Deal 1", "Deal 2", "Deal 3"]


def test_only_options_of_the_kind_are_offered_and_taken(client, olga):
    upload = drafted(olga, *ROWS)
    assert [field.name for field in asked(client, upload)["flags"]] == ["update_accounts"]
    client.post(page("columns", upload.pk), choices(upload) | {"create_reps": "on", "update_accounts": "on"})
    chosen = Upload.objects.get().chosen
    assert (chosen.create_reps, chosen.update_accounts) == (False, True)


@pytest.mark.parametrize(
    ("kind", "header", "names"),
    [
        ("opportunities", ("Opportunity ID", "Opportunity Name"), ["date_order", "decimal_mark", "currency", "blank"]),
        ("quotas", ("Email", "Month", "Amount"), ["date_order", "decimal_mark", "currency", "blank"]),
        ("contacts", ("Email", "Fullname"), ["blank"]),
        ("accounts", ("Account ID", "Account Name"), ["blank"]),
    ],
)
def test_how_dates_and_amounts_are_meant_is_asked_for_kinds_that_have_them(client, olga, kind, header, names):
    upload = drafted(olga, header=header, kind=kind)
    assert [field.name for field, *_ in asked(client, upload)["notation"]] == names


def test_confirmed_columns_start_a_preview_and_are_remembered(client, olga):
    header = ("Ref", *HEADER[1:])
    upload = drafted(olga, *ROWS, header=header)
    context = asked(client, upload)
    assert [column.label for column in context["required"] if column.is_missing] == ["Opportunity ID"]
    sent = choices(upload) | {"column-0": "opportunity_id"}
    assert client.post(page("columns", upload.pk), sent).url == page("change", upload.pk)
    upload.refresh_from_db()
    assert (upload.phase, upload.columns["opportunity_id"]) == (Phase.PREVIEWING, 0)
    assert ColumnChoice.objects.get().column == "opportunity_id"
    shown = asked(client, drafted(olga, *ROWS, header=header))["asked"]
    assert [column.is_remembered for column in shown] == [True, False, False, False, False, False]


def test_what_is_missing_is_said_and_nothing_starts(client, olga):
    upload = drafted(olga, *ROWS)
    answer = client.post(page("columns", upload.pk), choices(upload) | {"column-0": ""})
    assert [column.label for column in answer.context_data["required"] if column.is_missing] == ["Opportunity ID"]
    said = answer.content.decode()
    assert "Still missing, and required:" in said
    assert "Missing required column" not in said  # once is enough
    assert Upload.objects.get().phase is Phase.DRAFT


def test_a_column_that_is_chosen_twice_is_said_beside_both(client, olga):
    upload = drafted(olga, *ROWS)
    answer = client.post(page("columns", upload.pk), choices(upload) | {"column-4": "name"})
    assert [column.header for column in answer.context_data["asked"] if column.is_twice] == [
        "Opportunity Name",
        "Stage",
    ]
    assert [sentence for sentence in answer.context_data["wrong"] if "stands more than once" in sentence]
    assert Upload.objects.get().phase is Phase.DRAFT


def test_dates_that_can_be_read_in_two_ways_are_asked_about_beside_their_field(client, olga):
    upload = drafted(olga, ("OPP-1", "Deal", "1", "03/04/2026", "", ""))
    context = asked(client, upload)
    questions = {field.name: question for field, question, _names in context["notation"]}
    assert "either number may be the day" in questions["date_order"]
    assert [field.name for field in context["to_answer"]] == ["date_order"]
    unanswered = client.post(page("columns", upload.pk), choices(upload))
    assert list(unanswered.context_data["form"].errors) == ["date_order"]
    assert client.post(page("columns", upload.pk), choices(upload) | {"date_order": "DMY"}).status_code == 302
    assert Upload.objects.get().chosen.date_order == "DMY"


def test_all_that_is_left_open_is_asked_again_each_beside_its_field(client, olga):
    upload = drafted(olga, ("OPP-1", "Deal", "1,250", "03/04/2026", "", ""))
    unanswered = client.post(page("columns", upload.pk), choices(upload))
    errors = unanswered.context_data["form"].errors
    assert list(errors) == ["date_order", "decimal_mark"]
    assert "either number may be the day" in errors["date_order"][0]
    assert "thousands or for decimals" in errors["decimal_mark"][0]
    assert [field.name for field in unanswered.context_data["to_answer"]] == ["date_order", "decimal_mark"]
    half = client.post(page("columns", upload.pk), choices(upload) | {"date_order": "DMY"})
    assert list(half.context_data["form"].errors) == ["decimal_mark"]
    assert Upload.objects.get().phase is Phase.DRAFT


def test_what_is_open_is_asked_beside_what_is_missing(client, olga):
    upload = drafted(olga, ("OPP-1", "Deal", "1", "03/04/2026", "", ""))
    answer = client.post(page("columns", upload.pk), choices(upload) | {"column-1": ""})
    assert [column.label for column in answer.context_data["required"] if column.is_missing] == ["Opportunity Name"]
    assert [field.name for field in answer.context_data["to_answer"]] == ["date_order"]


def test_what_was_detected_is_chosen_already(client, olga):
    upload = drafted(olga, ("OPP-1", "Deal", "1.234,50", "31/12/2026", "", ""))
    shown = {field.name: field.value() for field, *_ in asked(client, upload)["notation"]}
    assert (shown["date_order"], shown["decimal_mark"]) == ("DMY", ",")


def test_columns_can_be_applied_at_once(client, olga):
    upload = drafted(olga, *ROWS)
    client.post(page("columns", upload.pk), choices(upload) | {"go": "apply"})
    assert Upload.objects.get().phase is Phase.APPLYING


def test_the_columns_of_what_was_applied_are_settled(client, olga):
    upload = drafted(olga, *ROWS)
    client.post(page("columns", upload.pk), choices(upload) | {"go": "apply"})
    for answer in (client.get(page("columns", upload.pk)), client.post(page("columns", upload.pk), {})):
        assert answer.url == page("change", upload.pk)


def test_months_of_a_wide_file_of_quotas_are_columns_of_their_own(client, olga):
    upload = drafted(olga, ("ana@example.com", "1", "2"), header=("Rep", "Jan 2026", "feb 2026"), kind="quotas")
    context = asked(client, upload)
    assert context["asked"][1].options[0].is_beside
    assert {(column.name, column.is_missing, column.is_always) for column in context["required"]} == {
        ("email", True, True),
        ("month", False, False),
        ("amount", False, False),
    }


def test_300_columns_with_long_headers_are_asked_for_in_as_many_queries_as_two(
    client, olga, django_assert_max_num_queries
):
    header = (*HEADER, *(f"{n} {'x' * 200}" for n in range(294)))
    upload = drafted(olga, *(row + ("<b>",) * 294 for row in ROWS), header=header)
    with django_assert_max_num_queries(8):
        shown = client.get(page("columns", upload.pk)).content.decode()
    assert shown.count("data-column") == 300
    assert "<b>" not in shown


def test_a_header_that_stands_twice_and_one_that_is_blank_are_told_about(client, olga):
    upload = drafted(olga, *((*row, "a", "b", "c") for row in ROWS), header=(*HEADER, "Colour", "Colour", ""))
    shown = asked(client, upload)["asked"]
    assert [column.is_repeated for column in shown] == [False] * 6 + [True, True, False]
    assert "ignored: it has no header" in client.get(page("columns", upload.pk)).content.decode()


def test_a_draft_whose_file_has_expired_says_so(client, olga):
    upload = drafted(olga, *ROWS)
    Upload.objects.update(created_at=timezone.now() - timedelta(days=400))
    assert "The file has expired" in client.get(page("columns", upload.pk)).content.decode()
    assert client.post(page("columns", upload.pk), choices(upload)).status_code == 200
    assert Upload.objects.get().phase is Phase.DRAFT


def test_a_draft_whose_file_is_lost_says_so_and_stays_one(client, olga):
    upload = drafted(olga, *ROWS)
    upload.file.storage.delete(upload.file.name)
    answer = client.post(page("columns", upload.pk), choices(upload), follow=True)
    assert "Upload it again." in answer.content.decode()
    assert Upload.objects.get().phase is Phase.DRAFT


def test_a_draft_can_be_discarded_with_its_file(client, olga):
    upload = drafted(olga, *ROWS)
    assert "Discard this file?" in client.get(page("discard", upload.pk)).content.decode()
    assert client.post(page("discard", upload.pk)).url == page("changelist")
    assert not Upload.objects.exists()


@pytest.mark.parametrize("name", ["columns", "apply", "discard", "undo_begin"])
def test_a_foreign_draft_does_not_exist(client, olga, manager_user, rep_user, name):
    upload = drafted(olga, *ROWS)
    for user, status in ((manager_user, 404), (rep_user, 403)):
        client.force_login(user)
        assert client.get(page(name, upload.pk)).status_code == status
        assert client.post(page(name, upload.pk)).status_code == status
    assert Upload.objects.get().phase is Phase.DRAFT


def test_a_file_of_another_kind_is_told_as_such(client, olga):
    shown = client.get(page("columns", drafted(olga, *ROWS, kind="contacts").pk))
    assert shown.context_data["fits"].name == "opportunities"
    assert f"{page('add')}?kind=opportunities" in shown.content.decode()
    upload = drafted(olga, *ROWS)
    assert asked(client, upload)["fits"] is None
    without_id = drafted(olga, *ROWS, header=("Ref", *HEADER[1:]))  # as accounts it would miss nothing, and say little
    assert asked(client, without_id)["fits"] is None
    left_out = {name: "" if value == "name" else value for name, value in choices(upload).items()}
    assert client.post(page("columns", upload.pk), left_out).context_data["fits"] is None


@pytest.mark.parametrize("email", ["olga@example.com", ""])
def test_a_mail_is_offered_to_whoever_has_an_address(client, olga, email):
    olga.email = email
    olga.save()
    html = client.get(page("add")).content.decode()
    assert (f"To {email}." in html) is bool(email)
    assert ("Your login has no email address yet." in html) is (not email)
    sent = {"kind": "opportunities", "file": SimpleUploadedFile("a.csv", as_csv(*ROWS)), "notify": "on"}
    client.post(page("add"), sent)
    assert Upload.objects.get().notify is bool(email)
