"""The outcome of an upload by email: once, to who asked, in their language, whichever way it ended."""

import smtplib

import pytest
from django.core import mail
from django.utils import translation

from backoffice.imports import telling
from backoffice.imports.kinds.opportunities import OpportunityLoader
from backoffice.imports.models import Upload
from backoffice.imports.starting import receive
from backoffice.jobs import verbs
from backoffice.jobs.claiming import claim
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from tests.imports.conftest import content, row, table
from tests.jobs.conftest import expire_lease

pytestmark = [pytest.mark.db, pytest.mark.django_db]
ROWS = [row("A-1", "Chairs"), row("A-2", "", amount="lots"), row("A-3", "", amount="many")]


@pytest.fixture
def asked(operations_user, no_broker, settings):
    """An upload whose outcome is wished by email; not applied yet."""
    settings.BACKOFFICE_URL = "https://sales.example.com"

    def received(rows=ROWS, *, notify=True, name="opportunities.csv"):
        return receive(content(table(rows), name), "opportunities", operations_user, notify=notify)

    return received


def applied(upload):
    execute(upload.job_id, heartbeat=False)
    return upload


def mails():
    """Those that are started by now, sent."""
    for job in Job.objects.filter(kind=telling.JOB).order_by("id"):
        execute(job.pk, heartbeat=False)
    return mail.outbox


def test_it_says_counts_reasons_and_where_to_find_more(asked):
    upload = applied(asked())
    [sent] = mails()
    assert sent.to == ["olga@example.com"]
    assert sent.subject == "Uploaded, some rows failed: opportunities.csv"
    page = f"https://sales.example.com/admin/imports/upload/{upload.pk}/"
    for text in ("rows: 3", "new: 1", "failed: 2", "unchanged: 0", "Opportunities: 1 new, 0 updated."):
        assert text in sent.body
    assert "- 2 × Opportunity Name is missing. (line 3, 4)" in sent.body
    assert "- 2 × Amount “…” is not an amount. (lots, many) (line 3, 4)" in sent.body
    assert page + "change/" in sent.body
    assert page + "errors/" in sent.body


def test_it_has_the_same_in_html_and_nothing_of_the_file_runs_there(asked):
    applied(asked([row("A-1", "", amount="<img src=x>")], name="<b>.csv"))
    [sent] = mails()
    [(html, kind)] = sent.alternatives
    assert kind == "text/html"
    assert "&lt;img src=x&gt;" in html
    assert "<img" not in html
    assert "&lt;b&gt;.csv" in html
    assert "“<img src=x>”" in sent.body


def test_cells_that_no_reason_quotes_stay_out_of_it(asked):
    applied(asked([row("A-1", "", next_step="Secret plan"), row("A-2", "Secret name")]))
    [sent] = mails()
    assert "Secret" not in sent.body + sent.alternatives[0][0]


def test_without_the_wish_no_mail_is_started(asked):
    applied(asked(notify=False))
    assert mails() == []
    assert not Job.objects.filter(kind=telling.JOB).exists()


def test_an_upload_without_failed_rows_has_no_error_file_to_fetch(asked):
    applied(asked(ROWS[:1]))
    [sent] = mails()
    assert sent.subject == "Uploaded: opportunities.csv"
    assert "errors/" not in sent.body


def test_it_is_in_the_language_of_who_asked(asked):
    with translation.override("es-mx"):
        upload = asked()
    applied(upload)
    assert Job.objects.get(kind=telling.JOB).language == "es-mx"
    [sent] = mails()
    assert 'lang="es-mx"' in sent.alternatives[0][0]


def test_a_cancelled_upload_is_told_of(asked, operations_user):
    upload = asked()
    verbs.cancel(upload.job, operations_user)
    [sent] = mails()
    assert sent.subject == "The upload was cancelled: opportunities.csv"
    assert "not reached: 3" in sent.body


def test_a_failed_upload_is_told_of_with_its_reason(asked, monkeypatch):
    upload = asked()
    upload.file.storage.delete(upload.file.name)
    applied(upload)
    [sent] = mails()
    assert sent.subject == "The upload failed: opportunities.csv"
    assert "no longer there" in sent.body


def test_an_upload_given_up_after_crashes_is_told_of(asked):
    upload = asked()
    for _ in range(3):
        claim(upload.job_id)
        expire_lease(upload.job)
    claim(upload.job_id)
    [sent] = mails()
    assert sent.subject == "The upload failed: opportunities.csv"


def test_one_mail_is_started_however_often_workers_hear_of_the_upload(asked):
    upload = applied(asked())
    applied(upload)
    mails()
    assert len(mails()) == 1


def test_an_upload_that_is_tried_again_is_told_of_again(asked, operations_user, monkeypatch):
    upload = asked()
    with monkeypatch.context() as broken:
        broken.setattr(OpportunityLoader, "load", lambda self, rows: 1 / 0)
        applied(upload)
    verbs.retry(Job.objects.get(pk=upload.job_id), operations_user)
    applied(upload)
    assert [sent.subject.partition(":")[0] for sent in mails()] == ["Uploaded, some rows failed"] * 2
    assert Job.objects.filter(kind=telling.JOB).count() == 2


def test_the_same_mail_sent_twice_has_one_id(asked):
    applied(asked())
    mails()
    job = Job.objects.get(kind=telling.JOB)
    Job.objects.filter(pk=job.pk).update(state=State.QUEUED, finished_at=None)
    first, second = mails()
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]


def test_a_server_that_does_not_take_it_fails_the_mails_job_in_words(asked, monkeypatch):
    def refuse(self, fail_silently=False):
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

    monkeypatch.setattr("django.core.mail.message.EmailMessage.send", refuse)
    upload = applied(asked())
    mails()
    job = Job.objects.get(kind=telling.JOB)
    assert (job.state, job.error) == (
        State.FAILED,
        "The mail server did not take the mail: Connection unexpectedly closed",
    )
    assert Upload.objects.get(pk=upload.pk).state == State.INCOMPLETE


def test_served_without_a_mail_server_it_says_what_to_set(asked, settings):
    settings.SERVED, settings.MAIL_SERVER = True, ""
    applied(asked())
    assert mails() == []
    assert "EMAIL_HOST" in Job.objects.get(kind=telling.JOB).error


def test_who_has_no_address_any_more_gets_none_and_the_job_says_so(asked, operations_user):
    upload = asked()
    operations_user.email = ""
    operations_user.save()
    applied(upload)
    assert mails() == []
    assert "no email address" in Job.objects.get(kind=telling.JOB).error


def test_without_an_address_of_the_back_office_there_are_no_links(asked, settings):
    upload = asked()
    settings.BACKOFFICE_URL = ""
    applied(upload)
    [sent] = mails()
    assert "/admin/" not in sent.body + sent.alternatives[0][0]
