"""What the job layer costs over bare Celery, in one run with the same workers, and how soon progress is seen.

    DATABASE_URL=postgres://…/a_database_of_its_own BROKER_URL=redis://… python benchmarks/jobs.py [--jobs 2000]

Two worker processes; jobs are started a hundred per transaction; progress is told for every single row. Goals: at
least half of bare Celery's rate; from accepted to the first progress seen at most 150 ms for 95 of 100; progress and
cancel checks at most 1 % of an upload of 20,000 rows a second.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

import django  # noqa: E402

if __name__ == "__main__":
    django.setup()

import redis  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402, TID251

from backoffice.celery import app  # noqa: E402
from backoffice.changes.acting import Door  # noqa: E402
from backoffice.jobs.claiming import claim  # noqa: E402
from backoffice.jobs.heartbeat import Heartbeat  # noqa: E402
from backoffice.jobs.models import Job  # noqa: E402
from backoffice.jobs.registry import Queue, job  # noqa: E402
from backoffice.jobs.running import Chunk, Run  # noqa: E402
from backoffice.jobs.starting import start  # noqa: E402

RATE_GOAL, PROGRESS_GOAL_SECONDS, UPLOAD_GOAL = 0.5, 0.150, 0.01
ROWS, ROWS_PER_CHUNK, ROWS_PER_SECOND = 200_000, 2_000, 20_000
JOBS_PER_TRANSACTION = 100
QUEUE = "default"
ANSWERS = "benchmark-answers"
client = redis.Redis.from_url(settings.BROKER_URL)


@app.task(name="benchmark.nothing")
def bare_nothing() -> None:
    """The other side: what Celery does without us."""


@app.task(name="benchmark.answer")
def bare_answer() -> None:
    client.lpush(ANSWERS, "done")


@job("benchmark.nothing", queue=Queue.DEFAULT, label="Nothing", door=Door.COMMAND)
def nothing(run: Run) -> None:
    pass


@job("benchmark.progress", queue=Queue.DEFAULT, label="Progress", door=Door.COMMAND)
def progress(run: Run) -> None:
    run.progress(1, 100)
    time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    settings.DEBUG = False  # or Django keeps every statement
    call_command("migrate", verbosity=0)
    Job.objects.filter(kind__startswith="benchmark.").delete()
    client.flushdb()
    with workers():
        warm_up()
        ratio = compare_rates(options.jobs, options.rounds)
        compare_round_trips(100)
        p95 = first_progress(100)
    share = share_of_an_upload()
    Job.objects.filter(kind__startswith="benchmark.").delete()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    return 0 if ratio >= RATE_GOAL and p95 <= PROGRESS_GOAL_SECONDS and share <= UPLOAD_GOAL else 1


@contextmanager
def workers() -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "backoffice.celery", "worker", "-Q", QUEUE, "-c", "2"]
    more = ["-I", "benchmarks.jobs", "--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
    process = subprocess.Popen([*command, *more], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def warm_up() -> None:
    for _ in range(20):
        start("benchmark.nothing", {}, asked_by=None)
    wait_until(no_open_jobs, 60)


def compare_rates(count: int, rounds: int) -> float:
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(count / timed(lambda: send_and_drain_bare(count)))
        ours.append(count / timed(lambda: send_and_drain_jobs(count)))
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    ratio = statistics.median(ratios)
    print(f"bare Celery {statistics.median(bare):7.0f} tasks/s")
    print(f"job layer   {statistics.median(ours):7.0f} jobs/s    ratio {ratio:.2f} (goal ≥ {RATE_GOAL})")
    return ratio


def send_and_drain_bare(count: int) -> None:
    for _ in range(count):
        bare_nothing.apply_async(queue=QUEUE)
    wait_until(lambda: client.llen(QUEUE) + client.hlen("unacked") == 0, 300)


def send_and_drain_jobs(count: int) -> None:
    for _ in range(0, count, JOBS_PER_TRANSACTION):
        with transaction.atomic():
            for _ in range(JOBS_PER_TRANSACTION):
                start("benchmark.nothing", {}, asked_by=None)
    wait_until(no_open_jobs, 300)


def compare_round_trips(count: int) -> None:
    def bare() -> None:
        bare_answer.apply_async(queue=QUEUE)
        client.brpop(ANSWERS, timeout=10)

    def ours() -> None:
        started = start("benchmark.nothing", {}, asked_by=None)
        wait_until(lambda: not Job.objects.open().filter(pk=started.pk).exists(), 10)

    times = {"bare Celery": [timed(bare) for _ in range(count)], "job layer": [timed(ours) for _ in range(count)]}
    for name, seconds in times.items():
        print(f"round trip, {name}: median {statistics.median(seconds) * 1000:.1f} ms")


def first_progress(count: int) -> float:
    def one() -> None:
        started = start("benchmark.progress", {}, asked_by=None)
        wait_until(lambda: Job.objects.filter(pk=started.pk, done__gt=0).exists(), 10)

    seconds = []
    for _ in range(count):
        seconds.append(timed(one))
        wait_until(no_open_jobs, 10)
    p95 = statistics.quantiles(seconds, n=20)[-1]
    print(
        f"accepted → first progress seen: median {statistics.median(seconds) * 1000:.0f} ms, "
        f"p95 {p95 * 1000:.0f} ms (goal ≤ {PROGRESS_GOAL_SECONDS * 1000:.0f} ms)"
    )
    return p95


def share_of_an_upload() -> float:
    """What an upload spends on telling how far it is and on hearing of a cancel: without rows and commits."""
    waiting = Job.objects.create(kind="benchmark.nothing", queue=QUEUE, door=Door.COMMAND)
    taken = claim(waiting.pk)
    assert taken is not None
    with Heartbeat(taken) as signs:
        run = Run(taken, signs)

        def calls() -> None:
            for number in range(ROWS):
                run.progress(number, ROWS)
            with transaction.atomic():
                for row in range(0, ROWS, ROWS_PER_CHUNK):
                    run.check()
                    chunk = Chunk()
                    chunk.checkpoint = {"row": row}
                    chunk.count(new=ROWS_PER_CHUNK)
                    run._keep(chunk)

        seconds = timed(calls)
    share = seconds / (ROWS / ROWS_PER_SECOND)
    print(f"progress and cancel checks: {share:.2%} of an upload (goal ≤ {UPLOAD_GOAL:.0%})")
    return share


def no_open_jobs() -> bool:
    return not Job.objects.open().filter(kind__startswith="benchmark.").exists()


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("The workers did not finish in time.")
        time.sleep(0.002)


if __name__ == "__main__":
    raise SystemExit(main())
