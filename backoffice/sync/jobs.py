"""The kinds of job of the sync, and their schedules."""

from backoffice.sync import schedules
from backoffice.sync.pulls import pulling
from backoffice.sync.pushes import pushing

__all__ = ["pulling", "pushing", "schedules"]
