"""Undoing an upload in the console: what it would do, what it did, taking it back; and what the list tells of it."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Opportunity
from backoffice.imports import expiring
from backoffice.imports.models import Mode, Undo, Undone
from tests.console.uploading import applied, drafted, page, previewed, run, undone

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NEW = [(f"OPP-{n}", f"Deal {n}", "100.00", "2026-11-30", "Won", "Acme") for n in range(2, 6)]


@pytest.fixture
def olga(client, operations_user, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    client.force_login(operations_user)
    return operations_user


def looked_at(client, upload):
    client.post(page("undo_begin", upload.pk))
    return run(Undo.objects.latest("id"))


def test_an_upload_that_was_applied_offers_to_undo_it(client, olga):
    upload = applied(client, olga, *NEW)
    shown = client.get(page("change", upload.pk)).content.decode()
    assert f'action="{page("undo_begin", upload.pk)}"' in shown
    assert "Undo this upload" in shown


def test_an_upload_that_changed_nothing_says_why_there_is_nothing_to_undo(client, olga):
    applied(client, olga, *NEW)
    shown = client.get(page("change", applied(client, olga, *NEW).pk)).content.decode()
    assert "This upload changed nothing: there is nothing to undo." in shown
    assert "Undo this upload" not in shown


def test_the_preview_of_an_undo_writes_nothing_and_says_what_would_be(client, olga):
    upload = applied(client, olga, *NEW)
    looked = looked_at(client, upload)
    assert looked.mode == Mode.PREVIEW
    context = client.get(page("undo", upload.pk, looked.pk)).context_data
    assert context["heading"] == "What undoing would do"
    assert context["may_go"]
    assert sum(tab.number for tab in context["tabs"] if tab.word != "all") == len(context["records"])
    assert {record.outcome for record in context["records"]} == {Undone.REMOVED}
    assert {record.name for record in context["records"]} >= {"Deal 2", "Acme", "Won"}
    assert Opportunity.objects.count() == 4


def test_a_preview_says_what_would_be_and_the_undo_what_was(client, olga):
    upload = applied(client, olga, *NEW)
    looked = looked_at(client, upload)

    def words(undo):
        context = client.get(page("undo", upload.pk, undo.pk)).context_data
        said = [*context["counts"], *(tab for tab in context["tabs"] if tab.word != "all")]
        return {each.label for each in said}, {record.outcome_label for record in context["records"]}

    assert words(looked) == ({"would be removed"}, {"Would be removed"})
    client.post(page("undo_go", upload.pk, looked.pk))
    assert words(run(Undo.objects.latest("id"))) == ({"removed"}, {"Removed"})


@pytest.mark.parametrize("name", ["undo_begin", "undo_back", "undo_go"])
def test_only_a_post_starts_something(client, olga, name):
    upload = applied(client, olga, *NEW)
    looked = looked_at(client, upload)
    where = [upload.pk] if name == "undo_begin" else [upload.pk, looked.pk]
    back = page("change", upload.pk) if name == "undo_begin" else page("undo", upload.pk, looked.pk)
    assert client.get(page(name, *where)).url == back
    assert Undo.objects.count() == 1


def test_a_preview_is_nothing_to_take_back_and_its_page_says_so(client, olga):
    upload = applied(client, olga, *NEW)
    looked = looked_at(client, upload)
    answer = client.post(page("undo_back", upload.pk, looked.pk), follow=True)
    assert answer.redirect_chain == [(page("undo", upload.pk, looked.pk), 302)]
    assert "This undo was only a preview: there is nothing to take back." in answer.content.decode()


def test_an_undo_whose_records_have_expired_says_so(client, olga, settings):
    upload = applied(client, olga, *NEW)
    undo = undone(client, upload)
    settings.UPLOAD_KEEP_DAYS = -1
    expiring.sweep()
    shown = client.get(page("undo", upload.pk, undo.pk)).content.decode()
    assert "What became of each record is no longer kept." in shown


@pytest.mark.parametrize("name", ["change", "columns", "apply", "discard"])
def test_a_file_discarded_in_another_tab_is_said_to_be(client, olga, name):
    upload = drafted(olga, *NEW)
    client.post(page("discard", upload.pk))
    for answer in (client.get(page(name, upload.pk)), client.post(page(name, upload.pk))):
        assert answer.status_code == 404
        assert "There is no such upload: it was discarded, or it is not yours." in answer.content.decode()


def test_an_undo_under_way_polls(client, olga):
    upload = applied(client, olga, *NEW)
    client.post(page("undo_begin", upload.pk))
    undo = Undo.objects.get()
    shown = client.get(page("undo", upload.pk, undo.pk)).content.decode()
    assert f'hx-get="{page("undo_live", upload.pk, undo.pk)}"' in shown
    assert client.get(page("undo_live", upload.pk, undo.pk)).status_code == 200
    run(undo)
    assert client.get(page("undo_live", upload.pk, undo.pk)).status_code == 286


def test_an_undo_takes_the_upload_back_and_tells_what_it_left_and_why(client, olga):
    upload = applied(client, olga, *NEW)
    edited = Opportunity.objects.get(external_id="OPP-3")
    with acting(olga, Door.CONSOLE):
        edited.name = "Deal three"
        edited.save(update_fields=["name"])
    undo = undone(client, upload)
    assert [opportunity.name for opportunity in Opportunity.objects.all()] == ["Deal three"]
    context = client.get(page("undo", upload.pk, undo.pk), {"outcome": "kept"}).context_data
    kept = next(record for record in context["records"] if record.name == "Deal three")
    assert kept.link == f"/admin/crm/opportunity/{edited.pk}/change/"
    assert kept.lines == "3"
    assert any("olga" in reason for reason in kept.reasons)
    assert context["may_take_back"]


def test_an_undo_is_taken_back_after_a_look_at_it(client, olga):
    upload = applied(client, olga, *NEW)
    undo = undone(client, upload)
    assert not Opportunity.objects.exists()
    client.post(page("undo_back", upload.pk, undo.pk))
    looked = run(Undo.objects.latest("id"))
    assert (
        client.get(page("undo", upload.pk, looked.pk)).context_data["heading"].startswith("What taking the undo back")
    )
    assert not Opportunity.objects.exists()
    client.post(page("undo_go", upload.pk, looked.pk))
    run(Undo.objects.latest("id"))
    assert Opportunity.objects.count() == 4
    shown = client.get(page("change", upload.pk)).context_data
    assert shown["standing"].undone is None


def test_the_page_of_an_upload_that_is_undone_says_by_whom(client, olga):
    upload = applied(client, olga, *NEW)
    undone(client, upload)
    shown = client.get(page("change", upload.pk)).content.decode()
    assert "Undone by olga" in shown
    assert "Take the undo back" in shown
    assert "Undo this upload" not in shown


def test_undoing_twice_is_said_and_done_once(client, olga):
    upload = applied(client, olga, *NEW)
    undone(client, upload)
    answer = client.post(page("undo_begin", upload.pk), follow=True)
    assert "has been undone already" in answer.content.decode()
    assert Undo.objects.filter(mode=Mode.APPLY).count() == 1


@pytest.mark.parametrize("name", ["undo", "undo_live", "undo_go", "undo_back"])
def test_a_foreign_undo_does_not_exist(client, olga, manager_user, rep_user, name):
    upload = applied(client, olga, *NEW)
    undo = looked_at(client, upload)
    other = applied(client, olga, ("X-1", "Other", "1", "", "", ""))
    assert client.post(page(name, other.pk, undo.pk)).status_code == 404
    for user, status in ((manager_user, 404), (rep_user, 403)):
        client.force_login(user)
        assert client.post(page(name, upload.pk, undo.pk)).status_code == status
    assert Opportunity.objects.count() == 5


def test_an_undo_asks_as_much_for_many_records_as_for_few(client, olga, django_assert_max_num_queries):
    rows = [(f"A-{n}", f"Deal {n}", "1", "", f"Stage {n}", f"Account {n}") for n in range(60)]
    undo = undone(client, applied(client, olga, *rows))
    with django_assert_max_num_queries(20):
        client.get(page("undo", undo.upload_id, undo.pk))


# The list


def test_the_list_tells_what_is_a_draft_a_preview_applied_or_undone(client, olga):
    drafted(olga, *NEW, name="draft.csv")
    previewed(client, olga, *NEW, name="preview.csv")
    undone(client, applied(client, olga, *NEW, name="undone.csv"))
    applied(client, olga, *NEW, name="applied.csv")
    answer = client.get(page("changelist"))
    badges = {upload.name: (upload.phase.value, upload.undone) for upload in answer.context_data["cl"].result_list}
    assert badges == {
        "draft.csv": ("draft", False),
        "preview.csv": ("previewed", False),
        "undone.csv": ("applied", True),
        "applied.csv": ("applied", False),
    }
    shown = answer.content.decode()
    assert shown.count(">Undone</span>") == 1
    assert ">Draft</span>" in shown
    assert ">Preview</span>" in shown


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("outcome=draft", {"draft.csv"}),
        ("outcome=preview", {"preview.csv"}),
        ("outcome=succeeded", {"undone.csv", "applied.csv"}),
        ("undone=yes", {"undone.csv"}),
        ("undone=no", {"draft.csv", "preview.csv", "applied.csv"}),
    ],
)
def test_the_list_is_narrowed_by_state_and_undone(client, olga, query, names):
    drafted(olga, *NEW, name="draft.csv")
    previewed(client, olga, *NEW, name="preview.csv")
    undone(client, applied(client, olga, *NEW, name="undone.csv"))
    applied(client, olga, *NEW, name="applied.csv")
    rows = client.get(f"{page('changelist')}?{query}").context_data["cl"].result_list
    assert {upload.name for upload in rows} == names


def test_the_list_is_narrowed_to_one_of_those_who_uploaded(client, olga, manager_user, outsider_user):
    drafted(manager_user, *NEW, name="marta.csv")
    drafted(outsider_user, *NEW, name="otto.csv")
    answer = client.get(page("changelist"), {"by": manager_user.pk})
    assert [upload.name for upload in answer.context_data["cl"].result_list] == ["marta.csv"]
    assert "otto" in answer.content.decode()


def test_accounts_on_the_side_go_with_an_undo_when_nothing_else_uses_them(client, olga):
    first = applied(client, olga, *NEW)
    applied(client, olga, ("X-1", "Other", "1", "", "", "Acme"))
    undone(client, first)
    assert [account.name for account in Account.objects.all()] == ["Acme"]
