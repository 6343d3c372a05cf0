"""Pulls that begin by themselves: every connection by its own rhythm, after a failure with growing pauses."""

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from backoffice.jobs.schedules import every
from backoffice.sync.models import Connection, ConnectionState
from backoffice.sync.pulls import pulling

logger = structlog.get_logger(__name__)


def due() -> QuerySet[Connection]:
    """Active connections that pull, have a rhythm, and whose time has come; one never pulled yet is due."""
    never_or_past = Q(health=None) | Q(health__next_pull_at=None) | Q(health__next_pull_at__lte=timezone.now())
    return Connection.objects.filter(
        never_or_past, state=ConnectionState.ACTIVE, pulls=True, every_minutes__isnull=False
    ).order_by("health__next_pull_at", "id")


@every(minutes=1)
def start_due_pulls() -> None:
    for connection in due():
        try:
            with transaction.atomic():
                pulling.start_pull(connection, None)
        except pulling.CannotPull as error:
            logger.warning("pull_not_started", connection=connection.name, reason=str(error))
