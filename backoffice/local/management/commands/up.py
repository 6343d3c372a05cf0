"""`manage.py up`: the whole back office on this machine, under one supervisor."""

import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from honcho.printer import Printer

from backoffice.local import sandbox
from backoffice.local.embedded import PROJECT, Servers
from backoffice.local.lending import data_folder, lend_secrets
from backoffice.local.processes import Trouble
from backoffice.local.supervisor import Supervisor, end_leftovers

HOST = "127.0.0.1"
SECONDS_BETWEEN_LOOKS = 0.5


class Ports(NamedTuple):
    web: int
    sandbox: int


class Command(BaseCommand):
    help = (
        "Run the whole back office on this machine: PostgreSQL, Valkey, web, workers, scheduler, and a sandbox of "
        "vendors to try the sync on. "
        "Nothing needs to be installed, and only this machine can reach it. Ctrl-C stops it. "
        "Example: manage.py up --port 8080 --data ~/backoffice-data"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help=_("the console's port (default: 8000)"))
        parser.add_argument("--data", type=Path, help=_("the data folder (default: BACKOFFICE_DATA, else var)"))
        parser.add_argument("--no-demo", action="store_true", help=_("start empty, without the demo company"))

    def handle(self, *args: Any, **options: Any) -> None:
        # Either signal ends `up` wherever it is; what was begun is ended on the way out.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        home = options["data"].expanduser().resolve() if options["data"] else data_folder()
        try:
            with locked(home):
                os.environ.setdefault("BACKOFFICE_URL", f"http://{HOST}:{options['port']}")
                self._run(home, options["port"], with_demo=not options["no_demo"])
        except Trouble as trouble:
            raise CommandError(str(trouble)) from trouble
        except KeyboardInterrupt:
            self.stdout.write(_("Stopped."))

    def _run(self, home: Path, port: int, *, with_demo: bool) -> None:
        record = home / "up.json"
        if left := end_leftovers(record):
            self.stdout.write(_("Ended {count} processes that an earlier start left behind.").format(count=left))
        check_port(port)
        ports = Ports(port, sandbox.choose_port(home, beside=port))
        with self._servers(home) as servers:
            environment = self._environment(home, servers)
            self._prepare(environment, ports, with_demo=with_demo)
            self._serve(home, record, ports, environment, servers)

    @contextmanager
    def _servers(self, home: Path) -> Iterator[Servers | None]:
        """The embedded servers, for as long as we run; none where the environment names others."""
        if os.environ.get("DATABASE_URL") and os.environ.get("BROKER_URL"):
            yield None
            return
        servers = Servers(home)
        if servers.is_new:
            self.stdout.write(_("Making the data folder {folder} …").format(folder=home))
        self.stdout.write(_("Starting PostgreSQL and Valkey …"))
        try:
            servers.attach()
            yield servers
        finally:
            # The second Ctrl-C of somebody impatient must not leave servers behind.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            servers.release()

    def _environment(self, home: Path, servers: Servers | None) -> dict[str, str]:
        """What every process of ours is told. No debugging, unless it was asked for."""
        os.environ["BACKOFFICE_DATA"] = str(home)
        os.environ.setdefault("BACKOFFICE_LOCAL", "1")
        os.environ["PYTHONUNBUFFERED"] = "1"
        os.environ.setdefault("LOG_LEVEL", "WARNING")  # the logins stay in sight
        lend_secrets(home)
        if servers:
            addresses = servers.ensure()
            os.environ.setdefault("DATABASE_URL", addresses.database_url)
            os.environ.setdefault("BROKER_URL", addresses.broker_url)
        return dict(os.environ)

    def _prepare(self, environment: Mapping[str, str], ports: Ports, *, with_demo: bool) -> None:
        command = [
            *(sys.executable, "-m", "backoffice.local.preparing", "--sandbox", sandbox.address(ports.sandbox)),
            *([] if with_demo else ["--no-demo"]),
        ]
        done = subprocess.run(command, cwd=PROJECT, env=environment, check=False)
        if done.returncode:
            raise CommandError(_("The start failed; what is above tells why. Nothing is lost: start again."))

    def _serve(
        self, home: Path, record: Path, ports: Ports, environment: Mapping[str, str], servers: Servers | None
    ) -> None:
        self.stdout.write(_("Starting web, workers, scheduler and sandbox …"))
        opening = Opening(self, home, ports, servers)
        supervisor = Supervisor(record, Printer(sys.stdout), opening.attend)
        for name, command in processes(home, ports).items():
            supervisor.add(name, command, environment, PROJECT)
        signal.signal(signal.SIGINT, supervisor.ask_to_stop)
        signal.signal(signal.SIGTERM, supervisor.ask_to_stop)
        try:
            supervisor.loop()
        finally:
            supervisor.end_all()
        self.stdout.write(_("Stopped."))


class Opening:
    """What is looked after while all runs: the servers' keeper, and the moment the back office answers."""

    def __init__(self, command: Command, home: Path, ports: Ports, servers: Servers | None) -> None:
        self.command = command
        self.home = home
        self.ports = ports
        self.servers = servers
        self.is_open = False
        self.next_look = 0.0

    def attend(self) -> None:
        if time.monotonic() < self.next_look:
            return
        if self.servers:
            try:
                self.servers.ensure()
            except Trouble as trouble:  # the next look tries again; the processes wait for their servers
                self.command.stderr.write(str(trouble))
        if not self.is_open and answers(self.ports.web, "/readyz"):
            self.is_open = True
            self.command.stdout.write(welcome(self.home, self.ports))
            self.command.stdout.flush()
        self.next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS


def processes(home: Path, ports: Ports) -> dict[str, list[str]]:
    """Name and command of each process under the supervisor."""

    def worker(queues: str) -> list[str]:
        name = queues.split(",", 1)[0]
        return [
            # Root inside a container is nothing to warn of here: the broker is ours, and messages are JSON.
            *(
                sys.executable,
                "-W",
                "ignore:::celery.platforms",
                "-W",
                "ignore::PendingDeprecationWarning",
                "-m",
                "celery",
                "--quiet",
            ),
            *("-A", "backoffice.celery", "worker", "--loglevel", "WARNING"),
            *("--queues", queues, "--concurrency", "2", "--prefetch-multiplier", "1", "--hostname", f"{name}@%h"),
            *("--without-gossip", "--without-mingle"),
            *("--max-tasks-per-child", "1000", "--max-memory-per-child", str(400 * 1024)),
        ]

    return {
        "web": [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "backoffice.wsgi:application"),
            *("--host", HOST, "--port", str(ports.web), "--workers", "1", "--blocking-threads", "8", "--no-ws"),
            *("--log-level", "error", "--respawn-failed-workers", "--workers-kill-timeout", "5"),
        ],
        "worker": worker("imports,default"),
        "worker-sync": worker("pulls,pushes"),
        "scheduler": [sys.executable, "manage.py", "scheduler"],
        "sandbox": [
            *(sys.executable, "-m", "connectors.kit.sandbox", "--quiet"),
            *("--host", HOST, "--port", str(ports.sandbox), "--file", str(sandbox.file_in(home))),
        ],
    }


@contextmanager
def locked(home: Path) -> Iterator[IO[str]]:
    """The right to run on this data folder. Death releases it, so it is never stale."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "up.lock").open("a")
    except OSError as error:
        raise Trouble(
            _("The data folder {folder} cannot be used: {reason}.").format(folder=home, reason=error.strerror)
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Trouble(
                _(
                    "The back office already runs on {folder}: stop it first, or choose another folder with --data."
                ).format(folder=home)
            ) from error
        yield lock


def check_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise Trouble(_("There is no port {port}: choose one from 1 to 65535.").format(port=port))
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise Trouble(
                _("Port {port} cannot be used ({reason}): choose another one with --port.").format(
                    port=port, reason=(error.strerror or str(error)).lower()
                )
            ) from error


def answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def welcome(home: Path, ports: Ports) -> str:
    """The block that stands at the end of every start."""
    address = f"http://{HOST}:{ports.web}"
    manage = f"{python()} manage.py"
    if home != PROJECT / "var":
        manage = f"BACKOFFICE_DATA={home} {manage}"
    lines = [
        "",
        _("Ready: {address}/admin/").format(address=address),
        "",
        _("  Console       {address}/admin/").format(address=address),
        *login_lines(home, manage),
    ]
    samples = home / "samples"
    place = samples if samples.is_dir() else f"{address}/admin/imports/upload/add/"
    lines.append(_("  Sample files  {folder}").format(folder=place))
    lines += [
        _("  API docs      {address}/api/docs").format(address=address),
        _("  Sandbox       {address}/  (what is changed there is pulled)").format(
            address=sandbox.address(ports.sandbox)
        ),
        _("  Data          {folder}").format(folder=home),
        _("  To stop       Ctrl-C"),
        "",
    ]
    return "\n".join(lines)


def python() -> str:
    """How to call this Python from the project's folder."""
    with suppress(ValueError):
        return str(Path(sys.executable).relative_to(PROJECT))
    return sys.executable


def login_lines(home: Path, manage: str) -> list[str]:
    try:
        first = json.loads((home / "logins.json").read_text())
    except (OSError, ValueError):
        first = []
    widest = max((len(each["username"]) for each in first), default=0)
    lines = [
        _("  Login         {name}  {password}").format(
            name=each["username"].ljust(widest), password=each["password"] or _("(as in BACKOFFICE_ADMIN_PASSWORD)")
        )
        for each in first
    ]
    lines.append(_("  New password  {manage} login NAME").format(manage=manage))
    return lines
