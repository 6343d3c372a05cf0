"""What is kept of an upload for a while only, and letting go of it beside those who still work on it."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from backoffice.imports import expiring
from backoffice.imports.models import Mode, Undo, Upload
from backoffice.imports.starting import receive, start_apply
from backoffice.imports.undo import undoing
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from tests.imports.conftest import content, row, table
from tests.imports.test_preview_races import elsewhere

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def grow_old(*rows):
    for one in rows:
        type(one).objects.filter(pk=one.pk).update(created_at=timezone.now() - timedelta(days=400))


@pytest.fixture
def undo(operations_user):
    def undone(upload):
        asked = undoing.undo(Upload.objects.get(pk=upload.pk), operations_user)
        execute(asked.job_id, heartbeat=False)
        return Undo.objects.get(pk=asked.pk)

    return undone


@pytest.fixture
def preview(operations_user, no_broker):
    def previewed(*rows):
        received = receive(content(table(rows)), "opportunities", operations_user, mode=Mode.PREVIEW)
        execute(received.preview_job_id, heartbeat=False)
        return Upload.objects.get(pk=received.pk)

    return previewed


def test_the_records_of_an_undo_made_after_its_upload_expired_go_in_their_turn(upload, undo):
    taken = upload([row("A-1"), row("A-2")])
    grow_old(taken)
    assert expiring.sweep() == 1
    undone = undo(taken)
    assert expiring.sweep() == 0
    assert undone.records.count() == 2
    grow_old(undone)
    assert expiring.sweep() == 0
    undone.refresh_from_db()
    assert (undone.records.count(), undone.counts) == (0, {"removed": 2})


def test_the_records_of_an_undo_stay_as_long_as_an_upload_of_its_day(upload, undo):
    taken = upload([row("A-1")])
    undone = undo(taken)
    grow_old(taken)
    assert expiring.sweep() == 1
    assert undone.records.count() == 1


def test_the_records_of_an_undo_under_way_stay(upload, undo):
    undone = undo(upload([row("A-1")]))
    grow_old(undone)
    Job.objects.filter(pk=undone.job_id).update(state=State.QUEUED, finished_at=None)
    expiring.sweep()
    assert undone.records.count() == 1


def test_what_somebody_applies_while_others_expire_keeps_its_file(preview, operations_user, monkeypatch):
    first, second = preview(row("A-1")), preview(row("A-2"))
    grow_old(first, second)
    delete = expiring.deleted_some

    def beaten(rows, whole):
        if Upload.objects.get(pk=second.pk).job_id is None:
            start_apply(second, operations_user)
        return delete(rows, whole)

    monkeypatch.setattr(expiring, "deleted_some", beaten)
    assert expiring.sweep() == 1
    assert [bool(Upload.objects.get(pk=each.pk).file) for each in (first, second)] == [False, True]
    assert second.previews.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_somebody_has_in_hand_waits_for_the_next_sweep(preview):
    seen, swept = preview(row("A-1")), []
    grow_old(seen)
    with transaction.atomic():
        Upload.objects.select_for_update().get(pk=seen.pk)
        elsewhere(lambda: swept.append(expiring.sweep()))
    assert swept == [0]
    assert (bool(Upload.objects.get().file), seen.previews.count()) == (True, 1)
    assert expiring.sweep() == 1
