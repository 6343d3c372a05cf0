"""Secrets blanked out of whatever a person or a file may get to see: kept exchanges, errors, logs.

Two nets: the values we know to be secret, in every spelling a wire gives them, and the keys that name a secret,
whatever its value. Knows neither Django nor a vendor.
"""

import html
import json
import re
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

BLANK = "***"

# Shorter ones stand in too many other words; their key still gives them away.
SHORTEST = 8
MOST_SECRETS = 2_000

# As they stand in URLs, forms, JSON and headers, in lower case with "-" for "_".
KEYS = (
    "access-token",
    "api-key",
    "api-token",
    "apikey",
    "auth-token",
    "authorization",
    "client-secret",
    "cookie",
    "login-token",
    "oauth-token",
    "passwd",
    "password",
    "proxy-authorization",
    "refresh-token",
    "secret",
    "secret-key",
    "session-id",
    "sessionid",
    "set-cookie",
    "token",
    "x-api-key",
)
_NAMES = frozenset(KEYS)
_HEADERS = ("authorization", "cookie")  # their values have blanks in them, and end with the line

_ROOTS = ("token", "apikey", "api-key", "api_key", "authorization", "cookie", "passw", "secret", "session")
_KEY = "|".join(sorted((key.replace("-", "[-_]?") for key in KEYS), key=len, reverse=True))
_START = r"(?:(?<=%5b)|(?<![a-z0-9]))"
_PATTERNS = (
    # "password": "…" of JSON, and the same inside a string or as Python shows a dict; the key may be bare.
    re.compile(
        rf"({_START}(?:{_KEY})(?:\\*[\"'])?\s*:\s*b?(?P<quote>\\*[\"']))(?:(?!(?<!\\)(?P=quote)).)+",
        re.IGNORECASE | re.DOTALL,
    ),
    # Authorization: Bearer … as a line.
    re.compile(rf"((?<![a-z0-9])(?:{'|'.join(_HEADERS)})\s*:\s*)(?![\s\"'\\{{\[])[^\r\n\"']+", re.IGNORECASE),
    # api_token=… of a URL or a form, also in brackets (user[password]=…), which may be percent-encoded.
    re.compile(rf"({_START}(?:{_KEY})(?:\]|%5d)?=)[^\s&;\"'<>#)\\]+", re.IGNORECASE),
    # <password>…</password>
    re.compile(rf"(<(?:{_KEY})(?:\s[^<>]*)?>)[^<]+", re.IGNORECASE),
)
_SCHEME = re.compile(r"((?<![a-z])(?:bearer|basic)\s+)(?=\S*[0-9=])[a-z0-9+/=._~-]{8,}", re.IGNORECASE)
_USERINFO = re.compile(r"(://)[^\s/?#\"'@]*@")


class Redactor:
    """Blanks the secrets it was told, and the values of keys that name secrets. May be used by several threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: dict[str, None] = {}
        self._known: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Blank these from now on, too. Of very many the oldest are forgotten."""
        with self._lock:
            new = [each for each in secrets if len(each) >= SHORTEST and each not in self._secrets]
            if not new:
                return
            self._secrets |= dict.fromkeys(new)
            for old in [*self._secrets][:-MOST_SECRETS]:
                del self._secrets[old]
            spelt = sorted({way for secret in self._secrets for way in _spellings(secret)}, key=len, reverse=True)
            self._known = re.compile("|".join(map(re.escape, spelt)))

    def text(self, text: str) -> str:
        """Any text: a URL, JSON, a form, a traceback."""
        if self._known is not None:
            text = self._known.sub(BLANK, text)
        if "@" in text and "://" in text:
            text = _USERINFO.sub(rf"\1{BLANK}@", text)
        lowered = text.lower()
        if any(root in lowered for root in _ROOTS):
            for pattern in _PATTERNS:
                text = pattern.sub(rf"\1{BLANK}", text)
        if "bearer" in lowered or "basic" in lowered:
            text = _SCHEME.sub(rf"\1{BLANK}", text)
        return text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: BLANK if names_a_secret(name) else self.text(value) for name, value in headers.items()}

    def value(self, value: Any, *, as_shown: bool = False) -> Any:
        """The same for what is not a text yet: containers keep their shape.

        Other things are given back as they are; `as_shown`: as the text that a log would show them as.
        """
        within = partial(self.value, as_shown=as_shown)
        match value:
            case str():
                return self.text(value)
            case bytes():
                blanked = self.text(value.decode("utf-8", "surrogateescape"))
                return blanked.encode("utf-8", "surrogateescape")
            case Mapping():
                return {key: BLANK if _is_blanked(key, each) else within(each) for key, each in value.items()}
            case list() | set() | frozenset():
                return [*map(within, value)] if isinstance(value, list) else type(value)(map(within, value))
            case tuple():
                return tuple(map(within, value))
            case BaseException():
                return self.text(repr(value))
            case None | int() | float():
                return value
            case _:
                return self.text(repr(value)) if as_shown else value


def names_a_secret(key: str) -> bool:
    return key.lower().replace("_", "-") in _NAMES


def _is_blanked(key: Any, value: Any) -> bool:
    """A number under such a key is none: jobs count their leases by tokens."""
    return isinstance(key, str) and names_a_secret(key) and not (value is None or isinstance(value, int | float))


def _spellings(secret: str) -> set[str]:
    """The secret itself; percent-encoded, either way of writing the digits; in JSON and PHP's JSON; in HTML."""
    as_json = [json.dumps(secret, ensure_ascii=escaped)[1:-1] for escaped in (True, False)]
    encoded = [encode(secret, errors="replace") for encode in (quote, partial(quote, safe=""), quote_plus)]
    return {
        secret,
        *encoded,
        *(re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in encoded),
        *as_json,
        *(each.replace("/", "\\/") for each in as_json),
        html.escape(secret),
        repr(secret)[1:-1],
    }


# Of this process: every connection opened in it tells its secrets. The logs are written through it.
known = Redactor()
