"""The form that takes a file: which kind it is of, and how it is written where it can't be told from the file."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.files import File
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice.imports.kinds import KINDS
from backoffice.imports.options import CURRENCIES, Blank
from backoffice.imports.values import DateOrder, DecimalMark
from backoffice.sizes import size_in_words

OPTIONS = ("date_order", "decimal_mark", "currency", "blank")


def kinds() -> Iterable[tuple[str, Any]]:
    return [(kind.name, kind.label) for kind in KINDS.values()]


class UploadForm(forms.Form):
    """What is wrong with the file itself is found by whoever takes it, and put beside its field with `refuse`."""

    kind = forms.ChoiceField(label=_("What is in the file"), choices=kinds, widget=UnfoldAdminSelectWidget)
    file = forms.FileField(
        label=_("File"),
        max_length=255,
        error_messages={
            "required": _("Choose a file."),
            "empty": _("The file is empty."),
            "max_length": _("The file's name is too long."),
        },
    )
    date_order = forms.ChoiceField(
        label=_("Dates"),
        required=False,
        choices=[
            ("", _("Detect from the file")),
            (DateOrder.DAY_FIRST.value, _("Day first: 31/12/2026")),
            (DateOrder.MONTH_FIRST.value, _("Month first: 12/31/2026")),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    decimal_mark = forms.ChoiceField(
        label=_("Amounts"),
        required=False,
        choices=[
            ("", _("Detect from the file")),
            (DecimalMark.POINT.value, _("Decimal point: 1,250.50")),
            (DecimalMark.COMMA.value, _("Decimal comma: 1.250,50")),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    currency = forms.CharField(
        label=_("Currency"),
        required=False,
        help_text=_("Of amounts that don't say theirs."),
        widget=UnfoldAdminTextInputWidget(attrs={"list": "currencies", "maxlength": 3, "autocomplete": "off"}),
    )
    blank = forms.ChoiceField(
        label=_("Blank cells"),
        required=False,
        choices=[
            (Blank.KEEP.value, _("Leave the value as it is")),
            (Blank.CLEAR.value, _("Clear the value")),
        ],
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, limit_bytes: int, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | options)
        self.limit_bytes = limit_bytes

    @property
    def currencies(self) -> list[str]:
        return sorted(CURRENCIES)

    @property
    def has_wrong_option(self) -> bool:
        return any(name in self.errors for name in OPTIONS)

    def clean_file(self) -> "File[Any]":
        file: File[Any] = self.cleaned_data["file"]
        if file.size is not None and file.size > self.limit_bytes:
            raise forms.ValidationError(
                _("The file has %(size)s; the most is %(limit)s. Split it, with the header in each part."),
                params={"size": size_in_words(file.size), "limit": size_in_words(self.limit_bytes)},
            )
        return file

    @property
    def options(self) -> dict[str, str]:
        return {name: self.cleaned_data.get(name, "") for name in OPTIONS}

    def refuse(self, messages: Iterable[str], option: str) -> None:
        """Say beside the field it is about why the file was not taken."""
        for message in messages:
            self.add_error(option if option in self.fields else "file", message)
