"""How long one request may take from its first byte to its last, however slowly they drip, and how many may come.

A read time-out alone never ends what sends a byte now and then, and not all that HTTP libraries read goes through
their limits (urllib3 reads a chunk of length -1 to its end, at once): these sockets look at the clock before each read,
and count what it brought.
"""

import socket
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any, override


class Patience:
    """With the one request a thread has under way. `is_sent`: some of it may have reached the other side."""

    def __init__(self, read_seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._read_seconds = read_seconds
        self._clock = clock
        self._ends_at = 0.0
        self._bytes_left = 0
        self.is_sent = False

    def begin(self, seconds: float, most_bytes: int) -> None:
        self._ends_at = self._clock() + seconds
        self._bytes_left = most_bytes
        self.is_sent = False

    @property
    def is_over(self) -> bool:
        return self._clock() >= self._ends_at

    @property
    def is_flooded(self) -> bool:
        return self._bytes_left < 0

    def received(self, count: int) -> None:
        """Raises OSError when more has come than may."""
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise OSError("too much came in")

    def left(self) -> float:
        """How long the next read may take. Raises TimeoutError when the request's time is over."""
        left = self._ends_at - self._clock()
        if left <= 0:
            raise TimeoutError("timed out: the whole answer took too long")
        return min(left, self._read_seconds)


class _Minding(socket.socket):
    """Asks its patience before each read and write; without one it is a plain socket."""

    patience: Patience | None = None

    def _mind(self, *, sending: bool = False) -> None:
        if self.patience is not None:
            self.settimeout(self.patience.left())
            self.patience.is_sent |= sending

    def _count(self, count: int) -> None:
        if self.patience is not None:
            self.patience.received(count)

    @override
    def recv_into(self, *args: Any, **options: Any) -> int:
        self._mind()
        count = super().recv_into(*args, **options)
        self._count(count)
        return count

    @override
    def recv(self, *args: Any, **options: Any) -> bytes:
        self._mind()
        data = super().recv(*args, **options)
        self._count(len(data))
        return data

    @override
    def send(self, *args: Any, **options: Any) -> int:
        self._mind(sending=True)
        return super().send(*args, **options)

    @override
    def sendall(self, *args: Any, **options: Any) -> None:
        self._mind(sending=True)
        super().sendall(*args, **options)


class PlainSocket(_Minding):
    pass


class SecureSocket(_Minding, ssl.SSLSocket):
    """What a TLS context wraps a socket into; given its patience once it has shaken hands."""
