"""Crashes in the middle, and two writers at once: every row counts once, and nothing is there twice."""

import threading

import pytest
from django.db import IntegrityError, connection, connections

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Choice, Opportunity, Rep
from backoffice.imports import applying
from backoffice.imports.kinds.opportunities import OpportunityLoader
from backoffice.imports.merging.loading import Moved
from backoffice.imports.models import Upload
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from tests.imports.conftest import outcomes, row

pytestmark = [pytest.mark.db]
committed = pytest.mark.django_db(transaction=True)


class Crash(BaseException):
    """What no code of ours catches."""


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(applying, "FIRST_ROWS", 3)
    monkeypatch.setattr(applying, "CHUNK_ROWS", 5)


def rows(count, changed=""):
    return [
        row(
            f"A-{number:03}",
            f"Chair {number}{changed}",
            amount=str(number),
            owner=f"Rep {number % 4}",
            email=f"rep{number % 4}@example.com",
            account=f"Account {number % 6}",
            website=f"account{number % 6}.example",
            stage=("Won", "Lost", "Talks")[number % 3],
        )
        for number in range(count)
    ]


def everything_is_there_once(count):
    assert sorted(Opportunity.objects.values_list("external_id", flat=True)) == [f"A-{n:03}" for n in range(count)]
    assert (Account.objects.count(), Rep.objects.count(), Choice.objects.count()) == (6, 4, 3)


@committed
@pytest.mark.parametrize("broken_chunk", [1, 2, 4])
def test_a_job_that_dies_in_a_chunk_goes_on_after_the_last_one_kept(take, small_chunks, monkeypatch, broken_chunk):
    received = take(rows(20))
    load, calls = OpportunityLoader.load, []

    def dying(self, chunk):
        calls.append(len(chunk))
        result = load(self, chunk)
        if len(calls) == broken_chunk:
            raise Crash
        return result

    monkeypatch.setattr(OpportunityLoader, "load", dying)
    with pytest.raises(Crash):
        execute(received.job_id)
    received.refresh_from_db()
    assert received.results.count() == sum(received.counts.values()) == sum(calls[:-1])
    execute(received.job_id)
    done = Upload.objects.select_related("job").get(pk=received.pk)
    assert done.state == State.SUCCEEDED
    assert outcomes(done) == ["new"] * 20
    assert done.outcomes["new"] == done.job.counts["new"] == done.job.done == 20
    assert done.records["account"] == {"new": 6}
    everything_is_there_once(20)


@pytest.mark.django_db
@pytest.mark.parametrize("error", [IntegrityError("twice"), Moved()])
def test_a_chunk_under_which_something_changed_is_done_again(upload, small_chunks, monkeypatch, error):
    load, calls = OpportunityLoader.load, []

    def moving(self, chunk):
        calls.append(len(chunk))
        made = load(self, chunk)
        if len(calls) in {1, 2, 4}:
            raise error
        return made

    monkeypatch.setattr(OpportunityLoader, "load", moving)
    given = rows(12)
    given[4][0] = ""
    done = upload(given)
    assert calls == [3, 3, 3, 5, 5, 4]
    assert outcomes(done) == ["new"] * 4 + ["failed"] + ["new"] * 7
    assert Account.objects.count() == 6


@pytest.mark.django_db
def test_a_chunk_that_never_succeeds_fails_the_job_and_keeps_what_was_done(upload, small_chunks, monkeypatch):
    load, calls = OpportunityLoader.load, []

    def failing(self, chunk):
        calls.append(len(chunk))
        if len(calls) > 1:
            raise IntegrityError("again and again")
        return load(self, chunk)

    monkeypatch.setattr(OpportunityLoader, "load", failing)
    done = upload(rows(12))
    assert done.state == State.FAILED
    assert len(calls) == 1 + applying.TRIES
    assert outcomes(done) == ["new"] * 3
    assert Opportunity.objects.count() == 3


@committed
def test_two_uploads_of_the_same_rows_at_once_make_everything_once(take, small_chunks):
    one, two = take(rows(60)), take(list(reversed(rows(60))))
    at_once(lambda: execute(one.job_id), lambda: execute(two.job_id))
    states = {Job.objects.get(pk=upload.job_id).state for upload in (one, two)}
    assert states == {State.SUCCEEDED}
    everything_is_there_once(60)
    counts = [Upload.objects.get(pk=upload.pk).outcomes for upload in (one, two)]
    assert sum(count["new"] for count in counts) == 60
    assert sum(count["unchanged"] for count in counts) == 60


@committed
def test_two_uploads_that_change_the_same_rows_in_other_orders_both_end(take, small_chunks):
    execute(take(rows(60)).job_id)
    one, two = take(rows(60, " by one")), take(list(reversed(rows(60, " by two"))))
    at_once(lambda: execute(one.job_id), lambda: execute(two.job_id))
    assert {Job.objects.get(pk=upload.job_id).state for upload in (one, two)} == {State.SUCCEEDED}
    everything_is_there_once(60)


@committed
def test_an_upload_beside_edits_in_the_console_loses_none_of_either(take, small_chunks):
    execute(take(rows(40)).job_id)
    received = take(rows(40, " uploaded"))
    numbers = list(Opportunity.objects.order_by("-id").values_list("id", flat=True))

    def edit():
        for number in numbers:
            with acting(None, Door.CONSOLE, label="test"):
                Opportunity.objects.filter(pk=number).update(next_step="Edited")

    at_once(lambda: execute(received.job_id), edit)
    assert Job.objects.get(pk=received.job_id).state == State.SUCCEEDED
    assert set(Opportunity.objects.values_list("next_step", flat=True)) == {"Edited"}
    assert Opportunity.objects.filter(name__endswith=" uploaded").count() == 40


@committed
def test_a_record_made_in_the_console_meanwhile_is_updated_instead(take, monkeypatch):
    received = take(rows(5))
    insert, calls = OpportunityLoader.write, []

    def beaten(self, targets):
        if not calls:
            calls.append(1)
            elsewhere(lambda: Opportunity.objects.create(name="Made meanwhile", external_id="A-003"))
        return insert(self, targets)

    monkeypatch.setattr(OpportunityLoader, "write", beaten)
    execute(received.job_id)
    done = Upload.objects.get(pk=received.pk)
    assert outcomes(done) == ["new", "new", "new", "updated", "new"]
    assert Opportunity.objects.get(external_id="A-003").name == "Chair 3"


@committed
def test_a_deadlock_repeats_the_chunk(take, monkeypatch):
    received = take(rows(5))
    load, calls = OpportunityLoader.load, []

    def deadlocked(self, chunk):
        calls.append(1)
        made = load(self, chunk)
        if len(calls) == 1:
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$")
        return made

    monkeypatch.setattr(OpportunityLoader, "load", deadlocked)
    execute(received.job_id)
    assert len(calls) == 2
    assert outcomes(received) == ["new"] * 5


def at_once(*works):
    """Each in a thread and on a connection of its own."""
    wrong = []

    def run(work):
        try:
            work()
        except BaseException as error:
            wrong.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


def elsewhere(work):
    def logged():
        with acting(None, Door.CONSOLE, label="test"):
            work()

    at_once(logged)
