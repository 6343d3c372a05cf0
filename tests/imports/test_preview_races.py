"""A preview beside everything else: crashes, edits and other uploads of the same rows."""

import threading

import pytest
from django.db import connection, connections, transaction

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Account, Opportunity
from backoffice.imports import applying
from backoffice.imports.discarding import discard
from backoffice.imports.drafting import confirm
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Mode, Upload
from backoffice.imports.previews import previewing
from backoffice.imports.starting import WrongState, receive, start_apply, start_preview
from backoffice.jobs.dispatching import send
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from tests.imports.conftest import content, row, table
from tests.jobs.conftest import expire_lease, until

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]
ROWS = 12_000


def rows(count, changed=""):
    return [
        row(
            f"A-{number:05}",
            f"Chair {number}{changed}" if number % 1000 != 999 else "",
            amount=str(number),
            owner=f"Rep {number % 4}",
            email=f"rep{number % 4}@example.com",
            account=f"Account {number % 6}",
            website=f"account{number % 6}.example",
            stage=("Won", "Lost", "Talks")[number % 3],
        )
        for number in range(count)
    ]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(applying, "FIRST_ROWS", 3)
    monkeypatch.setattr(applying, "CHUNK_ROWS", 5)


@pytest.fixture
def take(operations_user):
    def taken(given, mode=Mode.PREVIEW):
        return receive(content(table(given)), "opportunities", operations_user, mode=mode)

    return taken


@pytest.fixture
def in_the_midst(monkeypatch):
    """Calls `work` on a connection of its own within the transaction of the preview's second chunk."""

    def called(work):
        keep, calls = previewing._Previewing.keep, []

        def keeping(self, chunk, rows, records):
            keep(self, chunk, rows, records)
            calls.append(1)
            if len(calls) == 2:
                elsewhere(work)

        monkeypatch.setattr(previewing._Previewing, "keep", keeping)

    return called


def elsewhere(work):
    """Waits for nobody: a lock in its way is an error."""
    wrong = []

    def run():
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
            work()
        except BaseException as error:
            wrong.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert wrong == []


def fresh(upload):
    return Upload.objects.select_related("job", "preview_job").get(pk=upload.pk)


def temporary():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'imagined%'")
        return cursor.fetchone()[0]


def waiting_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


@pytest.mark.worker
def test_a_worker_killed_in_the_middle_leaves_nothing_temporary_and_the_preview_ends_right(worker, take):
    received = take(rows(ROWS))
    job = received.preview_job
    until(lambda: Job.objects.get(pk=job.pk).done_kept > 0, what="the first chunk")
    worker.kill()
    assert Job.objects.get(pk=job.pk).state == State.RUNNING
    assert 0 < fresh(received).previews.count() < ROWS
    until(lambda: temporary() == 0, what="the end of the connection")
    worker.start()
    expire_lease(job)
    send(job.pk, job.queue)
    until(lambda: not Job.objects.get(pk=job.pk).is_open, seconds=120, what="the end of the preview")
    seen = fresh(received)
    assert (seen.preview_job.state, seen.preview_job.crashes) == (State.SUCCEEDED, 1)
    assert seen.expected == {"rows": ROWS, "new": ROWS - 12, "updated": 0, "unchanged": 0, "failed": 12}
    assert seen.preview_job.counts == {"new": ROWS - 12, "failed": 12}
    assert seen.previewed["records"]["opportunity"] == {"new": ROWS - 12}
    assert seen.previewed["creates"]["account"]["total"] == 6
    numbers = seen.previews.values_list("number", flat=True).order_by("number")
    assert list(numbers) == list(range(1, ROWS + 1))
    assert not Opportunity.objects.exists()
    assert not Change.objects.filter(job_id=job.pk).exists()
    assert temporary() == 0


@pytest.mark.usefixtures("no_broker", "small_chunks")
class TestMeanwhile:
    def test_a_row_is_edited_while_its_change_is_previewed(self, take, in_the_midst):
        execute(take(rows(12), Mode.APPLY).job_id)
        received = take(rows(12, " changed"))

        def edit():
            with acting(None, Door.CONSOLE, label="test"):
                Opportunity.objects.update(next_step="Edited")
                Account.objects.update(description="Edited")
                Opportunity.objects.create(name="Made meanwhile", external_id="A-00011x")

        in_the_midst(edit)
        assert execute(received.preview_job_id) == State.SUCCEEDED
        assert fresh(received).expected["updated"] == 12
        assert set(Opportunity.objects.exclude(external_id="A-00011x").values_list("next_step", flat=True)) == {
            "Edited"
        }
        assert not Opportunity.objects.filter(name__endswith="changed").exists()

    def test_another_upload_of_the_same_file_is_applied(self, take, in_the_midst):
        received, other = take(rows(20)), take(rows(20), Mode.APPLY)
        in_the_midst(lambda: execute(other.job_id))
        assert execute(received.preview_job_id) == State.SUCCEEDED
        assert fresh(other).outcomes["new"] == 20
        # As things were when it began.
        assert fresh(received).expected == {"rows": 20, "new": 20, "updated": 0, "unchanged": 0, "failed": 0}
        assert fresh(received).previewed["records"] == fresh(other).records

    def test_the_same_file_is_previewed(self, take, in_the_midst):
        received, other = take(rows(20)), take(rows(20))
        in_the_midst(lambda: execute(other.preview_job_id))
        assert execute(received.preview_job_id) == State.SUCCEEDED
        assert fresh(received).expected["new"] == fresh(other).expected["new"] == 20

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_record_to_be_changed_is_deleted(self, operations_user, in_the_midst, kind):
        given = dict.fromkeys(KINDS[kind].options, "yes")
        text = KINDS[kind].sample_file("new", operations_user)
        execute(receive(content(text), kind, operations_user, given=given).job_id)
        changes = KINDS[kind].sample_file("changes", operations_user)
        received = receive(content(changes), kind, operations_user, mode=Mode.PREVIEW, given=given)
        model = KINDS[kind].writes[0]

        def delete():
            with acting(None, Door.CONSOLE, label="test"):
                model.objects.all().delete()

        in_the_midst(delete)
        assert execute(received.preview_job_id) == State.SUCCEEDED
        assert sum(fresh(received).previewed["counts"].values()) == received.rows

    def test_applied_in_the_midst_of_its_preview_it_is_applied_alone(self, take, operations_user, monkeypatch):
        received = take(rows(20))
        load, calls = applying.ByChunk._load, []

        def loading(self, chunk):
            calls.append(1)
            if len(calls) == 3:
                elsewhere(lambda: start_apply(received, operations_user))
            load(self, chunk)

        monkeypatch.setattr(applying.ByChunk, "_load", loading)
        assert execute(received.preview_job_id) == State.CANCELLED
        assert fresh(received).previews.count() == 8
        assert execute(fresh(received).job_id) == State.SUCCEEDED
        assert fresh(received).outcomes["new"] == 20

    def test_of_two_who_apply_at_once_one_is_told(self, take, operations_user):
        received = take(rows(3))
        answers, together = [], threading.Barrier(2)

        def start():
            together.wait(10)
            try:
                answers.append(start_apply(Upload.objects.get(pk=received.pk), operations_user).pk)
            except WrongState:
                answers.append(None)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=start) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(answer is None for answer in answers) == [False, True]
        assert Job.objects.filter(kind=applying.JOB).count() == 1

    def test_a_file_applied_while_somebody_discards_it_stays(self, take, operations_user):
        received, answers, waits = take(rows(3)), [], threading.Event()

        def discard_it():
            waits.set()
            try:
                discard(Upload.objects.get(pk=received.pk), operations_user)
            except WrongState as refusal:
                answers.append(str(refusal))
            finally:
                connections.close_all()

        execute(received.preview_job_id)
        with transaction.atomic():
            start_apply(fresh(received), operations_user)
            thread = threading.Thread(target=discard_it)
            thread.start()
            waits.wait(10)
            until(lambda: waiting_for_a_lock() == 1, what="the other to wait")
        thread.join(30)
        assert answers == ["This upload has been applied. Undo it instead."]
        assert execute(fresh(received).job_id) == State.SUCCEEDED

    def test_a_preview_begun_anew_leaves_nothing_of_the_one_that_ran_on(self, take, operations_user, monkeypatch):
        received = take(rows(20))
        load, calls = applying.ByChunk._load, []

        def again():
            confirm(fresh(received), operations_user, {"Amount": ""}, {})
            execute(start_preview(fresh(received), operations_user).pk)

        def loading(self, chunk):
            calls.append(1)
            if len(calls) == 3:
                elsewhere(again)
            load(self, chunk)

        monkeypatch.setattr(applying.ByChunk, "_load", loading)
        first = received.preview_job_id
        assert execute(first) == State.CANCELLED
        seen = fresh(received)
        assert seen.preview_job_id != first
        assert (seen.previews.count(), seen.expected["new"]) == (20, 20)
        assert not any("amount" in changes for changes in seen.previews.values_list("changes", flat=True))
