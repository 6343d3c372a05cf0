"""What the tables would refuse of a record, said in words before it is tried: one bad record must not stop a page."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, get_args, get_type_hints

from django.db import models
from django.utils.translation import gettext as _
from msgspec import UNSET

from backoffice.changes.registry import model_of
from backoffice.crm.models.activities import ABOUT
from backoffice.crm.records import Record
from backoffice.sync.rows.columns import KINDS

# An index takes entries of some 2,700 bytes.
MOST_INDEXED_BYTES = 2_600
INDEXED = frozenset({"name", "external_id", "tax_id", "website"})
SAYS_WHAT_IT_IS = {
    **dict.fromkeys(("account", "campaign", "document", "group", "opportunity", "product", "tag"), "name"),
    "activity": "subject",
    "ticket": "title",
}
ABOUT_OF = {
    "activity": ABOUT,
    "document": ABOUT,
    "note": (*ABOUT, "activity"),
    "ticket": ("account", "contact", "opportunity"),
}
MONEY = {"opportunity": "amount", "product": "price"}
PERCENTAGES = frozenset({"probability", "activity_index", "relationship_index"})

type Check = Callable[[Any], str]


def refusal(kind: str, record: Record, *, is_new: bool) -> str:
    """In words for people, naming the field; "" for a record that can be held. Of a change say only what changes."""
    return next(_wrong(kind, record, is_new=is_new), "")


def _wrong(kind: str, record: Record, *, is_new: bool) -> Iterator[str]:
    for name, label, check in _checks(kind):
        value = getattr(record, name)
        if value is not UNSET and value is not None and (wrong := check(value)):
            yield _("{field}: {problem}").format(field=label, problem=wrong)
    yield from _wrong_together(kind, record, is_new=is_new)


def _wrong_together(kind: str, record: Any, *, is_new: bool) -> Iterator[str]:
    name = SAYS_WHAT_IT_IS.get(kind)
    if name and (getattr(record, name) in {"", None} or (is_new and getattr(record, name) is UNSET)):
        yield _("{field}: is missing.").format(field=_label(kind, name))
    money = MONEY.get(kind)
    has_amount = money is not None and _said(getattr(record, money))
    if has_amount and (record.currency == "" or (is_new and record.currency is UNSET)):
        yield _("An amount needs its currency.")
    if kind in ABOUT_OF and is_new and not any(_points(getattr(record, each)) for each in ABOUT_OF[kind]):
        yield _("It does not say which record it is about, or that record is not here.")
    if kind == "activity":
        yield from _wrong_times(record)


def _points(ref: Any) -> bool:
    return ref is not UNSET and ref is not None and bool(ref.id)


def _wrong_times(record: Any) -> Iterator[str]:
    if _said(record.start_on) and _said(record.start_at):
        yield _("Give a start day or a start time, not both.")
    if _said(record.end_on) and _said(record.end_at):
        yield _("Give an end day or an end time, not both.")
    if record.later is True and (_said(record.start_on) or _said(record.start_at)):
        yield _("An activity for later has no start.")


def _said(value: Any) -> bool:
    return value is not UNSET and value is not None


@cache
def _checks(kind: str) -> list[tuple[str, Any, Check]]:
    hints = get_type_hints(KINDS[kind])
    found: list[tuple[str, Any, Check]] = []
    for field in model_of(kind)._meta.concrete_fields:
        check = _check(field) if field.name in hints else None
        if check:
            found.append((field.name, field.verbose_name, check))
    return found + [
        (name, _label(kind, name), _check_word)
        for name, hint in hints.items()
        if get_args(hint) and get_args(hint)[0] == list[str]
    ]


def _label(kind: str, name: str) -> Any:
    names = {field.name: field for field in model_of(kind)._meta.get_fields()}
    return getattr(names.get(name), "verbose_name", name)


def _check(field: Any) -> Check | None:
    match field:
        case models.JSONField():
            return _check_json
        case models.CharField() | models.TextField():
            return _check_text(field)
        case models.DecimalField():
            return _check_amount(field)
        case models.IntegerField():
            return _check_number(field)
    return None


def _check_text(field: Any) -> Check:
    most = field.max_length
    options = {value for value, _label in field.choices or ()} | {""}
    is_indexed = field.name in INDEXED

    def check(value: str) -> str:
        if not is_text(value):
            return _("it has characters that can't be kept.")
        if field.choices and value not in options:
            return _("“{value}” is not one of {options}.").format(
                value=value[:60], options=", ".join(sorted(options - {""}))
            )
        if most is not None and len(value) > most:
            return _("it is longer than {most} characters.").format(most=most)
        if is_indexed and len(value) * 4 > MOST_INDEXED_BYTES < len(value.encode()):
            return _("it is longer than {most} characters.").format(most=MOST_INDEXED_BYTES)
        return ""

    return check


def is_text(value: str) -> bool:
    """Whether PostgreSQL can hold it: no NUL, no half of a surrogate pair."""
    if "\0" in value:
        return False
    return value.isascii() or value.encode(errors="replace") == value.encode(errors="ignore")


def _check_word(words: list[str]) -> str:
    for word in words:
        if not is_text(word):
            return _("it has characters that can't be kept.")
        if len(word.encode()) > MOST_INDEXED_BYTES:
            return _("it is longer than {most} characters.").format(most=MOST_INDEXED_BYTES)
    return ""


def _check_json(value: Any) -> str:
    """Its texts, however deep they stand."""
    if isinstance(value, str):
        return "" if is_text(value) else _("it has characters that can't be kept.")
    if isinstance(value, dict):
        inner: Any = (*value, *value.values())
    elif isinstance(value, list | tuple):
        inner = value
    elif hasattr(value, "__struct_fields__"):
        inner = (getattr(value, name) for name in value.__struct_fields__)
    else:
        return ""
    return next(filter(None, map(_check_json, inner)), "")


def _check_amount(field: Any) -> Check:
    most = 10 ** (field.max_digits - field.decimal_places)

    def check(value: Any) -> str:
        if not value.is_finite() or abs(value) >= most:
            return _("{value} is more than can be kept.").format(value=value)
        return ""

    return check


def _check_number(field: Any) -> Check:
    least, most = RANGES[field.get_internal_type()]
    if field.name in PERCENTAGES:
        most = 100

    def check(value: int) -> str:
        if not least <= value <= most:
            return _("{value} is not between {least} and {most}.").format(value=value, least=least, most=most)
        return ""

    return check


RANGES = {
    "IntegerField": (-(2**31), 2**31 - 1),
    "PositiveIntegerField": (0, 2**31 - 1),
    "PositiveSmallIntegerField": (0, 2**15 - 1),
    "PositiveBigIntegerField": (0, 2**63 - 1),
    "BigIntegerField": (-(2**63), 2**63 - 1),
    "SmallIntegerField": (-(2**15), 2**15 - 1),
}
