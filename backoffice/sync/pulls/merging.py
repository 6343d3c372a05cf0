"""Bringing two sides of a record together, field by field, from what both last agreed on.

All three are the record as the vendor can hold it, as plain values (`msgspec.to_builtins` of `Mapping.normal`): `base`
what was agreed, `here` ours now, `there` the vendor's now. Nothing is read or written here.

    here      there     becomes
    ───────── ───────── ─────────────────────────────────────────────────────────
    as base   as base   nothing
    as base   changed   written here, and agreed
    changed   as base   left: the outbox sends it
    changed   the same  agreed
    changed   changed   a conflict: settled by the policy, or kept for a person

`custom` is merged key by key; of tags nothing conflicts: what either side added is there, what either took off is not.
A field without a base (new to the mapping, or the first time both sides meet) is no conflict: an empty side takes the
other's value; of two that differ ours stays here and the vendor's there, until one of them changes. On first contact
the policy decides. What a vendor notes for itself is never a conflict: of several vendors the last one stands here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from backoffice.sync.models import Policy

type Values = Mapping[str, Any]

UNKNOWN: Any = object()
CUSTOM, TAGS = "custom", "tags"
VENDORS_OWN = frozenset({"created_there", "changed_there", "altered_by"})  # each vendor notes its own
NOTHING: tuple[Any, ...] = (None, "", [], {})


class Difference(NamedTuple):
    """A field that both sides changed, each its own way. Of a custom field the name is "custom.slug"."""

    field: str
    base: Any
    here: Any
    there: Any


@dataclass
class Merged:
    """What is to be done. `write` and `send` hold a field's whole new value; of `custom` the keys that change."""

    write: dict[str, Any] = field(default_factory=dict)
    send: dict[str, Any] = field(default_factory=dict)  # ours, that the policy puts above the vendor's
    conflicts: list[Difference] = field(default_factory=list)
    base: dict[str, Any] = field(default_factory=dict)

    @property
    def changes_here(self) -> bool:
        return bool(self.write)


class Sides(NamedTuple):
    """When each side last changed, for the policy "newest"; unknown is older than anything."""

    here_at: datetime | None = None
    there_at: datetime | None = None

    @property
    def is_newer_there(self) -> bool:
        if self.there_at is None or self.here_at is None:
            return self.there_at is not None
        return self.there_at >= self.here_at


def merge(
    base: Values | None,
    here: Values,
    there: Values,
    *,
    fields: Iterable[str],
    policy: Policy,
    sides: Sides = Sides(),  # noqa: B008 - it can't be changed
) -> Merged:
    """Merge the `fields` the vendor holds. What `there` doesn't speak of keeps its base and is left alone.

    `base` is None when the two meet for the first time. The merged record merged again with the same `there` changes
    nothing.
    """
    merged = Merged(base=dict(base or {}))
    for name in fields:
        if name not in there:
            continue
        if name == CUSTOM:
            _merge_custom(merged, base, here, there, policy, sides)
        elif name == TAGS:
            _merge_tags(merged, base, here, there)
        else:
            was = UNKNOWN if base is None else base.get(name, UNKNOWN)
            taken = _settle(merged, name, (was, here.get(name), there[name]), policy, sides, is_first=base is None)
            _put(merged, name, taken)
    return merged


class Taken(NamedTuple):
    """What one field comes to; UNKNOWN: nothing of it."""

    write: Any = UNKNOWN
    send: Any = UNKNOWN
    base: Any = UNKNOWN


def _settle(
    merged: Merged, name: str, values: tuple[Any, Any, Any], policy: Policy, sides: Sides, *, is_first: bool
) -> Taken:
    was, ours, theirs = values
    if ours == theirs:
        return Taken(base=theirs)
    if was is UNKNOWN:
        if ours in NOTHING:
            return Taken(write=theirs, base=theirs)
        if theirs in NOTHING:
            return Taken(send=ours, base=theirs)
        if not is_first:
            return Taken(base=theirs)
        was = None
    elif was == theirs:
        return Taken()
    elif was == ours:
        return Taken(write=theirs, base=theirs)
    if name in VENDORS_OWN:
        return Taken(write=theirs, base=theirs)
    if policy == Policy.VENDOR or (policy == Policy.NEWEST and sides.is_newer_there):
        return Taken(write=theirs, base=theirs)
    if policy == Policy.ASK:
        merged.conflicts.append(Difference(name, was, ours, theirs))
        return Taken(
            base=was
        )  # at first contact nothing: or the next merge would take it for a field new to the mapping
    return Taken(send=ours, base=theirs)


def _put(merged: Merged, name: str, taken: Taken) -> None:
    for where, value in ((merged.write, taken.write), (merged.send, taken.send), (merged.base, taken.base)):
        if value is not UNKNOWN:
            where[name] = value


def _merge_custom(
    merged: Merged, base: Values | None, here: Values, there: Values, policy: Policy, sides: Sides
) -> None:
    """Key by key; one that is missing is empty."""
    was = (base or {}).get(CUSTOM) or {}
    ours, theirs = here.get(CUSTOM) or {}, there.get(CUSTOM) or {}
    parts = Merged()
    for key in dict.fromkeys([*was, *theirs]):
        agreed = UNKNOWN if base is None or key not in was else was[key]
        values = (agreed, ours.get(key), theirs.get(key))
        taken = _settle(parts, f"{CUSTOM}.{key}", values, policy, sides, is_first=base is None)
        _put(parts, key, taken)
    merged.conflicts += parts.conflicts
    for whole, changed in ((merged.write, parts.write), (merged.send, parts.send)):
        if changed:
            whole[CUSTOM] = changed
    merged.base[CUSTOM] = was | parts.base


def _merge_tags(merged: Merged, base: Values | None, here: Values, there: Values) -> None:
    """In our order, then the vendor's. Words are compared as they stand."""
    was = set((base or {}).get(TAGS) or ())
    ours, theirs = list(here.get(TAGS) or ()), list(there[TAGS] or ())
    removed = (was - set(ours)) | (was - set(theirs))
    both = [word for word in dict.fromkeys([*ours, *theirs]) if word not in removed]
    if both != ours:
        merged.write[TAGS] = both
    if base is None and set(both) - set(theirs):
        merged.send[TAGS] = both
    merged.base[TAGS] = theirs
