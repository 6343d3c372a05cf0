"""What tests of pushes do: change records here, have the log read, send."""

import time

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change, Position
from backoffice.changes.reading import entries_after
from backoffice.crm.models import Account
from backoffice.jobs.models import Job
from backoffice.jobs.running import execute
from backoffice.sync.models import Health, Link, Push, Reader
from backoffice.sync.pushes import outbox
from backoffice.sync.pushes.pushing import start_push

PATIENCE_SECONDS = 30


def someone(**more):
    return acting(None, Door.COMMAND, label="someone", **more)


def make(model=Account, *, connection=None, **fields):
    with someone(connection=connection):
        return model.objects.create(**{"name": "Globex"} | fields)


def change(row, *, connection=None, **fields):
    with someone(connection=connection):
        type(row).objects.filter(pk=row.pk).update(**fields)


def link(connection, row, remote_id="7", **fields):
    return Link.objects.create(
        connection=connection, kind=row.change_kind, object_id=row.pk, remote_id=remote_id, **fields
    )


def collect(**more):
    """All there is to read: other databases of the server hold readers back, too."""
    last = Change.objects.order_by("xid", "id").last()
    deadline = time.monotonic() + PATIENCE_SECONDS
    read = outbox.collect(**more)
    while Reader.objects.get(name="outbox").position != last.pk and time.monotonic() < deadline:
        time.sleep(0.02)
        read += outbox.collect(**more)
    return read


def time_is_right(count):
    """Until the reader may see the last `count` entries."""
    reader = Reader.objects.get(name="outbox")
    deadline = time.monotonic() + PATIENCE_SECONDS
    position = Position(reader.xid, reader.position)
    while len(entries_after(position, count)) < count and time.monotonic() < deadline:
        time.sleep(0.02)


def send(connection, user=None):
    """One job, from its start to its end."""
    collect()
    job = start_push(connection, user)
    execute(job.pk, heartbeat=False)
    return Job.objects.get(pk=job.pk)


def let_go(connection):
    """As if the time were over for which the vendor is not called: holds go by the database's clock."""
    Health.objects.filter(connection=connection).update(held_until=None)


def last_push(connection, **which):
    return Push.objects.filter(connection=connection, **which).latest("pk")
