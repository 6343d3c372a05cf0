"""The end of a job: whichever way it comes, the job's kind is told in the same transaction."""

from collections.abc import Callable

import structlog
from django.db import transaction

from backoffice.jobs import registry
from backoffice.jobs.models import Job

logger = structlog.get_logger(__name__)


def end(job_id: int, kind: str, write: Callable[[], bool]) -> bool:
    """Have `write` end the job, and answer whether it did: by then another may have.

    What the kind's `ended` raises is logged and undone, and keeps no job from ending.
    """
    told = registry.ended(kind)
    if told is None:
        return write()
    with transaction.atomic():
        if not write():
            return False
        try:
            with transaction.atomic():
                told(Job.objects.get(pk=job_id))
        except Exception:  # whatever a kind does there: its job has ended
            logger.exception("job_ended_untold", job=job_id, kind=kind)
    return True
