"""What a push comes to: decided from the record, its link and what the vendor takes. Nothing is sent or written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.utils.translation import gettext as _
from msgspec import UNSET

from backoffice.changes.registry import model_of
from backoffice.crm.records import Record, Ref
from backoffice.sync.links import referencing
from backoffice.sync.links.referencing import Missing
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Conflict, Connection, Link, Operation, Push, SendsNew
from backoffice.sync.pulls.merging import CUSTOM
from backoffice.sync.pushes import converting
from backoffice.sync.pushes.converting import Pair
from backoffice.sync.pushes.outbox import AMOUNT_FIELDS, Target, capability_of
from backoffice.sync.rows import rows
from connectors.kit.contract import Capability, Connector
from connectors.kit.mapping import Mapping as VendorMapping

ORDER = (
    "account",
    "contact",
    "group",
    "campaign",
    "product",
    "opportunity",
    "activity",
    "ticket",
    "note",
    "document",
)
PRIVATE = "private"
UNKNOWN: Any = object()
EMPTY: tuple[Any, ...] = (UNSET, None, "", [], {})


class Action(Enum):
    SEND = "send"
    NOTHING_TO_SEND = "nothing to send"
    WAIT = "wait"
    DROP = "drop"


@dataclass
class Plan:
    """What is to be done with a push, and all that it takes. `record` has the vendor's references."""

    push: Push
    capability: Capability
    operation: Operation
    action: Action = Action.SEND
    reason: str = ""  # why it waits, or is dropped
    link: Link | None = None
    record: Any = None
    fields: frozenset[str] = frozenset()  # of an update: what is sent; of a new record: what it has
    plain: dict[str, Any] = field(default_factory=dict)
    pair: Pair | None = None  # amounts in two currencies
    held: dict[str, str] = field(default_factory=dict)  # fields of an update that wait, and why
    needs: list[Target] = field(default_factory=list)  # records the vendor has to have first
    later: list[str] = field(default_factory=list)  # references to be sent when what they point at is there
    notes: list[str] = field(default_factory=list)
    is_disputed: bool = False  # a field of an update is in conflict

    @property
    def mapping(self) -> VendorMapping[Any]:
        return self.capability.mapping

    def wait(self, reason: str) -> "Plan":
        self.action, self.reason = Action.WAIT, reason
        return self

    def drop(self, reason: str) -> "Plan":
        self.action, self.reason = Action.DROP, reason
        return self


def rank(kind: str) -> int:
    """What others refer to is sent first."""
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def plan(
    connection: Connection, connector: Connector, kind: str, pushes: Sequence[Push], options: Options
) -> list[Plan]:
    """Plans for pushes of one kind, in their order. A fixed number of queries, however many there are."""
    capability = capability_of(connector, kind)
    if capability is None:
        return [
            Plan(push, Capability(VendorMapping(kind, rows.KINDS[kind])), Operation(push.operation)).drop(
                _("%(vendor)s does not take records of this kind.") % {"vendor": connection.vendor_label}
            )
            for push in pushes
        ]
    mapping = capability.mapping
    ids = [push.object_id for push in pushes]
    links = {link.object_id: link for link in _links(connection, kind, ids)}
    records = rows.read(kind, ids)
    converted = converting.as_there(connection, mapping, records, links)
    there = referencing.to_theirs(
        connection, mapping, {number: each.record for number, each in converted.items()}, links, options
    )
    conflicts = _in_conflict(connection, kind, ids)
    missing_ones = [each for theirs in there.values() for each in theirs.missing if each.kind and not each.list]
    planner = _Planner(connection, connector, capability, _stay_here(connection, missing_ones))
    plans = []
    for push in pushes:
        number = push.object_id
        made = Plan(push, capability, Operation(push.operation), link=links.get(number))
        if number in records:
            made.record, made.pair = there[number].record, converted[number].pair
            made.plain = there[number].plain(mapping)
        missing = list(there[number].missing) if number in there else []
        if number in converted and converted[number].missing:
            name = next(each for each in AMOUNT_FIELDS if each in mapping.takes_new | mapping.takes)
            missing.append(Missing(name, converted[number].missing))
        plans.append(planner.decide(made, records.get(number), missing, conflicts.get(number, frozenset())))
    return plans


def _links(connection: Connection, kind: str, ids: Iterable[int]) -> Iterable[Link]:
    return Link.objects.filter(connection=connection, kind=kind, object_id__in=list(ids))


def _in_conflict(connection: Connection, kind: str, ids: Iterable[int]) -> dict[int, frozenset[str]]:
    open_ones = Conflict.objects.filter(connection=connection, kind=kind, object_id__in=list(ids), settled_at=None)
    found: dict[int, frozenset[str]] = {}
    for number, name in open_ones.values_list("object_id", "field"):
        whole = CUSTOM if name.startswith(f"{CUSTOM}.") else name
        found[number] = found.get(number, frozenset()) | {whole}
    return found


def _stay_here(connection: Connection, missing: Iterable[Missing]) -> set[Target]:
    """Records that others point at and that are archived: they are not sent."""
    wanted: dict[str, set[int]] = {}
    for each in missing:
        wanted.setdefault(each.kind, set()).add(each.object_id)
    return {
        Target(connection.pk, kind, number)
        for kind, ids in wanted.items()
        for number in model_of(kind)
        ._default_manager.filter(pk__in=ids, archived_at__isnull=False)
        .values_list("pk", flat=True)
    }


class _Planner:
    """The rules of one connection and kind."""

    def __init__(
        self, connection: Connection, connector: Connector, capability: Capability, stays_here: set[Target]
    ) -> None:
        self.stays_here = stays_here
        self.connection = connection
        self.connector = connector
        self.capability = capability
        self.mapping = capability.mapping

    def decide(self, made: Plan, record: Record | None, missing: list[Missing], conflicts: frozenset[str]) -> Plan:
        if made.operation == Operation.DELETE:
            return self._delete(made, record)
        if record is None:
            return made.drop(_("The record is not here any more."))
        if not self._may_tell(made, record):
            words = _("A private note: %(vendor)s can't keep it so, and is not told of it.")
            return made.drop(words % self._words())
        if made.link is None:
            return self._create(made, record, missing)
        return self._update(made, missing, conflicts)

    def _may_tell(self, made: Plan, record: Record) -> bool:
        """What is private here is so there, too, or is not sent: a vendor that can't say so would publish it."""
        if getattr(record, PRIVATE, False) is not True:
            return True
        if made.link is None:
            return PRIVATE in self.mapping.takes_new
        return PRIVATE in self.mapping.takes or made.link.base.get(PRIVATE) is True

    def _delete(self, made: Plan, record: Record | None) -> Plan:
        if record is not None:
            return made.drop(_("The record is here again."))
        if made.link is None or made.link.gone_at is not None:
            return made.drop(_("%(vendor)s does not have the record.") % self._words())
        return made

    def _create(self, made: Plan, record: Record, missing: list[Missing]) -> Plan:
        made.operation = Operation.CREATE
        if record.archived_at:
            return made.drop(_("The record was archived before it was sent."))
        if not self.capability.create or self.connection.sends_new != SendsNew.ALL:
            return made.drop(_("New records of this kind are not sent to %(vendor)s.") % self._words())
        left_out = set()
        for each in missing:
            if each.field not in self.mapping.takes_new:
                continue
            if reason := self._reference(made, each):
                made.wait(reason)
            left_out.add(each.field)
        if made.action is Action.WAIT:
            return made
        values = {
            name: value
            for name in self.mapping.takes_new - left_out
            if (value := getattr(made.record, name)) not in EMPTY and value != Ref()
        }
        for part in self.mapping.parts:
            if part.required and part.is_written and part.name not in values:
                return made.wait(self._needs(part.name))
        made.record = self.mapping.record(**values)
        made.fields = frozenset(values)
        return made

    def _update(self, made: Plan, missing: list[Missing], conflicts: frozenset[str]) -> Plan:
        link = made.link
        if link is None or link.gone_at is not None:
            return made.drop(_("%(vendor)s does not have the record any more.") % self._words())
        given = self.mapping.takes if made.operation == Operation.CREATE else frozenset(made.push.fields)
        made.operation = Operation.UPDATE
        if getattr(made.record, PRIVATE, False) is True:
            given |= {PRIVATE}  # never behind what is private
        differing = {name for name in given & self.mapping.takes if self._differs(made, name, link.base)}
        left_out = set()
        for each in missing:
            if each.field in differing and each.field not in made.held:
                if reason := self._reference(made, each):
                    made.held[each.field] = reason
                left_out.add(each.field)
        made.is_disputed = not conflicts.isdisjoint(given)
        for name in differing & conflicts:
            made.held[name] = self._in_conflict(name)
        for part in self.mapping.parts:
            if part.required and part.name in differing and getattr(made.record, part.name) in EMPTY:
                made.held.setdefault(part.name, self._needs(part.name))
        made.fields = frozenset(differing - left_out - set(made.held)) if PRIVATE not in made.held else frozenset()
        if made.fields:
            return made
        if made.held:
            return made.wait(" ".join(dict.fromkeys(made.held.values())))
        made.action = Action.NOTHING_TO_SEND
        return made

    def _differs(self, made: Plan, name: str, base: Mapping[str, Any]) -> bool:
        """What the vendor never shows can't be compared: it is sent. Nothing empties what was never agreed on."""
        if name not in self.mapping.holds:
            return True
        ours, agreed = made.plain.get(name), base.get(name, UNKNOWN)
        return ours not in EMPTY if agreed is UNKNOWN else ours != agreed

    def _reference(self, made: Plan, missing: Missing) -> str:
        """Why the push has to wait for it; "" when it goes without."""
        if missing.list or missing.kind in {"", "rep", "choice"}:
            return missing.text
        target = Target(self.connection.pk, missing.kind, missing.object_id)
        required = self.mapping.part(missing.field).required
        capability = capability_of(self.connector, missing.kind)
        sends_new = self.connection.sends_new == SendsNew.ALL and target not in self.stays_here
        if capability is None or not capability.create or not sends_new:
            if not required:
                words = self._words() | {"field": label_of(made.push.kind, missing.field)}
                words = self._words() | {"field": label_of(made.push.kind, missing.field)}
                made.notes.append(_("Sent without “%(field)s”: %(vendor)s does not have it.") % words)
            return missing.text if required else ""
        made.needs.append(target)
        # Two of a kind may point at each other: the reference follows when both are there.
        if made.operation == Operation.CREATE and rank(missing.kind) >= rank(made.push.kind) and not required:
            made.later.append(missing.field)
            return ""
        return missing.text

    def _needs(self, name: str) -> str:
        words = self._words() | {"field": label_of(self.mapping.kind, name)}
        return _("%(vendor)s needs “%(field)s”, which is empty here.") % words

    def _in_conflict(self, name: str) -> str:
        words = self._words() | {"field": label_of(self.mapping.kind, name)}
        return _("“%(field)s” was changed here and at %(vendor)s: a person has to say which counts.") % words

    def _words(self) -> dict[str, str]:
        return {"vendor": str(self.connector.label)}


def label_of(kind: str, name: str) -> str:
    """What people call a field of a record."""
    try:
        return str(getattr(model_of(kind)._meta.get_field(name), "verbose_name", "")) or name.replace("_", " ")
    except FieldDoesNotExist:
        return name.replace("_", " ")
