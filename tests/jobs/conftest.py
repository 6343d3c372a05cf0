"""What the tests of jobs share: a table to write into, claimed jobs, processes of their own."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from django.conf import settings
from django.db import connection

from backoffice.jobs import stopping
from backoffice.jobs.claiming import claim
from backoffice.jobs.models import Job
from backoffice.jobs.running import execute
from backoffice.jobs.starting import start
from tests.conftest import child_environment
from tests.jobs import kinds

# Short enough for a test to wait for, long enough for a busy machine to renew.
QUICK = {"JOB_LEASE_SECONDS": "3", "JOB_RESEND_SECONDS": "1", "SCHEDULER_TICK_SECONDS": "1"}


@pytest.fixture
def table(db):
    """The table into which the jobs of `kinds` write."""
    kinds.make_table()
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE written_row")


@pytest.fixture
def no_broker(monkeypatch):
    """Messages sent, instead of sending them."""
    sent = []
    monkeypatch.setattr("backoffice.jobs.dispatching.send_task", lambda *args, **more: sent.append(args) or True)
    return sent


@pytest.fixture(autouse=True)
def _not_told_to_stop():
    yield
    stopping.forget()


def begin(kind="tests.nothing", asked_by=None, **parameters):
    return start(kind, parameters, asked_by=asked_by)


def run(job):
    """Run it within the test's own transaction."""
    return execute(job.pk, heartbeat=False)


def claimed(**more):
    return claim(begin(**more).pk)


def expire_lease(job):
    """As if nobody had given a sign of life for half a minute."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_job SET lease_until = clock_timestamp() - interval '1 second' WHERE id = %s", [job.pk]
        )


def fresh(job):
    return Job.objects.get(pk=job.pk)


def until(condition, seconds=40, what="the condition"):
    """Wait for something that another process will bring about."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"Waited {seconds} s in vain for {what}.")


class Process:
    """A process of the product, on the test's servers."""

    def __init__(self, log, *command, **environment):
        self.log = log
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                [sys.executable, *command],
                cwd=settings.BASE_DIR,
                env=child_environment() | QUICK | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def signal(self, number):
        os.kill(self.popen.pid, number)

    def signal_all(self, number):
        """To it and its children."""
        os.killpg(self.popen.pid, number)

    def wait(self, seconds=20):
        return self.popen.wait(seconds)

    def kill(self):
        """kill -9, with its children."""
        with suppress(ProcessLookupError):
            self.signal_all(signal.SIGKILL)
        self.popen.wait()


@pytest.fixture
def processes(table, tmp_path):
    """Starts workers and schedulers; ends them with the test."""
    started = []

    def launch(*command, **environment):
        started.append(Process(tmp_path / f"{len(started)}.log", *command, **environment))
        return started[-1]

    yield launch
    for process in started:
        process.kill()
        print(process.log.read_text()[-4000:])  # shown when the test failed


@pytest.fixture
def start_worker(processes):
    def launch(*more, **environment):
        worker = processes(
            *("-m", "celery", "-A", "backoffice.celery", "worker", "-Q", "default", "-c", "1", "-l", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", "-I", "tests.jobs.kinds", *more),
            **environment,
        )
        until(lambda: " ready." in worker.log.read_text(), what="the worker")
        return worker

    return launch


@pytest.fixture
def start_scheduler(processes):
    def launch():
        scheduler = processes("manage.py", "scheduler")
        until(lambda: "runs" in scheduler.log.read_text(), what="the scheduler")
        return scheduler

    return launch
