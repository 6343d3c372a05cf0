"""Requests to a vendor over HTTP: to guarded addresses, at the connection's pace, tried again where that is safe.

What one try came to is found by `_Try`; what is done about it is decided by `decided`, which touches nothing.
"""

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import msgspec
import requests
import urllib3

from connectors.kit.addresses import Guard, GuardedAdapter, checked_url, host_of
from connectors.kit.errors import ConnectorError, Misconfigured, Unavailable, Uncertain, Unreadable
from connectors.kit.patience import Patience
from connectors.kit.redaction import Redactor
from connectors.kit.transport import Request, Response

MEBIBYTE = 1024 * 1024
TRIES = 4
LONGEST_WAIT_SECONDS = 60.0
LONGEST_HOLD_SECONDS = 24 * 3600.0
KEPT_CHARACTERS = 20_000
MARGIN = 1_000  # longer than any secret in any spelling: what a cut leaves of one is cut off too
ANSWER_CHARACTERS = 500
READ_BYTES = 64 * 1024
TOO_MANY = 429
# The library's own words would show the URL or the header, and with it a secret.
MALFORMED = "The request can't be sent: a value in its address or headers is malformed."
HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "backoffice"}


class Kept(msgspec.Struct, frozen=True):
    """One try as it may be shown: secrets blanked out, bodies cut. `status` is None when there was no answer."""

    at: datetime
    method: str
    url: str
    request: str
    status: int | None
    answer: str
    error: str
    milliseconds: int


class Limits(msgspec.Struct, frozen=True):
    """Of one try. `total_seconds` counts from connecting to the answer's last byte; bytes are those unpacked."""

    connect_seconds: float = 5
    read_seconds: float = 30
    total_seconds: float = 120
    most_bytes: int = 64 * MEBIBYTE


class Pace(Protocol):
    """The connection's, shared with whoever else calls the same vendor account."""

    def wait(self) -> None:
        """Until it is our turn. Raises Unavailable when that is too far away."""
        ...

    def hold(self, seconds: float) -> None:
        """Nobody is to call for so long."""
        ...


class Failed(msgspec.Struct, frozen=True):
    """A try without a usable answer. `may_be_done`: the request may have reached the vendor."""

    text: str
    may_be_done: bool
    is_hopeless: bool = False  # trying again at once would change nothing
    error: type[ConnectorError] | None = None  # what a repeatable request raises


class Again(msgspec.Struct, frozen=True):
    """Try again after so many seconds; nobody else is to call meanwhile if `all_wait`."""

    seconds: float
    all_wait: bool = False


def decided(
    outcome: Response | Failed, *, attempt: int, repeatable: bool, vendor: str, now: datetime, jitter: float = 1.0
) -> Response | Again | ConnectorError:
    """What follows from the outcome of the try number `attempt` (the first is 1): an answer, another try, or an error.

    A 429 was not looked at by the vendor, whatever it asked: it may always be sent again. Of other failures a request
    that is not repeatable is sent again only when it can't have arrived.
    """
    if isinstance(outcome, Response) and outcome.status < 500 and outcome.status != TOO_MANY:
        return outcome
    if isinstance(outcome, Failed):
        return _after_no_answer(outcome, attempt=attempt, repeatable=repeatable, vendor=vendor, jitter=jitter)
    told = retry_after(outcome.headers.get("retry-after", ""), now)
    if outcome.status != TOO_MANY and not repeatable:
        return Uncertain(
            f"{vendor} answered {outcome.status} to a request it may have done.", vendor=vendor, status=outcome.status
        )
    seconds = told if told is not None else back_off(attempt, jitter)
    if attempt >= TRIES or seconds > LONGEST_WAIT_SECONDS:
        said = "that we call too often" if outcome.status == TOO_MANY else str(outcome.status)
        return Unavailable(f"{vendor} answered {said}.", retry_after_seconds=told, vendor=vendor, status=outcome.status)
    return Again(seconds, all_wait=outcome.status == TOO_MANY or told is not None)


def _after_no_answer(
    failed: Failed, *, attempt: int, repeatable: bool, vendor: str, jitter: float
) -> Again | ConnectorError:
    if failed.may_be_done and not repeatable:
        return Uncertain(f"{vendor}: {failed.text}; what was sent may have been done.", vendor=vendor)
    if failed.is_hopeless or attempt >= TRIES:
        return (failed.error or Unavailable)(f"{vendor}: {failed.text}.", vendor=vendor)
    return Again(back_off(attempt, jitter))


def back_off(attempt: int, jitter: float) -> float:
    """1, 2, 4 … seconds, of which `jitter` (0 to 1) takes up to a half: not everybody comes back at once."""
    return min(2.0 ** (attempt - 1), LONGEST_WAIT_SECONDS) * (0.5 + jitter / 2)


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header, which holds a number of them or a time. None for what is neither."""
    text = value.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return min(float(text), LONGEST_HOLD_SECONDS)
    try:
        at = parsedate_to_datetime(text)
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_HOLD_SECONDS)


class HttpTransport:
    """Requests to one site. Follows no redirect, keeps no cookie, uses no proxy. One pooled session a thread."""

    def __init__(
        self,
        base_url: str,
        *,
        allow_local: bool,
        pace: Pace | None = None,
        keep: Callable[[Kept], None] | None = None,
        redactor: Redactor | None = None,
        limits: Limits | None = None,
        vendor: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises AddressRefused. `vendor` is what people call it; `sleep` is for those who have no time."""
        self.base_url = checked_url(base_url, allow_local=allow_local)
        self.vendor = vendor or host_of(base_url)
        self.redactor = redactor or Redactor()
        self.limits = limits or Limits()
        self._guard = Guard(allow_local=allow_local)
        self._pace = pace
        self._keep = keep
        self._sleep = sleep
        self._of_thread = threading.local()

    def send(self, request: Request, *, repeatable: bool) -> Response:
        attempt = 0
        while True:
            attempt += 1
            if self._pace:
                self._pace.wait()
            outcome = self._tried(request)
            next_step = decided(
                outcome,
                attempt=attempt,
                repeatable=repeatable,
                vendor=self.vendor,
                now=datetime.now(UTC),
                jitter=random.random(),  # noqa: S311 - when to try again is no secret
            )
            if isinstance(next_step, Response):
                return next_step
            if isinstance(next_step, ConnectorError):
                raise self._told(next_step, outcome)
            if next_step.all_wait and self._pace:
                self._pace.hold(next_step.seconds)
            self._sleep(next_step.seconds)

    def _told(self, error: ConnectorError, outcome: Response | Failed) -> ConnectorError:
        """The error with the beginning of what the vendor said; everybody waits for as long as it told us to."""
        if isinstance(outcome, Response):
            error.answer = self.redactor.text(outcome.text[: ANSWER_CHARACTERS + MARGIN])[:ANSWER_CHARACTERS]
            told = retry_after(outcome.headers.get("retry-after", ""), datetime.now(UTC))
            if self._pace and told:
                self._pace.hold(told)
        return error

    def _tried(self, request: Request) -> Response | Failed:
        """One try, and the exchange kept. Raises AddressRefused, and Misconfigured for what can't be sent."""
        begun, at = time.monotonic(), datetime.now(UTC)
        body, content_type = request.content
        url = self.base_url + request.target
        try:
            outcome = self._exchanged(_prepared(request, url, body, content_type))
        except Misconfigured as error:
            error.vendor = error.vendor or self.vendor
            self._note(request, url, body, str(error), at, begun)
            raise
        self._note(request, url, body, outcome, at, begun)
        return outcome

    def _note(
        self, request: Request, url: str, body: bytes, outcome: Response | Failed | str, at: datetime, begun: float
    ) -> None:
        if not self._keep:
            return
        answer = outcome if isinstance(outcome, Response) else None
        error = outcome.text if isinstance(outcome, Failed) else outcome
        kept = Kept(
            at=at,
            method=request.method,
            url=self._shown(url.encode()),
            request=self._shown(body),
            status=answer.status if answer else None,
            answer=self._shown(answer.body) if answer else "",
            error="" if answer else self.redactor.text(str(error)),
            milliseconds=round((time.monotonic() - begun) * 1000),
        )
        self._keep(kept)

    def _shown(self, body: bytes) -> str:
        """The beginning of a body, without secrets: none is left over where it was cut."""
        text = body[: 4 * (KEPT_CHARACTERS + MARGIN)].decode("utf-8", "replace")
        beginning = text[: KEPT_CHARACTERS + MARGIN]
        blanked = self.redactor.text(beginning)
        if len(beginning) < len(text) or len(body) > 4 * (KEPT_CHARACTERS + MARGIN):
            blanked = blanked[:-MARGIN]
        return blanked[:KEPT_CHARACTERS].replace("\0", "\ufffd")

    def _exchanged(self, prepared: requests.PreparedRequest) -> Response | Failed:
        adapter, patience = self._session()
        # On the wire twice as much as unpacked: room for headers, and for chunks' lengths.
        patience.begin(self.limits.total_seconds, 2 * self.limits.most_bytes + MEBIBYTE)
        times = (self.limits.connect_seconds, self.limits.read_seconds)
        try:
            # Not through a Session: it would read a redirect's whole body, and keep cookies.
            answer = adapter.send(prepared, stream=True, timeout=times, verify=True)
        except ValueError:  # of http.client and urllib3
            if patience.is_sent:
                return Failed("the answer is not HTTP", True)
            raise Misconfigured(MALFORMED) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if patience.is_flooded:
                return self._too_large()
            is_hopeless = patience.is_over or isinstance(error, requests.exceptions.SSLError)
            return Failed(self._reason(error), patience.is_sent, is_hopeless=is_hopeless)
        try:
            body = self._body(answer.raw)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            answer.raw.close()
            if patience.is_flooded:
                return self._too_large()
            if isinstance(error, urllib3.exceptions.DecodeError):
                return Failed("the answer can't be unpacked", True, is_hopeless=True, error=Unreadable)
            return Failed(self._reason(error), True, is_hopeless=patience.is_over)
        if body is None:
            answer.raw.close()
            return self._too_large()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Response(status=answer.status_code, headers=headers, body=body)

    def _too_large(self) -> Failed:
        text = f"the answer is larger than {self.limits.most_bytes / MEBIBYTE:g} MiB"
        return Failed(text, True, is_hopeless=True, error=Unreadable)

    def _session(self) -> tuple[GuardedAdapter, Patience]:
        if not hasattr(self._of_thread, "session"):
            patience = Patience(self.limits.read_seconds)
            self._of_thread.session = (GuardedAdapter(self._guard, patience), patience)
        session: tuple[GuardedAdapter, Patience] = self._of_thread.session
        return session

    def _body(self, raw: urllib3.response.BaseHTTPResponse) -> bytes | None:
        """The body unpacked; None when it is larger than it may be, however it is packed."""
        length = raw.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.limits.most_bytes:
            return None
        body = bytearray()
        for piece in raw.stream(READ_BYTES, decode_content=True):
            body += piece
            if len(body) > self.limits.most_bytes:
                return None
        return bytes(body)

    def _reason(self, error: Exception) -> str:
        """What went wrong in words, without the URL that requests puts into its errors."""
        innermost = _innermost(error)
        host = host_of(self.base_url)
        match innermost:
            case urllib3.exceptions.NameResolutionError():
                return f"there is no host called {host}, or no name server answers"
            case urllib3.exceptions.NewConnectionError():
                return f"{host} takes no connection ({innermost.__cause__ or 'refused'})"
            case urllib3.exceptions.ConnectTimeoutError():
                return f"{host} took no connection within {self.limits.connect_seconds:g} seconds"
            case urllib3.exceptions.SSLError() | requests.exceptions.SSLError():
                return self.redactor.text(
                    f"no safe connection to {host} ({innermost.args[0] if innermost.args else ''})"
                )
            case urllib3.exceptions.ReadTimeoutError() | TimeoutError():
                return "no whole answer in time"
            case _:
                return "the connection was cut before the whole answer was there"


def _prepared(request: Request, url: str, body: bytes, content_type: str) -> requests.PreparedRequest:
    headers = HEADERS | ({"Content-Type": content_type} if content_type else {}) | dict(request.headers)
    try:
        prepared = requests.Request(request.method, url, headers=headers, data=body or None).prepare()
    except (requests.RequestException, ValueError):
        raise Misconfigured(MALFORMED) from None
    return prepared


def _innermost(error: BaseException) -> BaseException:
    """urllib3's own error inside those that are wrapped around it."""
    while isinstance(error, requests.RequestException | urllib3.exceptions.MaxRetryError):
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        if not isinstance(inner, Exception):
            break
        error = inner
    return error
