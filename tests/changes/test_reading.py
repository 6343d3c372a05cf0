"""Readers of the log: in an order in which nothing is ever skipped."""

import time

import pytest
from django.db import connection, connections

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change, Position
from backoffice.changes.reading import entries_after, history
from backoffice.crm.models import Region

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]

PATIENCE_SECONDS = 30
START = Position()


@pytest.fixture
def slow():
    """A second connection, whose transaction stays open as long as the test likes."""
    other = connections.create_connection("default")
    other.set_autocommit(False)
    yield other.cursor()
    other.rollback()
    other.close()


def add(name, cursor=None):
    if cursor is None:
        with acting(None, Door.COMMAND, label="quick"):
            Region.objects.create(name=name)
        return
    cursor.execute("SELECT set_config('backoffice.acting', %s, true)", ['{"door": "command", "label": "slow"}'])
    cursor.execute("INSERT INTO crm_region (name) VALUES (%s)", [name])


def names(entries):
    return [entry.after["name"] for entry in entries]


def read(expected, position=START, limit=100):
    """The next entries, once there are as many as expected: other databases of the server hold readers back too."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found := entries_after(position, limit)) < len(expected) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert names(found) == expected
    return found


def test_entries_come_in_order_and_each_once():
    for name in ("North", "South", "East"):
        add(name)
    first = read(["North", "South"], limit=2)
    (east,) = read(["East"], first[-1].position)
    assert entries_after(east.position, 100) == []


def test_a_slow_transaction_is_never_skipped(slow):
    add("slow", slow)
    add("quick")
    assert entries_after(START, 100) == []  # quick has committed, but slow began earlier and still may
    slow.connection.commit()
    read(["slow", "quick"])


def test_a_transaction_that_began_later_and_ends_first_waits_its_turn(slow):
    add("before")
    (before,) = read(["before"])
    add("slow", slow)
    add("quick")
    assert entries_after(before.position, 100) == []
    slow.connection.rollback()
    read(["quick"], before.position)


def test_a_readers_page_uses_the_feeds_index():
    with connection.cursor() as cursor:
        cursor.execute("SET enable_sort = off")
        cursor.execute(
            "EXPLAIN SELECT * FROM changes_change WHERE (xid, id) > ('5'::xid8, 1) "
            "AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT 10"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("RESET enable_sort")
    assert "change_feed" in plan
    assert "Sort" not in plan


def test_history_is_newest_first():
    with acting(None, Door.COMMAND, label="x"):
        region = Region.objects.create(name="North")
        Region.objects.filter(pk=region.pk).update(name="Norte")
    assert [entry.operation for entry in history("region", region.pk)] == ["update", "insert"]
    assert Change.objects.filter(xid=history("region", region.pk)[0].xid).count() == 2
