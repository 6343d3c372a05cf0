"""One pass through a stream of a vendor's: page by page from where the last one came to, each page one transaction.

What a page brings and the cursor behind it are kept together, so that a crash has at most one page read again.

    at rest ──▶ changes ────────────────▶ at rest
            └─▶ everything ─▶ vanished ─▶ at rest      (`Phase`; see `vanishing`)
"""

from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.imports.merging import loading
from backoffice.jobs.running import Chunk, Failure, Run
from backoffice.sync import telling
from backoffice.sync.models import Connection, ConnectionState, Cursor, Link, Phase, Seen
from backoffice.sync.pulls import vanishing
from backoffice.sync.pulls.comparing import Batch, is_id
from backoffice.sync.pulls.taking import Taking
from connectors.kit.contract import Connector, Page, Stream
from connectors.kit.errors import Unreadable

TRIES = 3
ONE_LINK = [constraint.name for constraint in Link._meta.constraints]


class Pass:
    """A stream being read by a run, to its end. `rows_before` is what the run had counted when the stream began."""

    def __init__(self, run: Run, taking: Taking, connector: Connector, stream: Stream, rows_before: int) -> None:
        self.run = run
        self.taking = taking
        self.connector = connector
        self.stream = stream
        self.rows_before = rows_before
        self.cursor = Cursor()
        self.asked_at = timezone.now()

    @property
    def connection(self) -> Connection:
        return self.taking.connection

    @property
    def is_full(self) -> bool:
        return self.cursor.phase == Phase.EVERYTHING

    @property
    def keeps_seen(self) -> bool:
        """The first time everything is looked at, nothing can have vanished since."""
        return self.is_full and self.stream.finds_vanished and self.cursor.full_pass_at is not None

    def go(self, *, wants_full: bool) -> str:
        """Read on to the end. Answers what a person is asked, "" for nothing; raises what the connector does."""
        before = Counter(self.run.counts)
        self.run.in_chunk(lambda _chunk: self._begin(wants_full=wants_full))
        if self.cursor.phase != Phase.VANISHED:
            self._read()
        question = ""
        if self.cursor.phase == Phase.VANISHED:
            question = vanishing.conclude(self.run, self.taking, self.connector, self.stream, self.cursor)
            self._keep(self.run.in_chunk(partial(self._end, is_complete=not question)))
        self._tell(self.run.counts - before, question)
        return question

    def _begin(self, *, wants_full: bool) -> None:
        """Go on in the pass that was broken off; else, or if everything is wanted instead, begin one."""
        Cursor.objects.bulk_create([Cursor(connection=self.connection, stream=self.stream.name)], ignore_conflicts=True)
        cursor = self.cursor = Cursor.objects.select_for_update().get(
            connection=self.connection, stream=self.stream.name
        )
        is_due = wants_full or not self.stream.is_incremental or self._is_full_pass_due(cursor)
        match cursor.phase:
            case Phase.VANISHED | Phase.EVERYTHING:
                return
            case Phase.CHANGES if not wants_full:
                return
            case Phase.CHANGES:
                cursor.state = {}
        cursor.phase = Phase.EVERYTHING if is_due else Phase.CHANGES
        cursor.pass_began_at = timezone.now()
        cursor.save()
        Seen.objects.filter(connection=self.connection, stream=self.stream.name).delete()

    def _is_full_pass_due(self, cursor: Cursor) -> bool:
        at = cursor.full_pass_at
        return at is None or at + timedelta(hours=self.connection.full_every_hours) <= timezone.now()

    def _read(self) -> None:
        self.asked_at = timezone.now()
        is_over = False
        with closing(prepared(self.stream.pages(self.cursor.state, full=self.is_full), self.taking)) as pages:
            for page, batch in pages:
                self._keep(self._taken(page, batch))
                is_over = page.is_last
                if is_over:
                    self.taking.unsettled.clear()
                    break
        if not is_over:
            raise Unreadable(f"The list “{self.stream.name}” ended before its last page.", vendor=self.connector.label)

    def _taken(self, page: Page, batch: Batch) -> dict[str, Any]:
        """Again from its beginning where a facade linked one of its records at the same moment."""
        for again in range(1, TRIES + 1):
            try:
                return self.run.in_chunk(partial(self._take, page, batch))
            except IntegrityError as error:
                if again == TRIES or not any(name in str(error) for name in ONE_LINK):
                    raise
        raise AssertionError("unreachable")

    def _take(self, page: Page, batch: Batch, chunk: Chunk) -> dict[str, Any]:
        """Answers how the cursor stands after it; told to `self.cursor` once that is kept."""
        if not batch.kinds:
            loading.commit_without_waiting()  # else it is said on the way
        chunk.counts += self.taking.take(batch, since=self.asked_at)
        if page.is_last and self.taking.unsettled:
            again = self.taking.take(self.taking.unsettled, since=self.asked_at)
            chunk.count(conflicts=again["conflicts"])
        if page.total is not None:
            chunk.total = self.rows_before + page.total
        moved: dict[str, Any] = {"state": page.state, "moved_at": timezone.now()}
        if page.is_last:
            moved |= {"phase": Phase.VANISHED} if self.keeps_seen else self._at_rest(is_complete=self.is_full)
        if self.keeps_seen:
            first = self.stream.kinds[0]
            ids = [item.id for item in page.items if item.kind == first and is_id(item.id)]
            Seen.objects.create(connection=self.connection, stream=self.stream.name, remote_ids=ids)
        self._move(moved)
        return moved

    def _end(self, chunk: Chunk, *, is_complete: bool) -> dict[str, Any]:
        moved = self._at_rest(is_complete=is_complete)
        self._move(moved)
        Seen.objects.filter(connection=self.connection, stream=self.stream.name).delete()
        return moved

    def _move(self, moved: dict[str, Any]) -> None:
        """As long as the connection is to be pulled; else nothing of the page is kept, and the pull ends."""
        mine = Cursor.objects.filter(pk=self.cursor.pk)
        if not mine.filter(connection__state=ConnectionState.ACTIVE, connection__pulls=True).update(**moved):
            raise Failure(_("Meanwhile the connection was paused or retired, or does not pull any more."))

    def _at_rest(self, *, is_complete: bool) -> dict[str, Any]:
        """Not complete: everything is looked at again the next time."""
        full = {"full_pass_at": self.cursor.pass_began_at} if is_complete else {}
        return {"phase": Phase.AT_REST, "pass_began_at": None} | full

    def _keep(self, moved: dict[str, Any]) -> None:
        for name, value in moved.items():
            setattr(self.cursor, name, value)

    def _tell(self, counts: Counter[str], question: str) -> None:
        if question:
            self.run.log.warning(question)
        self.run.log.info(telling.of_a_stream(self.stream, counts))


def prepared(pages: Iterator[Page], taking: Taking) -> Generator[tuple[Page, Batch]]:
    """Each page with what can be worked out of it ahead: while the one before is being written, in another thread.

    What asking raises is raised where its page is due. The thread ends with the iterator.
    """

    def step() -> tuple[Page, Batch] | None:
        page = next(pages, None)
        return None if page is None else (page, Batch(page.items, decoded=taking.expects_news))

    with ThreadPoolExecutor(1, thread_name_prefix="pages") as pool:
        try:
            coming = pool.submit(step)
            while (page := coming.result()) is not None:
                if not page[0].is_last:
                    coming = pool.submit(step)
                yield page
                if page[0].is_last:
                    return
        finally:
            coming.cancel()
            pool.submit(pages.close).result()  # type: ignore[attr-defined]
