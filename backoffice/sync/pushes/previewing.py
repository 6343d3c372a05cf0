"""What a push would send, request by request, before anything is sent.

The vendor's own connector is run against the vendor's own protocol in this process (its facade, over a small world in
memory that holds what the links say the vendor has). Nobody is called and nothing is written.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, override

import msgspec
import orjson
from django.db.models import Case, IntegerField, Value, When
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from msgspec import UNSET

from backoffice.sync.links import referencing
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import OPEN_PUSHES, Connection, Link, Operation, Option, Push, PushState
from backoffice.sync.pushes import noting, planning
from backoffice.sync.pushes.planning import Action, Plan
from backoffice.sync.rows import rows
from connectors.kit import redaction, registry
from connectors.kit.contract import Connector, Site, VendorEntry
from connectors.kit.errors import ConnectorError, Unavailable
from connectors.kit.facades import Facade
from connectors.kit.mapping import Reference
from connectors.kit.memory import MemoryStore, World, label_of
from connectors.kit.redaction import Redactor
from connectors.kit.settings import checked
from connectors.kit.testing import FacadeTransport
from connectors.kit.transport import Request, Response, Transport

SHOWN = 50
BODY = 4_000  # characters of a body that are shown
NO_SECRET = "preview-without-the-secret"  # noqa: S105 - what stands for it


class PlannedRequest(msgspec.Struct, frozen=True):
    """As it would go over the wire, secrets blanked out."""

    method: str
    url: str
    body: str


class PlannedField(msgspec.Struct, frozen=True):
    """What a field is at the vendor as far as we know, and what it would become. Plain values, as on the link."""

    name: str
    label: str
    there: Any
    here: Any


class PlannedPush(msgspec.Struct, frozen=True):
    """A push and what it comes to: `requests`, or why it would not be sent now."""

    id: int
    kind: str
    object_id: int
    label: str
    operation: Operation
    action: Action
    reason: str
    fields: Sequence[PlannedField] = ()
    requests: Sequence[PlannedRequest] = ()
    notes: Sequence[str] = ()


class Volume(msgspec.Struct, frozen=True):
    """All that waits, beside what the vendor lets us do. `calls` is reckoned from the pushes that are shown."""

    pushes: int
    shown: int
    calls: int
    calls_per_minute: int

    @property
    def minutes(self) -> int | None:
        """How long it takes at least; None when the vendor knows no limit."""
        return -(-self.calls // self.calls_per_minute) if self.calls_per_minute else None


def preview(connection: Connection, limit: int = SHOWN) -> list[PlannedPush]:
    """The next pushes, in the order in which they would go. Raises Misconfigured or WrongSetting, in words."""
    rehearsal = _Rehearsal(connection)
    unsent = Push.objects.filter(connection=connection, state__in=(PushState.WAITING, PushState.RETRY))
    ranks = [When(kind=kind, then=Value(planning.rank(kind))) for kind in planning.ORDER]
    ordered = noting.with_version(unsent).order_by(
        Case(*ranks, default=Value(len(ranks)), output_field=IntegerField()), "kind", "pk"
    )
    planned: list[PlannedPush] = []
    for kind, pushes in groupby(ordered[:limit], key=lambda push: str(push.kind)):
        planned += rehearsal.planned(kind, list(pushes))
    return planned


def volume(connection: Connection, planned: Sequence[PlannedPush]) -> Volume:
    """How much there is to send altogether."""
    pushes = Push.objects.filter(connection=connection, state__in=OPEN_PUSHES).count()
    requests = sum(len(push.requests) for push in planned)
    calls = requests if len(planned) >= pushes else -(-requests * pushes // max(len(planned), 1))
    return Volume(pushes, len(planned), calls, connection.connector.calls_per_minute)


class _Nobody(Transport):
    """Of a vendor without a facade only the first request of a push is known."""

    def __init__(self) -> None:
        self.sent: list[Request] = []

    @override
    def send(self, request: Request, *, repeatable: bool) -> Response:
        self.sent.append(request)
        raise Unavailable("")


class _Rehearsal:
    """A connector whose vendor is a world of our own."""

    def __init__(self, connection: Connection) -> None:
        vendor = connection.connector
        self.connection = connection
        self.options = Options(connection)
        self.world = World(
            [capability.mapping for capability in vendor.capabilities.values()],
            vendor=connection.vendor,
            lists=_lists(connection),
        )
        facade: Facade | None = registry.facade(connection.vendor)
        self.transport = FacadeTransport(facade, lambda _secret: MemoryStore(self.world)) if facade else _Nobody()
        self.connector: Connector = vendor(
            Site(
                connection.base_url,
                self.transport,
                settings=checked(vendor.settings, connection.settings),
                secrets={setting.name: NO_SECRET for setting in vendor.secrets},
            )
        )
        self.redactor = Redactor([NO_SECRET])

    def planned(self, kind: str, pushes: Sequence[Push]) -> Iterator[PlannedPush]:
        plans = planning.plan(self.connection, self.connector, kind, pushes, self.options)
        labels = {number: label_of(record) for number, record in rows.read(kind, _ids(pushes)).items()}
        for plan in plans:
            yield self._planned(plan, labels.get(plan.push.object_id, ""))

    def _planned(self, plan: Plan, label: str) -> PlannedPush:
        notes = [*plan.notes, *dict.fromkeys(plan.held.values())]
        requests: list[PlannedRequest] = []
        if plan.action is Action.SEND:
            refusal = self._rehearse(plan)
            requests = [self._shown(request) for request in self.transport.sent]
            notes += [refusal] if refusal else []
        base = plan.link.base if plan.link else {}
        return PlannedPush(
            plan.push.pk,
            plan.push.kind,
            plan.push.object_id,
            label or (str(label_of(referencing.from_plain(plan.push.kind, base))) if base else ""),
            plan.operation,
            plan.action,
            plan.reason,
            [
                PlannedField(name, planning.label_of(plan.push.kind, name), base.get(name), plan.plain.get(name))
                for name in sorted(plan.fields)
            ],
            requests,
            notes,
        )

    def _rehearse(self, plan: Plan) -> str:
        """What the vendor would say against it, as far as its facade knows."""
        self._furnish(plan)
        self.transport.sent.clear()
        kind, remote_id = plan.push.kind, plan.link.remote_id if plan.link else ""
        try:
            match plan.operation:
                case Operation.CREATE:
                    self.connector.create(kind, plan.record)
                case Operation.UPDATE:
                    self.connector.update(kind, remote_id, plan.record, plan.fields)
                case Operation.DELETE:
                    self.connector.delete(kind, remote_id)
        except ConnectorError as error:
            if not str(error):
                return ""
            words = {"vendor": str(self.connector.label), "error": redaction.known.text(str(error))}
            return _("%(vendor)s might refuse it: %(error)s") % words
        return ""

    def _furnish(self, plan: Plan) -> None:
        """The world has the record as both last agreed on it, and what it is to refer to."""
        if plan.link:
            self.world.add(plan.push.kind, referencing.from_plain(plan.push.kind, plan.link.base), plan.link.remote_id)
        if plan.record is None:
            return
        for part in plan.mapping.parts:
            ref = getattr(plan.record, part.name)
            if isinstance(part, Reference) and ref not in {UNSET, None} and ref.id not in self.world.all(part.kind):
                base = Link.objects.filter(connection=self.connection, kind=part.kind, remote_id=ref.id).first()
                self.world.add(part.kind, referencing.from_plain(part.kind, base.base if base else {}), ref.id)

    def _shown(self, request: Request) -> PlannedRequest:
        content, content_type = request.content
        text = content.decode("utf-8", "replace")
        if content_type == "application/json" and request.json is not None:
            text = orjson.dumps(request.json, option=orjson.OPT_INDENT_2).decode()
        url = f"{self.connection.base_url.rstrip('/')}{request.target}"
        body = Truncator(self.redactor.text(text)).chars(BODY)
        return PlannedRequest(request.method, self.redactor.text(url), body)


def _lists(connection: Connection) -> dict[str, list[VendorEntry]]:
    lists: dict[str, list[VendorEntry]] = {}
    for option in Option.objects.filter(connection=connection, gone_at=None).order_by("pk"):
        entry = VendorEntry(option.list, option.remote_id, option.label, option.extras)
        lists.setdefault(option.list, []).append(entry)
    return lists


def _ids(pushes: Iterable[Push]) -> list[int]:
    return [push.object_id for push in pushes]
