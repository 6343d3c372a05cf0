"""A connection in the console: who may see it, what its pages say, and what it can be told to do."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.console import connection_words as words
from backoffice.crm.models import Opportunity
from backoffice.jobs.models import Job
from backoffice.sync.models import Connection, Cursor, Health, Phase
from tests.sync import vendor

pytestmark = [pytest.mark.django_db, pytest.mark.db]

READ = ["change", "live", "map", "matrix", "facade"]
KEEP = ["settings", "preview", "exchanges", "retire"]
VERBS = ["test", "pull", "push", "pause", "resume", "retire", "facade_switch", "facade_issue"]


def at(connection, page="change", *more):
    return reverse(f"admin:sync_connection_{page}", args=[connection.pk, *more])


def text(answer):
    return answer.content.decode()


def tell(visitor, connection, verb, **said):
    return visitor.post(at(connection, verb), said, follow=True)


@pytest.mark.parametrize("name", READ + KEEP)
def test_for_a_rep_no_connection_exists(visit, connection, rep_user, name):
    assert visit(rep_user).get(at(connection, name)).status_code == 404


@pytest.mark.parametrize("verb", VERBS)
def test_a_rep_and_a_manager_tell_a_connection_nothing(visit, connection, rep_user, manager_user, verb):
    assert visit(rep_user).post(at(connection, verb)).status_code == 404
    assert visit(manager_user).post(at(connection, verb)).status_code == 403
    connection.refresh_from_db()
    assert (connection.state, connection.facade) == ("active", False)
    assert not Job.objects.exists()


@pytest.mark.parametrize(("name", "status"), [*((name, 200) for name in READ), *((name, 403) for name in KEEP)])
def test_a_manager_reads_and_operations_keep(visit, connection, manager_user, operations_user, name, status):
    assert visit(manager_user).get(at(connection, name)).status_code == status
    assert visit(operations_user).get(at(connection, name)).status_code == 200


def test_a_manager_is_offered_nothing_to_press(visit, connection, manager_user):
    shown = text(visit(manager_user).record(connection))
    assert 'id="pull"' not in shown
    assert at(connection, "settings") not in shown


def test_nobody_finds_a_connection_that_is_not_there(visit, operations_user):
    for number in ("0", "4711", "x", "9" * 30):
        assert visit(operations_user).get(f"/admin/sync/connection/{number}/change/").status_code == 404


def health(**fields):
    return Health(**fields)


SOON = timezone.now() + timedelta(hours=1)
CONDITIONS = [
    ({}, health(), "not called yet", "default"),
    ({}, health(last_good_at=timezone.now()), "in good health", "success"),
    ({}, health(trouble="It is down.", failures=2, last_good_at=timezone.now()), "2 failures in a row", "danger"),
    ({}, health(trouble="Too many are gone.", last_good_at=timezone.now()), "asks you something", "warning"),
    ({}, health(held_until=SOON, last_good_at=timezone.now()), "waits for the vendor", "warning"),
    ({"state": "paused"}, health(last_good_at=timezone.now()), "paused", "default"),
    ({"state": "retired"}, health(trouble="It is down.", failures=1), "retired", "default"),
]


@pytest.mark.parametrize(("fields", "noted", "word", "tone"), CONDITIONS)
def test_how_a_connection_does_is_said_in_words(fields, noted, word, tone):
    connection = Connection(name="acme", vendor="acme", **fields)
    connection.health = noted
    found = words.condition(connection)
    assert (found.word, found.tone) == (word, tone)
    assert found.sentence == noted.trouble or fields or noted.held_until


@pytest.mark.parametrize(
    ("pulls", "pushes", "said"),
    [(1, 1, "pull and push"), (1, 0, "pull only"), (0, 1, "push only"), (0, 0, "neither pull nor push")],
)
def test_directions_are_said_in_words(pulls, pushes, said):
    assert words.directions(Connection(pulls=bool(pulls), pushes=bool(pushes))) == said


def test_the_overview_shows_the_last_runs_where_each_stream_stands_and_what_waits(
    visit, connection, acme, pull, operations_user
):
    for number in range(4):
        acme.add("opportunity", name=f"Chairs {number}", owner="nobody")
    job = pull()
    Cursor.objects.filter(stream="contacts").update(phase=Phase.VANISHED)
    shown = text(visit(operations_user).record(connection))
    assert f'href="{reverse("admin:jobs_job_change", args=[job.pk])}"' in shown
    assert '<span data-count="new">4 new</span>' in shown
    assert "Looking for what has vanished" in shown
    assert "Waiting for the next pull" in shown
    tiles = {tile.word: tile.number for tile in visit(operations_user).record(connection).context_data["tiles"]}
    assert tiles["unmapped"] > 0
    assert tiles["conflicts"] == 0


def test_trouble_is_told_where_one_looks_first(visit, connection, operations_user, manager_user):
    Health.objects.create(connection=connection, trouble="Acme does not know this token.", failures=3)
    for page in (at(connection), at(connection, "live"), "/admin/"):
        for user in (operations_user, manager_user):
            assert "Acme does not know this token." in text(visit(user).get(page))


def test_the_dashboard_says_nothing_of_connections_while_all_is_well_or_to_a_rep(
    visit, connection, operations_user, rep_user
):
    assert 'id="connections-card"' not in text(visit(operations_user).get("/admin/"))
    Health.objects.create(connection=connection, trouble="It is down.", failures=1)
    assert 'id="connections-card"' in text(visit(operations_user).get("/admin/"))
    assert 'id="connections-card"' not in text(visit(rep_user).get("/admin/"))


def test_the_navigation_leads_there(visit, connection, manager_user, rep_user):
    link = f'href="{reverse("admin:sync_connection_changelist")}"'
    assert link in text(visit(manager_user).get("/admin/"))
    assert link not in text(visit(rep_user).get("/admin/"))


def test_testing_gives_the_vendors_plain_answer(visit, connection, operations_user):
    assert "Acme takes us for ren." in text(tell(visit(operations_user), connection, "test"))


def test_testing_says_what_is_wrong(visit, connection, acme, operations_user):
    acme.token = "another"
    assert "does not accept the credentials" in text(tell(visit(operations_user), connection, "test"))


def test_a_get_tells_a_connection_nothing(visit, connection, acme, operations_user, no_broker):
    for verb in ("test", "pull", "push", "pause", "resume"):
        assert visit(operations_user).get(at(connection, verb)).url == at(connection)
    connection.refresh_from_db()
    assert (acme.requests, connection.state, Job.objects.count()) == ([], "active", 0)


def test_pull_now_starts_one_pull_that_is_shown_live(visit, connection, operations_user, no_broker):
    for _ in range(2):
        shown = text(tell(visit(operations_user), connection, "pull"))
    job = Job.objects.get()
    assert (job.kind, job.parameters, job.asked_by) == (
        "sync.pull",
        {"connection": "acme", "full": False},
        operations_user,
    )
    assert 'data-run="sync.pull"' in shown
    assert "Waiting for a free worker." in shown


def test_pull_everything_asks_for_a_full_pass(visit, connection, operations_user, no_broker):
    tell(visit(operations_user), connection, "pull", full="1")
    assert Job.objects.get().parameters["full"] is True


def test_push_now_starts_a_push(visit, connection, operations_user, no_broker):
    tell(visit(operations_user), connection, "push")
    assert Job.objects.get().kind == "sync.push"


@pytest.mark.parametrize("verb", ["pull", "push"])
def test_what_can_not_be_started_is_said_why(visit, connection, operations_user, no_broker, verb):
    tell(visit(operations_user), connection, "pause")
    shown = text(tell(visit(operations_user), connection, verb))
    assert "paused" in shown
    assert not Job.objects.exists()


def test_it_rests_and_goes_on(visit, connection, operations_user):
    visitor = visit(operations_user)
    assert 'id="resume"' in text(tell(visitor, connection, "pause"))
    connection.refresh_from_db()
    assert connection.state == "paused"
    assert 'id="pause"' in text(tell(visitor, connection, "resume"))
    connection.refresh_from_db()
    assert connection.state == "active"


def test_retiring_asks_first_and_says_what_it_means(visit, connection, operations_user):
    visitor = visit(operations_user)
    asked = text(visitor.get(at(connection, "retire")))
    assert "nothing is pulled and nothing is pushed" in asked
    assert "All its records stay here" in asked
    connection.refresh_from_db()
    assert connection.state == "active"
    tell(visitor, connection, "retire")
    connection.refresh_from_db()
    assert connection.state == "retired"


def test_the_matrix_shows_what_the_connector_declares(visit, connection, manager_user):
    answer = visit(manager_user).get(at(connection, "matrix"))
    kinds = {kind.label: kind for kind in answer.context_data["kinds"]}
    assert set(kinds) == {"Accounts", "Contacts", "Opportunities"}
    fields = {field.label: field for field in kinds["Opportunities"].fields}
    assert (fields["Name"].is_required, fields["Name"].written) == (True, "yes")
    assert fields["Archived"].written == "yes"
    assert (fields["Created at the vendor"].is_read, fields["Created at the vendor"].written) == (True, "")
    assert fields["Stage"].note == "an entry of “statuses”"


@pytest.mark.parametrize("name", ["change", "live", "map", "matrix", "facade", "exchanges"])
def test_a_page_costs_the_same_queries_however_much_there_is(
    visit, connection, acme, pull, operations_user, django_assert_num_queries, name
):
    acme.add("opportunity", name="Chairs", owner="nobody")
    pull()
    visitor = visit(operations_user)
    visitor.get(at(connection, name))
    with CaptureQueriesContext(database) as few:
        visitor.get(at(connection, name))
    for number in range(12):
        acme.add(
            "opportunity", name=f"Chairs {number}", owner="ren", contact_id=acme.add("contact", name=f"Ana {number}")
        )
        acme.entries.append(vendor.VendorEntry("users", f"user-{number}", f"User {number}"))
    pull()
    assert Opportunity.objects.count() == 13
    with django_assert_num_queries(len(few)):
        visitor.get(at(connection, name))
