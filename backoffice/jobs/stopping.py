"""Whether this worker was told to stop. One byte of memory shared with the pool's children, which are forked later."""

from __future__ import annotations

import mmap
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# How long a job may go on to its next chunk boundary once its worker was told to stop. Out within 15 s.
GRACE_SECONDS = 8.0

_flag = mmap.mmap(-1, 1)
_threads_at_work: set[int] = set()


def ask() -> None:
    """Tell every job of this worker to stop at its next chunk boundary."""
    _flag[0] = 1


def asked() -> bool:
    return _flag[0] == 1


def forget() -> None:
    """Take the word back: for tests, whose process lives on."""
    _flag[0] = 0


@contextmanager
def at_work() -> Iterator[None]:
    """While inside, SIGTERM to this process means: at the next chunk boundary."""
    me = threading.get_ident()
    _threads_at_work.add(me)
    try:
        yield
    finally:
        _threads_at_work.discard(me)


def listen_for_sigterm() -> None:
    """In a pool's child: a supervisor that signals the whole process group must not kill a job in mid-chunk."""
    signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(signum: int, frame: FrameType | None) -> None:
    if _threads_at_work:
        ask()
    else:
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
