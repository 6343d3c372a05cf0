"""Making and changing a connection: the one way in for the command, the API and the console.

Call it inside `acting(...)`. What is wrong comes back as Django's ValidationError, all of it at once; its keys are
fields; of what a vendor declares "settings.threads" or "secrets.api_token".
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.http.request import validate_host
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.sync.calls.connecting import checked_address
from backoffice.sync.credentials import Locked
from backoffice.sync.models import Connection, ConnectionState, Health
from backoffice.values import currencies
from connectors.kit import registry
from connectors.kit.errors import AddressRefused
from connectors.kit.settings import Setting, WrongSetting, checked

FIELDS = (
    "name",
    "vendor",
    "base_url",
    "settings",
    "secrets",
    "pulls",
    "pushes",
    "sends_new",
    "policy",
    "currency",
    "time_zone",
    "every_minutes",
    "full_every_hours",
    "most_archived_percent",
    "state",
    "facade",
    "facade_host",
)
DECLARED = ("settings", "secrets")  # by the vendor
USUAL_PORTS = {"http": 80, "https": 443}
FIRST_PULL = timedelta(minutes=1)  # after it was made; whoever made it may begin it sooner

type Errors = dict[str, list[str]]


def create(given: Mapping[str, Any]) -> Connection:
    """A new connection; what is not given is as the model has it, its currency the company's."""
    connection = Connection(currency=settings.COMPANY_CURRENCY)
    return _save(connection, given)


def change(connection: Connection, given: Mapping[str, Any]) -> Connection:
    """Change what is given. A secret that is left out, or empty, stays as it is; so does a setting left out.

    At another host none stays: whoever may change the address must not have our secrets sent to one of their own.
    """
    locked = Connection.objects.select_for_update().get(pk=connection.pk)
    if given.get("vendor", locked.vendor) != locked.vendor:
        raise ValidationError({"vendor": [_("The vendor of a connection can't be changed: make another connection.")]})
    return _save(locked, given, was_at=locked.base_url)


def _save(connection: Connection, given: Mapping[str, Any], *, was_at: str | None = None) -> Connection:
    unknown = sorted(given.keys() - set(FIELDS))
    if unknown:
        raise ValidationError({name: [_("There is no such field.")] for name in unknown})
    for name, value in given.items():
        if name not in DECLARED:
            setattr(connection, name, value.strip() if isinstance(value, str) else value)
    connection.facade_host = (connection.facade_host or "").lower() or None
    moves = was_at is not None and _origin(was_at) != _origin(connection.base_url)
    errors = _of_declared(connection, given, moves=moves)
    errors |= _of_columns(connection)
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        connection.save()
        Health.objects.get_or_create(connection=connection, defaults={"next_pull_at": timezone.now() + FIRST_PULL})
    return connection


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: who is spoken to, and whether it is encrypted."""
    try:
        parts = urlsplit(url.strip())
        return parts.scheme, parts.hostname, parts.port or USUAL_PORTS.get(parts.scheme)
    except ValueError:  # which the address's own check tells
        return "", None, None


def _of_declared(connection: Connection, given: Mapping[str, Any], *, moves: bool) -> Errors:
    """Take over what the vendor declares; what is wrong with it."""
    try:
        connector = registry.connector(connection.vendor)
    except registry.UnknownVendor as unknown:
        return {"vendor": [str(unknown)]}
    errors: Errors = {}
    try:
        kept = connection.secrets
    except Locked:
        kept = {}  # given anew, they are sealed under a key we have
    wanted = {name: value for name, value in (given.get("secrets") or {}).items() if value not in {None, ""}}
    secrets, wrong = _checked(connector.secrets, wanted if moves else kept | wanted)
    if moves:
        anew = _("The address is at another host: enter it again. What is kept is not sent there.")
        wrong |= {name: anew for name in wrong if name in kept and name not in wanted}
    errors |= {f"secrets.{name}": [text] for name, text in wrong.items()}
    chosen, wrong = _checked(connector.settings, connection.settings | (given.get("settings") or {}))
    errors |= {f"settings.{name}": [text] for name, text in wrong.items()}
    if not errors:
        connection.settings = chosen
        connection.secrets = {name: str(value) for name, value in secrets.items() if value is not None}
    return errors


def _checked(declared: Sequence[Setting], given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """All settings, and what is wrong by name: each is checked alone, so that all of it is told."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    known = {setting.name: setting for setting in declared}
    for name in [*known, *(name for name in given if name not in known)]:
        one = {name: given[name]} if name in given else {}
        try:
            values |= checked([known[name]] if name in known else declared, one)
        except WrongSetting as error:
            wrong[error.name] = error.text
    return values, wrong


def _of_columns(connection: Connection) -> Errors:
    errors: Errors = {}
    try:
        connection.full_clean(exclude=["credentials"])
    except ValidationError as error:
        told = {"vendor", NON_FIELD_ERRORS}  # by the registry, and by the currency's own check
        errors = {field: list(messages) for field, messages in error.message_dict.items() if field not in told}
    for field, text in (
        ("base_url", _wrong_address(connection.base_url) or _taken_address(connection)),
        ("currency", _wrong_currency(connection.currency)),
        ("time_zone", _wrong_zone(connection.time_zone)),
        ("facade_host", _wrong_host(connection.facade_host)),
    ):
        if text:
            errors[field] = [text]
    if connection.state == ConnectionState.RETIRED and not connection.pk:
        errors["state"] = [_("A new connection is active or paused.")]
    return errors


def _wrong_address(url: str) -> str:
    """Whether it leads anywhere shows when it is called."""
    try:
        checked_address(url)
    except AddressRefused as refused:
        return str(refused)
    return ""


def _taken_address(connection: Connection) -> str:
    """Two connections to one account would each take what the other sent for news, and send it back, for ever."""
    others = Connection.objects.filter(vendor=connection.vendor).exclude(pk=connection.pk)
    here = _account(connection.base_url)
    for other in others.exclude(state=ConnectionState.RETIRED).order_by("id"):
        if connection.state != ConnectionState.RETIRED and _account(other.base_url) == here:
            return _("The connection “{name}” goes there already: change that one, or retire it first.").format(
                name=other.name
            )
    return ""


def _account(url: str) -> tuple[Any, ...]:
    return (*_origin(url), urlsplit(url.strip()).path.rstrip("/"))


def _wrong_currency(code: str) -> str:
    if code in currencies():
        return ""
    return _("“{value}” is not a currency code of ISO 4217 such as USD or MXN.").format(value=code)


def _wrong_zone(name: str) -> str:
    if name in available_timezones():
        return ""
    return _("“{value}” is no time zone such as Europe/London.").format(value=name)


def _wrong_host(host: str | None) -> str:
    """A facade at the root of the console's own host would hide the console."""
    if host is None:
        return ""
    try:
        parts = urlsplit(f"//{host}")
        is_name = parts.netloc == parts.hostname and "." in host.strip(".")
    except ValueError:
        is_name = False
    if not is_name or not host.replace(".", "").replace("-", "").isalnum() or not host.isascii():
        return _("“{value}” is no host name such as site.tactilecrm.com.").format(value=host)
    if validate_host(host, [own for own in settings.ALLOWED_HOSTS if own != "*"]):
        return _("The console answers at this host.")
    return ""
