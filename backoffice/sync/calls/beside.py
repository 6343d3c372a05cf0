"""Statements beside the transaction under way: committed at once, seen by all workers, kept whatever is rolled back.

One connection to the database for each process that calls vendors; the server ends it when nobody needs it.
"""

import atexit
import os
import threading
from collections.abc import Mapping
from typing import Any

import psycopg
import structlog
from django.db import connection as first_connection

from backoffice.jobs.heartbeat import connect

logger = structlog.get_logger(__name__)

IDLE_SECONDS = 30


class Beside:
    """May be used by several threads: their statements follow each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._belongs_to: tuple[int, str] | None = None  # process and database

    def run(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows it returns. Raises psycopg.Error."""
        with self._lock:
            used_before = self._is_usable()
            try:
                return self._run(statement, values)
            except psycopg.OperationalError:
                if not used_before or (self._connection and not self._connection.closed):
                    raise
            return self._run(statement, values)  # the server had ended it: nothing was done

    def close(self) -> None:
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def _is_usable(self) -> bool:
        mine = (os.getpid(), first_connection.settings_dict["NAME"])
        if self._belongs_to != mine:  # forked, or another database: not ours to close
            self._connection, self._belongs_to = None, mine
        return self._connection is not None and not self._connection.closed

    def _run(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = connect("vendor calls", f"-c idle_session_timeout={IDLE_SECONDS}s")
        cursor = self._connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


beside = Beside()
atexit.register(beside.close)
