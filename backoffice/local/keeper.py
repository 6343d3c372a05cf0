"""The keeper of one data folder's servers: a small process that starts them, revives them, and ends them.

It stays for as long as anybody holds the lock of the users (see `embedded`). Death releases that lock, so whoever
dies, in whatever way, leaves no server behind. Should the keeper itself be killed, the next one takes over the
servers it finds running.

    python -m backoffice.local.keeper FOLDER [--throwaway]
"""

import argparse
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import IO

from backoffice.local.postgres import Postgres
from backoffice.local.processes import Process, Trouble, write
from backoffice.local.valkey import Valkey

START_SECONDS = 60
LOG_BYTES = 10_000_000
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 10.0


@dataclass
class Kept:
    """A server and the process it runs in."""

    server: Postgres | Valkey
    log: int
    process: Process | None = None
    pause: float = SHORTEST_PAUSE
    started_at: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def begin(self) -> None:
        """Take over the server that runs already, or start one; until it answers."""
        self.process = self.server.running()
        if not self.process:
            self.server.prepare()
            self.start()
        # A recovery after a crash may take its time.
        deadline = time.monotonic() + START_SECONDS
        while not self.server.ready(self.pid):
            if time.monotonic() > deadline:
                raise Trouble(f"{self.server.name} did not answer within {START_SECONDS} s.")
            self.revive()
            time.sleep(0.03)
        self.server.open()

    def start(self) -> None:
        self.process = self.server.start(self.log)
        self.started_at = time.monotonic()

    def revive(self) -> None:
        """Start it again if it is gone, after a pause that grows while it keeps dying."""
        if self.process and self.process.is_alive():
            return
        if time.monotonic() - self.started_at > LONGEST_PAUSE:
            self.pause = SHORTEST_PAUSE
        say(f"{self.server.name} (process {self.pid}) is gone; starting it again.")
        time.sleep(self.pause)
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
        self.start()

    def finish(self) -> None:
        if self.process:
            self.server.stop(self.process)


def say(text: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}", flush=True)


def keep(home: Path, *, throwaway: bool) -> None:
    """Run the servers until nobody holds the users' lock."""
    log = open_log(home / "servers.log")
    kept = [Kept(server(home, durable=not throwaway), log) for server in (Postgres, Valkey)]
    with (home / "users.lock").open("a") as users:
        try:
            at_once(each.begin for each in kept)
            write_state(home, kept)
            while not nobody_holds(users) and not stopping:
                time.sleep(0.1)
                before = [each.pid for each in kept]
                for each in kept:
                    each.revive()
                if before != [each.pid for each in kept]:
                    write_state(home, kept)
        finally:
            (home / "servers.json").unlink(missing_ok=True)
            at_once(each.finish for each in kept)
        if throwaway:  # after a trouble all is left to be looked at
            for each in kept:
                each.server.remove()
            shutil.rmtree(home, ignore_errors=True)


def at_once(verbs: Iterable[Callable[[], None]]) -> None:
    """Do them side by side; the first trouble is raised after all are through."""
    troubles: list[Exception] = []

    def attempt(verb: Callable[[], None]) -> None:
        try:
            verb()
        except Exception as error:  # raised below, in the main thread
            troubles.append(error)

    threads = [Thread(target=attempt, args=(verb,)) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise troubles[0]


def nobody_holds(users: IO[str]) -> bool:
    """Whether the last user is gone; then the lock is ours, and new users wait until we have ended."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_state(home: Path, kept: list[Kept]) -> None:
    postgres, valkey = kept
    state = {
        "keeper": os.getpid(),
        "database_url": postgres.server.url,
        "broker_url": valkey.server.url,
        "postgres": postgres.pid,
        "valkey": valkey.pid,
    }
    write(home / "servers.json", json.dumps(state))


def open_log(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    if path.exists() and path.stat().st_size > LOG_BYTES:
        flags |= os.O_TRUNC
    return os.open(path, flags, 0o600)


stopping: list[int] = []


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m backoffice.local.keeper")
    parser.add_argument("home", type=Path)
    parser.add_argument("--throwaway", action="store_true")
    options = parser.parse_args()
    home: Path = options.home
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stopping.append(number))
    with (home / "keeper.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0  # another keeper was faster
        try:
            keep(home, throwaway=options.throwaway)
        except (Trouble, OSError) as error:
            say(str(error))
            if home.exists():
                write(home / "trouble.txt", str(error))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
