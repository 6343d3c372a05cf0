"""From a connection's row to its vendor's connector, ready to be used."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from backoffice.sync.calls import exchanges
from backoffice.sync.calls.pacing import Pace
from backoffice.sync.credentials import Locked
from backoffice.sync.models import Connection
from connectors.kit import redaction
from connectors.kit.addresses import checked_url, host_of
from connectors.kit.contract import Connector, Site
from connectors.kit.errors import Misconfigured
from connectors.kit.http import HttpTransport
from connectors.kit.redaction import Redactor
from connectors.kit.registry import UnknownVendor
from connectors.kit.settings import WrongSetting, checked


def may_be_local(base_url: str) -> bool:
    """Whether this machine itself may be called: while nothing is served, or the host is listed by the operator."""
    return not settings.SERVED or host_of(base_url) in {host.lower() for host in settings.SYNC_LOCAL_HOSTS}


def checked_address(base_url: str) -> str:
    """The address as it is to be kept. Raises AddressRefused, in words."""
    return checked_url(base_url.strip(), allow_local=may_be_local(base_url))


def open_connector(connection: Connection) -> Connector:
    """The vendor's connector for this account. Calls nobody yet.

    Raises Misconfigured, in words for people, when there is something to mend first. Exchanges are kept and the pace
    is shared unless the connection isn't saved yet.
    """
    try:
        vendor = connection.connector
    except UnknownVendor as error:
        raise Misconfigured(
            _("“{name}” belongs to a vendor that is not installed here: {vendor}.").format(
                name=connection.name, vendor=connection.vendor
            )
        ) from error
    secrets = _opened(connection)
    try:
        said = checked(vendor.settings, connection.settings)
        entered = {name: value for name, value in checked(vendor.secrets, secrets).items() if value is not None}
    except WrongSetting as error:
        raise Misconfigured(
            _("“{name}” is not set up: {what}").format(name=connection.name, what=error), vendor=vendor.label
        ) from error
    transport = HttpTransport(
        connection.base_url,
        allow_local=may_be_local(connection.base_url),
        pace=Pace(connection.pk, vendor.calls_per_minute) if connection.pk else None,
        keep=exchanges.keep(connection.pk) if connection.pk else None,
        redactor=Redactor(secrets.values()),
        vendor=vendor.label,
    )
    return vendor(Site(connection.base_url, transport, settings=said, secrets=entered))


def _opened(connection: Connection) -> dict[str, str]:
    """Its secrets; from now on no log shows them."""
    try:
        secrets = connection.secrets
    except Locked as error:
        raise Misconfigured(
            _(
                "The credentials of “{name}” can't be opened: the key they were written under is missing from"
                " CREDENTIAL_KEYS. Put it back, or enter the credentials anew."
            ).format(name=connection.name)
        ) from error
    except ImproperlyConfigured as error:
        raise Misconfigured(str(error)) from error
    redaction.known.learn(secrets.values())
    return secrets
