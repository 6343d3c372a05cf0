"""Sending the hint that a job waits. Bounded, and allowed to fail: the dispatcher sends again."""

from functools import cache, partial

import structlog
from django.conf import settings
from django.db import transaction
from kombu import Connection, pools

from backoffice.celery import app

logger = structlog.get_logger(__name__)

RUN = "jobs.run"
PROBE = "jobs.probe"

# With its defaults Celery would block the caller for minutes on a broker that is frozen or away.
BOUNDED = {
    "socket_timeout": 2,
    "socket_connect_timeout": 1,
    "max_retries": 0,
    "visibility_timeout": 12 * 3600,
}


def send_on_commit(job_id: int, queue: str) -> None:
    """Once the transaction that wrote the job is committed."""
    transaction.on_commit(partial(send, job_id, queue))


def send(job_id: int, queue: str) -> bool:
    """Whether the broker took the message. False is no error: it may even have arrived."""
    return send_task(RUN, job_id, queue)


def send_task(name: str, argument: int | str, queue: str, *, expires: float | None = None) -> bool:
    """One message, or within some two seconds a line in the log."""
    try:
        with pools.producers[_broker()].acquire(block=True, timeout=1) as producer:
            app.send_task(name, (argument,), queue=queue, producer=producer, retry=False, expires=expires)
    except Exception as error:  # whatever the broker's client raises: the row waits for the dispatcher
        logger.warning("broker_did_not_take_message", task=name, argument=argument, queue=queue, error=repr(error))
        return False
    return True


def waiting_messages(queue: str) -> int | None:
    """How many messages lie in the broker for this queue; None when it does not answer."""
    try:
        with pools.connections[_broker()].acquire(block=True, timeout=1) as connection:
            return int(connection.default_channel._size(queue))
    except Exception as error:  # as above
        logger.warning("broker_does_not_answer", queue=queue, error=repr(error))
        return None


def _broker() -> Connection:
    return _bounded(settings.BROKER_URL or app.conf.broker_url)


@cache
def _bounded(url: str) -> Connection:
    return Connection(url, transport_options=BOUNDED, connect_timeout=1)
