"""What becomes of a push, written down: that it is being sent, and what came of it, with the link it makes or moves on.

Each step compares and sets: what another worker has settled meanwhile is left as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from backoffice.sync import health, telling
from backoffice.sync.calls import pacing
from backoffice.sync.links import linking
from backoffice.sync.models import (
    UNSENT,
    Connection,
    ConnectionState,
    Health,
    Link,
    Operation,
    Push,
    PushState,
    Suggestion,
)
from backoffice.sync.pulls.merging import NOTHING, TAGS
from backoffice.sync.pushes import outbox, rejoining
from backoffice.sync.pushes.converting import Pair
from backoffice.sync.pushes.planning import Plan
from connectors.kit.contract import Receipt
from connectors.kit.errors import ConnectorError, Unavailable, Uncertain
from connectors.kit.mapping import Mapping as VendorMapping

FLIGHT = (PushState.SENDING, PushState.UNCERTAIN)
LEASE = timedelta(minutes=15)  # longer than any call: four tries of two minutes, a minute between them
SAME_THERE = gettext_noop("They are one record at the vendor.")
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)


@dataclass
class Outcome:
    """What a call came to. `pause` is to be raised: nothing more goes over the connection for now."""

    state: PushState
    text: str = ""
    receipt: Receipt | None = None
    next_at: datetime | None = None
    pause: Exception | None = None


def due(connection: Connection, now: datetime) -> "QuerySet[Push]":
    """Unsent ones whose time has come, unless an earlier push of the same record is still open."""
    others = Push.objects.filter(
        connection=connection, kind=OuterRef("kind"), object_id=OuterRef("object_id"), state__in=FLIGHT
    )
    mine = Push.objects.filter(connection=connection, state__in=UNSENT)
    return mine.filter(Q(next_at=None) | Q(next_at__lte=now)).filter(~Exists(others))


def with_version(pushes: "QuerySet[Push]") -> Any:
    """`version` changes whenever somebody writes to the push."""
    return pushes.annotate(version=RawSQL('"sync_push"."xmin"::text', []))


def as_planned(push: Push) -> "QuerySet[Push]":
    """The push, as long as nothing has joined it since it was read."""
    version: str = push.version  # type: ignore[attr-defined]
    planned: QuerySet[Push] = with_version(Push.objects.filter(pk=push.pk, state__in=UNSENT)).filter(version=version)
    return planned


def claim(plan: Plan, job_id: int) -> bool:
    """Say that it is being sent. What of it has to wait becomes a push of its own, behind it."""
    push, now = plan.push, timezone.now()
    push.attempts += 1
    push.sent_at = push.sent_at or now  # of a create sent again: whatever any of them made is to be found
    with transaction.atomic():
        if not _is_linked_as_planned(plan):
            return False
        claimed = as_planned(push).update(
            state=PushState.SENDING,
            operation=plan.operation,
            fields=sorted(plan.fields) if plan.operation == Operation.UPDATE else [],
            remote_id=plan.link.remote_id if plan.link else "",
            sent=sent(plan),
            attempts=push.attempts,
            sent_at=push.sent_at,
            lease_until=now + LEASE,
            next_at=None,
            reason="",
            job_id=job_id,
        )
        if claimed and (rest := {*plan.held, *plan.later}):
            connection = Connection.objects.get(pk=push.connection_id)
            outbox.enqueue(connection, push.kind, push.object_id, Operation.UPDATE, rest)
    return claimed == 1


def _is_linked_as_planned(plan: Plan) -> bool:
    """Or a pull has joined it to one of the vendor's meanwhile, or has brought news of it that would be overwritten.

    The link is locked: a pull that has it at this moment is waited for, one that comes after sees that it is sent.
    """
    mine = Link.objects.filter(connection=plan.push.connection_id, kind=plan.push.kind)
    link = mine.select_for_update().filter(object_id=plan.push.object_id).first()
    if link is None or plan.link is None:
        return link is plan.link
    return _state(link) == _state(plan.link)


def _state(link: Link) -> tuple[Any, ...]:
    return link.remote_id, link.gone_at, link.base, link.converted, bytes(link.digest)


def sent(plan: Plan) -> dict[str, Any] | None:
    """The record as it goes over the wire; of an update the fields that do."""
    if plan.record is None:
        return None
    values: dict[str, Any] = msgspec.to_builtins(plan.record)
    return {name: value for name, value in values.items() if name in plan.fields}


def note(connection: Connection, plan: Plan, outcome: Outcome) -> bool:
    """Write down what a call came to. False when that had been settled otherwise: it was sent again meanwhile."""
    claimed = Push.objects.filter(pk=plan.push.pk, attempts=plan.push.attempts)
    in_flight = claimed.filter(state__in=FLIGHT)
    values: dict[str, Any] = {"reason": outcome.text, "next_at": outcome.next_at, "lease_until": None}
    if outcome.state == PushState.RETRY:
        return rejoining.wait_again(in_flight, **values) == 1
    if outcome.state in {PushState.DONE, PushState.REJECTED}:
        values["ended_at"] = timezone.now()
    with transaction.atomic():
        noted = in_flight.update(state=outcome.state, **values)
        if noted and outcome.receipt:
            text = _agree(connection, plan, outcome.receipt) or outcome.text
            claimed.update(remote_id=outcome.receipt.id, reason=text)
            _supersede(plan.push, plan.fields)
    return noted == 1


def note_nothing_to_send(plan: Plan) -> bool:
    """The vendor has it all already."""
    now = timezone.now()
    return as_planned(plan.push).update(state=PushState.DONE, reason=" ".join(plan.notes), ended_at=now) == 1


def compare_anew(plan: Plan) -> None:
    """By the next pull that has the record: ours was changed while a field of it is disputed, and may be as theirs."""
    if plan.link and plan.is_disputed:
        Link.objects.filter(pk=plan.link.pk).exclude(digest=b"").update(digest=b"")


def _agree(connection: Connection, plan: Plan, receipt: Receipt) -> str:
    """On what was sent: what the vendor has made of it is news, which the next pull brings."""
    if plan.operation == Operation.DELETE:
        mine = Link.objects.filter(connection=connection, kind=plan.push.kind, object_id=plan.push.object_id)
        mine.update(gone_at=timezone.now())
        return ""
    agreed = {name: plan.plain[name] for name in plan.fields if name in plan.plain}
    if plan.operation == Operation.CREATE:
        agreed = _empty_on_both_sides(plan) | agreed
    if TAGS in agreed and plan.link:
        agreed[TAGS] = _with_those_before(agreed[TAGS], plan.link.base.get(TAGS))
    return agree(connection, plan.push, receipt.id, plan.mapping, agreed, plan.pair)


def _empty_on_both_sides(plan: Plan) -> dict[str, Any]:
    """What a new record was sent without, as it has none of it: what either side fills in later is a change."""
    sendable = (plan.mapping.holds & plan.mapping.takes_new) - plan.fields
    return {name: plan.plain[name] for name in sendable if name in plan.plain and plan.plain[name] in NOTHING}


def _with_those_before(words: Sequence[str], before: Sequence[str] | None) -> list[str]:
    """Not every vendor takes off a tag. One it still has is no news when it is next read, and doesn't come back."""
    return [*words, *(word for word in before or () if word not in words)]


def agree(
    connection: Connection,
    push: Push,
    remote_id: str,
    mapping: VendorMapping[Any],
    agreed: Mapping[str, Any],
    pair: Pair | None,
) -> str:
    """Link the record with the vendor's, or move their link on. Words, when another one stands in the way.

    The link's digest is emptied: the next pull compares, and finds what was sent.
    """
    mine = Link.objects.filter(connection=connection, kind=push.kind)
    link = mine.select_for_update().filter(object_id=push.object_id).first()
    if link is None:
        other = mine.filter(remote_id=remote_id).first()
        if other is not None:
            return _two_for_one(connection, push, other)
        Link.objects.create(
            connection=connection,
            kind=push.kind,
            remote_id=remote_id,
            object_id=push.object_id,
            base=dict(agreed),
            converted=pair,
            version=mapping.version,
        )
        linking.raise_highest(connection.pk, push.kind, [remote_id])
        return ""
    if link.remote_id != remote_id:
        words = {"one": remote_id, "other": link.remote_id}
        return _("The vendor has it twice: as %(other)s, which is linked, and as %(one)s.") % words
    link.base = {**link.base, **agreed}
    kept = {name: value for name, value in (link.converted or {}).items() if name not in agreed}
    link.converted = kept | {name: value for name, value in (pair or {}).items() if name in agreed} or None
    link.digest = b""
    link.save(update_fields=["base", "converted", "digest"])
    return ""


def _two_for_one(connection: Connection, push: Push, other: Link) -> str:
    Suggestion.objects.get_or_create(
        connection=connection,
        kind=push.kind,
        object_id=other.object_id,
        like_id=push.object_id,
        defaults={"reason": SAME_THERE},
    )
    return _(SAME_THERE)


def _supersede(push: Push, fields: Iterable[str]) -> None:
    """What was refused before and went through now is no business of a person's any more."""
    refused = Push.objects.filter(
        connection=push.connection_id,
        kind=push.kind,
        object_id=push.object_id,
        state=PushState.REJECTED,
        pk__lt=push.pk,
    )
    through = Q(operation=Operation.CREATE) | Q(operation=Operation.UPDATE, fields__contained_by=sorted(fields))
    refused.filter(through).update(state=PushState.DISCARDED)


def take_up(connection: Connection, job_id: int, quiet_seconds: int) -> int:
    """Pushes whose worker is gone. Answers how many creates are uncertain now.

    The job's own ones are an earlier attempt's: only one worker has a job.
    """
    now = timezone.now()
    left = Push.objects.filter(connection=connection, state=PushState.SENDING).filter(
        Q(lease_until__lt=now) | Q(job_id=job_id)
    )
    rejoining.wait_again(left.exclude(operation=Operation.CREATE), lease_until=None, next_at=None)
    return left.filter(operation=Operation.CREATE).update(
        state=PushState.UNCERTAIN,
        lease_until=None,
        next_at=now + timedelta(seconds=quiet_seconds),
        reason=_("The answer was lost."),
    )


def again_after(attempts: int) -> datetime:
    """When something that did not work is tried again."""
    pause: timedelta = min(SHORTEST_PAUSE * 2 ** min(max(attempts, 1) - 1, 10), LONGEST_PAUSE)
    return timezone.now() + pause


def pause(connection: Connection, error: ConnectorError) -> str:
    """Let nothing more be sent for a while: to nobody's harm, what waits keeps waiting. The words for people.

    A vendor that is down, or told us to wait, is not called at all meanwhile, by anybody. One that has to be set up
    anew may be: by whoever does it.
    """
    text = telling.trouble(connection.vendor_label, error)
    health.note_trouble(connection.pk, text)
    failures = Health.objects.values_list("failures", flat=True).get(connection=connection)
    until = again_after(failures)
    if isinstance(error, Unavailable | Uncertain):
        seconds = error.retry_after_seconds if isinstance(error, Unavailable) else None
        pacing.hold(connection.pk, (until - timezone.now()).total_seconds() if seconds is None else seconds)
    else:
        Push.objects.filter(connection=connection, state__in=UNSENT).update(next_at=until)
    return text


def is_held(connection: Connection) -> bool:
    """By the database's clock, which all workers share."""
    return Health.objects.filter(connection=connection, held_until__gt=Now()).exists()


def may_push(connection: Connection) -> bool:
    """Now: a person may have paused it since the run began."""
    return Connection.objects.filter(pk=connection.pk, pushes=True, state=ConnectionState.ACTIVE).exists()


def note_good(connection: Connection) -> None:
    """The vendor takes what we send. A trouble that was its not doing so is over."""
    if Health.objects.filter(connection=connection, failures__gt=0).exists():
        health.note_question(connection.pk, "")
    health.note_good(connection.pk)
