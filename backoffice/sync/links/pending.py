"""References to vendors' records that are not here yet: kept, and settled when the record they point at arrives."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from django.db import connection as database

from backoffice.crm.records import Record, Ref
from backoffice.sync.links.ref_plans import list_plan
from backoffice.sync.models import Connection, Link, Pending
from backoffice.sync.rows import rows
from backoffice.sync.rows.columns import columns
from backoffice.sync.rows.part_rows import parts


class Waiting(NamedTuple):
    """A reference in `field` of our record, which is linked, to the vendor's record `target_id`."""

    kind: str
    object_id: int
    field: str
    target_kind: str
    target_id: str


def pend(connection: Connection, waiting: Iterable[Waiting]) -> None:
    """Keep what could not be resolved. A field waits for one record at a time: a list's next follows the first."""
    first: dict[tuple[str, int, str], Waiting] = {}
    for each in waiting:
        first.setdefault((each.kind, each.object_id, each.field), each)
    if not first:
        return
    kinds, ids, fields, target_kinds, target_ids = zip(*first.values(), strict=True)
    with database.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO sync_pending (connection_id, kind, object_id, field, target_kind, target_id)
            SELECT %s, * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[])
            ON CONFLICT (connection_id, kind, object_id, field)
            DO UPDATE SET target_kind = excluded.target_kind, target_id = excluded.target_id, since = now()
            WHERE (sync_pending.target_kind, sync_pending.target_id)
            IS DISTINCT FROM (excluded.target_kind, excluded.target_id)
            """,
            [connection.pk, list(kinds), list(ids), list(fields), list(target_kinds), list(target_ids)],
        )


def settle_pending(connection: Connection, kind: str, arrived: Mapping[str, int]) -> int:
    """Point at the records of `kind` that have just been linked whatever waited for them; how many records changed.

    A reference that was set here meanwhile, or that the vendor has taken back, is left as it is.
    """
    if not arrived:
        return 0
    found = Pending.objects.filter(connection=connection, target_kind=kind, target_id__in=list(arrived))
    waiting = [
        Waiting(*row)
        for row in found.order_by("id").values_list("kind", "object_id", "field", "target_kind", "target_id")
    ]
    if not waiting:
        return 0
    found.delete()
    of_kind: dict[str, list[Waiting]] = defaultdict(list)
    for each in waiting:
        of_kind[each.kind].append(each)
    return sum(_settle(connection, each, those, arrived) for each, those in sorted(of_kind.items()))


def _settle(connection: Connection, kind: str, waiting: Sequence[Waiting], arrived: Mapping[str, int]) -> int:
    fields = {each.field for each in waiting}
    ids = {each.object_id for each in waiting}
    bases = dict(
        Link.objects.filter(connection=connection, kind=kind, object_id__in=ids).values_list("object_id", "base")
    )
    here = rows.read(kind, ids, lock=True, fields=fields)
    known = _known(connection, waiting, bases)
    changes: dict[int, dict[str, Any]] = defaultdict(dict)
    still: list[Waiting] = []
    for each in waiting:
        record, agreed = here.get(each.object_id), bases.get(each.object_id, {}).get(each.field)
        if record is None or not agreed:
            continue
        if each.field in columns(kind):
            if getattr(record, each.field) is None and agreed.get("id") == each.target_id:
                changes[each.object_id][each.field] = Ref(id=str(arrived[each.target_id]))
        elif each.field in parts(kind):
            value = _with_arrived(each, record, agreed, arrived)
            if value is not None:
                changes[each.object_id][each.field] = value
            still += _next(each, agreed, known)
    pend(connection, still)
    return len(rows.update(kind, changes)) if changes else 0


def _with_arrived(
    waiting: Waiting, record: Record, agreed: Sequence[Any], arrived: Mapping[str, int]
) -> list[Any] | None:
    """Our list with the elements that point at what has arrived, where the vendor has them; None: they are here."""
    plan = list_plan(waiting.kind, waiting.field, None)
    assert plan is not None  # words wait for nothing
    elements = list(getattr(record, waiting.field))
    known = {(target, ref.id) for element in elements for target, ref in plan.refs(element)}
    is_changed = False
    for place, given in enumerate(agreed):
        element = msgspec.convert(given, plan.struct)
        refs = list(plan.refs(element))
        ours = {
            target.field: Ref(id=str(arrived[ref.id]))
            for target, ref in refs
            if target.kind == waiting.target_kind and ref.id in arrived
        }
        is_new = all((target, ours[target.field].id) not in known for target, _ in refs if target.field in ours)
        if ours and len(ours) == len(refs) and is_new:
            elements.insert(min(place, len(elements)), plan.with_refs(element, ours))
            is_changed = True
    return elements if is_changed else None


def _known(
    connection: Connection, waiting: Sequence[Waiting], bases: Mapping[int, Mapping[str, Any]]
) -> set[tuple[str, str]]:
    """Which of the records that waiting lists point at are linked."""
    wanted = {
        pointed
        for each in waiting
        if each.field in parts(each.kind)
        for pointed in _pointed(each, bases.get(each.object_id, {}).get(each.field) or ())
    }
    if not wanted:
        return set()
    found = Link.objects.filter(connection=connection, remote_id__in={id for _, id in wanted})
    return wanted & set(found.values_list("kind", "remote_id"))


def _pointed(waiting: Waiting, agreed: Sequence[Any]) -> Iterator[tuple[str, str]]:
    plan = list_plan(waiting.kind, waiting.field, None)
    assert plan is not None
    for given in agreed:
        for target, ref in plan.refs(msgspec.convert(given, plan.struct)):
            if target.kind and ref.id:
                yield target.kind, ref.id


def _next(waiting: Waiting, agreed: Sequence[Any], known: set[tuple[str, str]]) -> list[Waiting]:
    """The list waits for the next of its records that is not here."""
    for kind, remote_id in _pointed(waiting, agreed):
        if (kind, remote_id) not in known:
            return [waiting._replace(target_kind=kind, target_id=remote_id)]
    return []
