"""What a job did to the records, read back from the change log: record by record, in the order it can be reversed.

A record is a row that stands on its own, with its parts. What the job deleted has to return before anything can point
to it again, and what it made can go once nothing points to it any more. So: first the deleted records return, those
others point to first; then the changed ones; then the new ones go, those others point to last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from graphlib import TopologicalSorter
from typing import Any

import msgspec

from backoffice.changes.models import Change
from backoffice.changes.registry import Logged, logged_models, model_of
from backoffice.imports.merging import loading

LOG = Change._meta.db_table
FAR = 1 << 62


class Step(StrEnum):
    """What is done to a record."""

    RETURN = "return"
    RESTORE = "restore"
    REMOVE = "remove"


@dataclass
class Effect:
    """What became of one row: `before` and `after` by column; whole rows where it was not there before or after."""

    kind: str
    id: int
    existed: bool
    exists: bool
    last: int = 0
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def is_none(self) -> bool:
        return not (self.existed or self.exists) or (self.existed and self.exists and not self.before)

    def add(self, entry: "Entry") -> None:
        """The row's next entry."""
        self.last = entry.id
        if entry.operation == "delete":
            self.before = (entry.before | self.before) if self.existed else {}
            self.after, self.exists = {}, False
            return
        if self.existed and entry.operation == "update":
            self.before = entry.before | self.before
        self.after, self.exists = self.after | entry.after, True

    def settle(self) -> None:
        """Forget what the job itself took back."""
        if self.existed and self.exists:
            changed = [column for column in self.after if self.before.get(column) != self.after[column]]
            self.before = {column: self.before.get(column) for column in changed}
            self.after = {column: self.after[column] for column in changed}


@dataclass
class Record:
    """One record that the job touched."""

    kind: str
    id: int
    first: int
    main: Effect | None = None
    parts: list[Effect] = field(default_factory=list)

    @property
    def step(self) -> Step:
        if self.main is not None and not self.main.exists:
            return Step.RETURN
        return Step.REMOVE if self.main is not None and not self.main.existed else Step.RESTORE

    @property
    def effects(self) -> list[Effect]:
        return [*([self.main] if self.main is not None else []), *self.parts]


@dataclass(frozen=True)
class Entry:
    id: int
    object_id: int
    child_kind: str | None
    child_id: int | None
    operation: str
    before: dict[str, Any]
    after: dict[str, Any]


def steps_of(job_id: int) -> tuple[list[tuple[Step, str]], int]:
    """What is to be done one after the other, and how many records the job touched."""
    counted = loading.rows(
        f"SELECT kind, count(DISTINCT object_id) FROM {LOG} WHERE job_id = %s GROUP BY kind ORDER BY kind", [job_id]
    )
    kinds = _pointed_to_first([kind for kind, _ in counted])
    steps = [
        *((Step.RETURN, kind) for kind in kinds),
        *((Step.RESTORE, kind) for kind in kinds),
        *((Step.REMOVE, kind) for kind in reversed(kinds)),
    ]
    return steps, sum(number for _, number in counted)


# Along the job's own index, so that all the chunks together read its entries once for each step.
OF_STEP = {
    Step.RETURN: "id < %(after)s AND child_kind IS NULL AND operation = 'delete' ORDER BY id DESC",
    Step.RESTORE: "id > %(after)s AND (child_kind IS NOT NULL OR operation = 'update') ORDER BY id",
    Step.REMOVE: "id < %(after)s AND child_kind IS NULL AND operation = 'insert' ORDER BY id DESC",
}
OF_RECORDS = f"""
    SELECT id, object_id, child_kind, child_id, operation, before::text, after::text FROM {LOG}
    WHERE kind = %s AND object_id = ANY(%s) AND job_id = %s ORDER BY id
"""


def records_of(job_id: int, step: Step, kind: str, after: int | None, limit: int) -> tuple[list[Record], int | None]:
    """The step's next records after the place `after`, and the place behind them; None when there are no more."""
    is_upwards = step is Step.RESTORE
    place = (0 if is_upwards else FAR) if after is None else after
    told = loading.rows(
        f"SELECT id, object_id FROM {LOG} WHERE job_id = %(job)s AND kind = %(kind)s AND {OF_STEP[step]}"
        " LIMIT %(limit)s",
        {"job": job_id, "kind": kind, "after": place, "limit": limit},
    )
    if not told:
        return [], None
    ids = list(dict.fromkeys(object_id for _, object_id in told))
    wanted = [
        record
        for record in of_ids(job_id, kind, ids)
        if record.step is step and not (is_upwards and record.first <= place)
    ]
    return [record for record in wanted if record.effects], told[-1][0]


def of_ids(job_id: int, kind: str, ids: Sequence[int]) -> list[Record]:
    """Those of the records that the job touched, whether they are there or not."""
    return _folded(kind, ids, loading.rows(OF_RECORDS, [kind, list(ids), job_id]))


def _folded(kind: str, ids: Sequence[int], rows: Iterable[Sequence[Any]]) -> list[Record]:
    records: dict[int, Record] = {}
    effects: dict[tuple[int, str | None, int], Effect] = {}
    for row in rows:
        entry = Entry(row[0], row[1], row[2], row[3], row[4], read(row[5]), read(row[6]))
        records.setdefault(entry.object_id, Record(kind, entry.object_id, entry.id))
        key = (entry.object_id, entry.child_kind, entry.child_id or entry.object_id)
        if key not in effects:
            existed = entry.operation != "insert"
            effects[key] = Effect(entry.child_kind or kind, key[2], existed, existed)
        effects[key].add(entry)
    for (object_id, child_kind, _), effect in effects.items():
        effect.settle()
        if effect.is_none:
            continue
        if child_kind is None:
            records[object_id].main = effect
        else:
            records[object_id].parts.append(effect)
    return [records[id] for id in ids if id in records]


_decoder = msgspec.json.Decoder(float_hook=Decimal)


def read(text: str | None) -> dict[str, Any]:
    """A JSON object as the database wrote it: numbers with a fraction stay exact."""
    values: dict[str, Any] = _decoder.decode(text) if text is not None else {}
    return values


def parts_of(kind: str) -> list[Logged]:
    """The models whose rows are told of under records of the kind."""
    return [logged for logged in logged_models() if logged.parent == kind]


def _pointed_to_first(kinds: Sequence[str]) -> list[str]:
    order = TopologicalSorter({kind: sorted(_points_to(kind) & set(kinds) - {kind}) for kind in kinds})
    return list(order.static_order())


def _points_to(kind: str) -> set[str]:
    pointing = [model_of(kind), *(part.model for part in parts_of(kind))]
    targets = {column.related_model for model in pointing for column in model._meta.concrete_fields}
    return {str(getattr(target, "change_kind", "")) for target in targets if isinstance(target, type)}
