"""The forms of an upload: which kind of file it is, and how it is written where it can't be told from the file."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.files import File
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS, Kind
from backoffice.imports.options import CURRENCIES, FLAGS, Blank
from backoffice.imports.reading.values import DateOrder, DecimalMark
from backoffice.sizes import size_in_words

NOTATION = ("date_order", "decimal_mark", "currency", "blank")
OPTIONS = (*NOTATION, *FLAGS)


def kinds() -> Iterable[tuple[str, Any]]:
    return [(kind.name, kind.label) for kind in KINDS.values()]


class OptionsForm(forms.Form):
    """How a file is meant. A flag that a kind does not know is not offered for it, and not taken."""

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
    create_reps = forms.BooleanField(
        label=_("Add reps that are not there yet"),
        help_text=_("Otherwise a row with an email no rep has fails, and the nearest known one is named."),
        required=False,
    )
    update_accounts = forms.BooleanField(
        label=_("Update the accounts that rows name"),
        help_text=_("Name and website of an account become the row's. Otherwise the account is only linked."),
        required=False,
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | options)

    @property
    def currencies(self) -> list[str]:
        return sorted(CURRENCIES)

    def asking(
        self, questions: Mapping[str, str], kinds: Iterable[Kind] = KINDS.values()
    ) -> list[tuple[forms.BoundField, str, str]]:
        """Each field about how the file is written, with the question there is about it, and the kinds it is for."""
        of = {name: " ".join(kind.name for kind in kinds if name in kind.notation) for name in NOTATION}
        return [(self[name], questions.get(name, ""), names) for name, names in of.items() if names]

    @property
    def flags(self) -> list[tuple[forms.BoundField, str]]:
        """Each with the names of the kinds that know it."""
        return [(self[name], " ".join(kind.name for kind in KINDS.values() if name in kind.options)) for name in FLAGS]

    def flags_of(self, kind: Kind) -> list[forms.BoundField]:
        return [self[name] for name in FLAGS if name in kind.options]

    def options_of(self, kind: Kind) -> dict[str, str]:
        """As text, like every door gives them. What stands there from the start nobody has said."""
        said = {name: self.cleaned_data.get(name, "") for name in NOTATION}
        if said["blank"] == Blank.KEEP:  # else a corrected error file would lose its own
            said["blank"] = ""
        return said | {name: "yes" for name in FLAGS if name in kind.options and self.cleaned_data.get(name)}

    @property
    def has_wrong_option(self) -> bool:
        return any(name in self.errors for name in OPTIONS)

    def refuse(self, refused: Refused, otherwise: str | None = None) -> None:
        """Say beside each field it is about why something was not taken."""
        for option, message in refused.by_option:
            self.add_error(option if option in self.fields else otherwise, message)


class UploadForm(OptionsForm):
    """What is wrong with the file itself is found by whoever takes it, and put beside its field with `refuse`."""

    kind = forms.ChoiceField(label=_("What is in the file"), choices=kinds)
    file = forms.FileField(
        label=_("File"),
        max_length=255,
        error_messages={
            "required": _("Choose a file."),
            "empty": _("The file is empty."),
            "max_length": _("The file's name is too long."),
        },
    )
    notify = forms.BooleanField(label=_("Email me the outcome"), required=False)

    def __init__(self, *args: Any, limit_bytes: int, email: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.limit_bytes = limit_bytes
        notify = self.fields["notify"]
        notify.disabled = not email
        notify.help_text = _("To %(email)s.") % {"email": email} if email else _("Your login has no email address yet.")

    @property
    def chosen_kind(self) -> str:
        """The kind that is marked when the page is shown."""
        said = self["kind"].value()
        return said if said in KINDS else next(iter(KINDS))

    def clean_file(self) -> "File[Any]":
        file: File[Any] = self.cleaned_data["file"]
        if file.size is not None and file.size > self.limit_bytes:
            raise forms.ValidationError(
                _("The file has %(size)s; the most is %(limit)s. Split it, with the header in each part."),
                params={"size": size_in_words(file.size), "limit": size_in_words(self.limit_bytes)},
            )
        return file
