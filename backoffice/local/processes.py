"""Other processes, by id: whether one lives, what it runs, and ending it without ever hitting a stranger."""

import os
import signal
import subprocess
import time
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
    answer = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def runs(pid: int, mark: str) -> bool:
    """Whether this process lives and is the one we mean: its command line holds `mark`. Ids are given out again."""
    return pid > 0 and mark in command_of(pid)


def end(pid: int, mark: str, *steps: tuple[signal.Signals, float]) -> bool:
    """Send each signal in turn, waiting so many seconds for the process to go. True when it is gone."""
    for number, patience in steps:
        if not runs(pid, mark):
            return True
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            reap(pid)
            if not runs(pid, mark):
                return True
            time.sleep(0.02)
    return not runs(pid, mark)


def reap(pid: int) -> None:
    """Collect the process if it is a dead child of ours."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def write(path: Path, text: str) -> None:
    """Write a file that only we may read, whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.rename(path)
