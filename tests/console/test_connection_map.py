"""The value map: what the vendor's entries mean here, settled by a person, carried to the records that have them."""

import pytest
from django.urls import reverse

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Choice, Opportunity, Rep
from backoffice.sync.models import Option, Push, PushState

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def pulled(connection, acme, pull, rep_user):
    """Ren is proposed by email; “Nobody Here” and the stages mean nothing yet."""
    with acting(None, Door.COMMAND, label="test"):
        won = Choice.objects.create(list="stage", label="Won", status="won")
    acme.add("opportunity", name="Chairs", status_id="2", owner="nobody")
    acme.add("opportunity", name="Desks", status_id="3", owner="ren")
    pull()
    return won


def at(connection, page="map", query=""):
    return reverse(f"admin:sync_connection_{page}", args=[connection.pk]) + query


def option(connection, remote_id, of="statuses"):
    return Option.objects.get(connection=connection, list=of, remote_id=remote_id)


def said(entry, value, was=""):
    return {f"entry-{entry.pk}": value, f"was-entry-{entry.pk}": was}


def rows_of(answer):
    return {row.option.label: row for group in answer.context_data["groups"] for row in group.rows}


def test_unmapped_entries_come_first_and_are_counted(visit, connection, pulled, manager_user):
    answer = visit(manager_user).get(at(connection))
    assert set(rows_of(answer)) == {"Prospecting", "Negotiation", "Lost", "Furniture", "Nobody Here"}
    assert answer.context_data["unmapped"] == 5
    assert rows_of(answer)["Negotiation"].used == 1
    of_stages = visit(manager_user).get(at(connection, query="?list=statuses"))
    rows = rows_of(of_stages)
    assert list(rows)[-1] == "Won"
    assert rows["Won"].value == str(pulled.pk)
    assert {tab.word: tab.number for tab in of_stages.context_data["lists"]}["statuses"] == 3


def test_a_manager_settles_several_at_once_and_records_follow(visit, connection, pulled, manager_user, rep_user):
    with acting(None, Door.COMMAND, label="test"):
        talks = Choice.objects.create(list="stage", label="Talks", status="open")
    sent = said(option(connection, "2"), str(talks.pk)) | said(option(connection, "nobody", "users"), rep_user.rep.pk)
    shown = visit(manager_user).post(at(connection), sent, follow=True).content.decode()
    assert "2 entries settled." in shown
    chairs = Opportunity.objects.get(name="Chairs")
    assert (chairs.stage, chairs.owner) == (talks, rep_user.rep)
    assert option(connection, "2").is_chosen


def test_what_was_not_changed_on_the_page_is_left_as_it_is(visit, connection, pulled, manager_user):
    won = option(connection, "3")
    shown = visit(manager_user).post(at(connection), said(won, str(pulled.pk), str(pulled.pk)), follow=True)
    assert "Nothing was changed." in shown.content.decode()
    assert not option(connection, "3").is_chosen


def test_that_an_entry_means_nothing_is_an_answer_too(visit, connection, pulled, manager_user):
    visit(manager_user).post(at(connection), said(option(connection, "1"), "none"))
    settled = option(connection, "1")
    assert (settled.choice, settled.is_chosen) == (None, True)
    assert visit(manager_user).get(at(connection)).context_data["unmapped"] == 4


@pytest.mark.parametrize("value", ["999999999", "9" * 40, "x"])
def test_an_entry_of_ours_that_is_not_there_settles_nothing_of_it(visit, connection, pulled, manager_user, value):
    visit(manager_user).post(at(connection), said(option(connection, "1"), value))
    assert option(connection, "1").choice is None


def test_an_entry_of_another_list_of_ours_is_not_taken(visit, connection, pulled, manager_user):
    with acting(None, Door.COMMAND, label="test"):
        industry = Choice.objects.create(list="industry", label="Boats")
    visit(manager_user).post(at(connection), said(option(connection, "1"), str(industry.pk)))
    assert option(connection, "1").choice is None


def test_an_entry_of_another_connection_is_not_settled_here(visit, connection, make_connection, pulled, manager_user):
    other = make_connection("other")
    entry = Option.objects.create(connection=other, list="statuses", remote_id="1", label="Prospecting")
    visit(manager_user).post(at(connection), said(entry, str(pulled.pk)))
    entry.refresh_from_db()
    assert entry.choice is None


def test_pushes_that_waited_for_it_may_go(visit, connection, pulled, manager_user):
    far = "2036-01-01T00:00Z"
    push = Push.objects.create(
        connection=connection, kind="opportunity", object_id=1, operation="create", reason="Unmapped.", next_at=far
    )
    visit(manager_user).post(at(connection), said(option(connection, "1"), str(pulled.pk)))
    push.refresh_from_db()
    assert (push.state, push.next_at) == (PushState.WAITING, None)


def test_our_own_entries_are_made_after_asking(visit, connection, pulled, operations_user):
    visitor = visit(operations_user)
    asked = visitor.get(at(connection, "adopt")).content.decode()
    assert "Prospecting, Negotiation, Lost" in asked
    assert not Choice.objects.filter(label="Prospecting").exists()
    shown = visitor.post(at(connection, "adopt"), follow=True)
    assert "5 entries have one of ours now." in shown.content.decode()
    assert Opportunity.objects.get(name="Chairs").stage.label == "Negotiation"
    assert Rep.objects.filter(email="nobody@example.com").exists()


def test_a_manager_makes_choices_but_no_reps(visit, connection, pulled, manager_user):
    reps = Rep.objects.count()
    visit(manager_user).post(at(connection, "adopt"))
    assert Rep.objects.count() == reps
    assert Choice.objects.filter(list="stage", label="Prospecting").exists()
    assert option(connection, "nobody", "users").rep is None


def test_before_the_first_pull_the_page_says_what_will_come(visit, connection, manager_user):
    assert "They come with the first pull" in visit(manager_user).get(at(connection)).content.decode()


def test_a_rep_settles_nothing(visit, connection, pulled, rep_user):
    assert visit(rep_user).post(at(connection), said(option(connection, "1"), str(pulled.pk))).status_code == 404
    assert option(connection, "1").choice is None
