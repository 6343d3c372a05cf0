"""Reading the change log: one record's history, and everything in the order it can be told safely."""

from django.db.models import QuerySet

from backoffice.changes.models import Change, Position

# Below xmin every transaction has ended: nothing can appear behind the reader's back any more.
AFTER = f"""
SELECT * FROM {Change._meta.db_table}
WHERE (xid, id) > (%s::text::xid8, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, id LIMIT %s
"""


def entries_after(position: Position, limit: int) -> list[Change]:
    """The next entries, none ever skipped: a transaction still open holds back itself and all that began later."""
    return list(Change.objects.raw(AFTER, [str(position.xid), position.id, limit]))


def history(kind: str, object_id: int) -> QuerySet[Change]:
    """What happened to one record and its parts, newest first."""
    return Change.objects.filter(kind=kind, object_id=object_id).order_by("-id")
