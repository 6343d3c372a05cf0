"""A pull: everything a vendor has to say, taken in stream by stream, as a background job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.access.models import User
from backoffice.changes.acting import Door
from backoffice.jobs import starting
from backoffice.jobs.models import Job, JobQuerySet, State
from backoffice.jobs.progress import tally
from backoffice.jobs.registry import Queue, besides, job
from backoffice.jobs.running import Failure, Run
from backoffice.jobs.starting import Subject
from backoffice.sync import health, telling
from backoffice.sync.calls.connecting import open_connector
from backoffice.sync.meanings import options
from backoffice.sync.models import Connection, ConnectionState
from backoffice.sync.pulls import opening
from backoffice.sync.pulls.passing import Pass
from backoffice.sync.pulls.taking import Taking
from connectors.kit.contract import Connector, VendorEntry
from connectors.kit.errors import ConnectorError
from connectors.kit.registry import UnknownVendor

KIND = "sync.pull"
SUBJECT = "connection"
BESIDES = ("conflicts", "mentioned")  # counts that are not rows of the vendor's lists


class CannotPull(Exception):
    """Why a connection isn't pulled, in words for people."""


def start_pull(connection: Connection, user: User | None, *, full: bool = False) -> Job:
    """Have a connection pulled; the job that is open already, if there is one. Raises CannotPull."""
    reason = reason_not_to(connection)
    if reason:
        raise CannotPull(reason)
    with transaction.atomic():
        Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)
        return open_pull(connection) or starting.start(
            KIND,
            {"connection": connection.name, "full": full},
            asked_by=user,
            subject=Subject(SUBJECT, connection.pk, connection.name),
        )


def open_pull(connection: Connection) -> Job | None:
    """The pull that waits or is at work."""
    return _pulls(connection).open().order_by("id").first()


def reason_not_to(connection: Connection) -> str:
    """Why it can't be pulled now, in words for people; "" when it can."""
    if connection.state == ConnectionState.PAUSED:
        return _("The connection is paused.")
    if connection.state == ConnectionState.RETIRED:
        return _("The connection is retired.")
    if not connection.pulls:
        return _("The connection does not pull.")
    try:
        connection.connector  # noqa: B018 - it is there, or it raises
    except UnknownVendor as error:
        return str(error)
    return ""


def _pulls(connection: Connection) -> JobQuerySet:
    return Job.objects.filter(kind=KIND, subject_kind=SUBJECT, subject_id=connection.pk)


def _tell_connection(ended: Job) -> None:
    """However a pull ends: its connection knows how it did, and when it is next."""
    connection = Connection.objects.filter(pk=ended.subject_id or 0).first()
    if connection is None:
        return
    has_failed = ended.state == State.FAILED and not reason_not_to(connection)
    if has_failed:
        health.note_trouble(connection.pk, ended.error)
    elif ended.state in {State.SUCCEEDED, State.INCOMPLETE}:
        health.note_good(connection.pk)
        health.note_looked_at_everything(connection.pk)
    health.schedule(connection, began_at=ended.started_at or ended.created_at, has_failed=has_failed)


@job(KIND, queue=Queue.PULLS, label=gettext_lazy("Pull"), door=Door.PULL, besides=BESIDES, ended=_tell_connection)
def pull(run: Run) -> None:
    """Called again after a crash, it leaves out the streams it had ended, and goes on within the one it was in."""
    connection = _connection(run)
    run.connection_id = connection.pk
    try:
        connector = open_connector(connection)
        entries = connector.entries()
        run.in_chunk(lambda _chunk: _keep_lists(connection, entries))
        questions = _read_streams(run, Taking(connection), connector)
    except ConnectorError as error:
        raise Failure(telling.trouble(connection.vendor_label, error)) from error
    run.in_chunk(lambda _chunk: _conclude(connection, questions))
    if questions:
        run.finish(State.INCOMPLETE)


def _connection(run: Run) -> Connection:
    connection = Connection.objects.filter(pk=run.job.subject_id or 0).first()
    if connection is None:
        raise Failure(_("The connection is not there any more."))
    reason = reason_not_to(connection)
    if reason:
        raise Failure(reason)
    if _pulls(connection).filter(state=State.RUNNING).exclude(pk=run.job.pk).exists():
        raise Failure(_("Another pull of this connection is at work."))
    return connection


def _keep_lists(connection: Connection, entries: Sequence[VendorEntry]) -> None:
    options.refresh(connection, entries)
    options.propose(connection)


def _conclude(connection: Connection, questions: Sequence[str]) -> None:
    opening.close_gone(connection)
    health.note_question(connection.pk, " ".join(questions))


def _read_streams(run: Run, taking: Taking, connector: Connector) -> list[str]:
    """What a person is asked. The checkpoint says which streams are read, and what the run had counted by then."""
    wants_full = bool(run.parameters.get("full"))
    for stream in connector.streams():
        at: dict[str, Any] = run.checkpoint or {"read": [], "rows": 0, "questions": []}
        if stream.name in at["read"]:
            continue
        question = Pass(run, taking, connector, stream, at["rows"]).go(wants_full=wants_full)
        rows = tally(run.counts, besides(KIND)).rows
        after = {
            "read": [*at["read"], stream.name],
            "rows": rows,
            "questions": [*at["questions"], *([question] if question else [])],
        }
        run.in_chunk(lambda chunk, after=after: _at(chunk, after))  # type: ignore[misc]
    return list((run.checkpoint or {}).get("questions", []))


def _at(chunk: Any, checkpoint: dict[str, Any]) -> None:
    chunk.checkpoint, chunk.total = checkpoint, checkpoint["rows"]
