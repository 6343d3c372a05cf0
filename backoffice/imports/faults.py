"""What can be wrong with a file as a whole, and with one row of it: said in words, in the reader's language.

A row's faults are kept as code and values, so that they can be grouped by reason and shown in any language.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import msgspec
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

SHOWN_CHARACTERS = 60
SUGGESTING = "_near"  # at the end of a code whose sentence is that of the same without it, and names something near
OPEN = "…"


class Refused(Exception):
    """The file cannot be taken at all. `messages` are sentences to show; `option` is what is asked for.

    `by_option` has each sentence with the option that it is about, which may be several: see `each`.
    """

    def __init__(self, *messages: str, option: str = "") -> None:
        super().__init__(" ".join(str(message) for message in messages))
        self.messages = [str(message) for message in messages]
        self.option = option
        self.by_option = [(option, message) for message in self.messages]

    @classmethod
    def each(cls, by_option: Sequence[tuple[str, str]]) -> Self:
        """For several things at once, each with the option it is about, if it is about one; the first is `option`."""
        refused = cls(*(sentence for _option, sentence in by_option), option=by_option[0][0])
        refused.by_option = list(by_option)
        return refused


REASONS: Mapping[str, Any] = {
    "missing": _("%(column)s is missing."),
    "too_long": _("%(column)s has %(length)s characters; the most is %(most)s."),
    "control_character": _("%(column)s “%(value)s” holds a control character. Type it again."),
    "not_an_amount": _("%(column)s “%(value)s” is not an amount."),
    "other_decimal_mark": _(
        "%(column)s “%(value)s” is not an amount with “%(mark)s” as the decimal mark. "
        "Correct it, or choose another decimal mark for the file."
    ),
    "amount_too_large": _("%(column)s “%(value)s” is too large an amount."),
    "amount_too_fine": _("%(column)s “%(value)s” has more than %(places)s decimals."),
    "other_currency": _(
        "%(column)s “%(value)s” is in %(given)s, but the row is read as %(currency)s. "
        "Correct it, or choose another currency for the file."
    ),
    "not_a_currency": _("%(column)s “%(value)s” is not a currency code such as USD or MXN."),
    "not_a_date": _("%(column)s “%(value)s” is not a date such as 2026-11-30."),
    "no_such_day": _("%(column)s “%(value)s” names a day that does not exist."),
    "other_date_order": _(
        "%(column)s “%(value)s” is not a date written %(order)s. "
        "Correct it, or choose another order for the file's dates."
    ),
    "not_an_email": _("%(column)s “%(value)s” is not an email address."),
    "not_a_website": _("%(column)s “%(value)s” is not a web address."),
    "too_many_cells": _("The row has %(cells)s cells, but the header only %(columns)s. Is a quote missing?"),
    "percentage": _("%(column)s “%(value)s” is a percentage, not an amount."),
    "serial_date": _(
        "%(column)s “%(value)s” is a day as spreadsheets count them, most likely %(day)s. "
        "Format the column as a date, and save the file again."
    ),
    "spreadsheet_error": _("%(column)s “%(value)s” is an error of the spreadsheet. Correct it there."),
    "formula": _("%(column)s “%(value)s” is a formula. Save the file with its result."),
    "header_again": _("The row repeats the header."),
    "total": _("The row begins with “%(value)s”: it looks like a total of other rows, not like a record."),
    "note": _("The row has one cell only, “%(value)s”: it looks like a note, not like a record."),
    "unknown_rep_email": _("No rep has the email “%(value)s”. Give %(name_column)s to add the rep, or correct it."),
    "unknown_rep_email_near": _(
        "No rep has the email “%(value)s”; the nearest is “%(near)s”. "
        "Correct it, or give %(name_column)s to add the rep."
    ),
    "unknown_rep_name": _("No rep is called “%(value)s”. Give %(email_column)s to add the rep, or correct it."),
    "several_reps": _("Several reps are called “%(value)s”: %(hits)s. Give %(email_column)s to say which."),
    "several_accounts": _("Several accounts match “%(value)s”: %(hits)s. Give %(id_column)s to say which."),
    "several_accounts_without_id": _(
        "Several accounts match “%(value)s”: %(hits)s. None has an %(id_column)s yet: "
        "set it on the right one in the console, and give the same here."
    ),
    "not_a_month": _("%(column)s “%(value)s” is not a month such as 2026-11."),
    "negative_amount": _("%(column)s “%(value)s” is below zero."),
    "no_such_rep": _(
        "No rep has the email “%(value)s”. "
        "Correct it, or choose “Add reps that are not there yet” (option create_reps)."
    ),
    "no_such_rep_near": _(
        "No rep has the email “%(value)s”; the nearest is “%(near)s”. "
        "Correct it, or choose “Add reps that are not there yet” (option create_reps)."
    ),
    "unknown_opportunity": _(
        "No opportunity has the ID “%(value)s”. Correct it, or upload the opportunities first and this row again."
    ),
    "several_contacts": _(
        "Several contacts have the email “%(value)s”: %(hits)s. Leave it to one of them in the console."
    ),
    "account_needs_name": _("No account matches “%(value)s”. Give %(name_column)s to add it, or correct it."),
}


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong with one row: a code of `REASONS`, the column's header, and what the sentence needs."""

    code: str
    column: str = ""
    values: dict[str, Any] = {}

    def __str__(self) -> str:
        return str(REASONS[self.code]) % {"column": self.column, **self.values}

    @property
    def reason(self) -> str:
        """What rows are grouped by: whether there is something near to suggest makes no other reason."""
        return self.code.removesuffix(SUGGESTING)


def in_general(faults: Sequence[Fault]) -> str:
    """The sentence for several of one reason and column: what they differ in is left open."""
    first = faults[0]
    if all(fault == first for fault in faults):
        return str(first)
    same = {
        name: value if all(fault.values.get(name) == value for fault in faults) else OPEN
        for name, value in first.values.items()
    }
    return str(Fault(first.reason, first.column, same)).replace(f"{OPEN}.", OPEN)


class Invalid(Exception):
    """A cell its parser does not take; the column's header is added by who knows it."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def fault(self, column: str) -> Fault:
        return Fault(self.code, column, self.values)


def shown(text: str) -> str:
    """A cell as a message quotes it: one line, not too long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN_CHARACTERS else flat[: SHOWN_CHARACTERS - 1] + "…"


def listed(names: Sequence[str], most: int = 3) -> str:
    """A few names and how many more there are."""
    more = len(names) - most
    text = ", ".join(f"“{name}”" for name in names[:most])
    return str(format_lazy("{} (+{})", text, more)) if more > 0 else text


def sentences(faults: Sequence[Fault]) -> str:
    """All that is wrong with a row, as the error file and the console say it."""
    return " ".join(str(fault) for fault in faults)


def stored(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(fault) for fault in faults]


def restored(values: Sequence[dict[str, Any]] | None) -> list[Fault]:
    return [msgspec.convert(value, Fault) for value in values or ()]
