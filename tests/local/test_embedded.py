"""Embedded servers: shared by whoever uses them, gone with the last user, and back after any death."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from backoffice.local.embedded import PROJECT, Servers, is_locked
from backoffice.local.processes import Trouble, command_of

pytestmark = pytest.mark.worker

HOLD = """
import sys, time
from pathlib import Path
from backoffice.local.embedded import Servers
print(Servers(Path(sys.argv[1]), throwaway=True).attach().postgres, flush=True)
time.sleep(60)
"""


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="backoffice-tests-"))
    folder.chmod(0o755)
    yield folder
    wait_until(lambda: not is_locked(folder / "keeper.lock"))
    shutil.rmtree(folder, ignore_errors=True)


def wait_until(happened, seconds=20):
    deadline = time.monotonic() + seconds
    while not (answer := happened()):
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)
    return answer


def select_one(addresses):
    url = addresses.database_url.replace("postgres://", "postgresql://")
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute("SELECT 1").fetchone()[0]


def test_two_users_share_the_servers_and_the_last_to_leave_ends_them(home):
    first, second = Servers(home, throwaway=True), Servers(home, throwaway=True)
    addresses = first.attach()
    assert second.attach() == addresses
    first.release()
    assert select_one(addresses) == 1
    assert Redis.from_url(addresses.broker_url).ping()
    second.release()
    assert not command_of(addresses.postgres)
    assert not command_of(addresses.valkey)


def test_servers_end_when_their_only_user_is_killed(home):
    user = subprocess.Popen([sys.executable, "-c", HOLD, str(home)], stdout=subprocess.PIPE, cwd=PROJECT, text=True)
    with user:
        postgres = int(user.stdout.readline())
        assert command_of(postgres)
        user.kill()
    wait_until(lambda: not command_of(postgres))


def test_killed_servers_come_back_with_their_data_and_a_killed_keeper_is_replaced(home):
    servers = Servers(home, throwaway=True)
    addresses = servers.attach()
    try:
        with psycopg.connect(addresses.database_url.replace("postgres://", "postgresql://")) as connection:
            connection.execute("SET synchronous_commit = on")  # off, in servers to be thrown away
            connection.execute("CREATE TABLE kept AS SELECT 1")
        os.kill(addresses.keeper, signal.SIGKILL)
        wait_until(lambda: not is_locked(home / "keeper.lock"))
        adopted = servers.ensure()
        assert adopted.keeper != addresses.keeper
        assert (adopted.postgres, adopted.database_url) == (addresses.postgres, addresses.database_url)

        os.kill(adopted.postgres, signal.SIGKILL)
        os.kill(adopted.valkey, signal.SIGKILL)
        wait_until(lambda: servers.ensure().postgres != adopted.postgres and servers.ensure().valkey != adopted.valkey)
        revived = servers.ensure()
        assert (revived.database_url, revived.broker_url) == (adopted.database_url, adopted.broker_url)
        wait_until(lambda: answers(revived))
        with psycopg.connect(revived.database_url.replace("postgres://", "postgresql://")) as connection:
            assert connection.execute("SELECT * FROM kept").fetchone()
    finally:
        servers.release()


def answers(addresses):
    try:
        return select_one(addresses)
    except psycopg.OperationalError:
        return False


def test_a_stale_pid_file_that_names_another_program_is_no_obstacle(home):
    servers = Servers(home)
    servers.attach()
    servers.release()
    (home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n")
    again = Servers(home, throwaway=True)
    assert select_one(again.attach()) == 1
    again.release()


def test_a_data_folder_of_another_version_is_refused_with_a_sentence(home):
    (home / "postgres").mkdir()
    (home / "postgres" / "PG_VERSION").write_text("15\n")
    if os.geteuid() == 0:
        os.chown(home / "postgres", 65534, 65534)
    with pytest.raises(Trouble, match="was made by PostgreSQL 15"):
        Servers(home).attach()
