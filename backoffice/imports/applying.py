"""The job that applies an upload. Each chunk is one transaction: records, outcomes, counts and place together."""

import gc
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import batched, chain, count, islice
from typing import override

import orjson
from django.db import IntegrityError
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from backoffice.changes.acting import Door
from backoffice.imports import faults, telling
from backoffice.imports.drafting import GONE
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import Loader, kind_called
from backoffice.imports.merging import loading
from backoffice.imports.merging.loading import Moved
from backoffice.imports.merging.merger import Records
from backoffice.imports.models import Mode, Undo, Upload, UploadRow
from backoffice.imports.reading import examining, files
from backoffice.imports.reading.ahead import ahead
from backoffice.imports.reading.files import Row
from backoffice.imports.reading.parsing import Parsed, ParseRow, compiled
from backoffice.imports.showing import records_in_words
from backoffice.imports.undo.holding import that_hold
from backoffice.jobs.models import OPEN
from backoffice.jobs.registry import Queue, job
from backoffice.jobs.running import Chunk, Failure, Run

JOB = "imports.apply"
FIRST_ROWS = 500  # so that there is something to see at once
CHUNK_ROWS = 5_000
TRIES = 4
UNDONE = gettext_noop("This upload has been undone. Take the undo back before you try again, or upload the file anew.")
OUTCOME = ("upload_id", "number", "line", "outcome", "object_id", "errors", "cells")
# In words: bare marks in a log line can't be read.
MARKS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", ".": "point"}


@job(JOB, queue=Queue.IMPORTS, label=_("Upload"), door=Door.UPLOAD, ended=telling.tell)
def apply(run: Run) -> None:
    """Goes on after the last committed row, however often it is called; not where the upload was taken back since."""
    upload = Upload.objects.get(pk=run.parameters["upload"])
    undos = Undo.objects.filter(upload=upload)
    if that_hold(undos).exists() or undos.filter(mode=Mode.APPLY, job__state__in=OPEN).exists():
        raise Failure(gettext(UNDONE))
    done = int((run.checkpoint or {}).get("rows", 0))
    run.progress(done, upload.rows)
    if not done:
        say_how_it_is_read(run, upload)
    applying = _Applying(run, upload)
    applying.go(done)
    applying.say_what_was_made()


class ByChunk(ABC):
    """A file's rows through the kind's loader, chunk by chunk. What is to be kept of a chunk says `keep`."""

    def __init__(self, run: Run, upload: Upload) -> None:
        self.run = run
        self.upload = upload
        self.kind = kind_called(upload.kind)
        self.loader: Loader = self.kind.loader(upload.columns, upload.chosen)
        self.loader.discretion.viewer = upload.asked_by
        self.parse: ParseRow = compiled(self.kind.resource, upload.columns, upload.header, upload.chosen)

    @abstractmethod
    def keep(self, chunk: Chunk, rows: Sequence[Parsed], records: Records) -> None:
        """In the chunk's transaction, when every row has its outcome."""

    def go(self, done: int = 0) -> None:
        """All rows after the first so many. Raises Failure when the file can't be read on."""
        if not self.upload.file:
            raise Failure(gettext(GONE))
        try:
            with self.upload.file.open("rb") as file, collecting_by_chunk():
                rows = examining.data_rows(files.binary(file), self.upload.how_written, skip=done)
                self._go(rows, done)
        except FileNotFoundError as error:
            raise Failure(gettext(GONE)) from error
        except Refused as refused:
            raise Failure(str(refused)) from refused

    def _go(self, rows: Iterator[Row], done: int) -> None:
        with closing(ahead(self._parsed(rows, done))) as chunks:
            for chunk in chunks:
                self._load(chunk)
                del chunk
                gc.collect(1)

    def _parsed(self, rows: Iterator[Row], done: int) -> Iterator[list[Parsed]]:
        numbers = count(done + 1)
        for chunk in in_chunks(rows):
            # The chunk goes first: an exhausted zip has taken a number too many otherwise.
            numbered = zip(chunk, numbers, strict=False)
            yield [self.parse(number, line, cells) for (line, cells), number in numbered]

    def _load(self, rows: list[Parsed]) -> None:
        for left in range(TRIES - 1, -1, -1):
            try:
                self.run.in_chunk(_Attempt(self, rows))
                return
            except (IntegrityError, Moved):
                if not left:
                    raise
                self.run.log.info(gettext("Something changed under this chunk; it is done again."))
                rows = self.again(rows)

    def again(self, rows: Iterable[Parsed]) -> list[Parsed]:
        self.loader.forget()
        return [self.parse(row.number, row.line, row.cells) for row in rows]


class _Attempt:
    """One chunk's work; called once more by the run when PostgreSQL broke it off for a deadlock."""

    def __init__(self, work: ByChunk, rows: list[Parsed]) -> None:
        self.work = work
        self.rows = rows
        self.is_first = True

    def __call__(self, chunk: Chunk) -> None:
        rows = self.rows if self.is_first else self.work.again(self.rows)
        self.is_first = False
        loading.commit_without_waiting()
        records = self.work.loader.load(rows)
        self.work.keep(chunk, rows, records)
        chunk.count(**Counter(row.outcome for row in rows))
        chunk.done = rows[-1].number


class _Applying(ByChunk):
    @override
    def keep(self, chunk: Chunk, rows: Sequence[Parsed], records: Records) -> None:
        upload = self.upload
        loading.copy(UploadRow, (*OUTCOME, "beside"), ((*outcome_of(upload.pk, row), _beside(row)) for row in rows))
        counts = Counter(row.outcome for row in rows)
        totals = Upload.objects.values_list("counts", "records").get(pk=upload.pk)
        upload.counts = dict(Counter(totals[0]) + counts)
        upload.records = added(totals[1], records)
        upload.save(update_fields=["counts", "records"])
        chunk.checkpoint = {"rows": rows[-1].number, "line": rows[-1].line}

    def say_what_was_made(self) -> None:
        for line in records_in_words(self.upload.records):
            self.run.log.info(line)


@contextmanager
def collecting_by_chunk() -> Iterator[None]:
    """Rows hold no cycles. Left alone, the collector walks all of Django again and again: a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def in_chunks(rows: Iterator[Row]) -> Iterator[tuple[Row, ...]]:
    """A small one first."""
    first = tuple(islice(rows, FIRST_ROWS))
    return chain([first] if first else [], batched(rows, CHUNK_ROWS))


def outcome_of(upload_id: int, row: Parsed) -> tuple[object, ...]:
    """The columns `OUTCOME` of a row. Only a failed one keeps its cells."""
    if not row.faults:
        return (upload_id, row.number, row.line, row.outcome, row.object_id, None, None)
    errors, cells = orjson.dumps(faults.stored(row.faults)), orjson.dumps(row.cells)
    return (upload_id, row.number, row.line, row.outcome, None, errors.decode(), cells.decode())


def _beside(row: Parsed) -> str | None:
    return orjson.dumps(row.beside).decode() if row.beside else None


def added(totals: Records, more: Records) -> Records:
    """Counts by kind and outcome, summed; what is nought is left out."""
    names = sorted({*totals, *more})
    sums = {name: dict(Counter(totals.get(name, {})) + Counter(more.get(name, {}))) for name in names}
    return {name: counts for name, counts in sums.items() if counts}


def say_how_it_is_read(run: Run, upload: Upload) -> None:
    layout, options = upload.how_written, upload.chosen
    said = {
        "format": layout.format,
        "encoding": layout.encoding,
        "delimiter": MARKS.get(layout.delimiter, layout.delimiter),
        "date_order": str(options.date_order or ""),
        "decimal_mark": MARKS.get(str(options.decimal_mark), ""),
        "currency": options.money,
        "blank": str(options.blank),
    }
    line = gettext("Reading %(name)s: %(rows)s rows.") % {"name": upload.name, "rows": upload.rows}
    run.log.info(line, **{name: value for name, value in said.items() if value})
    for line in layout.left_out:
        run.log.warning(line)
    if upload.unknown:
        line = gettext("Columns that are ignored: %(columns)s.") % {"columns": ", ".join(upload.unknown)}
        run.log.warning(line)
