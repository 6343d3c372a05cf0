"""What a call to Tactile CRM's server asks for: its id, parameters and body, as its PHP reads them."""

import re
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from typing import Any

from connectors.kit.facades import Call

type Given = dict[str, Any]

LEADING_NUMBER = re.compile(r"\s*([+-]?\d{1,15})", re.ASCII)
BRACKETED = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
IDS = re.compile(r"\d{1,18}", re.ASCII)
WITHOUT_BODY = frozenset({"GET", "HEAD"})


def intval(text: str) -> int:
    """The number it begins with, or 0: PHP's intval."""
    match = LEADING_NUMBER.match(text)
    return int(match[1]) if match else 0


def body_of(call: Call) -> Given:
    """What was posted, by name. Unreadable JSON counts as nothing. Raises TooLarge."""
    if call.understood is None:
        call.understood = {} if call.method in WITHOUT_BODY else posted(call)
    given: Given = call.understood
    return given


def posted(call: Call) -> Given:
    kind = call.content_type.lower()
    if "application/json" in kind:
        try:
            given = call.json
        except ValueError:
            return {}
        return given if isinstance(given, dict) else {}
    return nested(parts_of(call) if kind.startswith("multipart/form-data") else call.form)


def parts_of(call: Call) -> list[tuple[str, str]]:
    """The fields of a multipart form, as PHP's curl sends an array; files in it are left alone."""
    message = message_from_bytes(
        b"Content-Type: " + call.content_type.encode("latin-1", "replace") + b"\r\n\r\n" + call.body
    )
    pairs = []
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes) and not part.get_filename():
            pairs.append((name, content.decode("utf-8", "replace")))
    return pairs


def nested(pairs: Sequence[tuple[str, str]]) -> Given:
    """A form's `Opportunity[name]=…` as {"Opportunity": {"name": …}}; of two the last counts."""
    given: Given = {}
    for key, value in pairs:
        match = BRACKETED.match(key)
        if not match:
            continue
        names = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])][:5]
        place = given
        for name in names[:-1]:
            inner = place.get(name)
            if not isinstance(inner, dict):
                inner = place[name] = {}
            place = inner
        place[names[-1]] = value
    return given


def param_of(call: Call, name: str) -> str:
    """A parameter of the query, else of the body."""
    for key, text in reversed(call.query):
        if key == name:
            return text
    value: Any = body_of(call).get(name)
    return "" if isinstance(value, bool) or not isinstance(value, str | int) else str(value)


def id_of(call: Call, groups: Mapping[str, str]) -> str:
    """The path's wins, then the query's, then the body's. "" for none and for what is no id."""
    text = (groups.get("id") or param_of(call, "id")).strip()
    return text if IDS.fullmatch(text) else ""


def names_id(call: Call, groups: Mapping[str, str]) -> bool:
    """Whether there is anything in the place of an id."""
    return bool((groups.get("id") or param_of(call, "id")).strip())


def paged(call: Call) -> tuple[int, int]:
    """ "Paging": the page, from 1, and how many on each. A limit outside 1–100 is 30, not the nearest bound."""
    limit = intval(param_of(call, "limit"))
    return max(intval(param_of(call, "page")), 1), limit if 1 <= limit <= 100 else 30


def saved_fields(call: Call, name: str) -> Given:
    """What is under `name` in a save's body, trimmed; what PHP takes for empty is None."""
    given = body_of(call).get(name)
    return {key: plain(value) for key, value in given.items()} if isinstance(given, dict) else {}


def plain(value: Any) -> Any:
    """ "", null, false and the text "null" empty a field."""
    if isinstance(value, str):
        value = value.strip()
    if value is None or value is False or value in ("", "null"):
        return None
    return value
