"""Opportunities by Opportunity ID, with their owner, account, stage and type.

Unchanged rows cost one look and write nothing. Rows of one key are folded in file order, each keeping its own outcome.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backoffice.crm.models import Opportunity
from backoffice.imports import loading
from backoffice.imports.loading import Moved
from backoffice.imports.models import Outcome
from backoffice.imports.options import Blank, Options
from backoffice.imports.parsing import Parsed
from backoffice.imports.references import Accounts, Choices, Company, Person, Reps
from backoffice.imports.resources import OpportunityResource

NEW, UPDATED, UNCHANGED, FAILED = (str(outcome) for outcome in Outcome)
KEEP: Any = object()  # what a blank cell means where it leaves the value as it is

FILE = OpportunityResource.columns()
PLACE = {name: place for place, name in enumerate(FILE)}
KEY, NAME, AMOUNT, CURRENCY = (PLACE[name] for name in ("opportunity_id", "name", "amount", "currency"))
CLOSE_DATE, STAGE, TYPE, NEXT_STEP = (PLACE[name] for name in ("close_date", "stage", "type", "next_step"))
OWNER_EMAIL, OWNER_NAME = PLACE["owner_email"], PLACE["owner_name"]
ACCOUNT_ID, ACCOUNT_NAME, WEBSITE = (PLACE[name] for name in ("account_id", "account_name", "website"))

# The table's columns: which of the file's they come from, and what they hold when they are empty.
SOURCES: Mapping[str, tuple[tuple[str, ...], Any]] = {
    "name": (("name",), ""),
    "amount": (("amount",), None),
    "currency": (("currency", "amount"), ""),
    "close_date": (("close_date",), None),
    "stage_id": (("stage",), None),
    "stage_system": (("stage",), ""),
    "type_id": (("type",), None),
    "owner_id": (("owner_email", "owner_name"), None),
    "account_id": (("account_id", "account_name", "website"), None),
    "next_step": (("next_step",), ""),
}
TABLE = tuple(SOURCES)
EMPTY = tuple(empty for _, empty in SOURCES.values())
MADE = {"stage": TABLE.index("stage_id"), "type": TABLE.index("type_id")} | {
    "rep": TABLE.index("owner_id"),
    "account": TABLE.index("account_id"),
}


class Target:
    """One opportunity that rows of the chunk speak of: as it is, and as they will have it."""

    __slots__ = ("id", "key", "rows", "values", "was")

    def __init__(self, key: str, id: int, was: list[Any] | None) -> None:
        self.key = key
        self.id = id  # 0 until a new one has its own
        self.was = was
        self.values: list[Any] = []
        self.rows: list[tuple[Parsed, list[Any]]] = []

    @property
    def is_changed(self) -> bool:
        return self.was is not None and self.values != self.was

    def fold(self, blanks: Sequence[Any]) -> None:
        """Lay the rows over what is there, one after the other."""
        values = self.was.copy() if self.was is not None else None
        for row, wanted in self.rows:
            if values is None:
                values = [empty if value is None else value for value, empty in zip(wanted, EMPTY, strict=True)]
                row.outcome = NEW
            else:
                row.outcome = UPDATED if _lay_over(values, wanted, blanks) else UNCHANGED
        self.values = values or []
        if self.values == self.was:
            for row, _ in self.rows:  # whatever they did, they took it back
                row.outcome = UNCHANGED


def _lay_over(values: list[Any], wanted: Sequence[Any], blanks: Sequence[Any]) -> bool:
    changed = False
    for place, said in enumerate(wanted):
        value = blanks[place] if said is None else said
        if value is not KEEP and value != values[place]:
            values[place] = value
            changed = True
    return changed


class OpportunityLoader:
    """See `backoffice.imports.kinds.Loader`."""

    def __init__(self, positions: Mapping[str, int], options: Options) -> None:
        self.money = options.money
        self.blanks = [_blank(sources, empty, positions, options.blank) for sources, empty in SOURCES.values()]
        self.stages, self.types = Choices("stage"), Choices("type")
        self.reps = Reps(str(FILE["owner_name"].header), str(FILE["owner_email"].header))
        self.accounts = Accounts(str(FILE["account_id"].header), str(FILE["account_name"].header))
        self.parts: dict[str, Choices | Reps | Accounts] = {
            "stage": self.stages,
            "type": self.types,
            "rep": self.reps,
            "account": self.accounts,
        }

    def forget(self) -> None:
        for part in self.parts.values():
            part.forget()

    def load(self, rows: Sequence[Parsed]) -> dict[str, dict[str, int]]:
        loading.lock_kinds("account", "choice", "opportunity", "rep")
        self._prepare([row.values for row in rows if not row.faults])
        resolved = [(row, values) for row in rows if (values := self._resolved(row)) is not None]
        made = {kind: part.create() for kind, part in self.parts.items()}
        for kind, place in MADE.items():
            if made[kind]:
                _put_real_ids(resolved, place, made[kind])
        written = self._write(_targets(resolved))
        return {"opportunity": written} | {kind: {"new": len(ids)} for kind, ids in made.items() if ids}

    def _prepare(self, rows: Sequence[list[Any]]) -> None:
        self.stages.prepare({cells[STAGE] for cells in rows})
        self.types.prepare({cells[TYPE] for cells in rows})
        self.reps.prepare({Person(cells[OWNER_EMAIL], cells[OWNER_NAME]) for cells in rows})
        self.accounts.prepare({Company(cells[ACCOUNT_ID], cells[ACCOUNT_NAME], cells[WEBSITE]) for cells in rows})

    def _resolved(self, row: Parsed) -> list[Any] | None:
        """The row as the table's values, records yet to be made as negative numbers; None when it fails."""
        cells = row.values
        if row.faults:
            row.outcome = FAILED
            return None
        owner, owner_fault = self.reps.find(Person(cells[OWNER_EMAIL], cells[OWNER_NAME]))
        account, account_fault = self.accounts.find(Company(cells[ACCOUNT_ID], cells[ACCOUNT_NAME], cells[WEBSITE]))
        if owner_fault or account_fault:
            row.faults = [fault for fault in (owner_fault, account_fault) if fault]
            row.outcome = FAILED
            return None
        stage, type_ = self.stages.find(cells[STAGE]).id, self.types.find(cells[TYPE]).id
        self.reps.keep(owner)
        self.accounts.keep(account)
        self.stages.keep(stage)
        self.types.keep(type_)
        amount = cells[AMOUNT]
        return [
            cells[NAME],
            amount,
            cells[CURRENCY] or (None if amount is None else self.money),
            cells[CLOSE_DATE],
            stage,
            cells[STAGE],
            type_,
            owner,
            account,
            cells[NEXT_STEP],
        ]

    def _write(self, targets: Iterable[Target]) -> dict[str, int]:
        new, changed = [], []
        for target in targets:
            target.fold(self.blanks)
            if target.was is None:
                new.append(target)
            elif target.is_changed:
                changed.append(target)
            else:
                _settle(target)
        return {"new": _insert(new), "updated": self._update(changed)}

    def _update(self, targets: Sequence[Target]) -> int:
        """Once they are locked the rows are read again: nobody's edit in between is lost."""
        if not targets:
            return 0
        locked = loading.current(Opportunity, TABLE, "id", [target.id for target in targets], lock=True)
        here = {id: values for id, _, *values in locked}
        for target in targets:
            if target.id not in here:
                raise Moved
            target.was = here[target.id]
            target.fold(self.blanks)
            _settle(target)
        changed = [(target.id, *target.values) for target in targets if target.is_changed]
        return len(loading.update(Opportunity, TABLE, changed)) if changed else 0


def _insert(targets: Sequence[Target]) -> int:
    if targets:
        for target, id in zip(targets, loading.new_ids(Opportunity, len(targets)), strict=True):
            target.id = id
            _settle(target)
        rows = ((target.id, target.key, *target.values) for target in targets)
        loading.copy(Opportunity, ("id", "external_id", *TABLE), rows)
    return len(targets)


def _settle(target: Target) -> None:
    for row, _ in target.rows:
        row.object_id = target.id


def _targets(rows: Sequence[tuple[Parsed, list[Any]]]) -> Iterable[Target]:
    """Each opportunity once, with its rows in the order of the file."""
    keys = {str(row.values[KEY]) for row, _ in rows}
    found = {key: (id, values) for key, id, *values in loading.current(Opportunity, TABLE, "external_id", list(keys))}
    found |= _born_here(keys - found.keys())
    targets: dict[int | str, Target] = {}
    for row, wanted in rows:
        key = str(row.values[KEY])
        id, was = found.get(key, (0, None))
        target = targets.get(id or key)
        if target is None:
            target = targets[id or key] = Target(key, id, was)
        target.rows.append((row, wanted))
    return targets.values()


def _born_here(keys: Iterable[str]) -> dict[str, tuple[int, list[Any]]]:
    """An opportunity without an external id goes by its uid."""
    uids = {key: uid for key in keys if len(key) in {32, 36} and (uid := _uid(key))}
    if not uids:
        return {}
    ours = Opportunity.objects.filter(external_id=None, uid__in=set(uids.values()))
    ids = dict(ours.values_list("uid", "id"))
    values = {id: values for id, _, *values in loading.current(Opportunity, TABLE, "id", list(ids.values()))}
    return {key: (ids[uid], values[ids[uid]]) for key, uid in uids.items() if uid in ids}


def _uid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _put_real_ids(rows: Sequence[tuple[Parsed, list[Any]]], place: int, ids: Mapping[int, int]) -> None:
    for _, values in rows:
        id = values[place]
        if id is not None and id < 0:
            values[place] = ids[id]


def _blank(sources: Sequence[str], empty: Any, positions: Mapping[str, int], blank: Blank) -> Any:
    """An absent column is left, and so is one that a blank never clears."""
    present = [FILE[source] for source in sources if source in positions]
    clears = blank is Blank.CLEAR and present and all(column.clears for column in present)
    return empty if clears else KEEP
