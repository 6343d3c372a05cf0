"""The last requests and answers of each connection, for support: secrets are blanked out before they come here.

They are written by a thread of this process, some at a time, beside the transaction that made the call: what led to a
failure is there to be read after all else was rolled back.
"""

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

import psycopg
import structlog

from backoffice.jobs.signs import storable
from backoffice.sync.calls.beside import beside
from connectors.kit.http import Kept

logger = structlog.get_logger(__name__)

MOST_KEPT = 50
MOST_CHARACTERS = 20_000
GATHER_SECONDS = 0.5
IDLE_SECONDS = 5.0
FLUSH_SECONDS = 10.0

# A connection that is deleted meanwhile, or not committed yet, has none.
INSERT = """
INSERT INTO sync_exchange (connection_id, at, method, url, request, status, answer, error, milliseconds)
SELECT %(id)s, given.at, given.method, given.url, given.request, given.status, given.answer, given.error, given.took
FROM unnest(
    %(at)s::timestamptz[], %(method)s::text[], %(url)s::text[], %(request)s::text[], %(status)s::smallint[],
    %(answer)s::text[], %(error)s::text[], %(took)s::int[]
) WITH ORDINALITY AS given(at, method, url, request, status, answer, error, took, place)
WHERE EXISTS (SELECT FROM sync_connection WHERE id = %(id)s)
ORDER BY given.place
"""
DROP_OLD = """
DELETE FROM sync_exchange
WHERE connection_id = %(id)s
  AND id <= (SELECT id FROM sync_exchange WHERE connection_id = %(id)s ORDER BY id DESC OFFSET %(most)s LIMIT 1)
"""


def keep(connection_id: int) -> Callable[[Kept], None]:
    """What a transport gives its exchanges to. Takes no time, and never fails."""

    def keep_one(kept: Kept) -> None:
        writer.add(connection_id, kept)

    return keep_one


def flush() -> None:
    """Wait until all that was kept in this process so far can be read."""
    writer.flush()


class Writer:
    """Gathers exchanges, and writes them in a thread that ends when there are none for a while."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[int, deque[Kept]] = {}
        self._is_writing = False
        self._in_a_hurry = False
        self._thread: threading.Thread | None = None

    def add(self, connection_id: int, kept: Kept) -> None:
        with self._changed:
            # Of more than are kept the older ones need not be written.
            self._waiting.setdefault(connection_id, deque(maxlen=MOST_KEPT)).append(kept)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="exchanges", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        with self._changed:
            self._in_a_hurry = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting and not self._is_writing, seconds)
            self._in_a_hurry = False

    def _run(self) -> None:
        while batch := self._gathered():
            for connection_id, kept in batch.items():
                try:
                    write(connection_id, [*kept])
                except psycopg.Error as error:
                    logger.warning("exchanges_not_kept", connection=connection_id, error=str(error))
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _gathered(self) -> dict[int, deque[Kept]]:
        """What came in within a moment; nothing, and the thread ends, when nothing came for long."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, IDLE_SECONDS):
                self._thread = None
                return {}
            until = monotonic() + GATHER_SECONDS
            while not self._in_a_hurry and (left := until - monotonic()) > 0:
                self._changed.wait(left)
            batch, self._waiting = self._waiting, {}
            self._is_writing = True
            return batch


def write(connection_id: int, kept: Sequence[Kept]) -> None:
    """The newest stay. Raises psycopg.Error."""
    newest = kept[-MOST_KEPT:]
    beside.run(
        INSERT,
        {
            "id": connection_id,
            "at": [each.at for each in newest],
            "method": [each.method[:10] for each in newest],
            "url": [_storable(each.url) for each in newest],
            "request": [_storable(each.request) for each in newest],
            "status": [each.status for each in newest],
            "answer": [_storable(each.answer) for each in newest],
            "error": [_storable(each.error) for each in newest],
            "took": [each.milliseconds for each in newest],
        },
    )
    beside.run(DROP_OLD, {"id": connection_id, "most": MOST_KEPT})


def _storable(text: str) -> str:
    return storable(text[:MOST_CHARACTERS])


writer = Writer()


def _begin_anew() -> None:
    """In a process that was forked: the thread stayed with the other one, and so did what it has to write."""
    global writer  # noqa: PLW0603
    writer = Writer()


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(flush)
