"""Search by words, in any table with a `search` column: every word must be found.

`search` is folded text that begins with a blank (`backoffice.crm.models.base.searched`). A word of three or more
letters is found anywhere; a shorter one, which has no trigram of its own, where a word begins.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model, Q, QuerySet, Value
from django.db.models.functions import Concat

from backoffice.crm.models import Account
from backoffice.crm.models.base import Fold

TRIGRAM = 3
MOST_WORDS = 10
MOST_ACCOUNTS = 500


def words_of(text: str) -> list[str]:
    return text.replace("\0", " ").split()[:MOST_WORDS]


def has_word(word: str, column: str = "search") -> Q:
    """Rows whose `column` has the word: anywhere, or, if it is very short, where a word begins."""
    # `contains` escapes what LIKE would take for a wildcard; fold() is immutable, so the index is used.
    folded: Any = Fold(Value(word))
    return Q(**{f"{column}__contains": folded if len(word) >= TRIGRAM else Concat(Value(" "), folded)})


def found_by(text: str, column: str = "search") -> Q:
    """The rows whose `column` has every word of `text`; all rows when there is no word."""
    condition = Q()
    for word in words_of(text):
        condition &= has_word(word, column)
    return condition


def found[M: Model](rows: QuerySet[M], text: str, accounts: QuerySet[Account] | None = None) -> QuerySet[M]:
    """`rows` that have each word of `text`, themselves or in their account (one of `accounts`, if given)."""
    words = words_of(text)
    if accounts is None or not words:
        return rows.filter(found_by(text))
    ids = _accounts_with(words, accounts)
    for word in words:
        rows = rows.filter(has_word(word) | Q(account_id__in=ids[word]))
    return rows


def _accounts_with(words: Sequence[str], accounts: QuerySet[Account]) -> dict[str, Any]:
    """For each word the accounts that have it, as numbers while they are few: the planner then knows."""
    matches = {f"word_{number}": has_word(word) for number, word in enumerate(words)}
    either = Q()
    for match in matches.values():
        either |= match
    rows = accounts.filter(either).order_by().annotate(**matches).values_list("id", *matches)
    hits = list(rows[: MOST_ACCOUNTS + 1])
    if len(hits) > MOST_ACCOUNTS:
        return {word: accounts.filter(has_word(word)).order_by().values("id") for word in words}
    return {word: [hit[0] for hit in hits if hit[1 + number]] for number, word in enumerate(words)}
