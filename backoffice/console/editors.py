"""Editors of values without a table of their own: lists of rows, a panel of parts, a month.

They are plain inputs with plain names, `emails-0-address`; the script `console/rows.js` only adds and takes away rows.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, override

import pycountry
from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold import widgets

type Parts = Mapping[str, forms.Field]
EMPTY: tuple[Any, ...] = (None, "", [], {})
PREFIX_OF_NEW = "__new__"


class PanelWidget(forms.Widget):
    """The parts of one value, side by side."""

    template_name = "console/editors/panel.html"
    input_type = "panel"

    def __init__(self, parts: Parts, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.parts = parts

    @override
    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["cells"] = cells(self.parts, name, value or {})
        return context

    @override
    def value_from_datadict(self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str) -> Any:
        return {key: part.widget.value_from_datadict(data, files, f"{name}-{key}") for key, part in self.parts.items()}

    @override
    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return False

    @override
    def id_for_label(self, id_: str) -> str:
        return f"{id_}-{next(iter(self.parts), '')}"


class RowsWidget(forms.Widget):
    """Rows of the same parts, one below the other, with buttons to add one and take one away."""

    template_name = "console/editors/rows.html"
    input_type = "rows"

    class Media:
        js = ("console/rows.js",)

    def __init__(self, parts: Parts, *, wide: bool = False, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.parts = parts
        self.wide = wide

    @override
    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["rows"] = [cells(self.parts, f"{name}-{n}", row) for n, row in enumerate(value or [])]
        context["new"] = cells(self.parts, f"{name}-{PREFIX_OF_NEW}", {})
        context["wide"] = self.wide
        return context

    @override
    def value_from_datadict(self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str) -> Any:
        pattern = re.compile(rf"^{re.escape(name)}-(\d+)-")
        numbers = sorted({int(found[1]) for key in data if (found := pattern.match(key))})
        return [
            {key: part.widget.value_from_datadict(data, files, f"{name}-{n}-{key}") for key, part in self.parts.items()}
            for n in numbers
        ]

    @override
    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return False

    @override
    def id_for_label(self, id_: str) -> str:
        return ""


def cells(parts: Parts, prefix: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the templates draw: each part's label and input."""
    shown = []
    for key, part in parts.items():
        name = f"{prefix}-{key}"
        value = values.get(key) if isinstance(values, Mapping) else None
        attrs: dict[str, Any] = {"id": f"id_{name}"}
        if part.disabled:
            attrs["disabled"] = True
        if not getattr(part.widget, "choices", None):
            length = getattr(part, "max_length", None)
            attrs |= {"maxlength": length} if length else {}
        html = part.widget.render(name, part.prepare_value(value), attrs)
        shown.append({"key": key, "id": f"id_{name}", "label": part.label, "required": part.required, "html": html})
    return shown


def cleaned(parts: Parts, values: Mapping[str, Any], stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The parts' clean values, those alone that tell something; all that is wrong with them in one ValidationError."""
    kept: dict[str, Any] = {}
    wrong: list[str] = []
    for key, part in parts.items():
        try:
            value = part.clean(values.get(key))
        except ValidationError as error:
            wrong += [f"{part.label}: {message}" for message in error.messages]
            continue
        kept[key] = value.strip() if isinstance(value, str) else value
    if wrong:
        raise ValidationError([text[:1].upper() + text[1:] for text in wrong])
    return told(parts, kept)


def told(parts: Parts, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without what is empty or a part's initial value, as records leave them out too."""
    usual = {key: part.initial for key, part in parts.items()}
    return {key: value for key, value in values.items() if value not in EMPTY and value != usual.get(key)}


class Panel(forms.Field):
    """One value of several parts, as a dict; `empty` when no part is filled in."""

    widget: PanelWidget

    def __init__(self, parts: Parts, *, empty: Any = "", **options: Any) -> None:
        self.parts = parts
        self.empty = {} if empty == "" else empty
        super().__init__(widget=PanelWidget(parts), **options)

    @override
    def clean(self, value: Any) -> Any:
        editable = {key: part for key, part in self.parts.items() if not part.disabled}
        clean = cleaned(editable, value or {})
        if not clean and self.required:
            raise ValidationError(self.error_messages["required"], code="required")
        return {**dict.fromkeys(editable), **clean} if self.empty == {} else clean or self.empty

    @override
    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            after = self.clean(data) or {}
        except ValidationError:
            return True
        editable = [key for key, part in self.parts.items() if not part.disabled]
        return not all(self.is_same(key, (initial or {}).get(key), after.get(key)) for key in editable)

    def is_same(self, key: str, stored: Any, given: Any) -> bool:
        """Whether the form would give `given` back if `stored` were left as it stands."""
        part = self.parts[key]
        try:
            back = part.clean(part.prepare_value(stored))
        except ValidationError:
            return False
        return back == given or (back in EMPTY and given in EMPTY)


class Rows(forms.Field):
    """A list of dicts of the same parts; rows with nothing filled in are left out."""

    def __init__(self, parts: Parts, *, wide: bool = False, **options: Any) -> None:
        self.parts = parts
        super().__init__(widget=RowsWidget(parts, wide=wide), **options)

    @override
    def clean(self, value: Any) -> list[dict[str, Any]]:
        rows, wrong = [], []
        for number, given in enumerate(value or [], start=1):
            if not self._is_filled(given):
                continue
            try:
                rows.append(self._row(given))
            except ValidationError as error:
                wrong += [
                    gettext("Row %(number)d, %(what)s") % {"number": number, "what": _lower_first(message)}
                    for message in error.messages
                ]
        if wrong:
            raise ValidationError(wrong)
        if not rows and self.required:
            raise ValidationError(self.error_messages["required"], code="required")
        return rows

    def _is_filled(self, given: Mapping[str, Any]) -> bool:
        """Whether anything stands in the row but a choice that is always made."""
        return any(
            given.get(key) not in EMPTY and str(given[key]).strip()
            for key, part in self.parts.items()
            if not isinstance(part, forms.ChoiceField)
        )

    def _row(self, given: Mapping[str, Any]) -> dict[str, Any]:
        row = cleaned(self.parts, given)
        first, part = next(iter(self.parts.items()))
        if first not in row and not isinstance(part, forms.ChoiceField):
            raise ValidationError(gettext("%(part)s: This field is required.") % {"part": part.label})
        return row

    @override
    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return [told(self.parts, row) for row in initial or []] != self.clean(data)
        except ValidationError:
            return True


class TextRows(Rows):
    """A list of texts, each in a row of its own."""

    def __init__(self, **options: Any) -> None:
        text = forms.CharField(label=_("entry"), required=False, widget=widgets.UnfoldAdminTextInputWidget())
        super().__init__({"text": text}, **options)

    @override
    def prepare_value(self, value: Any) -> Any:
        return [{"text": entry} if isinstance(entry, str) else entry for entry in value or []]

    @override
    def clean(self, value: Any) -> Any:
        return [row["text"] for row in super().clean(value)]

    @override
    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.clean(data)


class MonthWidget(widgets.UnfoldAdminTextInputWidget):
    """A month's picker where the browser has one."""

    input_type = "month"

    @override
    def format_value(self, value: Any) -> str | None:
        return f"{value:%Y-%m}" if isinstance(value, date) else value


class MonthField(forms.DateField):
    """A month, given as such or as any of its days; kept as its first day."""

    widget = MonthWidget
    input_formats: Sequence[str] = ("%Y-%m", "%Y-%m-%d", "%m/%Y", "%d/%m/%Y", "%d.%m.%Y")
    default_error_messages = {"invalid": _("Write the month as 2026-11, or any of its days as 2026-11-30.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=self.input_formats, **options)

    @override
    def to_python(self, value: Any) -> date | None:
        day = super().to_python(value)
        return day.replace(day=1) if day else None


class NumberField(forms.DecimalField):
    """An exact number, shown without the zeros that only fill its column."""

    widget = widgets.UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})

    @override
    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Decimal):
            return value
        plain = f"{value.normalize():f}"
        places = len(plain.partition(".")[2])
        return f"{value:.2f}" if places == 1 else plain


class CurrencyField(forms.CharField):
    """A currency's code of three letters, as ISO 4217 has it."""

    widget = widgets.UnfoldAdminTextInputWidget(
        attrs={"size": 3, "autocapitalize": "characters", "spellcheck": "false"}
    )

    @override
    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).upper()

    @override
    def validate(self, value: str) -> None:
        super().validate(value)
        if value and pycountry.currencies.get(alpha_3=value) is None:
            raise ValidationError(gettext("There is no currency “%(code)s”.") % {"code": value})


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
