"""On a record's own page: the connections it is linked at, and what of it waits or is to be settled there."""

from typing import NamedTuple

from django.db.models import Model
from django.urls import reverse
from django.utils.safestring import SafeString

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.console.connection_words import push_badge
from backoffice.sync.models import UNSENT, Conflict, Connection, Link, Push, PushState
from backoffice.sync.rows.rows import KINDS

TOLD = (*UNSENT, PushState.SENDING, PushState.UNCERTAIN, PushState.REJECTED)


class At(NamedTuple):
    """One connection that has the record, or is to have it."""

    name: str
    vendor: str
    link: str
    remote_id: str
    is_gone: bool
    pushes: list[tuple[SafeString, str]]
    conflicts: int
    conflict_link: str


def linked_at(record: Model, user: User) -> list[At]:
    """Nothing for reps, and for what no vendor has. Three short queries."""
    kind = getattr(record, "change_kind", "")
    if kind not in KINDS or not may(user, "view", Connection):
        return []
    about = {"kind": kind, "object_id": record.pk}
    links = {link.connection_id: link for link in Link.objects.filter(**about).select_related("connection")}
    pushes: dict[int, list[Push]] = {}
    for push in Push.objects.filter(**about, state__in=TOLD).select_related("connection").order_by("id"):
        pushes.setdefault(push.connection_id, []).append(push)
    conflicts: dict[int, list[int]] = {}
    for pk, connection_id in Conflict.objects.filter(**about, settled_at=None).values_list("pk", "connection_id"):
        conflicts.setdefault(connection_id, []).append(pk)
    connections = {link.connection for link in links.values()} | {made[0].connection for made in pushes.values()}
    return [
        _at(each, links.get(each.pk), pushes.get(each.pk, []), conflicts.get(each.pk, []))
        for each in sorted(connections, key=lambda each: each.name)
    ]


def _at(connection: Connection, link: Link | None, pushes: list[Push], conflicts: list[int]) -> At:
    return At(
        connection.name,
        connection.vendor_label,
        reverse("admin:sync_connection_change", args=[connection.pk]),
        link.remote_id if link else "",
        bool(link and link.gone_at),
        [(push_badge(push.state), reverse("admin:sync_push_change", args=[push.pk])) for push in pushes],
        len(conflicts),
        reverse("admin:sync_conflict_change", args=[conflicts[0]]) if conflicts else "",
    )
