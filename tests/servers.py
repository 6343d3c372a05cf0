"""The servers of one test run: its own PostgreSQL and Valkey, in a folder of their own, thrown away at the end.

`start` is called while the settings load. With DATABASE_URL and BROKER_URL set, those servers are used instead. Under
xdist the first process starts them and the others inherit the addresses; each gets a broker database of its own here
and a PostgreSQL database of its own from pytest-django.
"""

import os
import tempfile
from pathlib import Path

from backoffice.local.embedded import Servers

MINE = "BACKOFFICE_TEST_SERVERS"
servers: Servers | None = None


def start() -> None:
    global servers
    if not os.environ.get("DATABASE_URL") or not os.environ.get("BROKER_URL"):
        home = Path(tempfile.mkdtemp(prefix="backoffice-tests-"))
        home.chmod(0o755)
        servers = Servers(home, throwaway=True)
        addresses = servers.attach()
        os.environ[MINE] = str(home)
        os.environ.setdefault("DATABASE_URL", addresses.database_url)
        os.environ.setdefault("BROKER_URL", addresses.broker_url)
        os.environ.setdefault("BACKOFFICE_DATA", str(home / "data"))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw") and MINE in os.environ:
        server, _, _ = os.environ["BROKER_URL"].rpartition("/")
        os.environ["BROKER_URL"] = f"{server}/{int(worker[2:]) + 1}"
        os.environ["BACKOFFICE_DATA"] = f"{os.environ[MINE]}/data-{worker}"


def stop() -> None:
    """End what `start` started. Dying without it has the same effect, a moment later."""
    if servers:
        servers.release()
