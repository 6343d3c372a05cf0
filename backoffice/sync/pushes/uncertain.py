"""Creates whose answer was lost: whether the vendor has made the record is found out before it is ever sent again.

It is looked for when the vendor has had time to end what it may still be at (`Connector.quiet_seconds`): at once, one
would miss what is about to appear. Of the records found that belong to none of ours, exactly one that is called the
same and refers to the same is taken for it; where there is none at all, the create is sent again. Anything else is for
a person to say.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.jobs.running import Run
from backoffice.sync.links import referencing
from backoffice.sync.models import Connection, Link, Push, PushState
from backoffice.sync.pushes import converting, noting, rejoining
from backoffice.sync.pushes.converting import Pair
from backoffice.sync.pushes.outbox import capability_for, capability_of, discard
from backoffice.sync.rows import rows
from connectors.kit.contract import Connector, Item
from connectors.kit.errors import Unreadable
from connectors.kit.mapping import Mapping as VendorMapping
from connectors.kit.mapping import Reference

__all__ = ["adopt", "discard", "look_up", "send_again"]

NAMES = ("name", "subject", "title", "given", "family")
CLOCKS_DIFFER = timedelta(minutes=1)
MOST_ATTEMPTS = 8  # of a create that is lost each time; then a person is asked


def look_up(run: Run, connection: Connection, connector: Connector) -> None:
    """Settle what can be settled of the uncertain creates whose quiet time is over. Raises the connector's errors."""
    mine = Push.objects.filter(connection=connection, state=PushState.UNCERTAIN)
    for push in mine.filter(next_at__lte=timezone.now()).order_by("pk"):
        run.check()
        capability = capability_of(connector, push.kind)
        if capability is None or not capability.find or push.sent is None:
            _ask_a_person(push, [], _("Whether the vendor has made it can't be looked up."))
            continue
        found = _found(connection, connector, push, capability.mapping)
        like = [remote_id for remote_id, plain in found if _is_like(capability.mapping, push, plain)]
        with run.chunk() as chunk:
            if _settle(connection, push, capability.mapping, found, like):
                chunk.count(done=1)


def adopt(push: Push, remote_id: str) -> bool:
    """A person says which of the vendor's records it made. Whether it was still uncertain."""
    capability = capability_for(push.connection, push.kind)
    if capability is None:
        return False
    with transaction.atomic():
        return _adopt(push.connection, push, capability.mapping, remote_id)


def send_again(push: Push) -> bool:
    """A person says that it made none."""
    again = Push.objects.filter(pk=push.pk, state=PushState.UNCERTAIN)
    done = rejoining.wait_again(again, next_at=None, found=None, reason="", attempts_before=F("attempts"))
    push.refresh_from_db()
    return done == 1


def _found(
    connection: Connection, connector: Connector, push: Push, mapping: VendorMapping[Any]
) -> list[tuple[str, dict[str, Any]]]:
    """The vendor's records that may be it and belong to none of ours, by id. One that can't be read is one, too."""
    record = msgspec.convert(push.sent, mapping.record)
    since = (push.sent_at or push.created_at) - CLOCKS_DIFFER
    items = {item.id: item for item in connector.find(push.kind, record, since)}
    taken = Link.objects.filter(connection=connection, kind=push.kind, remote_id__in=list(items))
    theirs = set(taken.exclude(object_id=push.object_id).values_list("remote_id", flat=True))
    return [(remote_id, _plain(item)) for remote_id, item in items.items() if remote_id not in theirs]


def _plain(item: Item) -> dict[str, Any]:
    try:
        return referencing.plain(item.mapping, item.mapping.decode(item.wire))
    except Unreadable:
        return {}


def _is_like(mapping: VendorMapping[Any], push: Push, plain: dict[str, Any]) -> bool:
    """Called the same, and referring to the same, as far as that was sent."""
    sent = referencing.plain(mapping, msgspec.convert(push.sent, mapping.record))
    names = [name for name in NAMES if name in (push.sent or {}) and name in mapping.holds]
    references = [
        part.name for part in mapping.parts if isinstance(part, Reference) and part.is_read and part.is_written
    ]
    return bool(names) and all((plain.get(name) or None) == (sent.get(name) or None) for name in names + references)


def _settle(
    connection: Connection,
    push: Push,
    mapping: VendorMapping[Any],
    found: Sequence[tuple[str, dict[str, Any]]],
    like: Sequence[str],
) -> bool:
    """Whether it is done."""
    linked = Link.objects.filter(connection=connection, kind=push.kind, object_id=push.object_id).first()
    if linked is not None:
        return _adopt(connection, push, mapping, linked.remote_id)
    if len(like) == 1:
        return _adopt(connection, push, mapping, like[0])
    if not found and push.tries < MOST_ATTEMPTS:
        rejoining.wait_again(Push.objects.filter(pk=push.pk, state=PushState.UNCERTAIN), next_at=None)
        return False
    if not found:
        text = _("It was sent %(times)s times, and each time the answer was lost.") % {"times": push.tries}
    elif like:
        text = _("The vendor has several records that it may have made. Say which, or send it again.")
    else:
        text = _("The vendor has a record that it may have made, though not the same. Say whether, or send it again.")
    _ask_a_person(push, found, text)
    return False


def _ask_a_person(push: Push, found: Sequence[tuple[str, dict[str, Any]]], text: str) -> None:
    shown = [{"id": remote_id, "record": plain} for remote_id, plain in found]
    Push.objects.filter(pk=push.pk, state=PushState.UNCERTAIN).update(next_at=None, found=shown, reason=text)


def _adopt(connection: Connection, push: Push, mapping: VendorMapping[Any], remote_id: str) -> bool:
    uncertain = Push.objects.filter(pk=push.pk, state=PushState.UNCERTAIN)
    if not uncertain.select_for_update().exists():
        return False
    sent = msgspec.convert(push.sent or {}, mapping.record)
    plain = referencing.plain(mapping, sent)
    agreed = {name: value for name, value in plain.items() if name in (push.sent or {})}
    text = noting.agree(connection, push, remote_id, mapping, agreed, _pair(connection, push, mapping))
    uncertain.update(
        state=PushState.DONE, remote_id=remote_id, ended_at=timezone.now(), next_at=None, found=None, reason=text
    )
    push.refresh_from_db()
    return True


def _pair(connection: Connection, push: Push, mapping: VendorMapping[Any]) -> Pair | None:
    """What the amounts that were sent stood for, if ours is still the same."""
    here = rows.read(push.kind, [push.object_id])
    converted = converting.as_there(connection, mapping, here, {}).get(push.object_id)
    if converted is None or converted.pair is None:
        return None
    sent = push.sent or {}
    return {name: pair for name, pair in converted.pair.items() if str(sent.get(name)) == pair["there"]} or None
