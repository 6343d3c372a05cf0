"""What an upload tells of itself: the records it made, and why rows fail, with the first rows of each reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext_lazy

from backoffice.imports.faults import OPEN, SUGGESTING, Fault, in_general
from backoffice.imports.models import FileRow, Outcome, Upload

ROWS_EXAMINED = 20_000
ROWS_PER_REASON = 5
REASONS_SHOWN = 12

# Only the first failed rows are looked at, so that a page about a million of them comes as quickly as any.
REASONS = """
    WITH failed AS (
        SELECT number, errors FROM {rows}
        WHERE upload_id = %(upload)s AND outcome = 'failed' ORDER BY upload_id, number LIMIT %(examined)s
    ), faulty AS (
        SELECT number, regexp_replace(fault->>'code', %(suggesting)s, '') AS code,
            COALESCE(fault->>'column', '') AS header,
            min(COALESCE(fault->'values'->>'value', fault->>'values')) AS value
        FROM failed CROSS JOIN LATERAL jsonb_array_elements(errors) fault GROUP BY 1, 2, 3
    ), repeated AS (
        SELECT *, row_number() OVER (PARTITION BY code, header, value ORDER BY number) AS time FROM faulty
    ), ranked AS (
        SELECT *, count(*) OVER reason AS rows, count(*) FILTER (WHERE time = 1) OVER reason AS values,
            row_number() OVER (reason ORDER BY time, number) AS place
        FROM repeated WINDOW reason AS (PARTITION BY code, header)
    )
    SELECT code, header, rows, values, number FROM ranked WHERE place <= %(shown)s
    ORDER BY rows DESC, code, header, place
"""


RECORDS: dict[str, Any] = {
    "account": ngettext_lazy("account", "accounts", "number"),
    "account_type": ngettext_lazy("account type", "account types", "number"),
    "contact": ngettext_lazy("contact", "contacts", "number"),
    "industry": ngettext_lazy("industry", "industries", "number"),
    "opportunity": ngettext_lazy("opportunity", "opportunities", "number"),
    "opportunity_contact": ngettext_lazy("link to an opportunity", "links to opportunities", "number"),
    "quota": ngettext_lazy("quota", "quotas", "number"),
    "rep": ngettext_lazy("rep", "reps", "number"),
    "stage": ngettext_lazy("stage", "stages", "number"),
    "type": ngettext_lazy("opportunity type", "opportunity types", "number"),
}


def word_for(kind: str, number: int) -> str:
    """What so many records of one of the kinds that `Upload.records` counts are called."""
    return str(RECORDS[kind] % {"number": number}) if kind in RECORDS else kind


def records_in_words(records: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What `Upload.records` counts, or a preview expects, kind by kind."""
    return [
        gettext("%(kind)s: %(new)d new, %(updated)d updated.")
        % {"kind": capfirst(word_for(kind, 2)), "new": 0, "updated": 0, **counts}
        for kind, counts in sorted(records.items())
    ]


def expected_in_words(expected: Mapping[str, int]) -> str:
    """What a preview expects of the rows: `Upload.expected`."""
    return (
        gettext(
            "Of %(rows)s rows %(new)s would be new, %(updated)s updated, %(unchanged)s unchanged; "
            "%(failed)s would fail."
        )
        % expected
    )


@dataclass
class Reason:
    """Rows that fail for one reason: how many, over how many different values, and the first of them.

    The first are of as many values as there are, so that all are named while they are few.
    """

    code: str
    header: str
    rows: int
    values: int
    first: list[FileRow] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """As it holds for all of the rows: what they differ in is left open."""
        return in_general([self.fault_of(row) for row in self.first])

    @property
    def named(self) -> list[str]:
        """The values that the first rows are wrong with."""
        found = (self.fault_of(row).values.get("value") for row in self.first)
        return list(dict.fromkeys(str(value) for value in found if value is not None))

    @property
    def in_words(self) -> str:
        """The sentence, and the first of the values that it leaves open."""
        if len(self.named) < 2:
            return self.sentence
        named = [*self.named, *([OPEN] if self.values > len(self.named) else [])]
        return f"{self.sentence} ({', '.join(named)})"

    def fault_of(self, row: FileRow) -> Fault:
        return next(fault for fault in row.faults if (fault.reason, fault.column) == (self.code, self.header))


def reasons(upload: Upload) -> list[Reason]:
    """Why rows fail, most frequent first: until it is applied, in its preview. One wrong in two ways is in both."""
    with connection.cursor() as cursor:
        parameters: dict[str, int | str] = {
            "upload": upload.pk,
            "examined": ROWS_EXAMINED,
            "shown": ROWS_PER_REASON,
            "suggesting": f"{SUGGESTING}$",
        }
        cursor.execute(REASONS.format(rows=upload.known_rows.model._meta.db_table), parameters)
        found = cursor.fetchall()
    grouped: dict[tuple[str, str], tuple[Reason, list[int]]] = {}
    for code, header, rows, values, number in found:
        grouped.setdefault((code, header), (Reason(code, header, rows, values), []))[1].append(number)
    shown = list(grouped.values())[:REASONS_SHOWN]
    rows_by_number = _rows(upload, [number for _, numbers in shown for number in numbers])
    for reason, numbers in shown:
        reason.first = [rows_by_number[number] for number in numbers]
    return [reason for reason, _ in shown]


def _rows(upload: Upload, numbers: Sequence[int]) -> dict[int, FileRow]:
    rows = upload.known_rows.filter(outcome=Outcome.FAILED, number__in=numbers)
    return {row.number: row for row in rows}
