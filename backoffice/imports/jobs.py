"""The kinds of job of the uploads, and their schedules."""

from backoffice.imports import applying, expiring
from backoffice.jobs.schedules import every

__all__ = ["applying"]


@every(minutes=60)
def sweep_old_uploads() -> None:
    expiring.sweep()
