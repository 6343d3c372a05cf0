"""What every test may ask for: people, a real worker, a real browser."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests import servers

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WORKER_SECONDS = 30
PASSWORD = "correct horse battery"


def pytest_unconfigure(config):
    servers.stop()


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser_name" in getattr(item, "fixturenames", ()) and CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine: apt-get install chromium"))


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb):
    """Servers that are thrown away take their databases with them, whoever is still connected."""
    return django_db_keepdb or servers.MINE in os.environ


@pytest.fixture(autouse=True)
def _media_of_its_own(settings, tmp_path):
    """No test finds another one's files. A real worker is another process and shares the run's folder."""
    if not settings.MEDIA_ROOT.exists():
        settings.MEDIA_ROOT.mkdir(parents=True)


def _person(username, role, **more):
    from backoffice.access.models import User

    return User.objects.create_user(
        username, f"{username}@example.com", PASSWORD, role=role, is_staff=True, is_superuser=role == "admin", **more
    )


def _sells(user, given, manager=None, team=None):
    """Tie the login to a rep of its own, with a place under `manager`."""
    from backoffice.changes.acting import Door, acting
    from backoffice.crm.models import Rep, RepPlace

    with acting(None, Door.COMMAND, label="test"):
        user.rep = Rep.objects.create(given=given, family="Test", email=user.email, user=user)
        RepPlace.objects.create(rep=user.rep, manager=manager, team=team, from_month=date(2020, 1, 1))
    return user


@pytest.fixture
def password():
    """The password of every login below."""
    return PASSWORD


@pytest.fixture
def manager_user(db):
    """Marta, a manager: sees her own records and Ren's. Her rep is `manager_user.rep`."""
    return _sells(_person("marta", "manager"), "Marta")


@pytest.fixture
def rep_user(manager_user):
    """Ren, a rep in Marta's team: sees the own records. The rep is `rep_user.rep`."""
    return _sells(_person("ren", "rep"), "Ren", manager=manager_user.rep)


@pytest.fixture
def outsider_user(db):
    """Otto, a manager elsewhere: nothing of Ren's or Marta's exists for him."""
    return _sells(_person("otto", "manager"), "Otto")


@pytest.fixture
def operations_user(db):
    """Olga, sales operations: sees everything; sells nothing."""
    return _person("olga", "operations")


@pytest.fixture
def admin_user(db):
    """Ada, admin: sees and may do everything."""
    return _person("ada", "admin")


class Worker:
    """A real Celery worker on the test's database and broker."""

    def __init__(self, log: Path):
        self.log = log
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    @property
    def output(self):
        return self.log.read_text(errors="replace")

    def start(self):
        if self.process and self.process.poll() is None:
            return
        with self.log.open("ab") as log:
            earlier = log.tell()
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "-A", "backoffice.celery", "worker"),
                    *("--queues", "imports,pulls,pushes,default", "--concurrency", "1", "--loglevel", "INFO"),
                    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
                    *("--hostname", f"tests-{os.getpid()}@localhost"),
                ],
                cwd=settings.BASE_DIR,
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + WORKER_SECONDS
        while b" ready." not in self.log.read_bytes()[earlier:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The worker did not start:\n{self.output}")
            time.sleep(0.05)

    def kill(self):
        """kill -9 of the worker and all its children."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def child_environment():
    """The environment in which another process works on this test's database."""
    name = connection.settings_dict["NAME"]
    head, _, tail = settings.DATABASE_URL.partition("?")
    url = f"{head.rpartition('/')[0]}/{name}" + (f"?{tail}" if tail else "")
    # A child takes the addresses as they are: it is no xdist worker that still has to find its own.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    return inherited | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": url,
        "BROKER_URL": settings.BROKER_URL,
    }


@pytest.fixture(scope="module")
def _worker(django_db_setup, tmp_path_factory):
    # Ended with its module: the next one's workers are to get the messages that are meant for them.
    worker = Worker(tmp_path_factory.mktemp("worker") / "worker.log")
    yield worker
    if worker.process:
        worker.stop()


@pytest.fixture
def worker(_worker, transactional_db):
    """A real worker, started once a module and started again if a test killed it. For tests with `transaction=True`."""
    _worker.start()
    return _worker


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    flags = [*CHROMIUM_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    return browser_type_launch_args | {"executable_path": CHROMIUM, "headless": True, "args": flags}
