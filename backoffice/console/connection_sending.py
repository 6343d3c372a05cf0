"""What would be sent, request by request; and what was: the kept exchanges with the vendor, secrets blanked out."""

from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Length, Substr
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.console import connection_pages as pages
from backoffice.console.connection_records import link_to
from backoffice.console.connection_values import Asked, Line, Teller
from backoffice.console.connection_words import kind_label
from backoffice.console.errors import NotThere
from backoffice.sync import telling
from backoffice.sync.models import Connection, Exchange
from backoffice.sync.pushes import pushing
from backoffice.sync.pushes.planning import Action
from backoffice.sync.pushes.previewing import SHOWN, PlannedPush, preview, volume
from connectors.kit.errors import Misconfigured
from connectors.kit.settings import WrongSetting

ACTIONS = {
    Action.SEND: (_("would be sent"), "success"),
    Action.NOTHING_TO_SEND: (_("nothing to send"), "default"),
    Action.WAIT: (_("waits"), "warning"),
    Action.DROP: (_("would be dropped"), "default"),
}
FIRST_OF_ADDRESS = 300


class Planned(NamedTuple):
    """A push as the preview shows it."""

    push: PlannedPush
    kind: str
    link: str
    operation: str
    action: str
    tone: str
    fields: list[Line]


def previewed(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    """The next pushes, and how many calls that is. Nobody is called for it."""
    connection = pages.own(request, connection_id)
    context |= pages.frame(request, connection, "outbox")
    try:
        planned = preview(connection, SHOWN)
        context |= {
            "planned": _planned(connection, planned, request.user),
            "volume": volume(connection, planned),
            "may_push": not pushing.reason_not_to(connection),
        }
    except Misconfigured as error:
        context |= {"refusal": telling.trouble(connection.vendor_label, error)}
    except (WrongSetting, LookupError) as error:
        context |= {"refusal": str(error)}
    return TemplateResponse(request, "console/connections/preview.html", context)


def _planned(connection: Connection, planned: list[PlannedPush], user: Any) -> list[Planned]:
    asked = {
        (push.id, field.name): (
            Asked(connection, push.kind, field.name, field.there),
            Asked(connection, push.kind, field.name, field.here),
        )
        for push in planned
        for field in push.fields
    }
    teller = Teller((each for pair in asked.values() for each in pair), user)
    shown = []
    for push in planned:
        label, tone = ACTIONS[push.action]
        lines = []
        for field in push.fields:
            there, here = asked[push.id, field.name]
            lines.append(Line(capfirst(field.label), teller.told(there), teller.told(here)))
        operation = str(push.operation.label)
        link = link_to(push.kind, push.object_id)
        shown.append(Planned(push, kind_label(push.kind), link, operation, capfirst(str(label)), tone, lines))
    return shown


def exchanges(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    """The last ones, without their bodies."""
    connection = _open_to_whoever_sees_everything(request, connection_id)
    kept = Exchange.objects.filter(connection=connection).annotate(
        size=Length("answer"),
        where=Substr("url", 1, FIRST_OF_ADDRESS),
        wrong=Func(F("error"), Value("\n"), Value(1), function="split_part", output_field=TextField()),
    )
    context |= pages.frame(request, connection, "exchanges") | {
        "exchanges": kept.defer("request", "answer", "url", "error"),
    }
    return TemplateResponse(request, "console/connections/exchanges.html", context)


def exchange(request: HttpRequest, connection_id: int, exchange_id: int, context: dict[str, Any]) -> HttpResponse:
    connection = _open_to_whoever_sees_everything(request, connection_id)
    kept = Exchange.objects.filter(connection=connection, pk=exchange_id).first()
    if kept is None:
        raise NotThere(gettext("This exchange is no longer kept: only the last ones of a connection are."))
    context |= pages.frame(request, connection, "exchanges") | {"exchange": kept}
    return TemplateResponse(request, "console/connections/exchange.html", context)


def _open_to_whoever_sees_everything(request: HttpRequest, connection_id: int) -> Connection:
    """Exchanges have records of whomever they belong to in them."""
    connection = pages.visible_connection(request, connection_id)
    if not request.user.sees_everything:  # type: ignore[union-attr]
        raise PermissionDenied
    return connection
