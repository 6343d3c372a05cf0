"""What points to a record; and in a preview what would, once all that was looked at before had been done."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection, models
from psycopg import sql

from backoffice.access.models import User
from backoffice.changes.registry import logged_models, model_of, parent_of
from backoffice.imports.merging import loading

FORESEEN = "undo_foreseen"
FIRST = 4  # of each kind of user; a few names are enough
NAMED_AFTER_OTHERS = frozenset({"quota", "rep_place"})


@dataclass(frozen=True)
class Relation:
    """A column of some table that points to the model's rows. `shown` is whom to name as the one that points."""

    model: type[models.Model]
    column: str
    shown: str
    kind: str
    goes_along: bool

    @property
    def table(self) -> str:
        return self.model._meta.db_table


@dataclass(frozen=True)
class Use:
    """So many records of a kind point to one; the first of them."""

    kind: str
    count: int
    first: list[int]


@cache
def relations(kind: str) -> list[Relation]:
    """Everything that can point to a record of the kind. What the log does not tell of goes with its record."""
    found = []
    for relation in model_of(kind)._meta.get_fields(include_hidden=True):
        if not (isinstance(relation, models.ForeignObjectRel) and isinstance(relation, models.ManyToOneRel)):
            continue
        model, column = relation.related_model, relation.field.column
        parent = parent_of(model)
        shown, named = str(model._meta.pk.column), str(getattr(model, "change_kind", model._meta.verbose_name))
        if parent is not None and parent is not model_of(kind):
            logged = next(logged for logged in logged_models() if logged.model is model)
            shown, named = str(logged.parent_column), str(logged.parent)
        along = relation.on_delete is models.CASCADE and not hasattr(model, "change_kind")
        found.append(Relation(model, str(column), shown, named, along))
    return sorted(found, key=lambda relation: (relation.kind, relation.table, relation.column))


def uses(
    kind: str, ids: Collection[int], besides: Mapping[str, Collection[int]], *, foreseen: bool
) -> dict[int, list[Use]]:
    """Who points to these records, but for the rows `besides` (by table), which go with them."""
    used: dict[int, list[Use]] = defaultdict(list)
    for relation in relations(kind):
        if relation.goes_along:
            continue
        statement = sql.SQL(
            "SELECT {column}, count(DISTINCT {shown}), (array_agg(DISTINCT {shown}))[1:{first}] FROM {table} AS here"
            " WHERE {column} = ANY(%s) AND {key} <> ALL(%s) {foreseen} GROUP BY 1"
        ).format(
            column=sql.Identifier(relation.column),
            shown=sql.Identifier(relation.shown),
            first=sql.Literal(FIRST),
            table=sql.Identifier(relation.table),
            key=sql.Identifier(str(relation.model._meta.pk.column)),
            foreseen=_but_for_what_is_foreseen(relation) if foreseen else sql.SQL(""),
        )
        with loading.plain_cursor() as cursor:
            cursor.execute(statement, [sorted(ids), sorted(besides.get(relation.table, ()))])
            for id, count, first in cursor:
                used[id].append(Use(relation.kind, count, first))
    return used


def _but_for_what_is_foreseen(relation: Relation) -> sql.Composable:
    return sql.SQL(
        "AND NOT EXISTS (SELECT FROM {foreseen} AS foreseen WHERE foreseen.id = here.{key} AND what IN ({table}, {at}))"
    ).format(
        foreseen=sql.Identifier(FORESEEN),
        key=sql.Identifier(str(relation.model._meta.pk.column)),
        table=sql.Literal(relation.table),
        at=sql.Literal(f"{relation.table}.{relation.column}"),
    )


def existing(model: type[models.Model], ids: Collection[int], *, foreseen: bool) -> set[int]:
    """Which of these rows are there; from here on nobody takes them away before this transaction ends."""
    table = model._meta.db_table
    statement = sql.SQL("SELECT id FROM {} WHERE id = ANY(%s) {}").format(
        sql.Identifier(table), sql.SQL("" if foreseen else "ORDER BY id FOR KEY SHARE")
    )
    with loading.plain_cursor() as cursor:
        cursor.execute(statement, [sorted(ids)])
        found = {id for (id,) in cursor}
        if foreseen and found != set(ids):
            cursor.execute(f"SELECT id FROM {FORESEEN} WHERE what = %s AND id = ANY(%s)", [f"+{table}", sorted(ids)])
            found |= {id for (id,) in cursor}
    return found


@contextmanager
def foreseeing(*, wanted: bool) -> Iterator[None]:
    """Keeps, for the time of a preview, what it has found would be done: a table of this connection alone."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{FORESEEN}")
        if wanted:
            cursor.execute(f"CREATE TEMP TABLE {FORESEEN} (id bigint, what text, PRIMARY KEY (id, what))")
    yield
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{FORESEEN}")


def foresee(told: Sequence[tuple[int, str]]) -> None:
    """(id, what): `table` is removed, `table.column` points elsewhere, `+table` is back."""
    if not told:
        return
    with loading.plain_cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {FORESEEN} SELECT * FROM unnest(%s::bigint[], %s::text[]) ON CONFLICT DO NOTHING",
            [[id for id, _ in told], [what for _, what in told]],
        )


def names(kind: str, ids: Collection[int], viewers: Sequence[User]) -> dict[int, str] | None:
    """What those records are called that all viewers may see; None for what has no name of its own."""
    try:
        model = model_of(kind)
    except KeyError:
        return None
    rows: Any = model._default_manager.all()
    if not hasattr(rows, "visible_to"):
        return None
    if not getattr(model, "is_known_to_all", False):
        for viewer in viewers:
            rows = rows.visible_to(viewer)
    fields = model._meta.concrete_fields
    if kind in NAMED_AFTER_OTHERS:
        rows = rows.select_related(*(field.name for field in fields if field.is_relation))
    else:
        rows = rows.only("pk", *(field.name for field in fields if _is_text(field) and field.name != "search"))
    return {row.pk: str(row) for row in rows.filter(pk__in=list(ids))}


def _is_text(field: "models.Field[Any, Any]") -> bool:
    """What names are made of."""
    return isinstance(getattr(field, "output_field", field), (models.CharField, models.TextField))
