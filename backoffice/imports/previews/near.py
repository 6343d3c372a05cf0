"""What an upload would create on the side, and what is there already under a similar name: a slip, perhaps."""

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple

from django.db import OperationalError, models, transaction
from django.db.models import F

from backoffice.access.models import User
from backoffice.crm.models import Account, Choice, Rep
from backoffice.imports.merging import loading
from backoffice.imports.merging.imagining import FIRST_IMAGINED_ID, reality
from backoffice.imports.merging.merger import Part
from backoffice.imports.merging.references import Choices
from backoffice.jobs.running import sqlstate

MOST_SHOWN = 200
NEAR_EACH = 3
NEAR_ENOUGH = 0.45
SECONDS_FOR_LOOKING = 5
NAMES_AT_ONCE = 10
QUERY_CANCELED = "57014"


class Side(NamedTuple):
    """Records that rows of some kind make on the side: how they are shown, and in what a similar one is similar."""

    model: type[models.Model]
    name: str
    detail: str  # a column; empty for none
    key: str  # the folded name
    list: str = ""  # which pick list, of a choice


SIDES = {
    "account": Side(Account, "name", "website", "name_key"),
    "rep": Side(Rep, "name", "email", "name_key"),
}


def side_of(word: str, part: Part) -> Side | None:
    """Of what `Upload.records` counts as `word`."""
    return Side(Choice, "label", "", "label_key", part.list) if isinstance(part, Choices) else SIDES.get(word)


def created(side: Side) -> list[dict[str, Any]]:
    """The first of those that were only imagined, in the order of the file."""
    rows = side.model._default_manager.filter(pk__gte=FIRST_IMAGINED_ID).order_by("pk")
    rows = rows.filter(list=side.list) if side.list else rows
    found = rows.annotate(detail=F(side.detail or side.name)).values_list("pk", side.name, "detail")[:MOST_SHOWN]
    return [{"id": id, "name": name, "detail": detail if side.detail else ""} for id, name, detail in found]


# The rows of a table that share much of a name: found by the trigram index of its search column, where it has one.
SIMILAR = """
    WITH given AS MATERIALIZED (
        SELECT place, fold(text) AS key FROM unnest(%(names)s::text[]) WITH ORDINALITY AS given(text, place)
    )
    SELECT place, id, name, round(score::numeric, 2)::float8
    FROM given CROSS JOIN LATERAL (
        SELECT id, {name} AS name, similarity({key}, given.key) AS score
        FROM {table} WHERE {indexed} AND {only}
        ORDER BY score DESC, id LIMIT %(each)s
    ) near
    WHERE score >= %(enough)s ORDER BY place, score DESC, id
"""
LIMITS = """
    SELECT set_config('statement_timeout', %s, true), set_config('pg_trgm.word_similarity_threshold', '0.5', true)
"""
BY_SEARCH = "search %%> given.key"


def near(side: Side, names: Sequence[str], user: User | None) -> list[list[dict[str, Any]]]:
    """For each name the real records with a similar one that `user` may know of, the most similar first."""
    found: list[list[dict[str, Any]]] = [[] for _ in names]
    if not names or user is None:
        return found
    with reality():
        rows = _similar(side, names)
        known = _known(side, {id for _, id, _, _ in rows}, user)
    for place, id, name, score in rows:
        if id in known:
            found[place - 1].append({"id": id, "name": name, "score": score})
    return found


def _similar(side: Side, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Of the first names only where the table is so large that looking takes long: it is only a help."""
    fields = {field.name for field in side.model._meta.get_fields()}
    statement = SIMILAR.format(
        name=side.name,
        key=side.key,
        table=side.model._meta.db_table,
        indexed=BY_SEARCH if "search" in fields else "true",
        only="list = %(list)s" if side.list else "archived_at IS NULL",
    )
    found: list[tuple[Any, ...]] = []
    deadline = monotonic() + SECONDS_FOR_LOOKING
    for start in range(0, len(names), NAMES_AT_ONCE):
        left = deadline - monotonic()
        if left <= 0:
            break
        some = list(names[start : start + NAMES_AT_ONCE])
        parameters = {"names": some, "each": NEAR_EACH, "enough": NEAR_ENOUGH, "list": side.list}
        try:
            rows = _within(left, statement, parameters)
        except OperationalError as error:
            if sqlstate(error) != QUERY_CANCELED:
                raise
            break
        found += [(start + place, *more) for place, *more in rows]
    return found


def _within(seconds: float, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with transaction.atomic():
        loading.rows(LIMITS, [f"{int(seconds * 1000) + 1}ms"])
        found = loading.rows(statement, parameters)
        loading.rows(LIMITS, ["0"])
        return found


def _known(side: Side, ids: set[int], user: User) -> set[int]:
    manager: Any = side.model._default_manager
    if getattr(side.model, "is_known_to_all", False) or not ids:
        return ids
    return set(manager.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True))
