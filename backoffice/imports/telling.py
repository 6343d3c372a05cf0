"""The outcome of an upload as an email to whoever asked for it, if wished; a job of its own sends it.

Counts and reasons in words; of the file itself no more than these quote.
"""

from dataclasses import dataclass
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.changes.acting import Door
from backoffice.imports.models import SUBJECT, Outcome, Upload
from backoffice.imports.showing import Reason, reasons, records_in_words
from backoffice.jobs.models import Job, State
from backoffice.jobs.registry import Queue, job
from backoffice.jobs.running import Failure, Run
from backoffice.jobs.starting import Subject, start

JOB = "imports.tell"
LINES_NAMED = 5
SUBJECTS = {
    State.SUCCEEDED: _("Uploaded: %(name)s"),
    State.INCOMPLETE: _("Uploaded, some rows failed: %(name)s"),
    State.FAILED: _("The upload failed: %(name)s"),
    State.CANCELLED: _("The upload was cancelled: %(name)s"),
}


def tell(ended: Job) -> None:
    """Start the mail about an upload whose job has just ended. A job that is tried again and ends again has another."""
    upload = Upload.objects.filter(job=ended, notify=True).exclude(asked_by=None).select_related("asked_by").first()
    if upload is None:
        return
    with translation.override(ended.language or None):
        start(
            JOB,
            {"upload": upload.pk},
            asked_by=upload.asked_by,
            subject=Subject(SUBJECT, upload.pk, upload.name),
            idempotency_key=f"{JOB}:{ended.pk}:{ended.token}",
        )


@job(JOB, queue=Queue.DEFAULT, label=_("Email of an upload's outcome"), door=Door.UPLOAD)
def send(run: Run) -> None:
    """Called again after a crash it may send the same mail again: under the same id, by which mailboxes know it."""
    upload = Upload.objects.select_related("job", "asked_by").get(pk=run.parameters["upload"])
    to = upload.asked_by.email if upload.asked_by and upload.asked_by.is_active else ""
    if not to:
        raise Failure(gettext("Whoever asked for the upload has no email address any more."))
    if settings.SERVED and not settings.MAIL_SERVER:
        raise Failure(gettext("No mail is sent: set EMAIL_HOST to the server that takes it."))
    try:
        message(upload, to, f"upload-{upload.pk}-{run.job.pk}").send()
    except (SMTPException, OSError) as error:
        raise Failure(gettext("The mail server did not take the mail: %(error)s") % {"error": error}) from error


def message(upload: Upload, to: str, id: str) -> EmailMultiAlternatives:
    """In the language that is active now."""
    told = _told(upload)
    subject = str(SUBJECTS.get(upload.state, SUBJECTS[State.SUCCEEDED])) % {"name": upload.name}
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    context = {"told": told, "language": translation.get_language()}
    mail = EmailMultiAlternatives(
        subject,
        render_to_string("mail/upload.txt", context),
        to=[to],
        headers={"Message-ID": f"<{id}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("mail/upload.html", context), "text/html")
    return mail


@dataclass(frozen=True)
class Told:
    """What the mail says, ready to be set in text and in HTML."""

    name: str
    outcome: str
    counts: list[tuple[str, int]]
    made: list[str]
    reasons: list[tuple[int, str, str]]  # rows, reason, where
    page: str
    error_file: str
    until: str


def _told(upload: Upload) -> Told:
    assert upload.job
    return Told(
        name=upload.name,
        outcome=upload.job.outcome,
        counts=_counts(upload),
        made=records_in_words(upload.records),
        reasons=[(reason.rows, reason.in_words, _where(reason)) for reason in reasons(upload)],
        page=_address("admin:imports_upload_change", upload),
        error_file=_address("admin:imports_upload_errors", upload) if upload.has_error_file else "",
        until=date_format(localtime(upload.expires_at), "DATE_FORMAT"),
    )


def _counts(upload: Upload) -> list[tuple[str, int]]:
    figures = upload.outcomes
    counts = [(gettext("rows"), figures["rows"])]
    counts += [(str(outcome.label), figures[outcome.value]) for outcome in Outcome]
    left = figures["rows"] - sum(figures[outcome.value] for outcome in Outcome)
    return [*counts, (gettext("not reached"), left)] if left else counts


def _where(reason: Reason) -> str:
    lines = ", ".join(str(row.line) for row in reason.first[:LINES_NAMED])
    more = " …" if reason.rows > len(reason.first[:LINES_NAMED]) else ""
    return gettext("line %(lines)s") % {"lines": lines + more}


def _address(name: str, upload: Upload) -> str:
    return settings.BACKOFFICE_URL + reverse(name, args=[upload.pk]) if settings.BACKOFFICE_URL else ""
