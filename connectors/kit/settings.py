"""What a person says about a connection: declared once, drawn as its form, taken by its command, checked alike."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec


class Kind(Enum):
    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes_no"
    CHOICE = "choice"


class Setting(msgspec.Struct, frozen=True):
    """One thing to say. `label` and `help` are for people and may be lazily translated."""

    name: str
    label: Any
    kind: Kind = Kind.TEXT
    required: bool = False
    default: Any = None
    help: Any = ""
    options: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


class WrongSetting(ValueError):
    """Names the setting; its text says what would do."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


def checked(declared: Sequence[Setting], given: Mapping[str, Any]) -> dict[str, Any]:
    """All declared settings with the value given or their default. Raises WrongSetting for the first that is wrong."""
    known = {setting.name: setting for setting in declared}
    for name in given:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise WrongSetting(name, f"there is no such setting. There are: {listed}.")
    return {name: _checked(setting, given.get(name)) for name, setting in known.items()}


def _checked(setting: Setting, value: Any) -> Any:
    if value is None or value == "":
        if setting.required and setting.default is None:
            raise WrongSetting(setting.name, "is required.")
        return setting.default
    match setting.kind:
        case Kind.NUMBER:
            return _number(setting, value)
        case Kind.YES_NO:
            return _yes_no(setting, value)
        case Kind.CHOICE if value not in setting.options:
            raise WrongSetting(setting.name, f"“{value}” is none of {', '.join(setting.options)}.")
        case _:
            return str(value)


def _number(setting: Setting, value: Any) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise WrongSetting(setting.name, f"“{value}” is not a whole number.")
    number = int(text)
    if setting.least is not None and number < setting.least:
        raise WrongSetting(setting.name, f"at least {setting.least}, not {number}.")
    if setting.most is not None and number > setting.most:
        raise WrongSetting(setting.name, f"at most {setting.most}, not {number}.")
    return number


def _yes_no(setting: Setting, value: Any) -> bool:
    word = str(value).strip().lower()
    if word in {"true", "yes", "1", "on"}:
        return True
    if word in {"false", "no", "0", "off"}:
        return False
    raise WrongSetting(setting.name, f"“{value}” is neither yes nor no.")
