"""What a Celery worker runs, and how its processes are set up."""

from typing import Any

import structlog
from celery import shared_task
from celery.signals import worker_process_init, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.backends.signals import connection_created

from backoffice.jobs import heartbeat, stopping
from backoffice.jobs.dispatching import PROBE, RUN
from backoffice.jobs.probes import answer
from backoffice.jobs.running import execute

logger = structlog.get_logger(__name__)

REQUEST = "backoffice.jobs.consuming:HearingRequest"


@shared_task(name=RUN, acks_late=True, ignore_result=True, Request=REQUEST)  # type: ignore[untyped-decorator]
def run(job_id: int) -> None:
    try:
        execute(job_id)
    except DatabaseError as error:
        logger.warning("job_without_database", job=job_id, error=str(error))
        connection.close()


@shared_task(name=PROBE, acks_late=True, ignore_result=True, Request=REQUEST)  # type: ignore[untyped-decorator]
def probe(queue: str) -> None:
    try:
        answer(queue)
    except DatabaseError as error:
        logger.warning("probe_without_database", queue=queue, error=str(error))
        connection.close()


@worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
def stop_jobs(**signal: Any) -> None:
    stopping.ask()


@worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
def prepare_process(**signal: Any) -> None:
    heartbeat.pulse.keeps_connection = True
    settings.DEBUG = False  # or Django keeps every statement
    stopping.listen_for_sigterm()


@worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
def notice_dead_workers(**signal: Any) -> None:
    """Have PostgreSQL break off a statement soon after the worker that sent it was killed."""
    connection_created.connect(_check_client, weak=False, dispatch_uid="jobs.check_client")


def _check_client(connection: Any, **signal: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET client_connection_check_interval = '2s'")
