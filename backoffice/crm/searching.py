"""Search by words, in any table with a `search` column: every word must be found.

`search` is folded text that begins with a blank (`backoffice.crm.models.base.searched`). A word of three or more
letters is found anywhere; a shorter one, which has no trigram of its own, where a word begins.
"""

from django.db.models import Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Concat

from backoffice.crm.models.base import Fold

TRIGRAM = 3
MOST_WORDS = 10


def found_by(text: str, column: str = "search") -> Q:
    """The rows whose `column` has every word of `text`; all rows when there is no word."""
    condition = Q()
    for word in words_of(text):
        # `contains` escapes what LIKE would take for a wildcard; fold() is immutable, so the index is used.
        condition &= Q(**{f"{column}__contains": _sought(word)})
    return condition


def words_of(text: str) -> list[str]:
    return text.replace("\0", " ").split()[:MOST_WORDS]


def _sought(word: str) -> Combinable:
    folded = Fold(Value(word))
    return folded if len(word) >= TRIGRAM else Concat(Value(" "), folded)
