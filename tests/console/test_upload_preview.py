"""The preview's page: what would become of the rows, what would be made; applying and discarding it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backoffice.changes.acting import Door, acting
from backoffice.console.upload_rows import ROWS_SHOWN
from backoffice.crm.models import Account, Choice, Opportunity, Rep
from backoffice.imports.models import Phase, PreviewRow, Upload
from tests.console.uploading import applied, choices, drafted, page, previewed, worked

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NEW = [(f"OPP-{n}", f"Deal {n}", "100.00", "2026-11-30", "Won", "Acme Corp") for n in range(2, 6)]
WRONG = ("OPP-9", "", "lots", "2026-11-30", "Won", "Acme Corp")
CHANGED = ("OPP-1", "Deal one", "1250.50", "2026-12-01", "Won", "Acme Corporation")


@pytest.fixture
def olga(client, operations_user, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    client.force_login(operations_user)
    with acting(None, Door.COMMAND, label="test"):
        account = Account.objects.create(name="Acme Corporation")
        Opportunity.objects.create(
            external_id="OPP-1", name="Deal 1", amount=1000, currency="USD", close_date="2026-12-01", account=account
        )
    return operations_user


def shown(client, upload, **query):
    return client.get(page("change", upload.pk), query).context_data


def test_a_preview_under_way_polls_and_writes_nothing(client, olga):
    upload = drafted(olga, *NEW)
    client.post(page("columns", upload.pk), {f"column-{place}": name for name, place in upload.columns.items()})
    answer = client.get(page("change", upload.pk))
    assert f'hx-get="{page("live", upload.pk)}?of=preview"' in answer.content.decode()
    assert "Nothing is written while the rows are checked." in answer.content.decode()
    assert client.get(page("live", upload.pk), {"of": "preview"}).status_code == 200
    worked(upload)
    assert client.get(page("live", upload.pk), {"of": "preview"}).status_code == 286
    assert Opportunity.objects.count() == 1


def test_a_poll_that_comes_after_the_upload_moved_on_opens_the_page_anew(client, olga):
    upload = previewed(client, olga, *NEW)
    client.post(page("apply", upload.pk))
    assert client.get(page("live", upload.pk), {"of": "preview"})["HX-Refresh"] == "true"


def test_counts_tabs_and_the_bar_say_the_same(client, olga):
    context = shown(client, previewed(client, olga, CHANGED, *NEW, WRONG))
    assert {tab.word: tab.number for tab in context["tabs"]} == {
        "all": 6,
        "new": 4,
        "updated": 1,
        "unchanged": 0,
        "failed": 1,
    }
    assert context["sentence"] == "4 new, 1 updated, 0 unchanged, 1 failed."
    assert context["bar"] == "5 rows will be written. 1 fails and is left out."
    assert context["may_apply"]


def test_each_changed_field_stands_before_and_after_in_its_readers_form(client, olga):
    upload = previewed(client, olga, CHANGED)
    (row,) = shown(client, upload, outcome="updated")["rows"]
    assert (row.name, row.link) == ("Deal 1", f"/admin/crm/opportunity/{Opportunity.objects.get().pk}/change/")
    assert ("Name", "Deal 1", "Deal one") in row.changes
    assert ("Amount", "1,000.00", "1,250.50") in row.changes
    assert ("Stage", "", "Won") in row.changes
    assert "Close date" not in {change.label for change in row.changes}


def test_the_months_of_a_quota_are_told_by_their_header(client, olga):
    with acting(None, Door.COMMAND, label="test"):
        Rep.objects.create(given="Ana", family="Torres", email="ana@example.com")
    upload = previewed(client, olga, ("ana@example.com", "1250.50"), header=("Email", "Jan 2026"), kind="quotas")
    (row,) = shown(client, upload)["rows"]
    assert ("2026-01", "", "1,250.50") in row.changes
    client.post(page("apply", upload.pk))
    assert shown(client, worked(upload))["columns"][1] == ("Jan 2026", "2026-01")


def test_what_a_row_changes_of_its_account_is_told_in_words(client, olga):
    with acting(None, Door.COMMAND, label="test"):
        Account.objects.update(external_id="ACC-1")
    header = ("Opportunity ID", "Opportunity Name", "Account ID", "Account Name")
    upload = drafted(olga, ("OPP-1", "Deal 1", "ACC-1", "Acme"), header=header)
    client.post(page("columns", upload.pk), choices(upload) | {"update_accounts": "on"})
    (row,) = shown(client, worked(upload))["rows"]
    assert row.changes == [("Account: name", "Acme Corporation", "Acme")]


def test_a_failed_row_tells_all_its_reasons_and_its_cells(client, olga):
    context = shown(client, previewed(client, olga, *NEW, WRONG), outcome="failed")
    (row,) = context["rows"]
    assert row.reasons == ["Opportunity Name is missing.", "Amount “lots” is not an amount."]
    assert ("Amount", "lots") in row.cells
    assert {reason.code for reason in context["reasons"]} == {"missing", "not_an_amount"}


def test_what_would_be_created_stands_beside_what_is_much_like_it(client, olga):
    context = shown(client, previewed(client, olga, *NEW))
    created = {kind.kind: kind for kind in context["creates"]}
    (account,) = created["account"].first
    assert (created["account"].total, account.name, account.line) == (1, "Acme Corp", 2)
    assert [(near.name, near.link) for near in account.near] == [
        ("Acme Corporation", f"/admin/crm/account/{Account.objects.get().pk}/change/")
    ]
    assert created["stage"].first[0].name == "Won"


def test_entries_of_every_pick_list_stand_beside_what_is_much_like_them(client, olga):
    with acting(None, Door.COMMAND, label="test"):
        choice = Choice.objects.create(list="industry", label="Manufacturing", order=1)
    upload = previewed(client, olga, ("Acme", "Manufacture"), header=("Account Name", "Industry"), kind="accounts")
    (industry,) = shown(client, upload)["creates"]
    assert [(near.name, near.link) for near in industry.first[0].near] == [
        ("Manufacturing", f"/admin/crm/choice/{choice.pk}/change/")
    ]


def test_rows_come_a_stretch_at_a_time_in_both_directions(client, olga):
    rows = [(f"A-{n}", f"Deal {n}", "1", "", "", "") for n in range(1, ROWS_SHOWN * 2 + 11)]
    upload = previewed(client, olga, *rows)
    first = shown(client, upload, outcome="new")
    assert (first["earlier"], len(first["rows"])) == ("", ROWS_SHOWN)
    second = client.get(page("change", upload.pk) + first["later"]).context_data
    third = client.get(page("change", upload.pk) + second["later"]).context_data
    assert ([row.number for row in third["rows"]], third["later"]) == ([*range(101, 111)], "")
    back = client.get(page("change", upload.pk) + third["earlier"]).context_data
    assert [row.number for row in back["rows"]] == [row.number for row in second["rows"]] == [*range(51, 101)]
    assert [tab.word for tab in back["tabs"] if tab.is_open] == ["new"]


@pytest.mark.parametrize("query", [{"after": "x"}, {"before": "-1"}, {"outcome": "odd"}, {"after": "9" * 30}])
def test_an_address_that_makes_no_sense_shows_the_first_rows(client, olga, query):
    assert len(shown(client, previewed(client, olga, *NEW), **query)["rows"]) == len(NEW)


def test_applying_a_preview_writes_what_it_said(client, olga):
    upload = applied(client, olga, CHANGED, *NEW, WRONG)
    assert upload.outcomes == upload.expected
    assert Opportunity.objects.count() == 5
    assert "1 of 6 rows failed" in client.get(page("change", upload.pk)).content.decode()


def test_applying_twice_is_said_and_done_once(client, olga):
    upload = applied(client, olga, *NEW)
    answer = client.post(page("apply", upload.pk), follow=True)
    assert "It has been applied." in answer.content.decode()
    assert Opportunity.objects.count() == 5


def test_back_to_the_columns_and_forward_again_is_a_new_preview(client, olga):
    upload = previewed(client, olga, *NEW)
    first = upload.preview_job_id
    sent = {f"column-{place}": name for name, place in upload.columns.items() if name != "amount"}
    client.post(page("columns", upload.pk), sent)
    again = worked(upload)
    assert again.preview_job_id != first
    changes = PreviewRow.objects.filter(upload=again).first().changes
    assert "amount" not in changes


def test_a_preview_that_would_write_nothing_offers_no_apply(client, olga):
    applied(client, olga, *NEW)
    context = shown(client, previewed(client, olga, *NEW))
    assert (context["may_apply"], context["bar"]) == (False, "There is nothing to apply.")
    assert context["sentence"].startswith("Every row is here already")


def test_a_preview_whose_file_has_expired_says_so(client, olga):
    upload = previewed(client, olga, *NEW)
    Upload.objects.update(created_at=timezone.now() - timedelta(days=400))
    context = shown(client, upload)
    assert (context["may_apply"], context["may_go_back"]) == (False, False)
    assert "has expired" in context["bar"]


def test_a_preview_can_be_discarded_with_its_rows_and_its_file(client, olga, django_capture_on_commit_callbacks):
    upload = previewed(client, olga, *NEW)
    name, storage = upload.file.name, upload.file.storage
    with django_capture_on_commit_callbacks(execute=True):
        client.post(page("discard", upload.pk))
    assert not Upload.objects.exists()
    assert not PreviewRow.objects.exists()
    assert storage.exists(name) is False


def test_what_was_applied_is_not_discarded(client, olga):
    upload = applied(client, olga, *NEW)
    answer = client.post(page("discard", upload.pk), follow=True)
    assert "Undo it instead" in answer.content.decode()
    assert Upload.objects.exists()


def test_a_preview_under_way_is_not_discarded(client, olga):
    upload = drafted(olga, *NEW)
    client.post(page("columns", upload.pk), {f"column-{place}": name for name, place in upload.columns.items()})
    client.post(page("discard", upload.pk))
    assert Upload.objects.get().phase is Phase.PREVIEWING


def test_cells_of_a_file_are_text_in_the_preview_whatever_they_hold(client, olga):
    rows = [("OPP-1", "<script>alert(1)</script>", "<b>x", "", "", ""), ("OPP-2", "<i>y", "1", "", "<u>z", "<s>q")]
    page_of = client.get(page("change", previewed(client, olga, *rows).pk)).content.decode()
    for text in ("<script>alert(1)", "<b>x", "<i>y", "<u>z", "<s>q"):
        assert text not in page_of


def test_the_preview_asks_as_much_for_many_rows_as_for_few(client, olga, django_assert_max_num_queries):
    rows = [(f"A-{n}", f"Deal {n}", "1", "", f"Stage {n}", f"Account {n}") for n in range(60)]
    upload = previewed(client, olga, *rows, WRONG, CHANGED)
    with django_assert_max_num_queries(12):
        client.get(page("change", upload.pk))
    with django_assert_max_num_queries(12):
        client.get(page("live", upload.pk), {"of": "preview"})


def test_names_of_records_out_of_sight_are_not_told(client, olga, manager_user):
    client.force_login(manager_user)
    context = shown(client, previewed(client, manager_user, CHANGED))
    (row,) = context["rows"]
    assert (row.name, row.link) == ("", "")
    assert "Deal 1" not in client.get(page("change", Upload.objects.latest("id").pk)).content.decode()
