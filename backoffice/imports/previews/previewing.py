"""The job that finds out what would become of an upload's rows: they go through the loader, and nothing is written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, override

import orjson
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.acting import Door
from backoffice.imports.applying import OUTCOME, ByChunk, added, outcome_of, say_how_it_is_read
from backoffice.imports.expiring import deleted_some
from backoffice.imports.merging import loading
from backoffice.imports.merging.imagining import imagined, is_imagined_id
from backoffice.imports.merging.merger import Part, Records
from backoffice.imports.models import Outcome, PreviewRow, Upload
from backoffice.imports.previews.before_after import Changes, Texts
from backoffice.imports.previews.near import MOST_SHOWN, created, near, side_of
from backoffice.imports.reading.parsing import Parsed
from backoffice.imports.showing import expected_in_words, records_in_words
from backoffice.jobs.models import State
from backoffice.jobs.registry import Queue, job
from backoffice.jobs.running import Cancelled, Chunk, Failure, Run

JOB = "imports.preview"


@job(JOB, queue=Queue.IMPORTS, label=_("Preview of an upload"), door=Door.UPLOAD)
def preview(run: Run) -> None:
    """Begins anew whenever it is called: what an earlier call imagined went with its connection."""
    upload = Upload.objects.get(pk=run.parameters["upload"])
    if upload.job_id or upload.preview_job_id != run.job.pk:
        raise Failure(gettext("There is nothing to preview any more: the upload was applied, or previewed anew."))
    run.counts = Counter()
    run.progress(0, upload.rows)
    _clear(run, upload)
    say_how_it_is_read(run, upload)
    previewing = _Previewing(run, upload, User.objects.filter(pk=run.job.asked_by_id).first())
    with imagined(*previewing.kind.writes):
        previewing.go()
        run.in_chunk(previewing.keep_what_would_be_created)
    previewing.say_what_would_be()
    run.finish(State.SUCCEEDED)


def _clear(run: Run, upload: Upload) -> None:
    def delete(chunk: Chunk) -> bool:
        _keep(run, upload, {})
        chunk.done = 0
        return deleted_some(PreviewRow, upload)

    while run.in_chunk(delete):
        pass


def _keep(run: Run, upload: Upload, previewed: Mapping[str, Any]) -> None:
    """Unless the upload was applied or previewed anew meanwhile: then this job's findings are nobody's any more."""
    still = Upload.objects.filter(pk=upload.pk, preview_job=run.job.pk, job=None)
    if not still.update(previewed=previewed):
        raise Cancelled


class _Previewing(ByChunk):
    def __init__(self, run: Run, upload: Upload, user: User | None) -> None:
        super().__init__(run, upload)
        self.loader.keeps_differences = True
        self.user = user
        self.texts = Texts(self.kind.writes[0], self.kind.resource, user)
        self.counts: Counter[str] = Counter()
        self.records: Records = {}
        self.lines: dict[tuple[str, int], int] = {}  # of the first rows that name a record yet to be made

    @override
    def keep(self, chunk: Chunk, rows: Sequence[Parsed], records: Records) -> None:
        counts = self.counts + Counter(row.outcome for row in rows)
        summed = added(self.records, records)
        _keep(self.run, self.upload, {"counts": counts, "records": summed})
        told = zip(rows, self.texts.of(rows), strict=True)
        loading.copy(
            PreviewRow, (*OUTCOME, "changes"), (_stored(self.upload.pk, row, changes) for row, changes in told)
        )
        self._note_lines(rows)
        self.counts, self.records = counts, summed

    def _note_lines(self, rows: Iterable[Parsed]) -> None:
        seen = Counter(column for column, _ in self.lines)
        for row in rows:
            for column, _before, after, _of in row.differences:
                if isinstance(after, int) and is_imagined_id(after) and seen[column] < MOST_SHOWN:
                    seen[column] += (column, after) not in self.lines
                    self.lines.setdefault((column, after), row.line)

    def keep_what_would_be_created(self, chunk: Chunk) -> None:
        chunk.done = self.upload.rows
        creates = {word: told for word, part in self.loader.parts.items() if (told := self._created(word, part))}
        _keep(self.run, self.upload, {"counts": self.counts, "records": self.records, "creates": creates})

    def say_what_would_be(self) -> None:
        expected = {"rows": self.upload.rows} | {outcome.value: self.counts[outcome] for outcome in Outcome}
        for line in (expected_in_words(expected), *records_in_words(self.records)):
            self.run.log.info(line)

    def _created(self, word: str, part: Part) -> dict[str, Any] | None:
        side = side_of(word, part)
        total = self.records.get(word, {}).get("new", 0)
        if side is None or not total:
            return None
        first = created(side)
        lines = {id: line for (_, id), line in reversed(self.lines.items())}
        similar = near(side, [one["name"] for one in first], self.user)
        told = [
            {"name": one["name"], "detail": one["detail"], "line": lines.get(one["id"]), "near": found}
            for one, found in zip(first, similar, strict=True)
        ]
        return {"total": total, "first": told}


def _stored(upload_id: int, row: Parsed, changes: Changes | None) -> tuple[object, ...]:
    cells = list(outcome_of(upload_id, row))
    if is_imagined_id(row.object_id):
        cells[OUTCOME.index("object_id")] = None
    return (*cells, orjson.dumps(changes).decode() if changes else None)
