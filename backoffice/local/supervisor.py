"""The supervisor of `manage.py up`: honcho's Manager, which here revives a process that ended instead of ending all.

Whoever is killed comes back, after a pause that grows while it keeps dying. When the supervisor itself dies, the
relays end their processes; what even they could not end is recorded, and the next start ends it.
"""

import json
import multiprocessing
import os
import queue
import shlex
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honcho.manager import Manager
from honcho.printer import Printer
from honcho.process import Process

from backoffice.local.processes import Process as Running
from backoffice.local.processes import command_of, write

LOOK_SECONDS = 0.2
SHORTEST_PAUSE, LONGEST_PAUSE, STEADY = 0.5, 30.0, 20.0
# A worker takes up to 10 s to the end of its chunk.
STOP_SECONDS = 11.0


class Relay(Process):
    """Passes on what its process prints, and ends it when the supervisor is gone."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        supervisor = os.getppid()

        def watch() -> None:
            while os.getppid() == supervisor:
                time.sleep(1)
            end_group(self._child.pid)

        threading.Thread(target=watch, daemon=True).start()
        super().run(events, ignore_signals)


@dataclass
class Life:
    """One process under the supervisor, through all its deaths."""

    started_at: float = 0.0
    pause: float = SHORTEST_PAUSE
    due_at: float = 0.0


class Supervisor(Manager):
    """Keeps its processes running until it is told to stop.

    `attend` is called several times a second: what else is to be looked after.
    """

    def __init__(self, record: Path, printer: Printer, attend: Callable[[], None]) -> None:
        # A relay that was forked would hold our locks, and hold them beyond our death.
        multiprocessing.set_start_method("spawn", force=True)
        super().__init__(printer)
        self._process_ctor = Relay
        self._record = record
        self._attend = attend
        self._lives: dict[str, Life] = {}
        self._commands: dict[int, str] = {}
        self._asked_to_stop = False

    def add(self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        # With `exec` the shell makes way: the id is the program's own, and a signal reaches it.
        self.add_process(name, f"exec {shlex.join(command)}", env=dict(env), cwd=str(cwd))
        self._lives[name] = Life()

    def ask_to_stop(self, *_: Any) -> None:
        """Fit to be a signal handler."""
        self._asked_to_stop = True

    @property
    def is_stopping(self) -> bool:
        return self._asked_to_stop

    def loop(self) -> None:
        for name in self._processes:
            self._begin(name)
        while not self._asked_to_stop:
            self._pass_on(LOOK_SECONDS)
            self._sweep()
            self._revive()
            self._attend()

    def _begin(self, name: str) -> None:
        process = self._processes[name]
        process.pop("pid", None)
        process.pop("returncode", None)
        process["process"] = multiprocessing.Process(name=name, target=process["obj"].run, args=(self.events, True))
        process["process"].start()
        life = self._lives[name]
        life.started_at, life.due_at = time.monotonic(), 0.0

    def _pass_on(self, seconds: float) -> None:
        """Print what the processes say and note who started and ended."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self.events.get(timeout=left)
            except queue.Empty:
                return
            process = self._processes[message.name]
            if message.type == "line":
                self._printer.write(message)
            elif message.type == "start":
                process["pid"] = message.data["pid"]
                self._note()
            elif message.type == "stop":
                self._ended(message.name, message.data["returncode"])

    def _ended(self, name: str, code: int) -> None:
        process, life = self._processes[name], self._lives[name]
        process["returncode"] = code
        if pid := process.get("pid"):
            kill_group(pid)
        if self._asked_to_stop:
            return
        if time.monotonic() - life.started_at > STEADY:
            life.pause = SHORTEST_PAUSE
        life.due_at = time.monotonic() + life.pause
        self._system_print(f"{name} ended ({reason(code)}); starting it again in {life.pause:g} s\n")
        life.pause = min(life.pause * 2, LONGEST_PAUSE)

    def _sweep(self) -> None:
        """Notice who is dead without a word: its children may hold its output open, or its relay was killed."""
        for name, process in self._processes.items():
            pid = process.get("pid")
            if "returncode" in process:
                continue
            relay_is_gone = not process["process"].is_alive()
            if pid and (relay_is_gone or not command_of(pid)):
                kill_group(pid)
            if relay_is_gone:
                self._pass_on(0.05)
                if "returncode" not in process:
                    self._ended(name, -signal.SIGKILL)

    def _revive(self) -> None:
        for name, life in self._lives.items():
            if "returncode" in self._processes[name] and 0 < life.due_at <= time.monotonic():
                self._begin(name)

    def _note(self) -> None:
        """Record who runs, for the start after a death of ours."""
        pids = [process["pid"] for process in self._processes.values() if process.get("pid")]
        self._commands = {pid: self._commands.get(pid) or command_after_exec(pid) for pid in pids}
        write(self._record, json.dumps(self._commands))

    def end_all(self) -> None:
        """Tell every process to end, and see to it. The whole takes no longer than `STOP_SECONDS`."""
        self._asked_to_stop = True
        for process in self._processes.values():
            if "returncode" not in process and process.get("pid"):
                with suppress(ProcessLookupError):
                    os.kill(process["pid"], signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and not all("returncode" in each for each in self._processes.values()):
            self._pass_on(0.1)
            self._sweep()
        for process in self._processes.values():
            if process.get("pid"):
                kill_group(process["pid"])
        deadline = time.monotonic() + 1
        for process in self._processes.values():
            process["process"].join(max(deadline - time.monotonic(), 0.01))
            if process["process"].is_alive():
                process["process"].kill()
        self._record.unlink(missing_ok=True)


def end_leftovers(record: Path) -> int:
    """End what a supervisor that was killed left running. How many there were."""
    try:
        left = {int(pid): command for pid, command in json.loads(record.read_text()).items()}
    except (OSError, ValueError):
        return 0
    alive = [pid for pid, command in left.items() if command and command_of(pid) == command]
    for pid in alive:
        end_group(pid)
    record.unlink(missing_ok=True)
    return len(alive)


def end_group(pid: int) -> None:
    """End a process that leads its group, and then whatever of the group is left."""
    if command := command_of(pid):
        Running(pid, command).end((signal.SIGTERM, STOP_SECONDS))
    kill_group(pid)


def kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def command_after_exec(pid: int) -> str:
    """The command line once the shell has made way for the program."""
    for _ in range(50):
        command = command_of(pid)
        if command and not command.startswith("/bin/sh -c"):
            return command
        time.sleep(0.01)
    return ""


def reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
