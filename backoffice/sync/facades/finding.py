"""What a caller of a facade asks for, in SQL: the rows linked to the connection that the caller's rep may see."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import BooleanField, Case, F, Model, Q, QuerySet, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Lower, TruncSecond

from backoffice.changes.models import Change
from backoffice.changes.registry import model_of
from backoffice.crm.models import Choice, Rep
from backoffice.crm.visibility import about_something_of, accounts_of, contacts_of, owned_by
from backoffice.sync.facades.keys import sees_everything
from backoffice.sync.models import Connection, ConnectionState, Link, Option
from connectors.kit.contract import Meaning
from connectors.kit.mapping import Entry
from connectors.kit.mapping import Mapping as RecordMapping
from connectors.kit.store import Condition, Query, Test

CREATED, CHANGED = "shown_created", "shown_changed"
STAMPS = {"created_there": CREATED, "changed_there": CHANGED}
# In lists of values: where the text stands that people look for.
TEXT_OF = {"emails": "address", "phones": "number"}
LABELS = {"contact": "name", "account": "name", "opportunity": "name", "activity": "subject", "note": "title"}
LINK = Link._meta.db_table

# What a rep without a login of their own sees; with one, the login's role says so.
OF_A_REP: Mapping[str, Callable[[list[int]], Q]] = {
    "account": accounts_of,
    "contact": contacts_of,
    "opportunity": owned_by,
    "activity": lambda reps: Q(owner__in=reps) | Q(assigned_by__in=reps) | about_something_of(reps),
    "note": lambda reps: Q(author__in=reps) | (Q(private=False) & about_something_of(reps)),
}


class Finder:
    """The rows behind one caller's view of a connection."""

    def __init__(self, connection: Connection, rep: Rep | None, shapes: Mapping[str, RecordMapping[Any]]) -> None:
        self.connection = connection
        self.rep = rep
        self.shapes = shapes

    def rows(self, kind: str) -> QuerySet[Any]:
        """All that is linked and may be seen, with the vendor's id and the times that are shown."""
        visible = self._visible(kind)
        table = visible.model._meta.db_table
        linked: QuerySet[Any] = visible.extra(  # noqa: S610 - a join along which there is no foreign key; names are our own
            select={"remote_id": f"{LINK}.remote_id", "remote_size": f"length({LINK}.remote_id)"},
            tables=[LINK],
            where=[
                f"{LINK}.object_id = {table}.id",
                f"{LINK}.connection_id = %s",
                f"{LINK}.kind = %s",
                f"{LINK}.gone_at IS NULL",
            ],
            params=[self.connection.pk, kind],
        )
        stamps = {CREATED: TruncSecond(Coalesce("created_there", "created_at")), CHANGED: self._changed()}
        stamped: QuerySet[Any] = linked.annotate(**stamps)
        return stamped

    def narrowed(self, kind: str, query: Query) -> QuerySet[Any]:
        """Those that a query asks for, in its order."""
        rows = self.rows(kind)
        if not query.with_archived:
            rows = rows.filter(archived_at=None)
        for condition in query.conditions:
            rows = rows.filter(self._condition(kind, condition))
        columns = [self._order(kind, field) for field in query.order]
        return rows.order_by(*columns, "remote_size", "remote_id")

    def seen(self, kind: str, ids: Collection[str]) -> set[str]:
        """Which of these ids of the vendor's stand for what may be seen."""
        links = Link.objects.filter(connection=self.connection, kind=kind, gone_at=None, remote_id__in=ids)
        visible = self._visible(kind).order_by().values("pk")
        return set(links.filter(object_id__in=visible).values_list("remote_id", flat=True))

    def _visible(self, kind: str) -> QuerySet[Any]:
        model: Any = model_of(kind)
        rows: QuerySet[Any] = model.objects.all()
        if sees_everything(self.rep):
            return rows
        if self.rep is not None and self.rep.user is not None:
            seen: QuerySet[Any] = model.objects.visible_to(self.rep.user)
            return seen
        rule = OF_A_REP.get(kind)
        return rows.filter(rule([self.rep.pk])) if rule and self.rep else rows.none()

    def _changed(self) -> Any:
        """The vendor's time; but what has been changed here since it has nothing to say any more, was changed then."""
        there = Coalesce("changed_there", "changed_at")
        if self._retired_at is None:
            return TruncSecond(there)
        return TruncSecond(Case(When(changed_at__gt=self._retired_at, then=F("changed_at")), default=there))

    @cached_property
    def _retired_at(self) -> datetime | None:
        if self.connection.state != ConnectionState.RETIRED:
            return None
        retired = Change.objects.filter(
            kind="connection", object_id=self.connection.pk, after__state=ConnectionState.RETIRED
        )
        return retired.order_by("-id").values_list("at", flat=True).first()

    def _condition(self, kind: str, condition: Condition) -> Q:
        name, value = condition.field, condition.value
        model = model_of(kind)
        if name == "tags":
            return self._of_tags(model, condition)
        field = model._meta.get_field(name)
        if field.is_relation:
            return self._of_reference(kind, condition)
        if name in TEXT_OF:
            return self._of_values(model, condition)
        column = STAMPS.get(name, name)
        match condition.test:
            case Test.AFTER:
                return Q(**{f"{column}__gt": value})
            case Test.BEFORE:
                return Q(**{f"{column}__lt": value})
            case Test.LIKE:
                return Q(**{f"{column}__iregex": pattern(value)})
            case Test.IS_SET:
                empty = Q(**{f"{column}__isnull": True})
                if field.empty_strings_allowed:
                    empty |= Q(**{column: ""})
                return ~empty if value else empty
            case _:
                return Q(**{column: value})

    def _of_reference(self, kind: str, condition: Condition) -> Q:
        """By the vendor's id; of an entry of a list by its id or label."""
        name, value = condition.field, str(condition.value)
        if condition.test is Test.IS_SET:
            return Q(**{f"{name}__isnull": not condition.value})
        target: Any = model_of(kind)._meta.get_field(name).related_model
        if target in {Rep, Choice}:
            options = Option.objects.filter(connection=self.connection, list__in=self._lists(kind, name, target))
            asked = Q(label__iregex=pattern(value)) if condition.test is Test.LIKE else Q(remote_id=value)
            options = options.filter(asked | Q(label=value))
            return Q(**{f"{name}__in": options.values("rep_id" if target is Rep else "choice_id")})
        linked = Link.objects.filter(connection=self.connection, kind=target.change_kind)
        if condition.test is Test.LIKE:
            return Q(**{f"{name}__{LABELS[target.change_kind]}__iregex": pattern(value)})
        return Q(**{f"{name}__in": linked.filter(remote_id=value).values("object_id")})

    def _lists(self, kind: str, name: str, target: Any) -> list[str]:
        """The vendor's lists that a field may be an entry of."""
        if kind in self.shapes:
            said = [part.list for part in self.shapes[kind].parts if part.name == name and isinstance(part, Entry)]
            if said:
                return said
        meaning = Meaning.REP if target is Rep else Meaning.CHOICE
        return [each.name for each in self.connection.connector.lists if each.meaning is meaning]

    def _of_tags(self, model: type[Model], condition: Condition) -> Q:
        if condition.test is Test.IS_SET:
            tagged = Q(pk__in=model._default_manager.filter(tags__isnull=False).values("pk"))
            return tagged if condition.value else ~tagged
        wanted = {"tags__tag__name": condition.value}
        if condition.test is Test.LIKE:
            wanted = {"tags__tag__name__iregex": pattern(condition.value)}
        return Q(pk__in=model._default_manager.filter(**wanted).values("pk"))

    def _of_values(self, model: type[Model], condition: Condition) -> Q:
        name, key = condition.field, TEXT_OF[condition.field]
        if condition.test is Test.IS_SET:
            return ~Q(**{name: []}) if condition.value else Q(**{name: []})
        if condition.test is Test.LIKE:
            each = f"jsonb_array_elements({model._meta.db_table}.{name}) AS one WHERE one ->> '{key}' ~* %s"
            return Q(
                RawSQL(f"EXISTS (SELECT FROM {each})", [pattern(condition.value)], BooleanField())  # noqa: S611
            )
        return Q(**{f"{name}__contains": [{key: condition.value}]})

    def _order(self, kind: str, field: str) -> Any:
        """Empty ones first, and last when it goes down. By name there is an index, of the folded one."""
        name = field.removeprefix("-")
        model = model_of(kind)
        if name == "name" and hasattr(model, "name_key"):
            return field.replace("name", "name_key")
        column: Any = F(STAMPS.get(name, name))
        found = model._meta.get_field(name)
        if found.is_relation:
            target: Any = found.related_model
            label = {Rep: "name", Choice: "label"}.get(target) or LABELS[target.change_kind]
            column = Lower(f"{name}__{label}")
        elif found.empty_strings_allowed:
            column = Lower(name)
        return column.desc(nulls_last=True) if field.startswith("-") else column.asc(nulls_first=True)


def pattern(words: Any) -> str:
    """`*` stands for any characters; the rest for itself, in whatever case."""
    return f"^{'.*'.join(re.escape(piece) for piece in str(words).split('*'))}$"
