"""The form of a connection: what every one has, and what its vendor's connector declares."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold import widgets

from backoffice.sync.credentials import Locked
from backoffice.sync.models import Connection, Policy, SendsNew
from backoffice.values import currencies
from connectors.kit.contract import Connector
from connectors.kit.settings import Kind, Setting

SETTINGS, SECRETS = "settings.", "secrets."
OF_COLUMNS = (
    "name",
    "base_url",
    "pulls",
    "pushes",
    "sends_new",
    "policy",
    "currency",
    "time_zone",
    "every_minutes",
    "full_every_hours",
    "most_archived_percent",
)


def _text(**attributes: Any) -> forms.Widget:
    return widgets.UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"} | attributes)


def _number(label: Any, *, help_text: Any = "", required: bool = True) -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, required=required, widget=_text(inputmode="numeric"))


class ConnectionForm(forms.Form):
    """What is wrong is said by whoever saves it (`registering`), and put beside its field with `refuse`."""

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("Stands in addresses and commands: small letters, digits and hyphens."),
    )
    base_url = forms.CharField(
        label=_("Address"),
        max_length=300,
        help_text=_("Where the vendor answers, such as https://your-site.tactilecrm.com."),
    )
    pulls = forms.BooleanField(label=_("Pull: read what is new and changed there"), required=False, initial=True)
    pushes = forms.BooleanField(
        label=_("Push: write there what is changed here, or comes from another vendor"), required=False
    )
    sends_new = forms.ChoiceField(
        label=_("New records to send"),
        choices=SendsNew.choices,
        help_text=_("Records that were born here, or come from another vendor, and that this one doesn't have yet."),
    )
    policy = forms.ChoiceField(
        label=_("When both sides changed"),
        choices=Policy.choices,
        help_text=_("The same field of the same record, since both last agreed."),
    )
    currency = forms.CharField(
        label=_("Currency"), max_length=3, help_text=_("Of amounts the vendor gives without one.")
    )
    time_zone = forms.CharField(
        label=_("Time zone"), max_length=60, help_text=_("Of times the vendor gives without one.")
    )
    every_minutes = _number(_("Pull every … minutes"), help_text=_("Empty: only by hand."), required=False)
    full_every_hours = _number(
        _("Look at everything every … hours"), help_text=_("Only then is it seen what has vanished at the vendor.")
    )
    most_archived_percent = _number(
        _("Most that may vanish at once"),
        help_text=_("Per cent. If more records are gone at the vendor, the pull stops and asks."),
    )

    def __init__(
        self, vendor: type[Connector], connection: Connection | None, *args: Any, currency: str = "", **options: Any
    ) -> None:
        kept = connection or Connection(currency=currency)
        initial = {name: getattr(kept, name) for name in OF_COLUMNS}
        super().__init__(*args, **{"label_suffix": "", "initial": initial} | options)
        self.vendor, self.connection = vendor, connection
        self.fields["name"].widget = _text(spellcheck="false")
        self.fields["base_url"].widget = _text(inputmode="url", spellcheck="false", placeholder="https://")
        self.fields["currency"].widget = _text(list="currencies", maxlength=3)
        self.fields["time_zone"].widget = _text(list="time-zones")
        for name in ("sends_new", "policy"):
            self.fields[name].widget = widgets.UnfoldAdminSelectWidget(choices=self.fields[name].choices)  # type: ignore[attr-defined]
        has = _secrets_of(connection)
        for setting in vendor.secrets:
            self.fields[SECRETS + setting.name] = secret_field(setting, is_kept=setting.name in has)
        for setting in vendor.settings:
            self.fields[SETTINGS + setting.name] = setting_field(setting, kept.settings.get(setting.name))

    @property
    def about(self) -> list[forms.BoundField]:
        return [self["name"], self["base_url"]]

    @property
    def secret_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(SECRETS)]

    @property
    def setting_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(SETTINGS)]

    @property
    def direction_fields(self) -> list[forms.BoundField]:
        return [self["pulls"], self["pushes"]]

    @property
    def push_fields(self) -> list[forms.BoundField]:
        return [self["policy"], self["sends_new"]]

    @property
    def meaning_fields(self) -> list[forms.BoundField]:
        return [self["currency"], self["time_zone"]]

    @property
    def schedule_fields(self) -> list[forms.BoundField]:
        return [self["every_minutes"], self["full_every_hours"], self["most_archived_percent"]]

    @property
    def currencies(self) -> Iterable[str]:
        return sorted(currencies())

    @property
    def time_zones(self) -> Iterable[str]:
        return sorted(available_timezones())

    @property
    def given(self) -> dict[str, Any]:
        """As `registering` takes it."""
        said = self.cleaned_data
        return {
            **{name: said[name] for name in OF_COLUMNS},
            "settings": {each.name: said.get(SETTINGS + each.name) for each in self.vendor.settings},
            "secrets": {each.name: said.get(SECRETS + each.name) for each in self.vendor.secrets},
        }

    def refuse(self, error: ValidationError) -> None:
        """Say beside each field it is about why it was not taken."""
        told: Mapping[str, list[str]] = error.message_dict
        for name, sentences in told.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)


def setting_field(setting: Setting, kept: Any) -> forms.Field:
    """A vendor's setting. Whether its value will do is said by the connector's own schema."""
    shared: dict[str, Any] = {
        "label": setting.label,
        "help_text": setting.help,
        "required": setting.required and setting.default is None,
        "initial": setting.default if kept is None else kept,
    }
    match setting.kind:
        case Kind.YES_NO:
            return forms.BooleanField(**shared | {"required": False}, widget=widgets.UnfoldBooleanSwitchWidget())
        case Kind.CHOICE:
            choices = [(each, each) for each in setting.options]
            return forms.CharField(**shared, widget=widgets.UnfoldAdminSelectWidget(choices=choices))
        case Kind.NUMBER:
            return forms.CharField(**shared, widget=_text(inputmode="numeric"))
    return forms.CharField(**shared, widget=_text())


def secret_field(setting: Setting, *, is_kept: bool) -> forms.CharField:
    """Write-only: what is kept is never sent to a browser, and stays as it is where the field is left empty."""
    stays = gettext("Set. Leave it empty to keep what is there.") if is_kept else ""
    return forms.CharField(
        label=setting.label,
        help_text=" ".join(str(text) for text in (stays, setting.help) if text),
        required=setting.required and not is_kept,
        strip=True,
        widget=widgets.UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "new-password", "placeholder": "••••••••" if is_kept else ""}, render_value=False
        ),
    )


def _secrets_of(connection: Connection | None) -> frozenset[str]:
    """Which secrets are kept. None of them can be, where no key opens them."""
    try:
        return frozenset(connection.secrets) if connection else frozenset()
    except Locked:
        return frozenset()
