"""Reversing what a job did to some records: field by field, where what the job wrote still stands.

What was edited since stays, and so does a new record that something else uses. A preview decides the same and writes
nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, models, transaction

from backoffice.access.models import User
from backoffice.changes.registry import model_of
from backoffice.imports.models import Undone
from backoffice.imports.undo import rewriting, uses
from backoffice.imports.undo.editing_since import Edits, edits_since
from backoffice.imports.undo.effects import Effect, Record, Step
from backoffice.imports.undo.reasons import NAMES_SHOWN, Clash, Deleted, Edited, Gone, Reason, Used
from backoffice.imports.undo.rewriting import Values, same
from backoffice.jobs.running import sqlstate

# One says nothing without the other: both go back, or neither.
TOGETHER = frozenset({"amount", "currency"})
MISSING_REFERENCE = "23503"

type Row = tuple[str, int]


@dataclass
class Plan:
    """What is to be done to one record, by (kind, id) of its rows, and why not more than that."""

    record: Record
    returning: dict[Row, Values] = field(default_factory=dict)
    changing: dict[Row, Values] = field(default_factory=dict)
    removing: set[Row] = field(default_factory=set)
    edited: list[tuple[Effect, list[str]]] = field(default_factory=list)
    deleted: list[Effect] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)

    @property
    def does_something(self) -> bool:
        return bool(self.returning or self.changing or self.removing)

    @property
    def outcome(self) -> Undone | None:
        """None: everything is already as it would be."""
        if not self.does_something:
            return Undone.KEPT if self.reasons else None
        if self.reasons:
            return Undone.PARTLY
        return {Step.RETURN: Undone.RETURNED, Step.RESTORE: Undone.RESTORED, Step.REMOVE: Undone.REMOVED}[
            self.record.step
        ]

    def do_nothing(self) -> None:
        self.returning.clear()
        self.changing.clear()
        self.removing.clear()


@dataclass(frozen=True)
class Reversal:
    """Reverses what the job `job_id` did. Names are told only of what all `viewers` may see."""

    job_id: int
    is_preview: bool
    viewers: Sequence[User]

    def reverse(self, records: Sequence[Record]) -> list[Plan]:
        """Decide for all the records, which are of one kind and step, and do it."""
        plans = self._planned(records)
        self._leave_what_points_nowhere(plans)
        self._leave_what_is_used(plans)
        self._say_who_edited(plans)
        if self.is_preview:
            uses.foresee(list(_foreseen(plans)))
        else:
            self._write([plan for plan in plans if plan.does_something])
        return plans

    def _planned(self, records: Sequence[Record]) -> list[Plan]:
        ids: dict[str, set[int]] = defaultdict(set)
        for record in records:
            for effect in record.effects:
                ids[effect.kind].add(effect.id)
        rows = {kind: rewriting.there(kind, ids[kind], lock=not self.is_preview) for kind in sorted(ids)}
        plans = []
        for record in records:
            plan = Plan(record)
            for effect in record.effects:
                _plan(plan, effect, rows[effect.kind].get(effect.id))
            if record.step is Step.REMOVE and plan.edited:
                plan.do_nothing()
            plans.append(plan)
        return plans

    def _leave_what_points_nowhere(self, plans: Sequence[Plan]) -> None:
        """A reference to what is no longer there can't be restored; a row that can't be without it stays away."""
        wanted: dict[type[models.Model], set[int]] = defaultdict(set)
        back = {row for plan in plans for row in plan.returning}
        for _, kind, values in _pointing(plans):
            for column, target in rewriting.references(kind).items():
                if values.get(column) is not None:
                    wanted[target].add(values[column])
        found: dict[type[models.Model], set[int]] = {}
        for target in sorted(wanted, key=lambda target: target._meta.db_table):
            kind = getattr(target, "change_kind", "")
            ids = {id for id in wanted[target] if (kind, id) not in back}
            found[target] = uses.existing(target, ids, foreseen=self.is_preview) | (wanted[target] - ids)
        for plan in plans:
            _drop_references(plan, found)

    def _leave_what_is_used(self, plans: Sequence[Plan]) -> None:
        removing: dict[Row, Plan] = {row: plan for plan in plans for row in plan.removing}
        while removing:
            ids: dict[str, set[int]] = defaultdict(set)
            besides: dict[str, set[int]] = defaultdict(set)
            for kind, id in removing:
                ids[kind].add(id)
                besides[model_of(kind)._meta.db_table].add(id)
            used = {
                (kind, id): by
                for kind in sorted(ids)
                for id, by in uses.uses(kind, ids[kind], besides, foreseen=self.is_preview).items()
            }
            if not used:
                return
            self._keep_used(used, removing)
            # What stays may itself use what was to go.
            removing = {row: plan for plan in plans for row in plan.removing}

    def _keep_used(self, used: dict[Row, list[uses.Use]], removing: dict[Row, Plan]) -> None:
        wanted: dict[str, set[int]] = defaultdict(set)
        for by in used.values():
            for use in by:
                wanted[use.kind] |= set(use.first)
        names = {kind: uses.names(kind, ids, self.viewers) for kind, ids in wanted.items()}
        for row, by in used.items():
            plan = removing[row]
            if plan.record.step is Step.REMOVE:
                plan.do_nothing()
            else:
                plan.removing.discard(row)
            plan.reasons += [_used(use, names[use.kind]) for use in by]

    def _say_who_edited(self, plans: Sequence[Plan]) -> None:
        told = [plan for plan in plans if plan.edited or plan.deleted]
        if not told:
            return
        edits = edits_since(self.job_id, [plan.record for plan in told])
        for plan in told:
            plan.reasons[:0] = [*_edited(plan.edited, edits), *(_deleted(effect, edits) for effect in plan.deleted)]

    def _write(self, plans: Sequence[Plan]) -> None:
        """All at once; where a rule of the database stands against one record, all but that one."""
        if not plans:
            return
        try:
            with transaction.atomic():
                _do(plans)
        except IntegrityError as error:
            if sqlstate(error) == MISSING_REFERENCE:
                raise
            if len(plans) > 1:
                middle = len(plans) // 2
                self._write(plans[:middle])
                self._write(plans[middle:])
                return
            _give_way(plans[0], error)
            self._write([plan for plan in plans if plan.does_something])


def _plan(plan: Plan, effect: Effect, row: Values | None) -> None:
    at = (effect.kind, effect.id)
    if not effect.exists:
        if row is None:
            plan.returning[at] = dict(effect.before)
    elif not effect.existed:
        if row is None:
            return
        edited = [column for column in rewriting.told(effect.kind) if not same(row[column], effect.after.get(column))]
        if edited:
            plan.edited.append((effect, edited))
        else:
            plan.removing.add(at)
    elif row is None:
        plan.deleted.append(effect)
    else:
        _plan_change(plan, effect, row)


def _plan_change(plan: Plan, effect: Effect, row: Values) -> None:
    columns = [column for column in effect.before if column in rewriting.told(effect.kind)]
    differing = [column for column in columns if not same(row[column], effect.before[column])]
    edited = [column for column in differing if not same(row[column], effect.after[column])]
    left = set(edited) | (TOGETHER if TOGETHER & set(edited) else set())
    values = {column: effect.before[column] for column in differing if column not in left}
    if edited:
        plan.edited.append((effect, edited))
    if values:
        plan.changing[effect.kind, effect.id] = values


def _pointing(plans: Iterable[Plan]) -> Iterator[tuple[Plan, str, Values]]:
    for plan in plans:
        for rows in (plan.returning, plan.changing):
            for (kind, _), values in rows.items():
                yield plan, kind, values


def _drop_references(plan: Plan, found: dict[type[models.Model], set[int]]) -> None:
    for rows in (plan.returning, plan.changing):
        for row, values in list(rows.items()):
            kind, _ = row
            for column, target in rewriting.references(kind).items():
                id = values.get(column)
                if id is None or id in found[target]:
                    continue
                to = str(getattr(target, "change_kind", target._meta.verbose_name))
                plan.reasons.append(Gone(kind, column, to, id))
                if rows is plan.changing:
                    del values[column]
                elif rewriting.told(kind)[column].null:
                    values[column] = None
                else:
                    _stay_away(plan, row)
                    break
            if not values:
                rows.pop(row, None)


def _stay_away(plan: Plan, row: Row) -> None:
    """The row does not return; and without their record its parts do not either."""
    if row == (plan.record.kind, plan.record.id):
        plan.returning.clear()
    plan.returning.pop(row, None)


def _used(use: uses.Use, names: dict[int, str] | None) -> Used:
    if names is None:
        return Used(use.kind, use.count)
    return Used(use.kind, use.count, [names.get(id, f"#{id}") for id in use.first[:NAMES_SHOWN]])


def _edited(edited: Iterable[tuple[Effect, list[str]]], edits: Edits) -> Iterator[Reason]:
    """One sentence for all that one person changed through one door."""
    for effect, columns in edited:
        by: dict[tuple[str, str], list[str]] = defaultdict(list)
        for column in columns:
            edit = edits.get((effect.kind, effect.id, column))
            by[(edit.who, edit.door) if edit else ("", "")].append(column)
        for (who, door), told in by.items():
            found = [edits[key] for column in told if (key := (effect.kind, effect.id, column)) in edits]
            yield Edited(effect.kind, told, who, door, max((edit.at for edit in found), default=None))


def _deleted(effect: Effect, edits: Edits) -> Reason:
    edit = edits.get((effect.kind, effect.id, ""))
    return Deleted(effect.kind, edit.who, edit.door, edit.at) if edit else Deleted(effect.kind)


def _do(plans: Sequence[Plan]) -> None:
    """Records before their parts come and change, after them go."""
    main = plans[0].record.kind
    returning = _by_kind(plans, lambda plan: plan.returning)
    changing = _by_kind(plans, lambda plan: plan.changing)
    for kind in sorted(returning, key=lambda kind: (kind != main, kind)):
        rewriting.put_back(kind, returning[kind])
    for kind in sorted(changing, key=lambda kind: (kind != main, kind)):
        rewriting.change(kind, changing[kind])
    removing: dict[str, list[int]] = defaultdict(list)
    for plan in plans:
        for kind, id in plan.removing:
            removing[kind].append(id)
    for kind in sorted(removing, key=lambda kind: (kind == main, kind)):
        for relation in uses.relations(kind):
            if relation.goes_along:
                rewriting.remove(relation.model, relation.column, removing[kind])
        rewriting.remove(model_of(kind), "id", removing[kind])


def _by_kind(plans: Iterable[Plan], rows_of: Callable[[Plan], dict[Row, Values]]) -> dict[str, dict[int, Values]]:
    found: dict[str, dict[int, Values]] = defaultdict(dict)
    for plan in plans:
        for (kind, id), values in rows_of(plan).items():
            found[kind][id] = values
    return found


def _give_way(plan: Plan, error: IntegrityError) -> None:
    """Leave what the rule is about as it is: its columns where it names them, else the whole record."""
    told = getattr(error.__cause__, "diag", None)
    name, table = getattr(told, "constraint_name", None) or "", getattr(told, "table_name", None) or ""
    kinds = {effect.kind for effect in plan.record.effects}
    kind = next((kind for kind in sorted(kinds) if model_of(kind)._meta.db_table == table), plan.record.kind)
    plan.reasons.append(Clash(kind, name))
    rule = next((rule for rule in model_of(kind)._meta.constraints if rule.name == name), None)
    fields = rule.fields if isinstance(rule, models.UniqueConstraint) else ()
    columns = {column for column, field in rewriting.told(kind).items() if field.name in fields}
    given = [values for (its, _), values in plan.changing.items() if its == kind and columns & values.keys()]
    if not given:
        plan.do_nothing()
    for values in given:
        for column in columns:
            values.pop(column, None)
    for row in [row for row, values in plan.changing.items() if not values]:
        del plan.changing[row]


def _foreseen(plans: Iterable[Plan]) -> Iterator[tuple[int, str]]:
    for plan in plans:
        for kind, id in plan.returning:
            yield id, f"+{model_of(kind)._meta.db_table}"
        for kind, id in plan.removing:
            yield id, model_of(kind)._meta.db_table
        for (kind, id), values in plan.changing.items():
            for column in rewriting.references(kind).keys() & values.keys():
                yield id, f"{model_of(kind)._meta.db_table}.{column}"
