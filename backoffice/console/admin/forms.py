"""The form under every record, and which fields of a model get an editor of their own."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, override

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from backoffice.console.editors import CurrencyField, MonthField, NumberField, Panel, Rows, TextRows
from backoffice.console.values import address_parts, assistant_parts, custom_value_fields, email_parts, phone_parts
from backoffice.crm.models import CustomField

MONTHS = frozenset({"month", "from_month", "until_month"})


def form_field(field: "models.Field[Any, Any]") -> forms.Field | None:
    """The editor of a list of values, a structure or a month; None where Django's own field does."""
    options: dict[str, Any] = {
        "label": capfirst(field.verbose_name),
        "required": not field.blank,
        "help_text": field.help_text,
    }
    match field.name:
        case "emails":
            return Rows(email_parts(), **options)
        case "phones":
            return Rows(phone_parts(), **options)
        case "addresses":
            return Rows(address_parts(), wide=True, **options)
        case "assistant":
            return Panel(assistant_parts(), empty=None, **options)
        case "options" | "fields" if isinstance(field, models.JSONField):
            return TextRows(**options)
        case name if name in MONTHS and isinstance(field, models.DateField):
            return MonthField(**options)
    if isinstance(field, models.DecimalField):
        return NumberField(max_digits=field.max_digits, decimal_places=field.decimal_places, **options)
    if field.name == "currency":
        return CurrencyField(max_length=3, **options)
    return None


class ReferenceWidget(AutocompleteSelect):
    """Found by typing. The record that stands already is shown without asking the database for its name again."""

    known: Any = None

    @override
    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        if self.known is None or list(value) != [str(self.known.pk)]:
            return super().optgroups(name, value, attr)
        empty = [] if self.is_required else [self.create_option(name, "", "", False, 0)]
        chosen = self.create_option(name, value[0], str(self.known), selected=True, index=len(empty))
        return [(None, [*empty, chosen], 0)]


def with_custom_fields(
    form: "type[forms.ModelForm[Any]]", fields: Iterable[CustomField]
) -> "type[forms.ModelForm[Any]]":
    """`form` with the company's own fields, together as `custom_values`."""
    panel = Panel(custom_value_fields(fields), required=False, label=_("Custom fields"))
    return type(form.__name__, (form,), {"custom_values": panel})


class ConsoleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Keeps a reference that already stands, even to a record the login may not see or an entry no longer offered.

    `refused` is what the database said to the same form a moment ago.
    """

    refused: ClassVar[str] = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField):
                self._keep_current(name, field)
        panel = self.fields.get("custom_values")
        if isinstance(panel, Panel):
            stored = self.instance.custom or {}
            self.initial["custom_values"] = {key: stored.get(key) for key in panel.parts}

    def _keep_current(self, name: str, field: "forms.ModelChoiceField[Any]") -> None:
        current = getattr(self.instance, f"{name}_id", None)
        rows = field.queryset
        widget = getattr(field.widget, "widget", field.widget)
        if current is not None and isinstance(widget, ReferenceWidget):
            widget.known = self.instance._state.fields_cache.get(name)
        elif current is not None and type(field.choices) is list and current not in dict(field.choices):
            field.choices = [*field.choices, (current, str(getattr(self.instance, name)))]
        if current is not None and rows is not None and rows.query.where:
            field.queryset = rows.model._default_manager.filter(
                models.Q(pk__in=rows.order_by().values("pk")) | models.Q(pk=current)
            )

    @override
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.refused:
            self.add_error(None, self.refused)
        return cleaned

    def _post_clean(self) -> None:
        values, panel = self.cleaned_data.get("custom_values"), self.fields.get("custom_values")
        if values is not None and isinstance(panel, Panel):
            stored = self.instance.custom or {}
            given = {key: value for key, value in values.items() if not panel.is_same(key, stored.get(key), value)}
            kept = {key: value for key, value in stored.items() if key not in given}
            self.instance.custom = kept | {key: value for key, value in given.items() if value not in (None, "", [])}
        super()._post_clean()  # type: ignore[misc]
