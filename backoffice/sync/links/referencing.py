"""References from the vendor's ids to ours and back, for a page of records at once.

What can't be said on the other side is never guessed: it is told beside the record, and the field is left alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from django.utils.translation import gettext as _
from msgspec import UNSET

from backoffice.changes.registry import model_of
from backoffice.crm.models.contacts import SHOWN_NAME
from backoffice.crm.models.reps import FULL_NAME
from backoffice.crm.records import Record, Ref
from backoffice.imports.merging import loading
from backoffice.sync.links.pending import Waiting, pend, settle_pending
from backoffice.sync.links.ref_plans import ListPlan, Plan, Target, plan_of
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Connection, Link
from backoffice.sync.rows.columns import KINDS
from backoffice.sync.rows.part_rows import TAGS
from connectors.kit.codecs import SOMETIME
from connectors.kit.mapping import Mapping as VendorMapping

__all__ = [
    "Missing",
    "Neutral",
    "Ours",
    "Theirs",
    "Unmapped",
    "Unresolved",
    "Waiting",
    "from_plain",
    "linked",
    "pend",
    "plain",
    "settle_pending",
    "to_ours",
    "to_theirs",
]

AMOUNTS = ("amount", "price")
NAMES = {  # of a row, in SQL, as people call it
    **dict.fromkeys(("account", "campaign", "document", "group", "opportunity", "product", "tag"), "name"),
    "activity": "subject",
    "choice": "label",
    "contact": f"coalesce(nullif({SHOWN_NAME}, ''), email, '')",
    "note": "title",
    "rep": f"coalesce(nullif({FULL_NAME}, ''), email, username)",
    "ticket": "title",
}
type Links = dict[tuple[str, str], int]  # (kind, the vendor's id): our id


class Neutral(NamedTuple):
    """A vendor's record as decoded, with the vendor's references."""

    mapping: VendorMapping[Any]
    remote_id: str
    record: Record


class Unresolved(NamedTuple):
    """A reference of the item at `place` to a vendor's record that is not here yet."""

    place: int
    field: str
    kind: str
    remote_id: str


class Unmapped(NamedTuple):
    """An entry of a vendor's list, in the item at `place`, that means nothing here yet."""

    place: int
    field: str
    list: str
    label: str


class Ours(NamedTuple):
    """The records with our references, in the order given; a reference that has none of ours is UNSET."""

    records: list[Any]
    unresolved: list[Unresolved]
    unmapped: list[Unmapped]


def plain(mapping: VendorMapping[Any], record: Record) -> dict[str, Any]:
    """A record with the vendor's references as merging compares it and as a link keeps it."""
    values: dict[str, Any] = msgspec.to_builtins(mapping.normal(record))
    return values


def from_plain(kind: str, values: Mapping[str, Any]) -> Record:
    """The record whose `plain` this is, or a part of it."""
    return msgspec.convert(dict(values), KINDS[kind])


def to_ours(
    connection: Connection,
    items: Sequence[Neutral],
    options: Options,
    known: Mapping[tuple[str, str], int] | None = None,
) -> Ours:
    """The items' records with our references. `known` are links that are not written down yet: (kind, id) → our id.

    Amounts without a currency get the connection's; entries that the vendor's lists lack are noted as options.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    met: set[tuple[str, Ref]] = set()
    for item in items:
        for target, ref in plan_of(item.mapping, options).refs(item.record):
            if target.kind and ref.id:
                wanted[target.kind].add(ref.id)
            elif target.list:
                met.add((target.list, ref))
    options.hold()
    options.learn(met)
    links = linked(connection, wanted) | dict(known or {})
    ours = Ours([], [], [])
    now = datetime.now(UTC).replace(microsecond=0)
    for place, item in enumerate(items):
        ours.records.append(_Incoming(item, place, options, links, ours).record(connection.currency, now))
    return ours


def linked(connection: Connection, wanted: Mapping[str, set[str]]) -> Links:
    """Our rows for the vendor's ids, by kind, where they are still there. One query a kind."""
    found: Links = {}
    for kind, ids in wanted.items():
        statement = (
            f"SELECT remote_id, here.id FROM sync_link JOIN {model_of(kind)._meta.db_table} AS here"
            " ON here.id = object_id WHERE connection_id = %s AND kind = %s AND remote_id = ANY(%s)"
        )
        for remote_id, id in loading.rows(statement, [connection.pk, kind, list(ids)]):
            found[kind, remote_id] = id
    return found


@dataclass(frozen=True, slots=True)
class _Incoming:
    """One item on its way here."""

    item: Neutral
    place: int
    options: Options
    links: Links
    ours: Ours

    def record(self, currency: str, now: datetime) -> Record:
        record: Any = self.item.record
        plan = plan_of(self.item.mapping, self.options)
        changes: dict[str, Any] = {}
        for target in plan.single:
            ref = getattr(record, target.field)
            if ref is not UNSET and ref is not None:
                changes[target.field] = self._single(target, ref)
        for each in plan.lists:
            elements = getattr(record, each.field)
            if elements is not UNSET and elements:
                changes[each.field] = [found for one in elements if (found := self._element(each, one)) is not None]
        if record.archived_at == SOMETIME:
            changes["archived_at"] = now
        for name in AMOUNTS:
            if getattr(record, name, UNSET) not in {UNSET, None} and record.currency in {UNSET, ""}:
                changes["currency"] = currency
        result: Record = msgspec.structs.replace(record, **changes) if changes else record
        return result

    def _single(self, target: Target, ref: Ref) -> Any:
        if target.kind == self.item.mapping.kind and ref.id == self.item.remote_id:
            return UNSET  # a record that points at itself: our tables refuse that
        id = self._id(target, ref)
        return UNSET if id is None else Ref(id=str(id))

    def _id(self, target: Target, ref: Ref) -> int | None:
        if not target.kind:
            id = self.options.meaning_of(target.list, ref)
            if id is None:
                self.ours.unmapped.append(Unmapped(self.place, target.field, target.list, ref.label or ref.id))
            return id
        id = self.links.get((target.kind, ref.id))
        if id is None and ref.id:
            self.ours.unresolved.append(Unresolved(self.place, target.field, target.kind, ref.id))
        return id

    def _element(self, plan: ListPlan, element: Any) -> Any:
        """None for one that points at what is not here."""
        refs: dict[str, Ref | None] = {}
        for target, ref in plan.refs(element):
            id = self._id(target._replace(field=plan.field), ref)
            if id is None:
                return None
            refs[target.field] = Ref(id=str(id))
        return plan.with_refs(element, refs) if refs else element


class Missing(NamedTuple):
    """Why a field can't be said at the vendor, in words; and what it would take: a link of the record, or an option."""

    field: str
    text: str
    kind: str = ""
    object_id: int = 0
    list: str = ""


class Theirs(NamedTuple):
    """A record with the vendor's references; of what can't be said there: why, and what is compared instead."""

    record: Any
    missing: list[Missing]
    instead: dict[str, Any]

    def plain(self, mapping: VendorMapping[Any]) -> dict[str, Any]:
        """As merging compares it: what can't be said there is neither empty nor the vendor's."""
        return plain(mapping, self.record) | self.instead


def to_theirs(
    connection: Connection,
    mapping: VendorMapping[Any],
    records: Mapping[int, Record],
    links: Mapping[int, Link],
    options: Options,
    *,
    labels: bool = False,
) -> dict[int, Theirs]:
    """Our records as this vendor would have them: the mapping's fields, with its ids. `labels`: with names as well.

    Where we hold nothing because what the vendor has means nothing here (yet), its value as last agreed stays; of
    several entries that mean the same, and of a word's spellings, so does the one that was agreed on.
    """
    plan = plan_of(mapping, options)
    bases = {id: link.base for id, link in links.items()}
    ids: dict[str, set[int]] = defaultdict(set)
    remote: dict[str, set[str]] = defaultdict(set)
    for id, record in records.items():
        for target, ref in plan.refs(record):
            if target.kind and ref.id:
                ids[target.kind].add(int(ref.id))
        for kind, remote_id in _agreed_but_not_here(plan, record, bases.get(id) or {}):
            remote[kind].add(remote_id)
    there = {kind: _remote_ids(connection, kind, wanted, labels=labels) for kind, wanted in ids.items()}
    world = _World(mapping, plan, options, there, linked(connection, remote))
    found = {id: _Outgoing(world, bases.get(id) or {}, [], {}).theirs(record) for id, record in records.items()}
    return _in_words(found)


def _agreed_but_not_here(plan: Plan, record: Record, base: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Which of the vendor's records the base points at where ours has nothing, or a list."""
    for target in plan.single:
        agreed = base.get(target.field)
        if target.kind and agreed and agreed.get("id") and getattr(record, target.field) is None:
            yield target.kind, agreed["id"]
    for each in plan.lists:
        for element in base.get(each.field) or ():
            for target in each.targets:
                agreed = element if each.bare else element.get(target.field)
                if target.kind and agreed and agreed.get("id"):
                    yield target.kind, agreed["id"]


def _remote_ids(connection: Connection, kind: str, ids: set[int], *, labels: bool) -> dict[int, Ref]:
    name = NAMES.get(kind, "''") if labels else "''"
    statement = (
        f"SELECT object_id, remote_id, {name} FROM sync_link JOIN {model_of(kind)._meta.db_table} AS here"
        " ON here.id = object_id WHERE connection_id = %s AND sync_link.kind = %s AND object_id = ANY(%s)"
    )
    rows = loading.rows(statement, [connection.pk, kind, list(ids)])
    return {object_id: Ref(remote_id, label) for object_id, remote_id, label in rows}


class _World(NamedTuple):
    """What all records of a page share on their way out."""

    mapping: VendorMapping[Any]
    plan: Plan
    options: Options
    there: Mapping[str, Mapping[int, Ref]]
    here: Links  # of what bases point at


class _Outgoing(NamedTuple):
    """One record on its way to the vendor."""

    world: _World
    base: Mapping[str, Any]
    missing: list[Missing]
    instead: dict[str, Any]

    def theirs(self, record: Record) -> Theirs:
        mapping, plan = self.world.mapping, self.world.plan
        values = {part.name: getattr(record, part.name) for part in mapping.parts}
        for target in plan.single:
            values[target.field] = self._single(target, values[target.field])
        for each in plan.lists:
            if values[each.field] is not UNSET:
                values[each.field] = self._list(each, values[each.field] or [])
        if values.get(TAGS, UNSET) is not UNSET:
            values[TAGS] = self._words(values[TAGS] or [])
        return Theirs(mapping.record(**values), self.missing, self.instead)

    def _single(self, target: Target, ref: Any) -> Any:
        if ref is UNSET:
            return UNSET
        agreed = self.base.get(target.field)
        if ref is None or not ref.id:
            if not agreed or self._is_here(target, agreed):
                return None
            self.instead[target.field] = agreed
            return msgspec.convert(agreed, Ref)
        found = self._ref(target, ref, agreed)
        if found is None:
            self.instead[target.field] = {"label": f"#{ref.id}"}
        return found

    def _ref(self, target: Target, ref: Ref, agreed: Any) -> Ref | None:
        id = int(ref.id)
        if target.kind:
            kind = target.kind
            found = self.world.there[kind].get(id)
        else:
            kind = "choice" if self.world.options.choices_of(target.list) else "rep"
            prefer = msgspec.convert(agreed, Ref) if agreed else None
            found = self.world.options.ref_of(target.list, id, prefer)
        if found is None:
            self.missing.append(Missing(target.field, "", kind, id, target.list))
        return found

    def _is_here(self, target: Target, agreed: Mapping[str, Any]) -> bool:
        """Whether what was agreed on means something here: then an empty field of ours was emptied."""
        if not target.kind:
            return self.world.options.meaning_of(target.list, msgspec.convert(agreed, Ref)) is not None
        return (target.kind, agreed.get("id", "")) in self.world.here

    def _list(self, plan: ListPlan, elements: Sequence[Any]) -> list[Any]:
        """Ours, and in their places those agreed on that we couldn't hold."""
        found = [self._element(plan, element) for element in elements]
        result = [element for element in found if element is not None]
        agreed = [msgspec.convert(each, plan.struct) for each in self.base.get(plan.field) or ()]
        if not plan.is_ordered:  # then another order is no difference
            places = {plan.key(element): place for place, element in enumerate(agreed)}
            result.sort(key=lambda element: places.get(plan.key(element), len(places)))
        for place, element in enumerate(agreed):
            pairs = [(target, msgspec.to_builtins(ref)) for target, ref in plan.refs(element)]
            if not all(self._is_here(target, ref) for target, ref in pairs):
                result.insert(min(place, len(result)), element)
        return result

    def _element(self, plan: ListPlan, element: Any) -> Any:
        refs: dict[str, Ref | None] = {}
        for target, ref in plan.refs(element):
            found = self._ref(target, ref, None) if ref.id else None
            if found is None:
                return None
            refs[target.field] = found
        return plan.with_refs(element, refs)

    def _words(self, words: Sequence[str]) -> list[str]:
        spelled = {word.casefold(): word for word in self.base.get(TAGS) or ()}
        return [spelled.get(word.casefold(), word) for word in words]


def _in_words(found: dict[int, Theirs]) -> dict[int, Theirs]:
    """Names what is missing: one query for each kind of it."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for theirs in found.values():
        for each in theirs.missing:
            wanted[each.kind].add(each.object_id)
    if not wanted:
        return found
    names = {(kind, id): name for kind, ids in wanted.items() for id, name in _names(kind, ids)}
    return {id: _told(theirs, names) if theirs.missing else theirs for id, theirs in found.items()}


def _names(kind: str, ids: set[int]) -> list[tuple[Any, ...]]:
    statement = f"SELECT id, {NAMES[kind]} FROM {model_of(kind)._meta.db_table} WHERE id = ANY(%s)"
    return loading.rows(statement, [list(ids)])


def _told(theirs: Theirs, names: Mapping[tuple[str, int], str]) -> Theirs:
    missing = []
    instead = dict(theirs.instead)
    for each in theirs.missing:
        name = names.get((each.kind, each.object_id), f"#{each.object_id}")
        text = _("“{name}” is not at the vendor yet.")
        if each.kind == "rep":
            text = _("It is not known which user of the vendor “{name}” is.")
        elif each.kind == "choice":
            text = _("It is not known which entry of the vendor's list “{name}” is.")
        missing.append(each._replace(text=text.format(name=name)))
        if each.field in instead:
            instead[each.field] = {"label": name}
    return theirs._replace(missing=missing, instead=instead)
