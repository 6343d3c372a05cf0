"""Other processes, by id: whether one lives, what it runs, and ending it without ever hitting a stranger."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path


class Trouble(Exception):
    """Something a person must see to. The message is one sentence, fit to be printed alone."""


def command_of(pid: int) -> str:
    """The command line of a living process, or nothing."""
    record = Path(f"/proc/{pid}")
    if Path("/proc/self").exists():
        try:
            if record.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return ""
            return record.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    answer = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def runs(pid: int, mark: str) -> bool:
    """Whether this process lives and is the one we mean: its command line holds `mark`. Ids are given out again."""
    return pid > 0 and mark in command_of(pid)


class Process:
    """A process we started, or one of ours that an earlier life of this program left running."""

    def __init__(self, pid: int, mark: str, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self._mark = mark
        self._child = child

    @classmethod
    def started(cls, child: subprocess.Popen[bytes]) -> "Process":
        return cls(child.pid, "", child)

    def is_alive(self) -> bool:
        # Of a child the system keeps the id until we ask; of a stranger's the command line has to tell.
        return self._child.poll() is None if self._child else runs(self.pid, self._mark)

    def end(self, *steps: tuple[signal.Signals, float]) -> bool:
        """Send each signal in turn, waiting so many seconds for the process to go. True when it is gone."""
        for number, patience in steps:
            deadline = time.monotonic() + patience
            if self.is_alive():
                with suppress(ProcessLookupError):
                    os.kill(self.pid, number)
            while self.is_alive() and time.monotonic() < deadline:
                time.sleep(0.02)
        return not self.is_alive()


def write(path: Path, text: str) -> None:
    """Write a file that only we may read, whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.rename(path)
