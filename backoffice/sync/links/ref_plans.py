"""Where a mapping's record refers to something, and to what: another record of the vendor's, or an entry of a list."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from django.db import models
from msgspec import UNSET

from backoffice.changes.registry import model_of
from backoffice.crm.models import Choice, Rep
from backoffice.crm.records import Record, Ref
from backoffice.sync.meanings.options import Options
from backoffice.sync.rows.columns import columns, id_of
from backoffice.sync.rows.part_rows import STRUCTS, TAXES, parts
from connectors.kit.mapping import Mapping as VendorMapping


class Target(NamedTuple):
    """What a reference in `field` means: a record of `kind`, or an entry of the vendor's `list`."""

    field: str
    kind: str = ""
    list: str = ""


class ListPlan(NamedTuple):
    """The references in the elements of a list; `bare`: the elements are references themselves."""

    field: str
    targets: tuple[Target, ...]
    struct: type[msgspec.Struct]
    bare: bool = False
    is_ordered: bool = True

    def refs(self, element: Any) -> Iterator[tuple[Target, Ref]]:
        for target in self.targets:
            ref = element if self.bare else getattr(element, target.field)
            if ref is not UNSET and ref is not None:
                yield target, ref

    def key(self, element: Any) -> tuple[str, ...]:
        """What an element points at."""
        return tuple(f"{target.field} {ref.id or ref.label}" for target, ref in self.refs(element))

    def with_refs(self, element: Any, refs: Mapping[str, Ref | None]) -> Any:
        return refs[self.field] if self.bare else msgspec.structs.replace(element, **refs)


class Plan(NamedTuple):
    """All references of a mapping's record."""

    single: tuple[Target, ...]
    lists: tuple[ListPlan, ...]

    def refs(self, record: Record) -> Iterator[tuple[Target, Ref]]:
        for target in self.single:
            ref = getattr(record, target.field)
            if ref is not UNSET and ref is not None:
                yield target, ref
        for each in self.lists:
            elements = getattr(record, each.field)
            if elements is not UNSET:
                for element in elements or ():
                    yield from each.refs(element)


def plan_of(mapping: VendorMapping[Any], options: Options) -> Plan:
    """Worked out once for each mapping of a run."""
    plan: Plan | None = options.plans.get(mapping)
    if plan is None:
        plan = options.plans[mapping] = _plan(mapping, options)
    return plan


def _plan(mapping: VendorMapping[Any], options: Options) -> Plan:
    single, lists = [], []
    for part in mapping.parts:
        column = columns(mapping.kind).get(part.name)
        if column and column.put is id_of:
            single.append(_target(part, model_of(mapping.kind), options))
        elif part.name in parts(mapping.kind):
            found = list_plan(mapping.kind, part.name, options)
            if found:
                lists.append(found)
    return Plan(tuple(single), tuple(lists))


def _target(part: Any, model: type[models.Model], options: Options) -> Target:
    """As the mapping says; else as our own column points."""
    if getattr(part, "list", ""):
        return Target(part.name, list=part.list)
    if getattr(part, "kind", ""):
        return Target(part.name, kind=part.kind)
    return target_of(part.name, model._meta.get_field(part.name), options)


def target_of(name: str, field: Any, options: Options | None) -> Target:
    pointed = field.related_model
    if pointed in {Rep, Choice}:
        choices = field.get_limit_choices_to()["list"] if pointed is Choice else ""
        return Target(name, list=options.list_for(choices) if options else "")
    return Target(name, kind=pointed.change_kind)


def list_plan(kind: str, name: str, options: Options | None) -> ListPlan | None:
    """None for tags, which are words."""
    part = parts(kind)[name]
    if name in STRUCTS:
        pointing = [column.field for column in part.columns if column.put is id_of]
        targets = tuple(target_of(each, part.model._meta.get_field(each), options) for each in pointing)
        return ListPlan(name, targets, STRUCTS[name], is_ordered=part.is_ordered)
    if name == TAXES:
        target = target_of(name, part.model._meta.get_field("tax"), options)
        return ListPlan(name, (target,), Ref, bare=True)
    return None
