"""What benchmarks share that give each way a database and a process of its own."""

import os
import resource
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak() -> float:
    """The most memory this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def address(name: str) -> str:
    """Of another database on the same server."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


def drop(name: str) -> None:
    statement(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def statement(sql: str) -> None:
    """Beside all databases, outside of any transaction."""
    import psycopg

    with psycopg.connect(address("postgres"), autocommit=True) as connection:
        connection.execute(sql)
