"""The schedules of the jobs app itself."""

from datetime import timedelta

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from backoffice.jobs import probes, scheduler
from backoffice.jobs.models import Job, JobLog
from backoffice.jobs.schedules import every

LINES_PER_SWEEP = 50_000

__all__ = ["scheduler"]


@every(minutes=probes.MINUTES_BETWEEN_PROBES)
def ask_workers() -> None:
    probes.ask_workers()


@every(minutes=60)
def sweep_old_log_lines() -> None:
    """The log of a job that ended long ago goes; its row, counts and outcome stay."""
    ended = Job.objects.filter(finished_at__lt=timezone.now() - timedelta(days=settings.JOB_LOG_DAYS))
    old = JobLog.objects.filter(job__in=ended).order_by("id").values("pk")[:LINES_PER_SWEEP]
    JobLog.objects.filter(pk__in=old).delete()


@every(minutes=24 * 60)
def sweep_sessions() -> None:
    call_command("clearsessions")
