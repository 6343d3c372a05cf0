"""A real worker, killed in the middle of a real upload: it ends all the same, every row once."""

import pytest
from django.db import connection

from backoffice.crm.models import Account, Opportunity, Rep
from backoffice.imports.models import Upload
from backoffice.imports.starting import receive
from backoffice.jobs.dispatching import send
from backoffice.jobs.models import Job, State
from tests.imports.conftest import content, row, table
from tests.jobs.conftest import expire_lease, until

pytestmark = [pytest.mark.worker, pytest.mark.db, pytest.mark.django_db(transaction=True)]
ROWS = 12_000


def rows():
    for number in range(ROWS):
        rep = number % 12
        yield row(
            f"K-{number}",
            f"Chair {number}" if number % 1000 else "",
            amount=str(number),
            owner=f"Rep {rep}",
            email=f"rep{rep}@example.com",
            account_id=f"ACC-{number % 300}",
            account=f"Account {number % 300}",
            stage="Won",
        )


def test_a_worker_killed_in_the_middle_of_an_upload_loses_and_doubles_no_row(worker, operations_user):
    upload = receive(content(table(rows())), "opportunities", operations_user)
    job = upload.job
    until(lambda: Job.objects.get(pk=job.pk).done_kept > 0, what="the first chunk")
    worker.kill()
    killed = Job.objects.get(pk=job.pk)
    assert killed.state == State.RUNNING
    assert 0 < killed.done_kept < ROWS
    worker.start()
    expire_lease(job)
    send(job.pk, job.queue)
    until(lambda: not Job.objects.get(pk=job.pk).is_open, seconds=120, what="the end of the upload")
    upload = Upload.objects.select_related("job").get(pk=upload.pk)
    assert (upload.state, upload.job.crashes, upload.job.error) == (State.INCOMPLETE, 1, "")
    assert upload.outcomes == {"rows": ROWS, "new": ROWS - 12, "updated": 0, "unchanged": 0, "failed": 12}
    assert upload.job.counts == {"new": ROWS - 12, "failed": 12}
    assert upload.records["opportunity"] == {"new": ROWS - 12}
    assert numbers_of(upload) == (ROWS, 1, ROWS)
    assert (Opportunity.objects.count(), Account.objects.count(), Rep.objects.count()) == (ROWS - 12, 300, 12)


def numbers_of(upload):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT number), min(number), max(number) FROM imports_uploadrow WHERE upload_id = %s",
            [upload.pk],
        )
        return cursor.fetchone()
