"""How a sandbox misbehaves when it is told to, as vendors do of their own accord."""

import threading
from collections.abc import Callable
from enum import Enum

import msgspec

from connectors.kit.facades import Reply

HTML = b"<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


class Fails(Enum):
    UNAVAILABLE = "unavailable"  # 503
    TOO_MANY = "too_many"  # 429, with Retry-After
    LOST = "lost"  # the work is done, and the connection cut before an answer
    HTML = "html"  # a page instead of data
    CUT = "cut"  # the work is done, and half of the answer comes


class Fault(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What happens to the next `times` calls that it is for.

    `after`: the work is done first, as it always is for `lost` and `cut`.
    """

    fails: Fails
    world: str = ""  # all
    method: str = ""  # any
    path: str = ""  # that begin so, below the world's address
    skip: int = 0  # calls that go well before
    times: int = 1
    after: bool = False
    retry_after_seconds: int = 1

    def is_for(self, world: str, method: str, path: str) -> bool:
        return self.world in {"", world} and self.method.upper() in {"", method} and path.startswith(self.path)


class Lost(Exception):
    """No answer is to be sent."""


class Faults:
    """Those that are still to happen."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def all(self) -> list[Fault]:
        with self._lock:
            return [*self._faults]

    def take(self, world: str, method: str, path: str) -> Fault | None:
        """The first that is for this call, counted down."""
        with self._lock:
            for fault in self._faults:
                if not fault.is_for(world, method, path):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None


def spoiled(fault: Fault, work: Callable[[], Reply]) -> Reply:
    """The answer of a call that fails so. Raises Lost."""
    good = work() if fault.after or fault.fails in {Fails.LOST, Fails.CUT} else None
    match fault.fails:
        case Fails.UNAVAILABLE:
            return Reply(b"Service Unavailable", 503, "text/plain")
        case Fails.TOO_MANY:
            seconds = str(fault.retry_after_seconds)
            return Reply(b"Too Many Requests", 429, "text/plain", {"Retry-After": seconds})
        case Fails.HTML:
            return Reply(HTML, 200, "text/html; charset=utf-8")
        case Fails.CUT if good is not None:
            return msgspec.structs.replace(good, body=good.body[: len(good.body) // 2])
        case _:
            raise Lost
