"""The job that sends what waits for a connection's vendor, and when it runs."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.access.models import User
from backoffice.changes.acting import Door
from backoffice.jobs.models import Job, State
from backoffice.jobs.registry import Queue, job
from backoffice.jobs.running import Failure, Run
from backoffice.jobs.schedules import every
from backoffice.jobs.starting import Subject, start
from backoffice.sync.calls.connecting import open_connector
from backoffice.sync.models import Connection, ConnectionState, Push, PushState
from backoffice.sync.pushes import noting, outbox, uncertain
from backoffice.sync.pushes.sending import Paused, Sender, pause
from connectors.kit.contract import Connector
from connectors.kit.errors import ConnectorError, Misconfigured

KIND = "sync.push"
AT_ONCE = 20_000  # entries of the log the scheduler reads in one go: a few seconds


class CannotPush(Exception):
    """Its text says why."""


@job(KIND, queue=Queue.PUSHES, label=gettext_lazy("Push"), door=Door.COMMAND)
def push(run: Run) -> None:
    """Collect what has changed, settle what is uncertain, and send."""
    while outbox.collect(outbox.CHUNK) == outbox.CHUNK:
        run.check()
    connection = Connection.objects.filter(pk=run.job.subject_id or 0).first()
    if connection is None:
        raise Failure(_("The connection is not there any more."))
    if reason := reason_not_to(connection):
        raise Failure(reason)
    if run.job.asked_by_id:
        outbox.release(connection)
    try:
        connector = open_connector(connection)
    except Misconfigured as error:
        raise Failure(str(pause(connection, error))) from error
    with run.chunk() as chunk:
        chunk.count(uncertain=noting.take_up(connection, run.job.pk, connector.quiet_seconds))
    _send(run, connection, connector)
    if run.counts["uncertain"]:
        run.finish(State.INCOMPLETE)


def _send(run: Run, connection: Connection, connector: Connector) -> None:
    try:
        if noting.is_held(connection):
            raise Paused(_("The vendor is not to be called yet."))
        try:
            uncertain.look_up(run, connection, connector)
        except ConnectorError as error:
            raise pause(connection, error) from error
        Sender(run, connection, connector).send_all()
    except Paused as paused:
        if paused.is_broken:
            raise Failure(str(paused)) from paused
        run.log.warning(_("Paused; what is left is sent later."), why=str(paused))
        run.finish(State.INCOMPLETE)


def start_push(connection: Connection, user: User | None, *, api_key: int | None = None) -> Job:
    """Send what waits, also what waited for something and may go now. The open push, if there is one.

    Raises CannotPush, in words for people.
    """
    if reason := reason_not_to(connection):
        raise CannotPush(reason)
    with transaction.atomic():
        Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)
        if user is not None:
            outbox.release(connection)
        return open_push(connection) or start(
            KIND,
            {"connection": connection.name},
            asked_by=user,
            subject=Subject("connection", connection.pk, connection.name),
            api_key=api_key,
        )


def open_push(connection: Connection) -> Job | None:
    of_it = Job.objects.filter(kind=KIND, subject_kind="connection", subject_id=connection.pk)
    return of_it.open().order_by("pk").first()


def reason_not_to(connection: Connection) -> str:
    """Why nothing can be sent over the connection; "" when it can."""
    words = {"name": connection.name}
    if not connection.pushes:
        return _("“%(name)s” does not push: switch it on in its settings.") % words
    if connection.state == ConnectionState.PAUSED:
        return _("“%(name)s” is paused. What has changed is kept, and sent when it goes on.") % words
    if connection.state == ConnectionState.RETIRED:
        return _("“%(name)s” is retired.") % words
    return ""


@every(seconds=15)
def send_what_waits() -> None:
    """Collect, and start a push for every connection that has something to send and may be called."""
    outbox.collect(AT_ONCE)
    for connection in Connection.objects.filter(pushes=True, state=ConnectionState.ACTIVE):
        if _has_work(connection) and not noting.is_held(connection):
            start_push(connection, None)


def _has_work(connection: Connection) -> bool:
    now = timezone.now()
    mine = Push.objects.filter(connection=connection)
    return (
        noting.due(connection, now).exists()
        or mine.filter(state=PushState.UNCERTAIN, next_at__lte=now).exists()
        or mine.filter(state=PushState.SENDING, lease_until__lt=now).exists()
    )
