"""The kinds of job of the sync, and their schedules."""

from backoffice.sync import pulling, schedules

__all__ = ["pulling", "schedules"]
