"""What whoever uploads may decide about a file, as texts of a form or of the API; checked once, kept with it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from django.conf import settings
from django.utils.translation import gettext

from backoffice.imports.faults import Refused, shown
from backoffice.imports.reading.values import DateOrder, DecimalMark, Notation
from backoffice.values import currencies

CURRENCIES = currencies()


class Blank(StrEnum):
    """What a blank cell means. A column that is absent is always left as it is."""

    KEEP = "keep"
    CLEAR = "clear"


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """None and the empty text mean: not said."""

    date_order: DateOrder | None = None
    decimal_mark: DecimalMark | None = None
    currency: str = ""
    blank: Blank = Blank.KEEP
    create_reps: bool = False
    update_accounts: bool = False
    columns: dict[str, str] = {}  # a header of the file to our column's name, or to nothing: it is ignored

    @property
    def money(self) -> str:
        """The currency of amounts that do not say theirs."""
        return self.currency or settings.COMPANY_CURRENCY

    def noted(self, notation: Notation) -> "Options":
        """With what the file itself told where nothing was said."""
        return msgspec.structs.replace(
            self,
            date_order=self.date_order or notation.date_order,
            decimal_mark=self.decimal_mark or notation.decimal_mark,
            currency=self.currency or notation.currency,
        )


_SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "date_order": {"dmy": "DMY", "mdy": "MDY", "day": "DMY", "month": "MDY"},
    "decimal_mark": {".": ".", ",": ",", "point": ".", "comma": ","},
    "blank": {"keep": "keep", "clear": "clear"},
}
_YES_NO = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}
FLAGS = ("create_reps", "update_accounts")


def options(given: Mapping[str, str | None]) -> Options:
    """Options from texts; blank ones are not said. Raises Refused, naming the option that makes no sense."""
    said: dict[str, Any] = {name: value.strip() for name, value in given.items() if value and value.strip()}
    for name in said:
        if name not in Options.__struct_fields__:
            raise Refused(gettext("There is no option %(option)s.") % {"option": shown(name)}, option=name)
    for name, spellings in _SPELLINGS.items():
        if name in said:
            said[name] = _spelled(name, said[name], spellings)
    for name in FLAGS:
        if name in said:
            said[name] = _flag(name, said[name])
    if "columns" in said:
        said["columns"] = _columns(said["columns"])
    if "currency" in said:
        said["currency"] = said["currency"].upper()
        if said["currency"] not in CURRENCIES:
            raise Refused(
                gettext("The option currency takes a code such as USD or MXN, not “%(value)s”.")
                % {"value": shown(said["currency"])},
                option="currency",
            )
    return msgspec.convert(said, Options)


def with_ways_out(refused: Refused, written: str = "") -> list[tuple[str, str]]:
    """What is against a file, by option; where it leaves one open, with its values, as a door has them `written`."""
    return [(option, " ".join([sentence, *_way_out(option, written)])) for option, sentence in refused.by_option]


def _way_out(option: str, written: str) -> list[str]:
    values = {"date_order": DateOrder, "decimal_mark": DecimalMark}.get(option, ())
    ways = [f"{written}{option}={value}" for value in values]
    return [gettext("Say it with %(ways)s.") % {"ways": f" {gettext('or')} ".join(ways)}] if ways else []


def _flag(name: str, value: str) -> bool:
    try:
        return _YES_NO[value.casefold()]
    except KeyError:
        message = gettext("The option %(option)s takes yes or no, not “%(value)s”.")
        raise Refused(message % {"option": name, "value": shown(value)}, option=name) from None


def _columns(value: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(value, type=dict[str, str])
    except msgspec.DecodeError:
        raise Refused(
            gettext(
                "The option columns takes a JSON object: a header of the file to the column it means, "
                'such as {"Rep mail": "Email Address of Salesrep"}.'
            ),
            option="columns",
        ) from None


def _spelled(name: str, value: str, spellings: Mapping[str, str]) -> str:
    try:
        return spellings[value.casefold()]
    except KeyError:
        taken = ", ".join(dict.fromkeys(spellings.values()))
        message = gettext("The option %(option)s takes one of %(taken)s, not “%(value)s”.")
        raise Refused(message % {"option": name, "taken": taken, "value": shown(value)}, option=name) from None
