"""Keeps a worker from falling deaf.

A worker takes the next message once it has acknowledged the one before. When the broker is away at that moment,
Celery logs the error and goes on, waiting for ever for room that never comes: it asks the broker for nothing, and
so never finds out that the connection is gone. Here it opens a new one.
"""

import structlog
from celery.worker.request import Request
from kombu.asynchronous import get_event_loop

logger = structlog.get_logger(__name__)


# Celery leaves the acknowledging itself to its loop's next round.
SECONDS_TO_ACKNOWLEDGE = 1


class HearingRequest(Request):
    """A message being worked on."""

    def acknowledge(self) -> None:
        super().acknowledge()
        loop = get_event_loop()
        if loop:
            loop.call_later(SECONDS_TO_ACKNOWLEDGE, self._look)

    def _look(self) -> None:
        loop = get_event_loop()
        if loop and not self.message.acknowledged:
            logger.warning("worker_connects_again", task=self.name)
            loop.call_soon(_connect_again)


def _connect_again() -> None:
    """Raised in the worker's loop, this makes it begin anew; the message comes again and finds its job taken."""
    raise ConnectionResetError("The broker was away when a message was acknowledged.")
