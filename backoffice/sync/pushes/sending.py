"""Sending what waits in the outbox, one push after the other: planned, claimed, called, noted.

A push says `sending` before the vendor is called, in a transaction of its own; so whatever becomes of the worker, what
may have been done is known. An update or a delete of which that is unclear is sent again, as it does no harm; a create
is looked up first (see `uncertain`). The claim takes a push only as it was planned: had a change joined it meanwhile,
it is planned anew.
"""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import assert_never

import structlog
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.jobs.running import Interrupted, Run
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import UNSENT, Connection, Operation, Push, PushState
from backoffice.sync.pushes import noting, outbox, planning
from backoffice.sync.pushes.noting import FLIGHT, Outcome
from backoffice.sync.pushes.outbox import Target
from backoffice.sync.pushes.planning import Action, Plan
from connectors.kit import redaction
from connectors.kit.contract import Connector, Receipt
from connectors.kit.errors import ConnectorError, Misconfigured, Missing, Refused, Unavailable, Uncertain

logger = structlog.get_logger(__name__)

BATCH = 25  # planned at once: what is sent is the record as it was that short a while ago
MOST_LOST = 5  # answers, one after the other: then the vendor is down, and is left alone for a while
LOOK_AGAIN = timedelta(minutes=5)  # at what waits for something, if nobody says before that it is settled
COUNTED = {PushState.DONE: "done", PushState.REJECTED: "rejected", PushState.UNCERTAIN: "uncertain"}


class Paused(Exception):
    """Nothing more goes over this connection for now. Its text is for people, one of whom may have to mend it."""

    def __init__(self, text: str, *, is_broken: bool = False) -> None:
        super().__init__(text)
        self.is_broken = is_broken


def pause(connection: Connection, error: ConnectorError) -> Paused:
    return Paused(noting.pause(connection, error), is_broken=isinstance(error, Misconfigured))


class Sender:
    """One run's work for one connection."""

    def __init__(self, run: Run, connection: Connection, connector: Connector) -> None:
        self.run = run
        self.connection = connection
        self.connector = connector
        self.options = Options(connection)
        self._for_others: set[int] = set()  # pushes that wait for records to be sent first
        self._again = True
        self._has_worked = False
        self._lost_in_a_row = 0

    def send_all(self) -> None:
        """Until nothing more is due. Raises Paused."""
        while self._again:
            self._again = False
            self._send_wave()
            if self._again and self._for_others:
                waiting = Push.objects.filter(pk__in=self._for_others, state=PushState.WAITING)
                waiting.update(next_at=None)
                self._for_others.clear()

    def _send_wave(self) -> None:
        """What others refer to first; deleted last."""
        kinds = sorted(self._due().order_by().values_list("kind", flat=True).distinct(), key=planning.rank)
        for kind in kinds:
            self._send_kind(kind, is_delete=False)
        for kind in reversed(kinds):
            self._send_kind(kind, is_delete=True)

    def _due(self) -> "QuerySet[Push]":
        return noting.due(self.connection, timezone.now())

    def _send_kind(self, kind: str, *, is_delete: bool) -> None:
        last = 0
        while True:
            due = noting.with_version(self._due()).filter(kind=kind, pk__gt=last).order_by("pk")
            deletes = due.filter(operation=Operation.DELETE)
            batch = list((deletes if is_delete else due.exclude(operation=Operation.DELETE))[:BATCH])
            if not batch:
                return
            last = batch[-1].pk
            plans = planning.plan(self.connection, self.connector, kind, batch, self.options)
            self._ask_for(target for plan in plans for target in plan.needs)
            for plan in plans:
                self.run.check()
                self._carry_out(plan)

    def _ask_for(self, targets: Iterable[Target]) -> None:
        """Have records made there that others refer to, unless that is under way or was refused."""
        wanted: dict[str, set[int]] = {}
        for target in targets:
            wanted.setdefault(target.kind, set()).add(target.object_id)
        for kind, ids in wanted.items():
            known = Push.objects.filter(
                connection=self.connection,
                kind=kind,
                object_id__in=ids,
                state__in=(*UNSENT, *FLIGHT, PushState.REJECTED),
            )
            if new := ids - set(known.values_list("object_id", flat=True)):
                outbox.enqueue_many(self.connection, kind, Operation.CREATE, dict.fromkeys(sorted(new), ()))
                self._again = True

    def _carry_out(self, plan: Plan) -> None:
        match plan.action:
            case Action.SEND:
                self._send(plan)
            case Action.NOTHING_TO_SEND:
                with self.run.chunk() as chunk:
                    chunk.count(done=noting.note_nothing_to_send(plan))
                    noting.compare_anew(plan)
            case Action.WAIT:
                if plan.needs:
                    self._for_others.add(plan.push.pk)
                noting.compare_anew(plan)
                next_at = timezone.now() + LOOK_AGAIN
                noting.as_planned(plan.push).update(state=PushState.WAITING, reason=plan.reason, next_at=next_at)
            case Action.DROP:
                ended_at = timezone.now()
                noting.as_planned(plan.push).update(state=PushState.DISCARDED, reason=plan.reason, ended_at=ended_at)
            case _:
                assert_never(plan.action)

    def _send(self, plan: Plan) -> None:
        if noting.is_held(self.connection):
            raise Paused(_("The vendor is not to be called yet."))
        if not noting.may_push(self.connection):
            raise Paused(_("Meanwhile the connection was paused or retired, or does not push any more."))
        if not noting.claim(plan, self.run.job.pk):
            self._again = True  # something joined it: it is planned anew
            return
        lost = self._lost_in_a_row
        outcome = self._call(plan)
        if self._lost_in_a_row == lost:
            self._lost_in_a_row = 0
        self._note(plan, outcome)
        if plan.held or plan.later:
            self._again = True
        if outcome.pause:
            raise outcome.pause
        if not self._has_worked:
            self._has_worked = True
            noting.note_good(self.connection)

    def _call(self, plan: Plan) -> Outcome:
        try:
            return Outcome(PushState.DONE, " ".join(plan.notes), receipt=self._written(plan))
        except ConnectorError as error:
            return self._outcome(plan, error)
        except Exception as error:  # a connector nobody foresaw; the other pushes are to go on
            number = secrets.token_hex(4)
            logger.exception("push_failed_unexpectedly", push=plan.push.pk, error_id=number)
            text = _("Unexpected error %(id)s (%(name)s).") % {"id": number, "name": type(error).__name__}
            return self._unclear(plan, text, otherwise=PushState.REJECTED)

    def _written(self, plan: Plan) -> Receipt:
        kind, remote_id = plan.push.kind, plan.link.remote_id if plan.link else ""
        match plan.operation:
            case Operation.CREATE:
                return self.connector.create(kind, plan.record)
            case Operation.UPDATE:
                return self.connector.update(kind, remote_id, plan.record, plan.fields)
            case Operation.DELETE:
                self.connector.delete(kind, remote_id)
                return Receipt(remote_id)

    def _outcome(self, plan: Plan, error: ConnectorError) -> Outcome:
        text = redaction.known.text(str(error))
        match error:
            case Missing() if plan.operation == Operation.DELETE and plan.link:
                return Outcome(PushState.DONE, receipt=Receipt(plan.link.remote_id))
            case Refused():
                return Outcome(PushState.REJECTED, text)
            case Unavailable():
                return Outcome(PushState.RETRY, text, pause=pause(self.connection, error))
            case Misconfigured():
                paused = pause(self.connection, error)
                return Outcome(PushState.RETRY, text, next_at=noting.again_after(plan.push.tries), pause=paused)
            case Uncertain():
                outcome = self._unclear(plan, text, otherwise=PushState.RETRY)
                self._lost_in_a_row += 1
                if self._lost_in_a_row == MOST_LOST:
                    outcome.pause = pause(self.connection, error)
                return outcome
            case _:  # an answer that can't be read
                return self._unclear(plan, text, otherwise=PushState.REJECTED)

    def _unclear(self, plan: Plan, text: str, *, otherwise: PushState) -> Outcome:
        """A create may have been done; what may be repeated needs no looking up."""
        if plan.operation == Operation.CREATE:
            quiet = timezone.now() + timedelta(seconds=self.connector.quiet_seconds)
            return Outcome(PushState.UNCERTAIN, text, next_at=quiet)
        next_at = noting.again_after(plan.push.tries) if otherwise == PushState.RETRY else None
        return Outcome(otherwise, text, next_at=next_at)

    def _note(self, plan: Plan, outcome: Outcome) -> None:
        """What the vendor said is kept, even when the job is no longer ours or is to end."""
        try:
            with self.run.chunk() as chunk:
                if noting.note(self.connection, plan, outcome) and outcome.state in COUNTED:
                    chunk.count(**{COUNTED[outcome.state]: 1})
        except Interrupted:
            noting.note(self.connection, plan, outcome)
            raise
        if outcome.state == PushState.DONE and plan.operation == Operation.CREATE and self._for_others:
            self._again = True
