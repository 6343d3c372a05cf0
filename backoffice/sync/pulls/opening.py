"""Conflicts that a merge met: kept for a person; closed when both sides agree without one, or one is gone."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from django.db.models import Q
from django.utils import timezone

from backoffice.changes.registry import model_of
from backoffice.sync.models import Conflict, Connection, Link, Side
from backoffice.sync.pulls.merging import Difference


class Met(NamedTuple):
    """What a merge came to for one record: which fields the vendor spoke of, which are disputed, which were written."""

    spoken: Collection[str]
    disputed: Sequence[Difference]
    written: Collection[str]


def note(connection: Connection, kind: str, met: Mapping[int, Met]) -> int:
    """What the merges of these records met, by their ids. Answers how many conflicts are new.

    A field that is in conflict already is shown with both sides' present values. One that no longer is, was settled by
    one side's taking the other's value: there or, if it was written, here.
    """
    mine = Conflict.objects.filter(connection=connection, kind=kind, settled_at=None)
    found = mine.filter(object_id__in=met).order_by("id").select_for_update()
    open_ones = {(each.object_id, each.field): each for each in found}
    new, changed = [], []
    for id, merge in met.items():
        for name, base, here, there in merge.disputed:
            values = {"base": base, "here": here, "there": there}
            known = open_ones.pop((id, name), None)
            if known is None:
                new.append(Conflict(connection=connection, kind=kind, object_id=id, field=name, **values))
            elif (known.base, known.here, known.there) != (base, here, there):
                known.base, known.here, known.there = base, here, there
                changed.append(known)
    changed += [each for each in open_ones.values() if _is_over(each, met[each.object_id])]
    Conflict.objects.bulk_create(new)
    if changed:
        Conflict.objects.bulk_update(changed, ["base", "here", "there", "settled_at", "taken"])
    return len(new)


def close_gone(connection: Connection) -> int:
    """Close conflicts of records that are deleted here, or gone at the vendor: nobody's value is left to be taken."""
    mine = Conflict.objects.filter(connection=connection, settled_at=None)
    closed = 0
    for kind in mine.order_by().values_list("kind", flat=True).distinct():
        here = model_of(kind)._default_manager.order_by().values("pk")
        gone = Link.objects.filter(connection=connection, kind=kind, gone_at__isnull=False).values("object_id")
        over = mine.filter(kind=kind).filter(~Q(object_id__in=here) | Q(object_id__in=gone))
        closed += over.update(settled_at=timezone.now())
    return closed


def _is_over(conflict: Conflict, met: Met) -> bool:
    whole = conflict.field.partition(".")[0]
    if whole not in met.spoken:
        return False
    conflict.settled_at = timezone.now()
    conflict.taken = Side.THERE if whole in met.written else Side.HERE
    return True
