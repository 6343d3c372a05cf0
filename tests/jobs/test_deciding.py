"""What a worker does with a job it was told about, and the figures shown of one: tables of numbers."""

from datetime import UTC, datetime

import pytest

from backoffice.jobs.claiming import Action, decide
from backoffice.jobs.models import OPEN, State
from backoffice.jobs.progress import Tally, outcome_in_words, rate_per_second, seconds_left, tally
from backoffice.jobs.scheduler import LONGEST_PAUSE_SECONDS, pause_after
from backoffice.jobs.schedules import Schedule

pytestmark = pytest.mark.unit

ENDED = [State.SUCCEEDED, State.INCOMPLETE, State.FAILED, State.CANCELLED]


@pytest.mark.parametrize("crashes", [0, 2, 9])
def test_a_queued_job_is_started_however_often_it_crashed_before(crashes):
    assert decide("queued", lease_expired=False, cancel_requested=False, crashes=crashes) is Action.START


def test_a_queued_job_that_was_to_be_cancelled_is_not_started():
    assert decide("queued", lease_expired=False, cancel_requested=True, crashes=0) is Action.CANCEL


@pytest.mark.parametrize("cancel_requested", [True, False])
def test_a_job_under_a_lease_is_left_alone(cancel_requested):
    assert decide("running", lease_expired=False, cancel_requested=cancel_requested, crashes=0) is Action.LEAVE


@pytest.mark.parametrize(("crashes", "action"), [(0, Action.RESUME), (1, Action.RESUME), (2, Action.FAIL)])
def test_a_job_whose_lease_ran_out_is_resumed_until_its_third_crash(crashes, action):
    assert decide("running", lease_expired=True, cancel_requested=False, crashes=crashes) is action


@pytest.mark.parametrize("crashes", [0, 2])
def test_a_crashed_job_that_was_to_be_cancelled_is_not_resumed(crashes):
    assert decide("running", lease_expired=True, cancel_requested=True, crashes=crashes) is Action.CANCEL


@pytest.mark.parametrize("state", ENDED)
@pytest.mark.parametrize("lease_expired", [True, False])
@pytest.mark.parametrize("cancel_requested", [True, False])
def test_an_ended_job_is_left_alone(state, lease_expired, cancel_requested):
    assert decide(state, lease_expired=lease_expired, cancel_requested=cancel_requested, crashes=0) is Action.LEAVE


def test_every_state_has_been_thought_of():
    assert set(State) == {*ENDED, *OPEN}


@pytest.mark.parametrize(
    ("counts", "besides", "done", "total", "rows"),
    [
        ({}, (), 0, None, Tally(0, 0, 0)),
        ({}, (), 0, 10, Tally(0, 0, 10)),
        ({}, (), 4, 10, Tally(4, 0, 6)),
        ({"new": 3, "updated": 2, "unchanged": 1, "failed": 2}, (), 8, 10, Tally(6, 2, 2)),
        ({"new": 3, "set_aside": 1, "rejected": 1}, (), 5, 5, Tally(3, 2, 0)),
        ({"new": 3, "accounts": 40}, ("accounts",), 3, 3, Tally(3, 0, 0)),
        ({"new": 3}, (), 3, None, Tally(3, 0, 0)),
    ],
)
def test_ok_rejected_and_unprocessed_add_up_to_the_rows(counts, besides, done, total, rows):
    found = tally(counts, besides, done=done, total=total)
    assert found == rows
    assert total is None or found.rows == total


@pytest.mark.parametrize(("done", "seconds", "rate"), [(0, 10, None), (10, 0, None), (10, None, None), (100, 10, 10.0)])
def test_there_is_a_rate_once_there_is_something_to_divide(done, seconds, rate):
    assert rate_per_second(done, seconds) == rate


@pytest.mark.parametrize(
    ("done", "total", "rate", "left"),
    [(10, None, 1.0, None), (10, 20, None, None), (10, 20, 2.0, 5.0), (30, 20, 2.0, 0)],
)
def test_the_time_left_follows_from_the_rate(done, total, rate, left):
    assert seconds_left(done, total, rate) == left


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ("running", "", ""),
        ("succeeded", "", "Done."),
        ("cancelled", "", "Cancelled. Kept what was done until then: 6 of 10."),
        ("incomplete", "", "Ended. Not taken: 2 of 10."),
        ("failed", "The file is gone.", "The file is gone. Kept what was done until then: 6 of 10."),
    ],
)
def test_the_outcome_says_what_was_kept(state, error, words):
    assert outcome_in_words(state, Tally(6, 2, 2), error) == words


def test_each_moment_belongs_to_one_tick():
    schedule = Schedule("dispatch", 15, print)
    moment = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
    assert schedule.tick_at(moment) == schedule.tick_at(moment.replace(second=14))
    assert schedule.tick_at(moment.replace(second=15)) == schedule.tick_at(moment) + 1
    assert schedule.seconds_to_next(moment) == 8


def test_the_scheduler_waits_longer_each_time_but_never_very_long():
    pauses = [pause_after(failures) for failures in range(1, 40)]
    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
