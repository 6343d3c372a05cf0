"""Search by words, in any table with a `search` column: every word must be found.

`search` is folded text that begins with a blank (`backoffice.crm.models.base.searched`). A word of three or more
letters is found anywhere; a shorter one, which has no trigram of its own, where a word begins.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, BooleanField, Exists, Func, Model, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat

from backoffice.crm.models import Account
from backoffice.crm.models.base import Fold

TRIGRAM = 3
MOST_WORDS = 10
MOST_ACCOUNTS = 1000


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


class IsOneOf(Func):
    """`number = ANY (array)`: one parameter, however many numbers there are."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY ("
    output_field = BooleanField()


def found[M: Model](rows: QuerySet[M], text: str, accounts: QuerySet[Account] | None = None) -> QuerySet[M]:
    """`rows` that have each word of `text`, themselves or in their account (one of `accounts`, if given)."""
    words = words_of(text)
    if accounts is None or not words:
        return rows.filter(found_by(text))
    for word, has_it in zip(words, _in_their_account(words, accounts), strict=True):
        rows = rows.filter(has_word(word) | has_it)
    return rows


def _in_their_account(words: Sequence[str], accounts: QuerySet[Account]) -> Iterator[Q]:
    """For each word, whether a row's account has it: the accounts as numbers while they are few, for only then can the
    planner know how few; for a word common among accounts it looks at those of the rows that have the other words.
    One query finds them all."""
    accounts = accounts.order_by()
    hits = [
        accounts.filter(has_word(word)).annotate(word=Value(number)).values_list("word", "id")[: MOST_ACCOUNTS + 1]
        for number, word in enumerate(words)
    ]
    ids: dict[int, list[int]] = defaultdict(list)
    for number, pk in hits[0].union(*hits[1:], all=True).order_by() if len(hits) > 1 else hits[0]:
        ids[number].append(pk)
    for number, word in enumerate(words):
        if len(ids[number]) > MOST_ACCOUNTS:
            yield Q(Exists(accounts.filter(has_word(word), pk=OuterRef("account_id"))))
        elif ids[number]:
            yield Q(IsOneOf("account_id", Value(ids[number], ArrayField(BigIntegerField()))))
        else:
            yield Q(pk__in=[])
