"""What lists and pages say of a connection: its state and health in words, kinds and fields by the names people use."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.exceptions import FieldDoesNotExist
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from backoffice.changes.registry import model_of
from backoffice.sync.models import Connection, ConnectionState, Health, PushState
from connectors.kit import registry
from connectors.kit.contract import Connector

STATE_TONES = {
    ConnectionState.ACTIVE: "success",
    ConnectionState.PAUSED: "warning",
    ConnectionState.RETIRED: "default",
}
PUSH_TONES = {
    PushState.WAITING: "info",
    PushState.SENDING: "info",
    PushState.RETRY: "warning",
    PushState.UNCERTAIN: "danger",
    PushState.DONE: "success",
    PushState.REJECTED: "danger",
    PushState.DISCARDED: "default",
}


class Condition(NamedTuple):
    """How a connection does: a word or two for a list, and what there is to say beyond it."""

    word: str
    tone: str
    sentence: str = ""


def badge(text: Any, tone: str) -> SafeString:
    return format_html('<span class="lv-badge" data-tone="{}">{}</span>', tone, capfirst(str(text)))


def state_badge(connection: Connection) -> SafeString:
    state = ConnectionState(connection.state)
    return badge(state.label, STATE_TONES[state])


def push_badge(state: str) -> SafeString:
    return badge(PushState(state).label, PUSH_TONES[PushState(state)])


def health_of(connection: Connection) -> Health:
    """Of one that nobody has called yet: nothing known."""
    found: Health | None = getattr(connection, "health", None)
    return found or Health(connection=connection)


def condition(connection: Connection) -> Condition:
    """In words, and with the trouble it is in."""
    health = health_of(connection)
    if connection.state == ConnectionState.RETIRED:
        return Condition(gettext("retired"), "default")
    if health.trouble and health.failures:
        word = ngettext("%(count)d failure in a row", "%(count)d failures in a row", health.failures)
        return Condition(word % {"count": health.failures}, "danger", health.trouble)
    if health.trouble:
        return Condition(gettext("asks you something"), "warning", health.trouble)
    if health.held_until and health.held_until > timezone.now():
        until = gettext("Not called before %(at)s: the vendor is down, or told us to wait.")
        return Condition(gettext("waits for the vendor"), "warning", until % {"at": moment(health.held_until)})
    if connection.state == ConnectionState.PAUSED:
        return Condition(gettext("paused"), "default")
    if health.last_good_at is None:
        return Condition(gettext("not called yet"), "default")
    return Condition(gettext("in good health"), "success")


def directions(connection: Connection) -> str:
    """ "pull and push", as far as it does either."""
    match connection.pulls, connection.pushes:
        case True, True:
            return gettext("pull and push")
        case True, False:
            return gettext("pull only")
        case False, True:
            return gettext("push only")
    return gettext("neither pull nor push")


def next_pull(connection: Connection) -> str:
    """When it is pulled next, or why it isn't."""
    if not connection.pulls or connection.state != ConnectionState.ACTIVE:
        return gettext("none: it does not pull now")
    if connection.every_minutes is None:
        return gettext("only by hand")
    at = health_of(connection).next_pull_at
    if at is None or at <= timezone.now():
        return gettext("in a moment")
    return f"{naturaltime(at)} · {moment(at)}"


def moment(at: datetime | None) -> str:
    return date_format(localtime(at), "SHORT_DATETIME_FORMAT") if at else "–"


def connector_of(connection: Connection) -> type[Connector] | None:
    """None for a vendor that is not installed here."""
    try:
        return connection.connector
    except registry.UnknownVendor:
        return None


def kind_label(kind: str) -> str:
    """ "Opportunity"; a kind we have no table for by its own word."""
    try:
        return capfirst(str(model_of(kind)._meta.verbose_name))
    except KeyError:
        return capfirst(kind.replace("_", " "))


def kinds_label(kind: str) -> str:
    try:
        return capfirst(str(model_of(kind)._meta.verbose_name_plural))
    except KeyError:
        return capfirst(kind.replace("_", " "))


def field_label(kind: str, name: str) -> str:
    """What people call a field of a record; of a custom one ("custom.slug") its slug."""
    whole, _dot, key = name.partition(".")
    if key:
        return key.replace("_", " ")
    try:
        named = getattr(model_of(kind)._meta.get_field(whole), "verbose_name", "")
    except (KeyError, FieldDoesNotExist):
        named = ""
    return capfirst(str(named) or OTHER_FIELDS.get(whole) or whole.replace("_", " "))


# Parts of a record that are no columns of its own.
OTHER_FIELDS: dict[str, Any] = {"tags": _("tags"), "custom": _("custom fields")}


def field_labels(kind: str, names: Iterable[str]) -> list[str]:
    return [field_label(kind, name) for name in names]


def stream_label(name: str) -> str:
    """A stream's own name: the vendor's word."""
    return capfirst(name.replace("_", " "))
