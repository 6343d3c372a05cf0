"""The parts of the values that records keep as lists: an email, a phone, an address, custom fields.

Their names are those of the structs in `backoffice.crm.records`; a test keeps them equal.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext_lazy as _
from unfold import widgets

from backoffice.crm.models import CustomField

type Parts = dict[str, forms.Field]


def _text(label: Any, **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label, **{"required": False, "max_length": 500, "widget": widgets.UnfoldAdminTextInputWidget()} | options
    )


def _email(label: Any, **options: Any) -> forms.EmailField:
    return forms.EmailField(
        label=label, **{"required": False, "widget": widgets.UnfoldAdminEmailInputWidget()} | options
    )


def _one_of(label: Any, choices: Iterable[tuple[str, Any]], **options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=list(choices), required=False, widget=widgets.UnfoldAdminSelectWidget(), **options
    )


def _degrees(label: Any, most: int) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        required=False,
        min_value=-most,
        max_value=most,
        widget=widgets.UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )


def email_parts() -> Parts:
    return {"address": _email(_("email")), "kind": _text(_("kind"), max_length=40)}


def phone_parts() -> Parts:
    kinds = [("", "–"), ("office", _("office")), ("mobile", _("mobile")), ("fax", _("fax")), ("other", _("other"))]
    return {"number": _text(_("number")), "kind": _one_of(_("kind"), kinds), "extension": _text(_("extension"))}


def address_parts() -> Parts:
    code = RegexValidator(r"^[A-Za-z]{2}$", _("A country's code has two letters, such as MX."))
    kinds = [("main", _("main")), ("shipping", _("shipping")), ("billing", _("billing"))]
    return {
        "kind": _one_of(_("kind"), kinds, initial="main"),
        "street1": _text(_("street")),
        "street2": _text(_("street, second line")),
        "street3": _text(_("street, third line")),
        "number": _text(_("number")),
        "interior_number": _text(_("interior number")),
        "suburb": _text(_("suburb")),
        "city": _text(_("city")),
        "county": _text(_("county")),
        "state": _text(_("state")),
        "state_code": _text(_("state code"), max_length=10),
        "postcode": _text(_("postcode"), max_length=20),
        "country": _text(_("country")),
        "country_code": _text(_("country code"), validators=[code]),
        "latitude": _degrees(_("latitude"), 90),
        "longitude": _degrees(_("longitude"), 180),
    }


def assistant_parts() -> Parts:
    return {
        "name": _text(_("given name")),
        "surname": _text(_("family name")),
        "second_surname": _text(_("second family name")),
        "phone": _text(_("phone")),
        "extension": _text(_("extension")),
        "email": _email(_("email")),
        "skype": _text(_("Skype")),
        "linkedin": _text(_("LinkedIn")),
    }


def custom_value_fields(fields: Iterable[CustomField]) -> Parts:
    """A form field for each of the company's own fields, in their order."""
    return {field.slug: _custom(field) for field in fields}


def _custom(field: CustomField) -> forms.Field:
    options: dict[str, Any] = {"label": field.label, "required": field.required, "disabled": field.read_only}
    entries = [(str(entry), str(entry)) for entry in field.options]
    match field.type:
        case CustomField.Type.LONG_TEXT:
            return forms.CharField(widget=widgets.UnfoldAdminTextareaWidget(attrs={"rows": 3}), **options)
        case CustomField.Type.NUMBER | CustomField.Type.MONEY:
            return ExactNumber(widget=widgets.UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}), **options)
        case CustomField.Type.DATE:
            return IsoDate(widget=widgets.UnfoldAdminTextInputWidget(attrs={"type": "date"}), **options)
        case CustomField.Type.TIME:
            return IsoTime(widget=widgets.UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}), **options)
        case CustomField.Type.YES_NO:
            options["required"] = False
            return forms.BooleanField(widget=widgets.UnfoldBooleanSwitchWidget(), **options)
        case CustomField.Type.CHOICE:
            return forms.ChoiceField(choices=[("", "–"), *entries], widget=widgets.UnfoldAdminSelectWidget(), **options)
        case CustomField.Type.CHOICES:
            return forms.MultipleChoiceField(
                choices=entries, widget=widgets.UnfoldAdminCheckboxSelectMultipleWidget(), **options
            )
        case CustomField.Type.URL:
            return forms.URLField(assume_scheme="https", widget=widgets.UnfoldAdminURLInputWidget(), **options)
    return forms.CharField(widget=widgets.UnfoldAdminTextInputWidget(), **options)


class ExactNumber(forms.DecimalField):
    """Kept as text in JSON: a number there would pass through a float."""

    def clean(self, value: Any) -> Any:
        number = super().clean(value)
        return None if number is None else str(number)


class IsoDate(forms.DateField):
    """Kept as "2026-11-30"."""

    def clean(self, value: Any) -> Any:
        day = super().clean(value)
        return day.isoformat() if day else None


class IsoTime(forms.DateTimeField):
    """Kept as an ISO time with its zone; shown as a browser's input wants it, in the zone of the console."""

    def prepare_value(self, value: Any) -> Any:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return value
        return (localtime(moment) if is_aware(moment) else moment).strftime("%Y-%m-%dT%H:%M")

    def clean(self, value: Any) -> Any:
        moment = super().clean(value)
        return moment.isoformat() if moment else None
