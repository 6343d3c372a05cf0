"""What the commands about connections have in common: naming one, following a job, options as NAME=VALUE."""

import time
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from backoffice.access.models import User
from backoffice.access.roles import Role
from backoffice.imports.management.logins import login_called
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from backoffice.sync.models import Connection

SECONDS_FOR_A_WORKER = 3
SECONDS_BETWEEN_LOOKS = 0.2


def connection_called(name: str) -> Connection:
    found = Connection.objects.select_related("health").filter(name=name).first()
    if found is None:
        known = ", ".join(Connection.objects.values_list("name", flat=True)) or _("none yet: manage.py connect")
        raise CommandError(_("There is no connection “{name}”. There are: {known}.").format(name=name, known=known))
    return found


def whoever(username: str | None) -> User | None:
    """The login named; else the first admin, if there is one."""
    if username or User.objects.filter(role=Role.ADMIN, is_active=True).exists():
        return login_called(username)
    return None


def pairs(given: Iterable[str], option: str) -> dict[str, str]:
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise CommandError(_("Write {option} as NAME=VALUE.").format(option=option))
        found[name] = value
    return found


def sentences(error: ValidationError) -> str:
    """What is wrong, a line for each field."""
    found = error.message_dict
    return "\n".join(f"{field}: {message}" for field, messages in found.items() for message in messages)


def follow(job: Job, name: str, *, quiet: bool) -> Job:
    """Until the job has ended. Nobody works on it: it is done here."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        bar = progress.add_task(name, total=job.total)
        while (job := Job.objects.get(pk=job.pk)).is_open:
            progress.update(bar, completed=job.done, total=job.total)
            if job.state == State.QUEUED and time.monotonic() - began > SECONDS_FOR_A_WORKER:
                execute(job.pk)
            else:
                time.sleep(SECONDS_BETWEEN_LOOKS)
        progress.update(bar, completed=job.done, total=job.total)
    return job
