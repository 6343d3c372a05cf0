"""Connections are pulled by their rhythm, one pull at a time; one in trouble waits longer and longer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backoffice.changes.acting import Door, acting
from backoffice.jobs.models import Job, State
from backoffice.sync import health
from backoffice.sync.models import Connection, Health
from backoffice.sync.pulls import pulling
from backoffice.sync.pulls.pulling import CannotPull, start_pull
from backoffice.sync.schedules import due, start_due_pulls
from connectors.kit.errors import LoginFailed, Unavailable
from tests.sync import vendor

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def change(connection, **fields):
    with acting(None, Door.COMMAND, label="test"):
        Connection.objects.filter(pk=connection.pk).update(**fields)
    connection.refresh_from_db()


def names():
    return {connection.name for connection in due()}


def test_a_connection_never_pulled_is_due_and_one_just_pulled_is_not(connection, acme, pull):
    assert names() == {"acme"}
    before = timezone.now()
    pull()
    assert names() == set()
    next_at = Health.objects.get().next_pull_at
    assert before + timedelta(minutes=15) <= next_at <= timezone.now() + timedelta(minutes=15)
    Health.objects.update(next_pull_at=timezone.now() - timedelta(seconds=1))
    assert names() == {"acme"}


@pytest.mark.parametrize(
    "fields", [{"state": "paused"}, {"state": "retired"}, {"pulls": False}, {"every_minutes": None}]
)
def test_who_is_not_to_be_pulled_is_skipped(connection, fields):
    change(connection, **fields)
    assert names() == set()


def test_a_tick_starts_one_pull_for_each_that_is_due(connection, make_connection, no_broker):
    make_connection("other")
    start_due_pulls()
    start_due_pulls()
    jobs = Job.objects.filter(kind=pulling.KIND)
    assert sorted(jobs.values_list("subject_label", flat=True)) == ["acme", "other"]
    assert {job.asked_by for job in jobs} == {None}


def test_a_connection_whose_vendor_is_not_installed_keeps_no_other_waiting(connection, make_connection, no_broker):
    change(connection, vendor="unheard-of")
    make_connection("other")
    start_due_pulls()
    assert [job.subject_label for job in Job.objects.filter(kind=pulling.KIND)] == ["other"]


def test_asking_twice_is_asking_once(connection, no_broker, operations_user):
    job = start_pull(connection, operations_user, full=True)
    assert (job.asked_by, job.parameters) == (operations_user, {"connection": "acme", "full": True})
    assert start_pull(connection, None) == job


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"state": "paused"}, "paused"), ({"state": "retired"}, "retired"), ({"pulls": False}, "does not pull")],
)
def test_a_pull_that_may_not_be_is_refused_in_words(connection, fields, reason):
    change(connection, **fields)
    with pytest.raises(CannotPull, match=reason):
        start_pull(connection, None)


def test_a_connection_paused_before_its_pull_began_calls_nobody_and_is_in_no_trouble(connection, acme, no_broker):
    from backoffice.jobs.running import execute

    job = start_pull(connection, None)
    change(connection, state="paused")
    execute(job.pk, heartbeat=False)
    job.refresh_from_db()
    assert (job.state, "paused" in job.error, acme.requests) == (State.FAILED, True, [])
    assert not Health.objects.filter(failures__gt=0).exists()


def test_a_vendor_that_is_down_is_tried_again_after_growing_pauses(connection, acme, pull):
    acme.fails(Unavailable("Nobody answers"), times=100)
    for failures, minutes in ((1, 1), (2, 2), (3, 4)):
        job = pull()
        assert (job.state, "Acme CRM does not answer: Nobody answers" in job.error) == (State.FAILED, True)
        found = Health.objects.get()
        pause = found.next_pull_at - timezone.now()
        assert (found.failures, found.trouble) == (failures, job.error)
        assert timedelta(minutes=minutes - 0.5) < pause <= timedelta(minutes=minutes)


def test_pauses_grow_to_an_hour():
    pauses = [health.pause_after(failures) // timedelta(minutes=1) for failures in (1, 2, 3, 6, 7, 50)]
    assert pauses == [1, 2, 4, 32, 60, 60]


def test_when_it_works_again_the_trouble_is_over(connection, acme, pull):
    acme.fails(Unavailable("Nobody answers"))
    pull()
    job = pull()
    found = Health.objects.get()
    assert (job.state, found.failures, found.trouble, found.trouble_since) == (State.SUCCEEDED, 0, "", None)
    assert found.last_good_at is not None


def test_trouble_says_since_when(connection, acme, pull):
    acme.fails(Unavailable("Nobody answers"), times=2)
    pull()
    since = Health.objects.get().trouble_since
    pull()
    assert Health.objects.get().trouble_since == since


def test_a_refused_login_says_what_to_do(connection, acme, pull):
    acme.token = "another"
    job = pull()
    assert job.error == "Acme CRM does not accept the credentials: Acme does not know this token. Enter them anew."


def test_one_connections_trouble_is_none_of_anothers(connection, acme, make_connection, pull):
    other = make_connection("other")
    vendor.WORLDS[other.base_url].add("account", name="Globex")
    acme.fails(LoginFailed("no"), times=100)
    assert pull().state == State.FAILED
    assert pull(other).state == State.SUCCEEDED
    assert Health.objects.get(connection=other).trouble == ""


def test_a_pull_only_by_hand_is_never_scheduled(connection, acme, pull):
    change(connection, every_minutes=None)
    acme.fails(Unavailable("Nobody answers"))
    pull()
    pull()
    assert Health.objects.get().next_pull_at is None


def test_a_second_pull_of_a_connection_does_not_work_beside_the_first(connection, acme, pull, no_broker):
    from backoffice.jobs.running import execute

    first = start_pull(connection, None)
    Job.objects.filter(pk=first.pk).update(state=State.SUCCEEDED, finished_at=timezone.now())
    second = start_pull(connection, None)
    Job.objects.filter(pk=first.pk).update(
        state=State.RUNNING, finished_at=None, lease_until=timezone.now() + timedelta(minutes=1)
    )
    execute(second.pk, heartbeat=False)
    second.refresh_from_db()
    assert (second.state, second.error) == (State.FAILED, "Another pull of this connection is at work.")
