"""What rows would change, as texts to show: references by name, looked up for many rows at once."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext

from backoffice.access.models import User
from backoffice.access.roles import role_of
from backoffice.crm.models import Account, Choice, Contact, Opportunity, Rep
from backoffice.imports.merging.imagining import is_imagined_id, reality
from backoffice.imports.models import Outcome
from backoffice.imports.reading.parsing import Parsed
from backoffice.imports.resources.columns import UploadResource

type Changes = dict[str, list[str | None]]
"""By column of the table: what is there (None: not for this login to see) and what would be."""

NAMES: Mapping[type[models.Model], str] = {
    Account: "name",
    Choice: "label",
    Contact: "name",
    Opportunity: "name",
    Rep: "name",
}
NAMES_REMEMBERED = 20_000
LONGEST_TEXT = 500
TOLD = {Outcome.NEW, Outcome.UPDATED}


class Texts:
    """Of one kind's rows, as `user` may see them."""

    def __init__(self, model: type[models.Model], resource: type[UploadResource], user: User | None) -> None:
        self.model = model
        self.user = user
        key: Any = model._meta.get_field(resource.columns()[resource.key].field)
        self._key = str(key.column)
        self._key_place = list(resource.columns()).index(resource.key)
        self._referred = {
            str(field.column): field.related_model
            for field in model._meta.concrete_fields
            if isinstance(field, models.ForeignKey) and field.related_model in NAMES
        }
        self._names: dict[tuple[type[models.Model], int], str] = {}

    def of(self, rows: Sequence[Parsed]) -> list[Changes | None]:
        """Row by row; None for rows that change nothing of what is there."""
        told = [row for row in rows if _is_told(row)]
        self._look_up(told)
        hidden = self._hidden(self.model, (row.object_id for row in told))
        hidden_accounts = self._hidden(Account, (difference.of for row in told for difference in row.differences))
        return [self._changes(row, hidden, hidden_accounts) if _is_told(row) else None for row in rows]

    def _changes(self, row: Parsed, hidden: set[int], hidden_accounts: set[int]) -> Changes:
        columns = {difference.column for difference in row.differences}
        changes: Changes = {}
        for column, before, after, account in row.differences:
            if column.endswith("_system") and f"{column.removesuffix('_system')}_id" in columns:
                continue  # the vendor's own word for what stands beside it
            was, will = self._text(column, before), self._text(column, after)
            if was != will:
                is_hidden = row.object_id in hidden if account is None else account in hidden_accounts
                changes[column] = [None if is_hidden else was, will]
        if self._key not in changes and (row.outcome == Outcome.NEW or is_imagined_id(row.object_id)):
            # So that it can be told from the others. A row about what an earlier one would create changes no key.
            key = text_of(row.values[self._key_place])
            changes[self._key] = ["" if row.outcome == Outcome.NEW else key, key]
        return changes

    def _text(self, column: str, value: Any) -> str:
        model = self._referred.get(column)
        if model is not None and value is not None:
            return self._names.get((model, value)) or f"#{value}"
        return text_of(value)

    def _look_up(self, rows: Iterable[Parsed]) -> None:
        if len(self._names) > NAMES_REMEMBERED:
            self._names.clear()
        wanted: dict[type[models.Model], set[int]] = {}
        for row in rows:
            for column, before, after, _account in row.differences:
                if (model := self._referred.get(column)) is not None:
                    wanted.setdefault(model, set()).update(id for id in (before, after) if id is not None)
        for model, ids in wanted.items():
            missing = [id for id in ids if (model, id) not in self._names]
            if missing:
                hidden = set() if getattr(model, "is_known_to_all", False) else self._hidden(model, missing)
                found = model._default_manager.filter(pk__in=missing).values_list("pk", NAMES[model])
                self._names |= {(model, id): name for id, name in found if id not in hidden}

    def _hidden(self, model: type[models.Model], ids_given: Iterable[int | None]) -> set[int]:
        """Records that are there and not for this login to see: a preview tells no more of them than their number."""
        role = role_of(self.user)
        if role is not None and role.sees_everything:
            return set()
        ids = {id for id in ids_given if id and not is_imagined_id(id)}
        if not ids or self.user is None:
            return ids
        manager: Any = model._default_manager
        with reality():
            return ids - set(manager.visible_to(self.user).filter(pk__in=ids).values_list("pk", flat=True))


def in_order(resource: type[UploadResource], changes: Changes) -> Changes:
    """As the columns of an upload are declared. The database gives them back by length."""
    places: dict[str, int] = {}
    for place, (name, column) in enumerate(resource.columns().items()):
        for word in (name, column.field):
            places.setdefault(word, place)

    def place_of(column: str) -> int:
        return places.get(column, places.get(column.removesuffix("_id"), len(places)))

    return {column: changes[column] for column in sorted(changes, key=place_of)}


def _is_told(row: Parsed) -> bool:
    return row.outcome in TOLD or is_imagined_id(row.object_id)


def text_of(value: Any) -> str:
    """A value of the table as it is shown beside another."""
    match value:
        case None:
            return ""
        case bool():
            return gettext("yes") if value else gettext("no")
        case Decimal():
            return _plain(value)
        case dt.datetime():
            return value.isoformat(" ", "minutes")
        case dict():
            return " ".join(filter(None, map(text_of, value.values())))
        case list() | tuple() | set():
            return ", ".join(filter(None, map(text_of, value)))
        case _:
            text = str(value)
            return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _plain(value: Decimal) -> str:
    """Two decimals, more only when they say something."""
    whole, point, decimals = format(value, "f").partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}" if point else whole
