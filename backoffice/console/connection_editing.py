"""Adding a connection and changing its settings."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from backoffice.console import connection_pages as pages
from backoffice.console.connection_form import ConnectionForm
from backoffice.console.connection_words import connector_of
from backoffice.sync import registering
from backoffice.sync.models import Connection
from connectors.kit import registry


def add(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """First which vendor, then the form its connector asks for."""
    context |= {
        "title": gettext("Add a connection"),
        "vendors": [(each.vendor, each.label) for each in registry.vendors()],
    }
    chosen = request.GET.get("vendor", "")
    if not chosen:
        return TemplateResponse(request, "console/connections/vendors.html", context)
    try:
        vendor = registry.connector(chosen)
    except registry.UnknownVendor as unknown:
        raise Http404(str(unknown)) from unknown
    form = ConnectionForm(vendor, None, request.POST or None, currency=settings.COMPANY_CURRENCY)
    if request.method == "POST":
        connection = _saved(form, None)
        if connection is not None:
            text = gettext("“%(name)s” is there. Test it; then pull, and say what its entries mean here.")
            messages.success(request, text % {"name": connection.name})
            return HttpResponseRedirect(pages.address(connection))
    context |= {"form": form, "vendor": str(vendor.label)}
    return TemplateResponse(request, "console/connections/add.html", context)


def edit(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    connection = pages.own(request, connection_id)
    vendor = connector_of(connection)
    if vendor is None:
        raise Http404(gettext("Its vendor is not installed here."))
    form = ConnectionForm(vendor, connection, request.POST or None)
    if request.method == "POST" and _saved(form, connection) is not None:
        messages.success(request, gettext("Saved."))
        return HttpResponseRedirect(pages.address(connection))
    context |= pages.frame(request, connection, "settings") | {"form": form, "vendor": str(vendor.label)}
    return TemplateResponse(request, "console/connections/settings.html", context)


def _saved(form: ConnectionForm, connection: Connection | None) -> Connection | None:
    """None when it is refused, which the form then says."""
    if not form.is_valid():
        return None
    try:
        if connection is not None:
            return registering.change(connection, form.given)
        return registering.create(form.given | {"vendor": form.vendor.vendor})
    except ValidationError as error:
        form.refuse(error)
    except ImproperlyConfigured as error:  # no key to seal credentials with
        form.add_error(None, str(error))
    return None
