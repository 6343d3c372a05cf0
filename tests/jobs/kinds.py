"""Kinds of job for tests only. A real worker knows them by `celery … -I tests.jobs.kinds`."""

import os
import signal
import time

from django.db import connection

from backoffice.changes.acting import Door
from backoffice.jobs.registry import Queue, job
from backoffice.jobs.running import Failure, Run

ROWS = """
    CREATE TABLE IF NOT EXISTS written_row (id bigserial PRIMARY KEY, job bigint, number integer, pid integer)
"""


def make_table():
    with connection.cursor() as cursor:
        cursor.execute(ROWS)


def written(job_id):
    """The numbers this job wrote, in the order they were written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM written_row WHERE job = %s ORDER BY id", [job_id])
        return [number for (number,) in cursor.fetchall()]


@job("tests.write_rows", queue=Queue.DEFAULT, label="Write rows", door=Door.COMMAND)
def write_rows(run: Run) -> None:
    """Writes rows 0..total-1, `size` a chunk, `seconds` of work in each."""
    total, size = run.parameters["total"], run.parameters.get("size", 10)
    run.progress(run.job.done_kept, total)
    start = (run.checkpoint or {"next": 0})["next"]
    for first in range(start, total, size):
        with run.chunk() as chunk, connection.cursor() as cursor:
            numbers = range(first, min(first + size, total))
            cursor.executemany(
                "INSERT INTO written_row (job, number, pid) VALUES (%s, %s, pg_backend_pid())",
                [(run.job.pk, number) for number in numbers],
            )
            time.sleep(run.parameters.get("seconds", 0))
            chunk.checkpoint = {"next": first + len(numbers)}
            chunk.count(new=len(numbers))


@job("tests.nothing", queue=Queue.DEFAULT, label="Nothing", door=Door.COMMAND)
def nothing(run: Run) -> None:
    pass


@job("tests.refuse", queue=Queue.DEFAULT, label="Refuse", door=Door.COMMAND)
def refuse(run: Run) -> None:
    raise Failure(run.parameters["words"])


@job("tests.stumble", queue=Queue.DEFAULT, label="Stumble", door=Door.COMMAND)
def stumble(run: Run) -> None:
    raise ZeroDivisionError("the secret of the universe")


@job("tests.count", queue=Queue.DEFAULT, label="Count", door=Door.COMMAND, besides={"accounts"})
def count(run: Run) -> None:
    """One chunk with the counts given."""
    with run.chunk() as chunk:
        chunk.total = run.parameters.get("total")
        chunk.count(**run.parameters["counts"])


@job("tests.chatter", queue=Queue.DEFAULT, label="Chatter", door=Door.COMMAND)
def chatter(run: Run) -> None:
    for number in range(run.parameters["lines"]):
        text = f"Line {number}"
        run.log.info(text, number=number)


@job("tests.crash", queue=Queue.DEFAULT, label="Crash", door=Door.COMMAND)
def crash(run: Run) -> None:
    """Takes its process along, every time."""
    run.log.info("About to divide by zero, hard")
    run.progress(7, 20)
    time.sleep(0.7)
    os.kill(os.getpid(), signal.SIGKILL)


@job("tests.dawdle", queue=Queue.DEFAULT, label="Dawdle", door=Door.COMMAND)
def dawdle(run: Run) -> None:
    """One chunk that never ends, the first time; later it ends at once."""
    with run.chunk() as chunk:
        if run.job.attempts == 1:
            time.sleep(120)
        chunk.count(new=1)
