"""All workers keep one rhythm: what stands in the database counts, not what a process remembers."""

import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone

from backoffice.sync.calls import pacing
from backoffice.sync.calls.beside import beside
from backoffice.sync.calls.pacing import Pace, hold
from backoffice.sync.models import Health
from connectors.kit.errors import Unavailable

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def health(connection):
    return Health.objects.create(connection=connection)


class Waits(list):
    """Sleeps nothing; as if the time had passed, the hold that was slept through is over."""

    def __init__(self, health):
        super().__init__()
        self.health = health

    def __call__(self, seconds):
        self.append(seconds)
        Health.objects.filter(pk=self.health.pk, held_until__isnull=False).update(held_until=timezone.now())


def test_without_a_limit_nobody_waits(health):
    waits = Waits(health)
    for _ in range(3):
        Pace(health.pk, 0, sleep=waits).wait()
    assert waits == []


def test_workers_take_turns_whoever_they_are(health):
    waits = Waits(health)
    for _ in range(4):
        Pace(health.pk, 60, sleep=waits).wait()
    assert [round(seconds) for seconds in waits] == [1, 2, 3]


def test_an_old_turn_leaves_no_debt_and_saves_none_up(health):
    Health.objects.filter(pk=health.pk).update(next_call_at=timezone.now() - timedelta(days=1))
    waits = Waits(health)
    for _ in range(2):
        Pace(health.pk, 60, sleep=waits).wait()
    assert [round(seconds) for seconds in waits] == [1]


def test_turns_of_workers_that_come_at_once_are_all_different(health):
    taken = []
    together = threading.Barrier(6)

    def work():
        together.wait(10)
        Pace(health.pk, 60, sleep=taken.append).wait()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(round(seconds) for seconds in taken) == [1, 2, 3, 4, 5]


def test_a_held_vendor_is_waited_for_with_and_without_a_limit(health):
    hold(health.pk, 20)
    for limit in (0, 60):
        hold(health.pk, 20)
        waits = Waits(health)
        Pace(health.pk, limit, sleep=waits).wait()
        assert 19 < waits[0] <= 20.1


def test_a_hold_that_came_while_waiting_is_waited_for_too(health):
    Pace(health.pk, 60).wait()
    waits = Waits(health)

    def told_to_wait_meanwhile(seconds):
        if not waits:
            waits.append(seconds)
            hold(health.pk, 30)
        else:
            waits(seconds)

    Pace(health.pk, 60, sleep=told_to_wait_meanwhile).wait()
    assert [round(seconds) for seconds in waits] == [1, 30]


@pytest.mark.parametrize("limit", [0, 60])
def test_a_vendor_that_is_held_for_long_is_not_waited_for(health, limit):
    hold(health.pk, 3600)
    waits = Waits(health)
    with pytest.raises(Unavailable) as unavailable:
        Pace(health.pk, limit, sleep=waits).wait()
    assert 3590 < unavailable.value.retry_after_seconds <= 3600
    assert waits == []


def test_whom_we_don_t_wait_for_takes_no_turn(health):
    later = timezone.now() + timedelta(minutes=5)
    Health.objects.filter(pk=health.pk).update(next_call_at=later)
    with pytest.raises(Unavailable):
        Pace(health.pk, 60).wait()
    health.refresh_from_db()
    assert health.next_call_at == later


def test_a_shorter_hold_does_not_cut_a_longer_one_short(health):
    hold(health.pk, 3600)
    Pace(health.pk).hold(5)
    health.refresh_from_db()
    assert health.held_until > timezone.now() + timedelta(minutes=59)


def test_a_senseless_hold_ends_within_a_day(health):
    hold(health.pk, 1e12)
    health.refresh_from_db()
    assert health.held_until <= timezone.now() + timedelta(days=1)


def test_a_hold_outlives_the_transaction_that_is_rolled_back(health):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        hold(health.pk, 30)
        raise ZeroDivisionError
    health.refresh_from_db()
    assert health.held_until is not None


def test_one_connections_pace_is_none_of_anothers(health, make_connection):
    other = Health.objects.create(connection=make_connection("other"))
    hold(health.pk, 3600)
    waits = Waits(other)
    Pace(other.pk, 60, sleep=waits).wait()
    assert waits == []


def test_a_connection_that_is_not_committed_yet_is_called_at_once():
    waits = []
    Pace(123456789, 60, sleep=waits.append).wait()
    hold(123456789, 5)
    assert waits == []


def test_a_database_that_does_not_answer_beside_us_leaves_a_rhythm_of_our_own(health, monkeypatch):
    def fail(*_):
        raise psycopg.OperationalError("too many clients")

    monkeypatch.setattr(pacing.beside, "run", fail)
    waits = []
    Pace(health.pk, 120, sleep=waits.append).wait()
    hold(health.pk, 5)
    assert waits == [0.5]


def test_a_connection_the_server_ended_is_opened_again(health):
    [(pid,)] = beside.run("SELECT pg_backend_pid()", {})
    with psycopg.connect(**beside_parameters(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    [(new,)] = beside.run("SELECT pg_backend_pid()", {})
    assert new != pid


def test_a_statement_that_is_wrong_is_not_repeated_and_spoils_nothing(health):
    with pytest.raises(psycopg.Error):
        beside.run("SELECT nothing_like_it", {})
    assert beside.run("SELECT 1", {}) == [(1,)]


def test_it_does_not_keep_the_database_from_us_for_long(health):
    [(idle, lock)] = beside.run("SELECT current_setting('idle_session_timeout'), current_setting('lock_timeout')", {})
    assert (idle, lock) == ("30s", "5s")


def beside_parameters():
    info = beside._connection.info
    return {"host": info.host, "port": info.port, "user": info.user, "dbname": info.dbname, "password": info.password}
