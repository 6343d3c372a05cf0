"""What a person can do to a job: cancel it, have it tried again. Who sees a job may do both."""

from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.access.models import User
from backoffice.jobs.claiming import end_unowned
from backoffice.jobs.dispatching import send_on_commit
from backoffice.jobs.models import RETRYABLE, Job, JobLog, Level, State


class NotAllowed(Exception):
    """This login may not touch that job."""


class WrongState(Exception):
    """The job has moved on; the message says where it stands."""


def cancel(job: Job, user: User) -> Job:
    """End a waiting job; ask a running one to stop within its chunk. What was committed is kept.

    Asking twice is asking once. Raises `WrongState` when the job has ended.
    """
    _allow(job, user)
    job.refresh_from_db()
    is_unowned = job.state == State.QUEUED or job.is_stale
    if is_unowned and end_unowned(job, State.CANCELLED):
        return _note(job, _("Cancelled by %(name)s.") % {"name": user.get_username()})
    # Held by a worker, or taken by one just now.
    running = Job.objects.filter(pk=job.pk, state=State.RUNNING)
    if running.filter(cancel_requested_at=None).update(cancel_requested_at=timezone.now()):
        return _note(job, _("%(name)s asked to cancel.") % {"name": user.get_username()})
    if running.exists():
        return _fresh(job)
    raise WrongState(_("The job has ended already: %(state)s.") % {"state": State(_fresh(job).state).label})


def retry(job: Job, user: User) -> Job:
    """Put a failed or cancelled job back in line, to go on from its checkpoint. Raises `WrongState` for others."""
    _allow(job, user)
    again = Job.objects.filter(pk=job.pk, state__in=RETRYABLE, token=job.token).update(
        state=State.QUEUED,
        crashes=0,
        error="",
        finished_at=None,
        cancel_requested_at=None,
        dispatched_at=timezone.now(),
    )
    if not again:
        state = State(_fresh(job).state).label
        raise WrongState(
            _("Only failed and cancelled jobs can be tried again; this one is: %(state)s.") % {"state": state}
        )
    _note(job, _("Tried again by %(name)s.") % {"name": user.get_username()})
    send_on_commit(job.pk, job.queue)
    return job


def _allow(job: Job, user: User) -> None:
    if not job.may_be_acted_on_by(user):
        raise NotAllowed


def _note(job: Job, text: str) -> Job:
    JobLog.objects.create(job=job, at=timezone.now(), level=Level.INFO, text=text)
    return _fresh(job)


def _fresh(job: Job) -> Job:
    job.refresh_from_db()
    return job
