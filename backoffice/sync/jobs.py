"""The kinds of job of the sync, and their schedules."""

from backoffice.sync import pulling, pushing, schedules

__all__ = ["pulling", "pushing", "schedules"]
