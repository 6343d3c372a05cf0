"""Does a worker live? Not whether its process exists, but whether it really ran something lately."""

from datetime import datetime
from socket import gethostname

from django.db.models import Max
from django.utils import timezone

from backoffice.jobs.dispatching import PROBE, send_task, waiting_messages
from backoffice.jobs.models import Job, State, WorkerSign
from backoffice.jobs.registry import Queue

MINUTES_BETWEEN_PROBES = 3


def ask_workers() -> None:
    """Put a tiny task into each queue that has none waiting; its worker writes down when it ran it."""
    for queue in Queue:
        waiting = waiting_messages(queue)
        if waiting is None:
            return
        if not waiting:
            send_task(PROBE, queue.value, queue.value, expires=MINUTES_BETWEEN_PROBES * 60)


def answer(queue: str) -> None:
    """Called in the worker."""
    WorkerSign.objects.update_or_create(queue=queue, defaults={"at": timezone.now(), "by": gethostname()})


def last_worker_activity() -> dict[Queue, datetime | None]:
    """For each queue the last time its workers showed life: a probe answered, a job started or still beating."""
    signs = dict(WorkerSign.objects.values_list("queue", "at"))
    running = dict(
        Job.objects.filter(state=State.RUNNING)
        .values("queue")
        .annotate(at=Max("heartbeat_at"))
        .values_list("queue", "at")
    )
    return {queue: _latest(signs.get(queue), running.get(queue), _last_start(queue)) for queue in Queue}


def _last_start(queue: Queue) -> datetime | None:
    starts = Job.objects.filter(queue=queue, started_at__isnull=False).order_by("-started_at")
    return starts.values_list("started_at", flat=True).first()


def _latest(*times: datetime | None) -> datetime | None:
    return max((time for time in times if time), default=None)
