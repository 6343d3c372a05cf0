"""Using the embedded servers of a data folder: attach to those that run, or hold them up for our own time.

Every user holds a shared lock on `users.lock`. The first one starts a keeper, which ends the servers as soon as it
gets that lock for itself: when the last user has left, or died.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from backoffice.local.processes import Trouble

PROJECT = Path(__file__).resolve().parent.parent.parent
ATTACH_SECONDS = 90


@dataclass(frozen=True)
class Addresses:
    """Where the servers answer, and the ids of their processes."""

    database_url: str
    broker_url: str
    keeper: int
    postgres: int
    valkey: int


class Servers:
    """The embedded servers under one data folder, from the side of a user."""

    def __init__(self, home: Path, *, throwaway: bool = False) -> None:
        self.home = home.resolve()
        self.throwaway = throwaway
        self._users: IO[str] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever started here."""
        return not (self.home / "postgres").exists()

    def attach(self) -> Addresses:
        """Hold the servers up from now on, starting them if nobody did."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self._users = self._users or (self.home / "users.lock").open("a")
        except OSError as error:
            raise Trouble(f"The data folder {self.home} cannot be used: {error.strerror}.") from error
        fcntl.flock(self._users, fcntl.LOCK_SH)
        try:
            return self.ensure()
        except BaseException:
            self.release()
            raise

    def ensure(self) -> Addresses:
        """Where they answer; a keeper that was killed is replaced."""
        deadline = time.monotonic() + ATTACH_SECONDS
        with (self.home / "start.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            while True:
                if self._is_kept():
                    if addresses := self._read():
                        return addresses
                elif self._keeper and (self._keeper.poll() or 0) > 0:  # it gave up; a killed one has a code below 0
                    raise Trouble(self._trouble())
                elif not self._keeper or self._keeper.poll() is not None:
                    self._start_keeper()
                if time.monotonic() > deadline:
                    raise Trouble(f"The embedded servers did not answer; {self.home / 'servers.log'} tells more.")
                time.sleep(0.03)

    def release(self, *, patience: float = 12) -> None:
        """Leave. When we were the last, wait until the servers have ended."""
        if self._users is None:
            return
        self._users.close()
        self._users = None
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self._is_kept() and self._nobody_uses():
            if self._keeper:
                self._keeper.poll()
            time.sleep(0.02)
        if self._keeper:
            try:
                self._keeper.wait(0.2)
            except subprocess.TimeoutExpired:
                self._keeper.returncode = 0  # it stays for others: not ours to wait for

    def _start_keeper(self) -> None:
        for stale in ("servers.json", "trouble.txt"):
            (self.home / stale).unlink(missing_ok=True)
        log = os.open(self.home / "servers.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._keeper = subprocess.Popen(
                [
                    *(sys.executable, "-m", "backoffice.local.keeper", str(self.home)),
                    *(["--throwaway"] if self.throwaway else []),
                ],
                cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(log)

    def _is_kept(self) -> bool:
        return is_locked(self.home / "keeper.lock")

    def _nobody_uses(self) -> bool:
        """Whether the keeper has the users' lock, or could have it."""
        return not is_locked(self.home / "users.lock", by_users=True)

    def _read(self) -> Addresses | None:
        try:
            return Addresses(**json.loads((self.home / "servers.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _trouble(self) -> str:
        try:
            return (self.home / "trouble.txt").read_text()
        except OSError:
            return f"The embedded servers did not start; {self.home / 'servers.log'} tells why."


def is_locked(path: Path, *, by_users: bool = False) -> bool:
    """Whether a living process holds this lock. A keeper that ends its servers holds the users' lock alone:
    that does not count as `by_users`."""
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return False
            except BlockingIOError:
                if not by_users:
                    return True
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                return False
    except OSError:
        return False
