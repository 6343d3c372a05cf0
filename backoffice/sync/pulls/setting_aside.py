"""Vendors' records that could not be taken in: kept as they came, with the reason, until a later pull can."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson
from django.utils import timezone

from backoffice.jobs.signs import storable, storable_json
from backoffice.sync.models import Connection, SetAside
from connectors.kit.contract import Item

LONGEST_REASON = 2_000


class Unfit(NamedTuple):
    """An item and, in words for people, why it can't be had here."""

    item: Item
    reason: str


class Aside:
    """What lies aside of one connection, for the length of a run."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known = set(SetAside.objects.filter(connection=connection).values_list("kind", "remote_id"))

    def put(self, unfit: Iterable[Unfit]) -> None:
        """Set them aside, or say anew why they are."""
        unfit = list(unfit)
        if not unfit:
            return
        now = timezone.now()
        found = {
            (item.kind, item.id): SetAside(
                connection=self._connection,
                kind=item.kind,
                remote_id=storable(item.id)[:200],
                payload=payload(item),
                reason=storable(reason)[:LONGEST_REASON],
                last_at=now,
            )
            for item, reason in unfit
        }
        SetAside.objects.bulk_create(
            found.values(),
            update_conflicts=True,
            unique_fields=["connection", "kind", "remote_id"],
            update_fields=["payload", "reason", "last_at"],
        )
        self._known |= found.keys()

    def take_out(self, kind: str, ids: Iterable[str]) -> None:
        """These can be read again. Costs nothing where none of them lay aside."""
        mended = [id for id in ids if (kind, id) in self._known] if self._known else []
        if mended:
            SetAside.objects.filter(connection=self._connection, kind=kind, remote_id__in=mended).delete()
            # Should this transaction be undone, the next one looks again: what is not there can be deleted twice.


def payload(item: Item) -> Any:
    """As it came, but for what PostgreSQL can't hold in JSON."""
    try:
        return orjson.loads(storable_json(item.wire))
    except TypeError:  # what is no JSON at all
        return {"text": storable(ascii(item.wire))}
