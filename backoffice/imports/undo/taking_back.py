"""The job that takes back what an upload did, or what such an undo did, out of the change log.

Each chunk is one transaction: records, their outcomes, counts and place together. What is decided follows from what
is there, so a chunk that is done again finds itself done.
"""

import gc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.db import IntegrityError, connection
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.acting import Door
from backoffice.changes.registry import kind_of, model_of, parent_of
from backoffice.imports.applying import collecting_by_chunk
from backoffice.imports.expiring import deleted_some
from backoffice.imports.kinds import KINDS, kind_called
from backoffice.imports.merging import loading
from backoffice.imports.merging.loading import Moved
from backoffice.imports.models import Mode, Undo, Undone, UndoneRecord, UploadRow
from backoffice.imports.undo import effects, reasons, uses
from backoffice.imports.undo.effects import Record, Step
from backoffice.imports.undo.holding import that_did_something
from backoffice.imports.undo.reversing import Plan, Reversal
from backoffice.jobs.registry import Queue, job
from backoffice.jobs.running import Chunk, Failure, Run
from backoffice.quotas.models import month_in_words
from backoffice.quotas.revising import because

JOB = "imports.undo"
FIRST_RECORDS = 200  # so that there is something to see at once
CHUNK_RECORDS = 2_000
TRIES = 4
LINES_TOLD = 5
LONGEST_LABEL = 300
TAKEN_BACK = gettext_noop("This undo has been taken back since. Undo the upload anew instead.")
RUNNING = gettext_noop("This upload is being applied again. Wait until it has ended, or cancel it first.")

LINES = f"""
    CREATE TEMP TABLE undo_lines AS
    WITH written AS (
        SELECT %(kind)s AS kind, object_id, line FROM {UploadRow._meta.db_table}
        WHERE upload_id = %(upload)s AND object_id IS NOT NULL
        UNION ALL
        SELECT kind, id::bigint, line FROM {UploadRow._meta.db_table},
            LATERAL jsonb_each(beside) AS of_kind (kind, ids), LATERAL jsonb_array_elements_text(ids) AS id
        WHERE upload_id = %(upload)s AND beside IS NOT NULL
    )
    SELECT kind, object_id, (array_agg(DISTINCT line ORDER BY line))[1:{LINES_TOLD}] AS lines
    FROM written GROUP BY kind, object_id
"""
LINES_OF = "SELECT object_id, lines FROM undo_lines WHERE kind = %s AND object_id = ANY(%s)"


@job(JOB, queue=Queue.IMPORTS, label=_("Undo of an upload"), door=Door.UPLOAD)
def take_back(run: Run) -> None:
    """Goes on after the last committed chunk. A preview begins anew: what it had foreseen is gone with its process."""
    of = Undo.objects.select_related("upload__job", "upload__asked_by", "asked_by", "undoes__job")
    undo = of.get(pk=run.parameters["undo"])
    reversed_job = undo.undoes.job if undo.undoes else undo.upload.job
    if reversed_job is None:
        return
    if undo.upload.job is not None and undo.upload.job.is_open:
        raise Failure(gettext(RUNNING))
    is_preview = undo.mode == Mode.PREVIEW
    if not is_preview and that_did_something(undo.undos.filter(mode=Mode.APPLY)).exists():
        raise Failure(gettext(TAKEN_BACK))
    if is_preview:
        _begin_anew(run, undo)
    with uses.foreseeing(wanted=is_preview), _lines(undo), collecting_by_chunk():
        _TakingBack(run, undo, reversed_job.pk, is_preview).go()


class _TakingBack:
    def __init__(self, run: Run, undo: Undo, job_id: int, is_preview: bool) -> None:
        self.run, self.undo, self.job_id, self.is_preview = run, undo, job_id, is_preview
        self.viewers = _viewers(undo)
        self.reversal = Reversal(job_id, is_preview, self.viewers)
        self.locks = _locks()

    def go(self) -> None:
        steps, total = effects.steps_of(self.job_id)
        at = self.run.checkpoint or {"step": 0, "after": None, "seen": 0, "number": 0}
        self.run.progress(at["seen"], total)
        for place, (step, kind) in enumerate(steps):
            after = at["after"] if place == at["step"] else None
            while place >= at["step"]:
                limit = CHUNK_RECORDS if at["seen"] else FIRST_RECORDS
                records, following = effects.records_of(self.job_id, step, kind, after, limit)
                if following is None:
                    break
                after = following
                at = {**at, "step": place, "after": after, "seen": at["seen"] + len(records)}
                if records:
                    at["number"] = self._chunk(records, dict(at))
                del records
                gc.collect(1)

    def _chunk(self, records: Sequence[Record], at: dict[str, Any]) -> int:
        for left in range(TRIES - 1, -1, -1):
            try:
                return self.run.in_chunk(lambda chunk: self._reverse(chunk, records, at))
            except (IntegrityError, Moved):
                if not left:
                    raise
                self.run.log.info(gettext("Something changed under this chunk; it is done again."))
        raise AssertionError("unreachable")

    def _reverse(self, chunk: Chunk, records: Sequence[Record], at: dict[str, Any]) -> int:
        loading.commit_without_waiting()
        if not self.is_preview:
            loading.lock_kinds(*self.locks)
            because(gettext("Undo of the upload %(name)s") % {"name": self.undo.upload.name})
        labels = {} if records[0].step is Step.RETURN else self._labels(records)
        plans = self.reversal.reverse(records)
        if records[0].step is Step.RETURN:
            labels = self._labels(records)
        told = [(plan, outcome) for plan in plans if (outcome := plan.outcome) is not None]
        self._keep(told, labels, at["number"])
        counts = Counter(outcome.value for _, outcome in told)
        before = Undo.objects.values_list("counts", flat=True).get(pk=self.undo.pk)
        Undo.objects.filter(pk=self.undo.pk).update(counts=dict(Counter(before) + counts))
        if not self.is_preview:
            connection.check_constraints()  # whoever points to what went: here, where the chunk can be done again
        chunk.count(**counts)
        chunk.done = at["seen"]
        number = int(at["number"]) + len(told)
        chunk.checkpoint = {**at, "number": number}
        return number

    def _labels(self, records: Sequence[Record]) -> dict[int, str]:
        found = uses.names(records[0].kind, [record.id for record in records], self.viewers) or {}
        if (
            self.is_preview
            and records[0].step is Step.RETURN
            and all(viewer.sees_everything for viewer in self.viewers)
        ):
            reps = self._reps_of(records)
            return {record.id: _name_in_log(record, reps) for record in records} | found
        return found

    def _reps_of(self, records: Sequence[Record]) -> dict[int, str]:
        """What the reps are called after whom the records go: some would only come back with them."""
        ids = {id for record in records if record.main is not None and (id := record.main.before.get("rep_id"))}
        if not ids:
            return {}
        away = effects.of_ids(self.job_id, "rep", sorted(ids))
        return {rep.id: _name_in_log(rep, {}) for rep in away} | (uses.names("rep", ids, self.viewers) or {})

    def _keep(self, told: Sequence[tuple[Plan, Undone]], labels: dict[int, str], number: int) -> None:
        records = [plan.record for plan, _ in told]
        lines = self._lines_of(records)
        columns = ("undo_id", "number", "kind", "object_id", "label", "lines", "outcome", "reasons")
        rows = (
            (
                *(self.undo.pk, place, plan.record.kind, plan.record.id),
                (labels.get(plan.record.id) or f"#{plan.record.id}")[:LONGEST_LABEL],
                lines.get(plan.record.id, []),
                outcome.value,
                reasons.stored(plan.reasons) or None,
            )
            for place, (plan, outcome) in enumerate(told, number + 1)
        )
        loading.copy(UndoneRecord, columns, rows)

    def _lines_of(self, records: Sequence[Record]) -> dict[int, list[int]]:
        return dict(loading.rows(LINES_OF, [records[0].kind, [record.id for record in records]])) if records else {}


def _begin_anew(run: Run, undo: Undo) -> None:
    run.checkpoint = None
    run.counts.clear()
    while deleted_some(UndoneRecord, undo):
        pass
    Undo.objects.filter(pk=undo.pk).update(counts={})


@contextmanager
def _lines(undo: Undo) -> Iterator[None]:
    """The lines of the file that speak of each record, found once: a table of this connection alone."""
    kind = kind_of(kind_called(undo.upload.kind).writes[0])
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.undo_lines")
        cursor.execute(LINES, {"kind": kind, "upload": undo.upload_id})
        cursor.execute("CREATE INDEX ON undo_lines (object_id)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.undo_lines")


def _viewers(undo: Undo) -> list[User]:
    """Who will read of it: whoever asked for the undo, and whose upload it is."""
    people = {user.pk: user for user in (undo.asked_by, undo.upload.asked_by) if user is not None}
    return list(people.values())


def _locks() -> set[str]:
    """What loaders lock, all of it: an undo meets every kind that an upload writes."""
    written = {model for kind in KINDS.values() for model in kind.writes}
    own = {name for kind in KINDS.values() for name in getattr(kind.loader, "locks", ())}
    return own | {kind_of(parent_of(model) or model) for model in written if hasattr(model, "change_kind")}


def _name_in_log(record: Record, reps: Mapping[int, str]) -> str:
    """What a record was called that is not there at the moment."""
    values = record.main.before if record.main is not None else {}
    parts = [str(values[column]) for column in ("given", "family", "second_family") if values.get(column)]
    named = str(values.get("name") or values.get("label") or " ".join(parts))
    if month := values.get("month"):
        named = " · ".join(
            [*filter(None, [reps.get(values.get("rep_id", 0))]), month_in_words(date.fromisoformat(month))]
        )
    return named or f"{model_of(record.kind)._meta.verbose_name} #{record.id}"
