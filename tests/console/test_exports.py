"""Exporting a list of the console: as it is narrowed and sorted, for whoever sees it; and the page of a long one."""

import csv
import io

import pytest
from django.urls import reverse

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Contact, Opportunity, Team
from backoffice.imports.exports import writing
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Export, Format
from backoffice.jobs.models import State
from backoffice.jobs.running import execute
from backoffice.quotas.models import Quota
from tests.console.rows import stage

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("backoffice.jobs.dispatching.send_task", lambda *args, **more: True)


@pytest.fixture
def deals(rep_user, outsider_user):
    """Four of Ren's, of which one is archived, and one of Otto's."""
    with acting(None, Door.COMMAND, label="test"):
        for name, amount, label in (("Ash", 3, "Won"), ("Birch", 1, "Talking"), ("Cedar wood", 2, "Talking")):
            Opportunity.objects.create(
                name=name, amount=amount, currency="USD", owner=rep_user.rep, stage=stage(label, "open")
            )
        Opportunity.objects.create(name="Old oak", owner=rep_user.rep, archived_at="2026-01-01T00:00:00Z")
        Opportunity.objects.create(name="Willow", owner=outsider_user.rep)


def export(client, query="", kind="opportunities", format_="csv"):
    return client.post(reverse("admin:imports_export_of_list", args=[kind]) + query, {"format": format_})


def names(answer, header="Opportunity Name"):
    text = answer.getvalue().decode("utf-8-sig")
    return [row[header] for row in csv.DictReader(io.StringIO(text))]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?o=1", ["Ash", "Birch", "Cedar wood"]),
        ("?o=-1", ["Cedar wood", "Birch", "Ash"]),
        ("?o=1&q=wood", ["Cedar wood"]),
        ("?o=1&archive=all", ["Ash", "Birch", "Cedar wood", "Old oak"]),
        ("?o=1&p=99&after=x~1", ["Ash", "Birch", "Cedar wood"]),
    ],
)
def test_a_list_is_exported_as_it_is_narrowed_and_sorted(visit, rep_user, deals, query, found):
    assert names(export(visit(rep_user), query)) == found


def test_the_whole_list_is_exported_not_its_page(visit, rep_user, deals, monkeypatch):
    from backoffice.console.admin.crm import OpportunityAdmin

    monkeypatch.setattr(OpportunityAdmin, "list_per_page", 1)
    assert len(names(export(visit(rep_user)))) == 3


def test_a_file_for_people_says_that_it_is_utf_8(visit, rep_user, deals):
    answer = export(visit(rep_user))
    assert answer.getvalue().startswith(b"\xef\xbb\xbf")
    assert answer["Content-Disposition"].startswith('attachment; filename="opportunities-')
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]


def test_nobody_exports_what_they_do_not_see(visit, rep_user, manager_user, outsider_user, operations_user, deals):
    got = {user.username: sorted(names(export(visit(user)))) for user in (manager_user, outsider_user, operations_user)}
    ren = ["Ash", "Birch", "Cedar wood"]
    assert got == {"marta": ren, "otto": ["Willow"], "olga": [*ren, "Willow"]}


@pytest.mark.parametrize("model", [Account, Contact, Opportunity, Quota])
def test_the_button_leads_to_the_list_it_stands_over(visit, operations_user, make, rep_user, model):
    make(model, rep_user.rep)
    kind = next(kind.name for kind in KINDS.values() if kind.resource._meta.model is model)
    shown = visit(operations_user).list(model, q="zzz", p="2").content.decode()
    assert f'action="{reverse("admin:imports_export_of_list", args=[kind])}?q=zzz"' in shown
    answer = export(visit(operations_user), kind=kind)
    assert len(answer.getvalue().splitlines()) >= 2


def test_a_list_without_a_file_has_no_button(visit, operations_user):
    assert "lv-menu" not in visit(operations_user).list(Team).content.decode()


def test_quotas_of_teams_are_left_out_and_the_menu_says_so(visit, operations_user, make, rep_user):
    with acting(None, Door.COMMAND, label="test"):
        Quota.objects.create(rep=rep_user.rep, month="2026-01-01", amount=5, currency="USD")
        Quota.objects.create(team=Team.objects.create(name="North"), month="2026-01-01", amount=9, currency="USD")
    visitor = visit(operations_user)
    assert names(export(visitor, kind="quotas"), "Amount") == ["5.00"]
    assert "Quotas of teams are left out." in visitor.list(Quota).content.decode()


@pytest.mark.parametrize(("kind", "format_"), [("unicorns", "csv"), ("opportunities", "pdf"), ("opportunities", "")])
def test_what_cannot_be_exported_is_not_found(visit, operations_user, kind, format_):
    assert export(visit(operations_user), kind=kind, format_=format_).status_code == 404


def test_an_export_is_asked_for_with_a_form(visit, operations_user):
    assert (
        visit(operations_user).get(reverse("admin:imports_export_of_list", args=["opportunities"])).status_code == 405
    )


def test_a_wrong_filter_leads_back_with_a_sentence(visit, operations_user, deals):
    answer = export(visit(operations_user), "?owner__id__exact=x")
    assert answer.status_code == 302
    assert answer.url == reverse("admin:crm_opportunity_changelist") + "?owner__id__exact=x"


# A long list


@pytest.fixture
def long(settings):
    settings.EXPORT_AT_ONCE_ROWS = 2


def test_a_long_list_gets_a_page_that_shows_how_far_its_file_is(visit, rep_user, deals, long):
    visitor = visit(rep_user)
    answer = export(visitor, "?o=-1")
    asked = Export.objects.get()
    assert answer.url == reverse("admin:imports_export_change", args=[asked.pk])
    live = reverse("admin:imports_export_live", args=[asked.pk])
    waiting = visitor.get(answer.url).content.decode()
    assert f'hx-get="{live}"' in waiting
    assert 'id="download"' not in waiting
    execute(asked.job_id, heartbeat=False)
    polled = visitor.get(live)
    assert polled.status_code == 286
    done = visitor.get(answer.url).content.decode()
    for shown in (polled.content.decode(), done):
        assert "3 rows are written." in shown
        assert reverse("admin:imports_export_file", args=[asked.pk]) in shown
    file = visitor.get(reverse("admin:imports_export_file", args=[asked.pk]))
    assert names(file) == ["Cedar wood", "Birch", "Ash"]
    assert file["X-Content-Type-Options"] == "nosniff"


def test_a_job_knows_the_page_of_its_export(visit, rep_user, deals, long):
    visitor = visit(rep_user)
    page = export(visitor).url
    job = Export.objects.get().job
    assert page in visitor.record(job).content.decode()


def test_the_file_is_its_owners(visit, rep_user, manager_user, outsider_user, deals, long):
    export(visit(rep_user))
    asked = Export.objects.select_related("job").get()
    execute(asked.job_id, heartbeat=False)
    for user in (manager_user, outsider_user):
        for name in ("change", "live", "file"):
            assert visit(user).get(reverse(f"admin:imports_export_{name}", args=[asked.pk])).status_code == 404


def test_an_expired_file_is_gone_in_words(visit, rep_user, deals, long, settings):
    visitor = visit(rep_user)
    page = export(visitor).url
    asked = Export.objects.get()
    execute(asked.job_id, heartbeat=False)
    settings.EXPORT_KEEP_DAYS = 0
    assert "The file has expired. Export the list again." in visitor.get(page).content.decode()
    assert visitor.get(reverse("admin:imports_export_file", args=[asked.pk])).status_code == 404
    assert Export.objects.select_related("job").get().job.state == State.SUCCEEDED


def test_more_rows_than_a_workbook_holds_lead_back_with_a_sentence(visit, rep_user, deals, long, monkeypatch):
    monkeypatch.setitem(writing.MOST_ROWS, Format.XLSX, 2)
    visitor = visit(rep_user)
    answer = export(visitor, format_="xlsx")
    assert answer.url.startswith(reverse("admin:crm_opportunity_changelist"))
    assert "a workbook holds 2 at most" in visitor.get(answer.url).content.decode()


def test_an_empty_list_of_exports_says_where_one_begins(client, manager_user):
    client.force_login(manager_user)
    said = client.get(reverse("admin:imports_export_changelist")).content.decode()
    assert "Open a list, narrow it as you like" in said
