"""One request to a vendor and its answer, whatever carries them: HTTP, or a facade in the same process."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec
import orjson

from connectors.kit.errors import Unreadable


class Request(msgspec.Struct, frozen=True):
    """`path` is below the site's address. A query's value may be a list: the key is then repeated.

    The body is `json`, or `form`, or `body` as it is with the `Content-Type` in `headers`.
    """

    method: str
    path: str
    query: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    json: Any = None
    form: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    @property
    def content(self) -> tuple[bytes, str]:
        """The body's bytes, and their content type ("" for none)."""
        if self.json is not None:
            return orjson.dumps(self.json), "application/json"
        if self.form:
            return urlencode(self.form).encode(), "application/x-www-form-urlencoded"
        return self.body, self.headers.get("Content-Type", "")

    @property
    def target(self) -> str:
        """Path and query as they stand in a request line."""
        query = urlencode({key: value for key, value in self.query.items() if value is not None}, doseq=True)
        return f"/{self.path.lstrip('/')}" + (f"?{query}" if query else "")


class Response(msgspec.Struct, frozen=True):
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """Without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Raises Unreadable for what is no JSON. Of a key that stands twice the last counts."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Unreadable(
                f"The answer is not the JSON it should be: {error}.", status=self.status, answer=self.text[:500]
            ) from error


class Transport(Protocol):
    """Carries requests to one site. May be used by several threads at once."""

    def send(self, request: Request, *, repeatable: bool) -> Response:
        """The vendor's answer, also when it is an error's.

        What may be repeated is tried again for a while. Raises Unavailable when there is no answer and nothing was
        done; Uncertain when a request that must not be repeated may have been done; Misconfigured for an address we
        don't call.
        """
        ...
