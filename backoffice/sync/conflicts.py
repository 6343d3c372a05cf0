"""Settling a conflict: a person says, field by field, whose value stands.

taken      here                      agreed on    then
─────────  ────────────────────────  ───────────  ────────────────────────────────────────────────────
ours       stays                     the vendor's  the field differs from what was agreed: it is sent
theirs     becomes the vendor's      the vendor's  both are the same; other vendors hear of it as of any change
"""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.access.models import User
from backoffice.changes.acting import Door, acting
from backoffice.sync.facades.shapes import shapes
from backoffice.sync.links import referencing
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Conflict, Connection, Link, Operation, Side
from backoffice.sync.pulls import amounts
from backoffice.sync.pulls.merging import CUSTOM
from backoffice.sync.pushes import outbox
from backoffice.sync.rows import rows


class CannotSettle(Exception):
    """Why not, in words for people."""


class SettledAlready(CannotSettle):
    """Somebody, or a pull, was faster."""


def settle(
    conflict: Conflict, side: Side, user: User, *, door: Door = Door.CONSOLE, api_key: int | None = None
) -> Conflict:
    """Let `side` have its way, once. Raises CannotSettle; then nothing is changed."""
    side = Side(side)
    # What is taken over from a vendor is no push to it.
    origin = conflict.connection_id if side == Side.THERE else None
    with acting(user, door, connection=origin, api_key=api_key):
        link = _link_of(conflict)
        locked = Conflict.objects.select_for_update(of=("self",)).select_related("connection").get(pk=conflict.pk)
        if locked.settled_at is not None:
            raise SettledAlready(_("This conflict is settled already."))
        if link.gone_at is not None:
            raise CannotSettle(_("The vendor does not have the record any more."))
        if not rows.read(locked.kind, [locked.object_id], lock=True, fields=()):
            raise CannotSettle(_("The record is not here any more."))
        if side == Side.THERE:
            _write_here(locked)
        _agree(link, locked)
        locked.settled_at, locked.settled_by, locked.taken = timezone.now(), user, side
        locked.save(update_fields=["settled_at", "settled_by", "taken"])
        if side == Side.HERE:
            _have_sent(locked)
    return locked


def _link_of(conflict: Conflict) -> Link:
    """Locked before the conflict, as a pull does it."""
    links = Link.objects.select_for_update().filter(connection_id=conflict.connection_id, kind=conflict.kind)
    link = links.filter(object_id=conflict.object_id).first()
    if link is None:
        raise CannotSettle(_("The record is not linked to the vendor's any more."))
    return link


def _write_here(conflict: Conflict) -> None:
    values = _values_there(conflict)
    reason = rows.refusal(conflict.kind, rows.KINDS[conflict.kind](**values), is_new=False)
    if reason:
        raise CannotSettle(reason)
    rows.update(conflict.kind, {conflict.object_id: values})


def _values_there(conflict: Conflict) -> dict[str, Any]:
    """The vendor's value as our record has it; of a reference, who or what it is here."""
    name, _dot, key = conflict.field.partition(".")
    if name == CUSTOM:
        return {CUSTOM: {key: conflict.there}}
    connection = conflict.connection
    mapping = shapes(connection.connector)[conflict.kind]
    theirs = referencing.from_plain(conflict.kind, {name: conflict.there})
    options = Options(connection)
    ours = referencing.to_ours(connection, [referencing.Neutral(mapping, "", theirs)], options)
    for unmapped in ours.unmapped:
        text = _("“{label}” of the vendor's list “{list}” means nothing here yet: say what it is first.")
        raise CannotSettle(text.format(label=unmapped.label, list=unmapped.list))
    if ours.unresolved:
        raise CannotSettle(_("What it refers to is not here yet: pull it first."))
    record = ours.records[0]
    values = {name: getattr(record, name)}
    amounts.put_currency(mapping, values, record)
    return values


def _agree(link: Link, conflict: Conflict) -> None:
    name, _dot, key = conflict.field.partition(".")
    agreed = conflict.there if name != CUSTOM else {**(link.base.get(CUSTOM) or {}), key: conflict.there}
    link.base = {**link.base, name: agreed}
    mapping = shapes(conflict.connection.connector)[conflict.kind]
    link.converted = amounts.still_converted(mapping, link.converted, link.base)
    link.save(update_fields=["base", "converted"])


def _have_sent(conflict: Conflict) -> None:
    connection: Connection = conflict.connection
    field = conflict.field.partition(".")[0]
    outbox.enqueue(connection, conflict.kind, conflict.object_id, Operation.UPDATE, [field])
    outbox.release(connection)
