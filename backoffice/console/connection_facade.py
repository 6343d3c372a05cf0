"""The facade of a connection: whether it answers, where, and the credentials with which scripts come to it."""

from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold import widgets

from backoffice.console import connection_pages as pages
from backoffice.console.connection_words import moment
from backoffice.crm.models import Rep, RepPlace
from backoffice.sync import registering
from backoffice.sync.facades import keys
from backoffice.sync.models import Connection, ConnectionState, FacadeKey
from connectors.kit import registry


class Credential(NamedTuple):
    key: FacadeKey
    rep: str
    created: str
    used: str
    revoked: str


class HostForm(forms.Form):
    facade_host = forms.CharField(
        label=_("Host of its own"),
        max_length=200,
        required=False,
        help_text=_(
            "A host name at whose root the facade answers, besides its address here: for scripts that know only a host."
        ),
        widget=widgets.UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class IssueForm(forms.Form):
    rep = forms.ModelChoiceField(
        label=_("Rep"),
        queryset=Rep.objects.filter(active=True),
        required=False,
        help_text=_("The script sees what this rep sees. Without one it sees everything, as an administrator there."),
        widget=AutocompleteSelect(RepPlace._meta.get_field("rep"), admin.site),
    )


def page(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    connection = pages.visible_connection(request, connection_id)
    return _shown(request, connection, context, HostForm(initial={"facade_host": connection.facade_host}))


def switch(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    """POST: on or off, or another host."""
    connection = pages.own(request, connection_id)
    if request.method != "POST":
        return _back(connection)
    form = HostForm(request.POST if "facade_host" in request.POST else None)
    given: dict[str, Any] = {"facade": request.POST.get("facade") == "on"} if "facade" in request.POST else {}
    if form.is_valid():
        given["facade_host"] = form.cleaned_data["facade_host"]
    try:
        registering.change(connection, given)
    except ValidationError as error:
        about_host = error.message_dict.get("facade_host", [])
        for sentence in about_host:
            form.add_error("facade_host", sentence)
        if form.is_bound and about_host:
            return _shown(request, connection, context, form)
        messages.error(request, " ".join(error.messages))
        return _back(connection)
    messages.success(request, _said(given))
    return _back(connection)


def issue(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    """POST: a new credential, shown on the page that answers, and never again."""
    connection = pages.own(request, connection_id)
    form = IssueForm(request.POST)
    if request.method != "POST" or not form.is_valid():
        return _back(connection)
    try:
        key, secret = keys.issue(connection, form.cleaned_data["rep"])
    except keys.NoFacade as none:
        messages.error(request, str(none))
        return _back(connection)
    context |= {"secret": secret, "issued": key}
    return _shown(request, connection, context, HostForm(initial={"facade_host": connection.facade_host}))


def revoke(request: HttpRequest, connection_id: int, key_id: int) -> HttpResponse:
    connection = pages.own(request, connection_id)
    key = FacadeKey.objects.filter(connection=connection, pk=key_id).first()
    if request.method == "POST" and key is not None:
        keys.revoke(key)
        messages.success(request, gettext("Revoked: it opens nothing any more."))
    return _back(connection)


def _shown(request: HttpRequest, connection: Connection, context: dict[str, Any], form: HostForm) -> HttpResponse:
    issued = FacadeKey.objects.filter(connection=connection).select_related("rep")
    context |= pages.frame(request, connection, "facade") | {
        "has_facade": registry.facade(connection.vendor) is not None,
        "url": request.build_absolute_uri(reverse("facade", kwargs={"name": connection.name, "path": ""})),
        "host_url": f"https://{connection.facade_host}/" if connection.facade_host else "",
        "host_form": form,
        "issue_form": IssueForm(),
        "credentials": [
            Credential(
                key,
                str(key.rep) if key.rep else gettext("sees everything"),
                moment(key.created_at),
                moment(key.last_used_at) if key.last_used_at else gettext("not yet"),
                moment(key.revoked_at) if key.revoked_at else "",
            )
            for key in issued
        ],
        "writes": _writes(connection),
        "media": IssueForm().media,
    }
    return TemplateResponse(request, "console/connections/facade.html", context)


def _writes(connection: Connection) -> str:
    """What becomes of what a script writes."""
    if connection.state == ConnectionState.RETIRED:
        return gettext("What scripts write is kept here alone: the vendor is called no more.")
    if connection.state == ConnectionState.ACTIVE and connection.pushes:
        return gettext("What scripts write goes to the vendor first, and comes back with the vendor's own answer.")
    return gettext("Scripts can read. What they write is refused, in the vendor's words, until the connection pushes.")


def _said(given: dict[str, Any]) -> str:
    if "facade" not in given:
        return gettext("Saved.")
    return gettext("The facade answers now.") if given["facade"] else gettext("The facade answers no more.")


def _back(connection: Connection) -> HttpResponse:
    return HttpResponseRedirect(pages.address(connection, "facade"))
