"""Who edited records after a job had written them: the last one for each column, from the change log."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from backoffice.changes.models import Change
from backoffice.imports.merging import loading
from backoffice.imports.undo.effects import Record

SINCE = f"""
    SELECT coalesce(child_kind, kind), coalesce(child_id, object_id), coalesce(changed.name, ''),
           actor_label, door, at
    FROM {Change._meta.db_table} LEFT JOIN LATERAL jsonb_object_keys(after) AS changed (name) ON true
    WHERE kind = %s AND object_id = ANY(%s) AND id > %s AND job_id IS DISTINCT FROM %s AND operation <> 'insert'
    ORDER BY id
"""


class Edit(NamedTuple):
    who: str
    door: str
    at: datetime


type Edits = dict[tuple[str, int, str], Edit]


def edits_since(job_id: int, records: Sequence[Record]) -> Edits:
    """By kind, id and column of each row; a row that was deleted stands under the column ''."""
    ids = [record.id for record in records]
    first = min(effect.last for record in records for effect in record.effects)
    found = loading.rows(SINCE, [records[0].kind, ids, first, job_id])
    return {(kind, id, column): Edit(*edit) for kind, id, column, *edit in found}
