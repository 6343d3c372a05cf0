"""The job that takes back what another job did, out of the change log."""

from django.utils.translation import gettext_lazy as _

from backoffice.changes.acting import Door
from backoffice.jobs.registry import Queue, job
from backoffice.jobs.running import Run

JOB = "imports.undo"


@job(JOB, queue=Queue.IMPORTS, label=_("Undo of an upload"), door=Door.UPLOAD)
def take_back(run: Run) -> None:
    raise NotImplementedError
