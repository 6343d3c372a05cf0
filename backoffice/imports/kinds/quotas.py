"""Quotas by the rep's email and the month."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import batched
from typing import Any, ClassVar, override

from backoffice.imports.faults import Fault
from backoffice.imports.merging import loading
from backoffice.imports.merging.merger import Difference, Key, Merger, Part, Records, Source, Target, Wish
from backoffice.imports.merging.references import Answer, Person, Reps
from backoffice.imports.options import Options
from backoffice.imports.reading.parsing import Parsed
from backoffice.imports.resources.quotas import AMOUNT_OF, QuotaResource, month_of
from backoffice.quotas.models import Quota

FILE = QuotaResource.columns()
PLACE = {name: place for place, name in enumerate(FILE)}
EMAIL, MONTH, AMOUNT, CURRENCY, NAME = (PLACE[name] for name in ("email", "month", "amount", "currency", "name"))

SOURCES: Mapping[str, Source] = {
    "rep_id": Source(("email",), None),
    "month": Source(("month",), None),
    "amount": Source(("amount",), None),
    "currency": Source(("currency", "amount"), ""),
}
TABLE = tuple(SOURCES)

WISHES_AT_ONCE = 20_000

BY_REP_AND_MONTH = """
    SELECT rep_id, month, id, amount, currency FROM quotas_quota
    JOIN unnest(%(reps)s::bigint[], %(months)s::date[]) AS wanted (rep_id, month) USING (rep_id, month)
"""


class QuotaLoader(Merger):
    """See `backoffice.imports.kinds.Loader`. A row with a column for each month wishes several quotas."""

    word = "quota"
    model = Quota
    file = FILE
    sources = SOURCES
    locks = ("quota", "rep")
    places: ClassVar[Mapping[str, tuple[int, ...]]] = {"rep": (TABLE.index("rep_id"),)}

    def __init__(self, positions: Mapping[str, int], options: Options) -> None:
        super().__init__(positions, options)
        columns = enumerate(QuotaResource.columns_in(positions))
        self.months = [(place, month) for place, name in columns if (month := month_of(name))]

    @override
    def make_parts(self) -> dict[str, Part]:
        self.reps = Reps(str(FILE["name"].header), str(FILE["email"].header))
        return {"rep": self.reps}

    @override
    def prepare(self, rows: Sequence[list[Any]]) -> None:
        self.reps.prepare({self._person(cells) for cells in rows})

    @override
    def wishes(self, row: Parsed) -> list[Wish]:
        cells = row.values
        rep, fault = self._rep(cells)
        if fault:
            row.faults = [fault]
            return []
        amounts = self._amounts(cells)
        if amounts:
            self.reps.keep(rep)
        currency = cells[CURRENCY] or self.options.money
        return [Wish(row, [rep, month, amount, currency]) for month, amount in amounts]

    @override
    def key_of(self, wish: Wish) -> Key:
        rep, month, *_ = wish.values
        return rep, month

    @override
    def found(self, keys: set[Key]) -> dict[Key, tuple[int, list[Any]]]:
        pairs = [key for key in keys if isinstance(key, tuple)]
        wanted = {"reps": [rep for rep, _ in pairs], "months": [month for _, month in pairs]}
        here = loading.rows(BY_REP_AND_MONTH, wanted)
        return {(rep, month): (id, [rep, month, amount, currency]) for rep, month, id, amount, currency in here}

    @override
    def link(self, targets: Sequence[Target]) -> Records:
        """Where a row changes several quotas, each of them is told under its month."""
        if self.keeps_differences and self.months:
            for target in targets:
                for wish in target.wishes:
                    wish.differences = [_of_month(wish, one) for one in wish.differences if one.column != "month"]
        return {}

    @override
    def load(self, rows: Sequence[Parsed]) -> Records:
        """A chunk of many months is done in pieces, so that it takes no more memory than another."""
        records: Records = {}
        for piece in batched(rows, max(1, WISHES_AT_ONCE // max(1, len(self.months)))):
            for word, counts in super().load(piece).items():
                records[word] = dict(Counter(records.get(word, {})) + Counter(counts))
        return records

    @override
    def misses(self, row: Parsed) -> list[Fault]:
        _, fault = self._rep(row.values)
        return [fault] if fault else []

    def _amounts(self, cells: Sequence[Any]) -> list[tuple[dt.date, Decimal]]:
        """A blank cell under a month leaves its quota as it is."""
        if not self.months:
            return [(cells[MONTH], cells[AMOUNT])]
        return [(month, cells[place]) for place, month in self.months if cells[place] is not None]

    def _person(self, cells: Sequence[Any]) -> Person:
        """With a name a rep who is not there is added; without one that is a fault."""
        email = cells[EMAIL]
        return Person(email, (cells[NAME] or name_from_email(email)) if email and self.options.create_reps else None)

    def _rep(self, cells: Sequence[Any]) -> Answer:
        answer = self.reps.find(self._person(cells))
        if not answer.fault:
            return answer
        values = {name: value for name, value in answer.fault.values.items() if name in {"value", "near"}}
        return Answer(
            fault=Fault("no_such_rep_near" if "near" in values else "no_such_rep", answer.fault.column, values)
        )


def _of_month(wish: Wish, difference: Difference) -> Difference:
    if difference.column != "amount":
        return difference
    return difference._replace(column=f"{AMOUNT_OF}{wish.values[TABLE.index('month')]}")


@lru_cache(1_000)
def name_from_email(email: str) -> str:
    """anna.snelling@… is Anna Snelling; an address that names nobody stands for itself."""
    words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", email.partition("@")[0].partition("+")[0])
    return " ".join(word.title() for word in words) or email
