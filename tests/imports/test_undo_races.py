"""An undo that is cut off, and undos beside other writers: everything goes back once, and nobody waits for ever."""

import pytest
from django.db import connection, connections

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Note, Opportunity
from backoffice.imports.models import Undo, Upload
from backoffice.imports.starting import WrongState, receive
from backoffice.imports.undo import rewriting, taking_back, undoing
from backoffice.jobs.dispatching import send
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from tests.imports.conftest import content, row, table
from tests.imports.test_faults_and_races import at_once, elsewhere, rows
from tests.imports.test_undo import MODELS, Crash, domain, dying_after
from tests.jobs.conftest import expire_lease, until

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(taking_back, "FIRST_RECORDS", 2)
    monkeypatch.setattr(taking_back, "CHUNK_RECORDS", 5)


@pytest.fixture
def apply(take):
    def applied(given, **more):
        received = take(given, **more)
        execute(received.job_id)
        return Upload.objects.get(pk=received.pk)

    return applied


@pytest.fixture
def ask(operations_user):
    return lambda upload: undoing.undo(upload, operations_user)


def told(undo):
    return list(undo.records.order_by("number").values_list("number", "kind", "object_id", "outcome"))


@pytest.mark.parametrize("kept", [0, 1, 4, 5])
def test_an_undo_that_dies_goes_on_after_its_last_chunk(apply, ask, small_chunks, monkeypatch, kept):
    apply(rows(9, " before"))
    before = domain()
    asked = ask(apply(rows(20)))
    with monkeypatch.context() as dying:
        dying_after(dying, kept)
        with pytest.raises(Crash):
            execute(asked.job_id)
    assert Job.objects.get(pk=asked.job_id).counts == Undo.objects.get(pk=asked.pk).counts
    execute(asked.job_id)
    asked.refresh_from_db()
    assert domain() == before
    assert asked.counts == Job.objects.get(pk=asked.job_id).counts == {"restored": 9, "removed": 11}
    assert [number for number, *_ in told(asked)] == list(range(1, 21))


def test_of_two_who_undo_at_once_one_does(apply, operations_user, admin_user):
    upload, answers = apply(rows(5)), []

    def ask(user):
        try:
            undoing.undo(upload, user)
            answers.append("started")
        except WrongState as refusal:
            answers.append(str(refusal))

    at_once(lambda: ask(operations_user), lambda: ask(admin_user))
    assert sorted(answers) == ["This upload is being undone already.", "started"]


def test_an_undo_beside_an_upload_of_the_same_rows_ends(apply, take, ask, small_chunks):
    asked = ask(apply(rows(60)))
    other = take(list(reversed(rows(60, " again"))))
    at_once(lambda: execute(asked.job_id), lambda: execute(other.job_id))
    assert {Job.objects.get(pk=job).state for job in (asked.job_id, other.job_id)} == {State.SUCCEEDED}
    assert Opportunity.objects.count() == 60
    assert set(Opportunity.objects.filter(account=None)) == set()


def test_undos_of_two_uploads_at_once_both_end(apply, ask, small_chunks):
    before = domain()
    one, two = apply(rows(40)), apply([row(f"B-{number}", account=f"Account {number % 6}") for number in range(40)])
    first, second = ask(one), ask(two)
    at_once(lambda: execute(first.job_id), lambda: execute(second.job_id))
    assert {Job.objects.get(pk=undo.job_id).state for undo in (first, second)} == {State.SUCCEEDED}
    assert domain()[Opportunity] == before[Opportunity]


def test_a_note_written_while_its_account_goes_keeps_the_account(apply, ask, monkeypatch):
    """It is there when the chunk is done again."""
    asked = ask(apply([row("A-1", account="Acme")]))
    remove, calls = rewriting.remove, []

    def beaten(model, column, ids):
        if model is Account and not calls:
            calls.append(1)
            elsewhere(lambda: Note.objects.create(title="Called", account=Account.objects.get()))
        remove(model, column, ids)

    # Seen only by the database, at the end of the chunk.
    monkeypatch.setattr(rewriting, "remove", beaten)
    monkeypatch.setattr(rewriting, "there", lambda kind, ids, lock: there(kind, ids, lock=False))
    execute(asked.job_id)
    asked.refresh_from_db()
    assert Job.objects.get(pk=asked.job_id).state == State.SUCCEEDED
    assert asked.counts == {"removed": 1, "kept": 1}
    assert Note.objects.get().account.name == "Acme"


there = rewriting.there


def test_an_undo_beside_edits_in_the_console_loses_none(apply, ask, small_chunks):
    apply(rows(40))
    asked = ask(apply(rows(40, " uploaded")))
    numbers = list(Opportunity.objects.order_by("-id").values_list("id", flat=True))

    def edit():
        for number in numbers:
            with acting(None, Door.CONSOLE, label="test"):
                Opportunity.objects.filter(pk=number).update(next_step="Edited")
        connections.close_all()

    at_once(lambda: execute(asked.job_id), edit)
    assert Job.objects.get(pk=asked.job_id).state == State.SUCCEEDED
    assert set(Opportunity.objects.values_list("next_step", flat=True)) == {"Edited"}
    assert not Opportunity.objects.filter(name__endswith=" uploaded").exists()
    assert connection.in_atomic_block is False


@pytest.mark.worker
def test_a_worker_killed_in_the_middle_of_an_undo_leaves_no_row_behind(worker, operations_user):
    count = 9_000
    upload = receive(
        content(table([row(f"K-{n}", f"Chair {n}", account=f"Account {n % 300}", stage="Won") for n in range(count)])),
        "opportunities",
        operations_user,
    )
    until(lambda: not Job.objects.get(pk=upload.job_id).is_open, seconds=120, what="the end of the upload")
    asked = undoing.undo(Upload.objects.get(pk=upload.pk), operations_user)
    job = Job.objects.get(pk=asked.job_id)
    until(lambda: Job.objects.get(pk=job.pk).done_kept > 0, what="the first chunk")
    worker.kill()
    killed = Job.objects.get(pk=job.pk)
    assert killed.state == State.RUNNING
    assert 0 < killed.done_kept < count
    assert 0 < Opportunity.objects.count() < count
    worker.start()
    expire_lease(job)
    send(job.pk, job.queue)
    until(lambda: not Job.objects.get(pk=job.pk).is_open, seconds=120, what="the end of the undo")
    asked.refresh_from_db()
    assert asked.counts == Job.objects.get(pk=job.pk).counts == {"removed": count + 301}
    assert asked.records.count() == count + 301
    assert domain() == {model: {} for model in MODELS}
