"""Recurring tasks of the scheduler: a function with a decorator, a row of our own with its last tick.

    @every(minutes=5)
    def sweep_old_files() -> None: ...

It runs in the scheduler's own process and should be short; long work starts a job.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from socket import gethostname

from django.db import connection
from django.utils import timezone

from backoffice.jobs.models import Slot

type Task = Callable[[], None]


@dataclass(frozen=True)
class Schedule:
    """A task and its rhythm. The day is cut into periods of equal length since 1970; each period is one tick."""

    name: str
    seconds: int
    task: Task

    def tick_at(self, now: datetime) -> int:
        return int(now.timestamp()) // self.seconds

    def seconds_to_next(self, now: datetime) -> float:
        return self.seconds - now.timestamp() % self.seconds


_schedules: dict[str, Schedule] = {}


def every(*, minutes: float = 0, seconds: int = 0, name: str = "") -> Callable[[Task], Task]:
    """Have the scheduler call the function once per period, however many schedulers run."""
    period = round(minutes * 60) + seconds
    if period < 1:
        raise ValueError("A schedule needs a period of at least one second.")

    def register(task: Task) -> Task:
        called = name or f"{task.__module__.removeprefix('backoffice.')}.{task.__name__}"
        _schedules[called] = Schedule(called, period, task)
        return task

    return register


def schedules() -> list[Schedule]:
    return list(_schedules.values())


CLAIM = """
    INSERT INTO jobs_slot (name, tick, at, "by", ended_at, error) VALUES (%s, %s, %s, %s, NULL, '')
    ON CONFLICT (name) DO UPDATE
        SET tick = EXCLUDED.tick, at = EXCLUDED.at, "by" = EXCLUDED."by", ended_at = NULL
        WHERE jobs_slot.tick < EXCLUDED.tick
    RETURNING name
"""


def claim_tick(schedule: Schedule, now: datetime) -> bool:
    """Whether this tick is the caller's to run. Of all schedulers exactly one is told so."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [schedule.name, schedule.tick_at(now), now, this_process()])
        return cursor.fetchone() is not None


def note_end(schedule: Schedule, error: str = "") -> None:
    Slot.objects.filter(name=schedule.name).update(ended_at=timezone.now(), error=error)


def this_process() -> str:
    return f"{gethostname()}:{os.getpid()}"
