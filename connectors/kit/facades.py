"""A vendor's protocol from the server's side: read the call, ask the store, answer as the vendor would."""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Protocol
from urllib.parse import parse_qsl

import msgspec
import orjson

from connectors.kit.store import Store

MOST_BYTES = 64 * 1024 * 1024


class TooLarge(Exception):
    """The body has more than the facade takes."""


class Call(msgspec.Struct):
    """One request as it came in. Header names are in lower case; `query` keeps every pair, in order."""

    method: str
    path: str  # without the slash at the beginning
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    stream: IO[bytes]
    most_bytes: int = MOST_BYTES
    body_read: bytes | None = None
    understood: Any = None  # for the vendor's facade: what it made of the body, so as not to read it twice

    def param(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return next((value for key, value in reversed(self.query) if key == name), default)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def body(self) -> bytes:
        """All of it, read once, in pieces. Raises TooLarge."""
        if self.body_read is None:
            pieces, size = [], 0
            while piece := self.stream.read(64 * 1024):
                size += len(piece)
                if size > self.most_bytes:
                    raise TooLarge
                pieces.append(piece)
            self.body_read = b"".join(pieces)
        return self.body_read

    @property
    def json(self) -> Any:
        """Raises ValueError for what is no JSON."""
        return orjson.loads(self.body)

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)


class Reply(msgspec.Struct, frozen=True):
    """An answer, down to its bytes. `content_type` is written as it stands."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


class Door(Protocol):
    """Who may come in: the store of whoever the secret belongs to; None alike for unknown, revoked and expired ones."""

    def __call__(self, secret: str) -> Store | None: ...


def new_digits() -> str:
    """40 hexadecimal digits: 160 random bits."""
    return secrets.token_hex(20)


type Handler = Callable[[Call, Store, Mapping[str, str]], Reply]


class Facade:
    """Routes of one vendor, tried in order. What is the same for all of them is said once, by the vendor's `facade.py`.

    `credential` finds the secret in a call; `refuse` answers a call without a good one, `nowhere` one that has no
    route, `explain` what a handler raised. `new_secret` makes a secret in the shape the vendor's own have.
    """

    def __init__(
        self,
        vendor: str,
        *,
        credential: Callable[[Call], str],
        refuse: Callable[[Call], Reply],
        nowhere: Callable[[Call], Reply],
        explain: Callable[[Call, Exception], Reply | None],
        most_bytes: int = MOST_BYTES,
        new_secret: Callable[[], str] = new_digits,
    ) -> None:
        self.vendor = vendor
        self.new_secret = new_secret
        self.most_bytes = most_bytes
        self._credential = credential
        self._refuse = refuse
        self._nowhere = nowhere
        self._explain = explain
        self._routes: list[tuple[re.Pattern[str], frozenset[str], Handler]] = []

    def route(self, pattern: str, *methods: str) -> Callable[[Handler], Handler]:
        """A handler for paths that match wholly; named groups are its third argument. No methods named: any."""

        def register(handler: Handler) -> Handler:
            self._routes.append((re.compile(pattern), frozenset(methods), handler))
            return handler

        return register

    def answer(self, call: Call, door: Door) -> Reply:
        """Never raises but for what nobody foresaw."""
        found = self._find(call)
        if found is None:
            return self._nowhere(call)
        store = door(self._credential(call))
        if store is None:
            return self._refuse(call)
        handler, groups = found
        try:
            return handler(call, store, groups)
        except Exception as error:
            reply = self._explain(call, error)
            if reply is None:
                raise
            return reply

    def _find(self, call: Call) -> tuple[Handler, Mapping[str, str]] | None:
        for pattern, methods, handler in self._routes:
            match = pattern.fullmatch(call.path)
            if match and (not methods or call.method in methods):
                return handler, {name: value for name, value in match.groupdict().items() if value is not None}
        return None
