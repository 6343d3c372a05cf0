"""Asking for background work."""

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import get_language

from backoffice.access.models import User
from backoffice.jobs.dispatching import send_on_commit
from backoffice.jobs.models import Job
from backoffice.jobs.registry import kind_called


@dataclass(frozen=True)
class Subject:
    """What a job works on, as its page names and links it."""

    kind: str
    id: int
    label: str


def start(
    kind: str,
    parameters: dict[str, Any],
    *,
    asked_by: User | None,
    subject: Subject | None = None,
    idempotency_key: str | None = None,
    total: int | None = None,
    api_key: int | None = None,
) -> Job:
    """Write the job's row; a worker hears of it once the caller's transaction is committed.

    The same idempotency key gives the job that was started first, in whatever state it is by now.
    Parameters are shown to operations: no secrets in them. What the job says of itself is in the language
    that is active now.
    """
    known = kind_called(kind)
    now = timezone.now()
    job = Job(
        kind=kind,
        queue=known.queue,
        door=known.door,
        parameters=parameters,
        asked_by=asked_by,
        api_key_id=api_key,
        language=get_language() or "",
        total=total,
        idempotency_key=idempotency_key,
        created_at=now,
        dispatched_at=now,
    )
    if subject:
        job.subject_kind, job.subject_id, job.subject_label = (
            subject.kind,
            subject.id,
            subject.label[:300],
        )
    if idempotency_key is None:
        job.save(force_insert=True)
    else:
        try:
            with transaction.atomic():
                job.save(force_insert=True)
        except IntegrityError:
            return Job.objects.get(idempotency_key=idempotency_key)
    send_on_commit(job.pk, job.queue)
    return job
