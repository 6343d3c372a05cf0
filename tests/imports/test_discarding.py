"""Discarding a file that was not applied: all of it goes, or nothing."""

import threading

import pytest
from django.db import connections, transaction

from backoffice.imports.discarding import discard
from backoffice.imports.models import Mode, PreviewRow, Upload
from backoffice.imports.starting import WrongState, receive, start_apply
from backoffice.jobs.running import execute
from tests.imports.conftest import content, row, table
from tests.imports.test_preview_races import waiting_for_a_lock
from tests.jobs.conftest import until

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]


def test_a_file_applied_meanwhile_keeps_what_its_preview_showed(operations_user, no_broker):
    received = receive(content(table([row("A-1")])), "opportunities", operations_user, mode=Mode.PREVIEW)
    execute(received.preview_job_id)
    answers = []

    def discard_it(upload):
        try:
            discard(upload, operations_user)
        except WrongState as refusal:
            answers.append(str(refusal))
        finally:
            connections.close_all()

    thread = threading.Thread(target=discard_it, args=[Upload.objects.get(pk=received.pk)])
    with transaction.atomic():
        start_apply(Upload.objects.get(pk=received.pk), operations_user)
        thread.start()
        until(lambda: waiting_for_a_lock() == 1, what="the other to wait")
    thread.join(30)
    assert answers == ["This upload has been applied. Undo it instead."]
    assert PreviewRow.objects.count() == 1


def test_who_would_apply_a_file_that_is_just_being_discarded_is_told_so(operations_user, no_broker):
    received = receive(content(table([row("A-1")])), "opportunities", operations_user, mode=Mode.DRAFT)
    answers = []

    def apply_it(upload):
        try:
            start_apply(upload, operations_user)
        except WrongState as refusal:
            answers.append(str(refusal))
        finally:
            connections.close_all()

    thread = threading.Thread(target=apply_it, args=[Upload.objects.get(pk=received.pk)])
    with transaction.atomic():
        discard(Upload.objects.get(pk=received.pk), operations_user)
        thread.start()
        until(lambda: waiting_for_a_lock() == 1, what="the other to wait")
    thread.join(30)
    assert answers == ["It was discarded."]
