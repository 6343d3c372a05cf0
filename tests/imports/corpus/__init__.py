"""Files as they come from people and their programs, each with what a good importer does with it. Made in code."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

HEADER = ("Opportunity ID", "Opportunity Name", "Amount", "Close Date", "Next Step")
HEAD = ",".join(HEADER) + "\r\n"
FIELDS = ("name", "amount", "close_date", "next_step")


@dataclass(frozen=True)
class Odd:
    """One file. Either it is refused, with these words in the sentence, or every row has its outcome and reason.

    `reasons`: by line, all of what is said of a failed row. `holds`: by Opportunity ID, what the record has in the end.
    `read_as`: parts of the layout.
    """

    says: str
    content: bytes | str
    outcomes: str = ""
    reasons: Mapping[int, str] = field(default_factory=dict)
    holds: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    refused: str = ""
    asks: str = ""
    read_as: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    name: str = "opportunities.csv"

    @property
    def data(self) -> bytes:
        return self.content.encode() if isinstance(self.content, str) else self.content


def record(name=None, amount=None, close_date=None, next_step=None):
    """What is said of a record."""
    said = {"name": name, "amount": amount, "close_date": close_date, "next_step": next_step}
    values = {word: value for word, value in said.items() if value is not None}
    if amount is not None:
        values["amount"] = Decimal(str(amount))
    if close_date is not None:
        values["close_date"] = dt.date.fromisoformat(close_date)
    return values
