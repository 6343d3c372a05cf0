"""Search by words, in any table with a `search` column: every word must be found.

`search` is folded text that begins with a blank (`backoffice.crm.models.base.searched`). A word of three or more
letters is found anywhere; a shorter one, which has no trigram of its own, where a word begins.

The index adds up the places of every trigram it is asked for, however common: so it is asked for no more than finds
the few rows that the rest of the search is then read from.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Exists,
    F,
    Func,
    Model,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.functions import Concat
from django.db.models.lookups import Contains

from backoffice.crm.models import Account
from backoffice.crm.models.base import Fold

TRIGRAM = 3
MOST_WORDS = 10
MOST_ACCOUNTS = 1000
LOOKED_UP = 2
NUMBER = re.compile(r"[0-9]{6,}")


def words_of(text: str) -> list[str]:
    return text.replace("\0", " ").split()[:MOST_WORDS]


def has_word(word: str, column: str = "search") -> Q:
    """Rows whose `column` has the word: anywhere, or, if it is very short, where a word begins."""
    number = NUMBER.search(word)
    if number is None or number.group() == word:
        return _contains(F(column), word)
    # Of "CO-0512345", the number alone finds a row or two; every row has what stands before it.
    return _contains(F(column), number.group()) & _contains(Unindexed(column), word)


class Unindexed(Func):
    """A text column in a form of which there is no index."""

    template = "(%(expressions)s || '')"
    output_field = TextField()


def _contains(column: F | Unindexed, word: str) -> Q:
    # Contains escapes what LIKE would take for a wildcard; fold() is immutable, so the index is used.
    folded: Any = Fold(Value(word))
    return Q(Contains(column, folded if len(word) >= TRIGRAM else Concat(Value(" "), folded)))


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
    for condition in _in_row_or_account(words, accounts):
        rows = rows.filter(condition)
    return rows


def _in_row_or_account(words: Sequence[str], accounts: QuerySet[Account]) -> Iterator[Q]:
    """For each word, whether a row or its account has it: the accounts as numbers while they are few, for only then can
    the planner know how few; for a word common among accounts it looks at those of the rows that have the other words.
    Of the words that accounts have, the rarest are looked up; the rest are read in the rows that these find. Very short
    words are common: beside longer ones nobody asks which accounts have them."""
    accounts = accounts.order_by()
    asked = [number for number, word in enumerate(words) if len(word) >= TRIGRAM]
    asked = asked if len(asked) >= LOOKED_UP else list(range(len(words)))
    ids = _accounts_with({number: words[number] for number in asked}, accounts)
    rarest = sorted((number for number in asked if ids[number]), key=lambda number: len(ids[number]))
    for number, word in enumerate(words):
        is_read = number not in asked or number in rarest[LOOKED_UP:]
        in_row = _contains(Unindexed("search"), word) if is_read else has_word(word)
        if number not in asked or len(ids[number]) > MOST_ACCOUNTS:
            yield in_row | Q(Exists(accounts.filter(has_word(word), pk=OuterRef("account_id"))))
        elif ids[number]:
            yield in_row | Q(IsOneOf("account_id", Value(ids[number], ArrayField(BigIntegerField()))))
        else:
            yield in_row


def _accounts_with(words: Mapping[int, str], accounts: QuerySet[Account]) -> dict[int, list[int]]:
    """Up to `MOST_ACCOUNTS` + 1 accounts that have a word, for each word by its number, in one query."""
    hits = [
        accounts.filter(has_word(word)).annotate(word=Value(number)).values_list("word", "id")[: MOST_ACCOUNTS + 1]
        for number, word in words.items()
    ]
    ids: dict[int, list[int]] = {number: [] for number in words}
    for number, pk in hits[0].union(*hits[1:], all=True).order_by() if len(hits) > 1 else hits[0]:
        ids[number].append(pk)
    return ids
