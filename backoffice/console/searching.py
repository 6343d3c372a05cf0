"""Finding rows of a long table: words in its `search` column, and the few that match before the order they stand in.

PostgreSQL's planner believes a match to be common and walks the order's index past a million others, or believes it
rare and sorts half the table. So: first the ids of up to `LIMIT` matches, without an order. When that is all of them,
the page is taken from these ids; when there are more, matches are common and walking the order finds a page soon.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Model, Q, QuerySet, Value
from django.db.models.functions import Concat

from backoffice.crm.models import Account
from backoffice.crm.models.base import Fold

LIMIT = 1000
WORDS = 8
SHORTEST_INNER = 3  # letters; a trigram index can't look inside words for fewer
ACCOUNTS = 500


def words_of(query: str) -> list[str]:
    return query.split()[:WORDS]


def has_word(word: str) -> Q:
    """Rows whose `search` has the word: anywhere in a word, or, if it is very short, at the beginning of one."""
    folded: Any = Fold(Value(word))
    return Q(search__contains=folded if len(word) >= SHORTEST_INNER else Concat(Value(" "), folded))


def found[M: Model](rows: QuerySet[M], query: str, accounts: QuerySet[Account] | None = None) -> QuerySet[M]:
    """`rows` that have each word of `query`, themselves or in their account (one of `accounts`, if given)."""
    words = words_of(query)
    ids = _accounts_with(words, accounts) if words and accounts is not None else {}
    for word in words:
        match = has_word(word)
        if accounts is not None and word in ids:
            match |= Q(account_id__in=ids[word])
        rows = rows.filter(match)
    return rows


def _accounts_with(words: Sequence[str], accounts: QuerySet[Account]) -> dict[str, Any]:
    """For each word the ids of the accounts that have it, as numbers while they are few: only then can the
    planner know how few."""
    matches = {f"word_{number}": has_word(word) for number, word in enumerate(words)}
    either = Q()
    for match in matches.values():
        either |= match
    hits = list(accounts.filter(either).order_by().annotate(**matches).values_list("id", *matches)[: ACCOUNTS + 1])
    if len(hits) > ACCOUNTS:
        return {word: accounts.filter(has_word(word)).order_by().values("id") for word in words}
    return {word: [hit[0] for hit in hits if hit[1 + number]] for number, word in enumerate(words)}


def first_ids(rows: QuerySet[Any]) -> list[int]:
    """Ids of up to `LIMIT` + 1 of the rows, in no order."""
    return list(rows.order_by().values_list("pk", flat=True)[: LIMIT + 1])


def estimated_count(model: type[Model]) -> int:
    """About how many rows the table has, as of its last ANALYZE; -1 when nobody knows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
        row = cursor.fetchone()
    return int(row[0]) if row else -1
