"""Figures of a running job: rows as ok, rejected and unprocessed, rate, time left, outcome. Numbers in, numbers out.

Every kind counts its rows in words of its own (new, updated, unchanged, failed). Each of those words is either
*rejected* (one of `REJECTED`) or *ok*; what nobody has counted yet is *unprocessed*. So the three always add up
to the rows. Counts of other things than rows are declared with the kind (`besides`) and left out of the sum.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from django.utils.translation import gettext as _

REJECTED = frozenset({"failed", "rejected", "set_aside", "uncertain"})


class Tally(NamedTuple):
    """ok + rejected + unprocessed = rows."""

    ok: int
    rejected: int
    unprocessed: int

    @property
    def rows(self) -> int:
        return sum(self)


def tally(
    counts: Mapping[str, int],
    besides: Collection[str] = (),
    *,
    done: int = 0,
    total: int | None = None,
) -> Tally:
    """Sort the counts. A kind that counts nothing has everything done as ok."""
    rows = {word: number for word, number in counts.items() if word not in besides}
    rejected = sum(number for word, number in rows.items() if word in REJECTED)
    ok = sum(rows.values()) - rejected if rows else done
    return Tally(ok, rejected, max((total or 0) - ok - rejected, 0))


def rate_per_second(done: int, seconds: float | None) -> float | None:
    """None until there is something to divide."""
    return done / seconds if seconds and done > 0 else None


def seconds_left(done: int, total: int | None, rate: float | None) -> float | None:
    return max(total - done, 0) / rate if total and rate else None


def outcome_in_words(state: str, rows: Tally, error: str) -> str:
    """What became of a job, for a person. Cancelling and failing say what was kept."""
    figures = {"ok": rows.ok, "rejected": rows.rejected, "rows": rows.rows}
    if state == "cancelled":
        return _("Cancelled. Kept what was done until then: %(ok)d of %(rows)d.") % figures
    if state == "incomplete":
        return _("Ended. Not taken: %(rejected)d of %(rows)d.") % figures
    if state == "failed":
        kept = _("Kept what was done until then: %(ok)d of %(rows)d.") % figures if rows.ok else ""
        return f"{error} {kept}".strip()
    return _("Done.") if state == "succeeded" else ""
