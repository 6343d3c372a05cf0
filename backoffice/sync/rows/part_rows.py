"""The lists of a record that stand in tables of their own: tags, lines, roles, members, taxes.

Read and written for many records at once; of a list that changes, what stays the same is left alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from django.db import models
from msgspec import UNSET
from psycopg import sql

from backoffice.changes.registry import model_of
from backoffice.crm import records
from backoffice.crm.models import Tag
from backoffice.imports.merging import loading
from backoffice.sync.rows.columns import KINDS, Column, part_columns

TAGS, TAXES = "tags", "taxes"
KEYS = {"contacts": ("contact_id",), "members": ("account_id", "contact_id"), TAGS: ("tag_id",), TAXES: ("tax_id",)}
STRUCTS: dict[str, type[msgspec.Struct]] = {
    "contacts": records.OpportunityContact,
    "lines": records.LineItem,
    "members": records.Member,
}

type Row = tuple[Any, ...]
type Wanted = dict[int, list[Row]]  # by the record's id


class Part(NamedTuple):
    """A list of a kind: its table, the column of the record it belongs to, and those of what a row says."""

    field: str
    model: type[models.Model]
    parent: str
    names: tuple[str, ...]
    columns: tuple[Column, ...]  # of a struct's fields; none for tags and taxes
    key: tuple[int, ...]  # places in `names` of what may stand in a list but once
    is_ordered: bool


@cache
def parts(kind: str) -> dict[str, Part]:
    model, struct = model_of(kind), KINDS[kind]
    relations = {relation.get_accessor_name(): relation for relation in model._meta.related_objects}
    columns = {field.name for field in model._meta.concrete_fields}
    lists = [name for name in struct.__struct_fields__ if name not in columns and name in relations]
    return {name: _part(name, relations[name]) for name in lists}


def _part(name: str, relation: Any) -> Part:
    model = relation.related_model
    if name in STRUCTS:
        columns = tuple(part_columns(model, STRUCTS[name]).values())
        names = tuple(column.name for column in columns)
    else:
        columns, names = (), KEYS[name]
    is_ordered = any(field.name == "position" for field in model._meta.concrete_fields)
    key = tuple(names.index(each) for each in KEYS.get(name, ()))
    return Part(name, model, relation.field.column, names, columns, key, is_ordered)


def read(part: Part, ids: Sequence[int]) -> dict[int, list[Any]]:
    """The list of each record, as the record holds it. One query."""
    if part.field == TAGS:
        words = loading.rows(
            f"SELECT {part.parent}, tag.name FROM {part.model._meta.db_table} JOIN crm_tag AS tag ON tag.id = tag_id"
            f" WHERE {part.parent} = ANY(%s) ORDER BY {part.parent}, position, {part.model._meta.db_table}.id",
            [ids],
        )
        return _lists((parent, word) for parent, word in words)
    found = _stored(part, ids)
    if part.field == TAXES:
        return _lists((parent, records.Ref(id=str(row[0]))) for _, parent, row in found)
    struct = STRUCTS[part.field]
    fields = [column.field for column in part.columns]
    takes = [column.take for column in part.columns]
    return _lists(
        (
            parent,
            struct(
                **{
                    field: value if value is None or take is None else take(value)
                    for field, take, value in zip(fields, takes, row, strict=True)
                }
            ),
        )
        for _, parent, row in found
    )


def _lists(pairs: Iterable[tuple[int, Any]]) -> dict[int, list[Any]]:
    lists: dict[int, list[Any]] = defaultdict(list)
    for parent, value in pairs:
        lists[parent].append(value)
    return lists


def _stored(part: Part, ids: Sequence[int]) -> list[tuple[int, int, Row]]:
    """(id, the record's id, values) of every row of these records' lists, in order."""
    statement = sql.SQL("SELECT id, {}, {} FROM {} WHERE {} = ANY(%s) ORDER BY {}, {}id").format(
        sql.Identifier(part.parent),
        sql.SQL(", ").join(map(sql.Identifier, part.names)),
        sql.Identifier(part.model._meta.db_table),
        sql.Identifier(part.parent),
        sql.Identifier(part.parent),
        sql.SQL("position, ") if part.is_ordered else sql.SQL(""),
    )
    with loading.plain_cursor() as cursor:
        cursor.execute(statement, [list(ids)])
        return [(row[0], row[1], tuple(row[2:])) for row in cursor]


def wanted(part: Part, lists: Mapping[int, Sequence[Any] | None]) -> Wanted:
    """The rows that records' lists come to. Of what may be in a list but once the first counts."""
    if part.field == TAGS:
        ids = tag_ids({word for words in lists.values() for word in words or ()})
        rows = {parent: [(ids[word],) for word in words or () if word in ids] for parent, words in lists.items()}
    elif part.field == TAXES:
        rows = {parent: [(int(tax.id),) for tax in taxes or () if tax.id] for parent, taxes in lists.items()}
    else:
        get = attrgetter(*(column.field for column in part.columns))
        rows = {
            parent: [row for value in values or () if (row := _row(part, get(value))) is not None]
            for parent, values in lists.items()
        }
    if part.key:
        rows = {parent: _once(part, values) for parent, values in rows.items()}
    return rows


def _row(part: Part, values: Sequence[Any]) -> Row | None:
    """None for a row that points nowhere: what it is about is not here (yet)."""
    row = tuple(
        column.empty
        if value is UNSET
        else column.null
        if value is None
        else value
        if column.put is None
        else column.put(value)
        for column, value in zip(part.columns, values, strict=True)
    )
    pointing = part.key or (part.names.index("product_id"),)
    return row if any(row[place] is not None for place in pointing) else None


def _once(part: Part, rows: list[Row]) -> list[Row]:
    first: dict[Row, Row] = {}
    for row in rows:
        first.setdefault(tuple(row[place] for place in part.key), row)
    return list(first.values())


def insert(part: Part, lists: Wanted) -> None:
    """The rows of new records."""
    _copy(part, ((parent, place, row) for parent, rows in lists.items() for place, row in enumerate(rows)))


def _copy(part: Part, placed: Iterable[tuple[int, int, Row]]) -> None:
    if part.is_ordered:
        rows = [(parent, place, *row) for parent, place, row in placed]
        names = (part.parent, "position", *part.names)
    else:
        rows = [(parent, *row) for parent, _, row in placed]
        names = (part.parent, *part.names)
    if rows:
        loading.copy(part.model, names, rows)


def replace(part: Part, lists: Wanted) -> set[int]:
    """Make the lists of these records what is wanted. Answers whose really changed."""
    here: dict[int, list[tuple[int, Row]]] = defaultdict(list)
    for id, parent, row in _stored(part, list(lists)):
        here[parent].append((id, row))
    gone: list[int] = []
    new: list[tuple[int, int, Row]] = []
    changed: set[int] = set()
    for parent, rows in lists.items():
        out, into = (_ordered if part.is_ordered else _unordered)(here[parent], rows)
        if out or into:
            changed.add(parent)
            gone += out
            new += [(parent, place, row) for place, row in into]
    if gone:
        statement = sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(sql.Identifier(part.model._meta.db_table))
        with loading.plain_cursor() as cursor:
            cursor.execute(statement, [gone])
    _copy(part, new)
    return changed


def _ordered(here: Sequence[tuple[int, Row]], rows: Sequence[Row]) -> tuple[list[int], list[tuple[int, Row]]]:
    """What both begin with stays; the rest of the list is written anew."""
    same = 0
    while same < min(len(here), len(rows)) and here[same][1] == rows[same]:
        same += 1
    return [id for id, _ in here[same:]], list(enumerate(rows))[same:]


def _unordered(here: Sequence[tuple[int, Row]], rows: Sequence[Row]) -> tuple[list[int], list[tuple[int, Row]]]:
    there, known = set(rows), {row for _, row in here}
    return [id for id, row in here if row not in there], [(0, row) for row in rows if row not in known]


def tag_ids(words: Iterable[str]) -> dict[str, int]:
    """The tag of each word, made where there is none. Words that only capitals or accents tell apart are one tag."""
    keys = {word: key for word, key in loading.folded(sorted(words)).items() if key}
    by_key = _tags(set(keys.values()))
    missing = {key: word for word, key in keys.items() if key not in by_key}
    if missing:
        with loading.plain_cursor() as cursor:
            # Sorted, so that two writers never wait for each other; what another made meanwhile is found below.
            cursor.execute(
                f"INSERT INTO {Tag._meta.db_table} (name) SELECT * FROM unnest(%s::text[]) ON CONFLICT DO NOTHING",
                [[missing[key] for key in sorted(missing)]],
            )
        by_key |= _tags(set(missing))
    return {word: by_key[key] for word, key in keys.items()}


def _tags(keys: set[str]) -> dict[str, int]:
    statement = f"SELECT name_key, id FROM {Tag._meta.db_table} WHERE name_key = ANY(%s)"
    return dict(loading.rows(statement, [list(keys)])) if keys else {}
