"""Files to upload and what becomes of them."""

import csv
import io

import pytest
from django.core.files.base import ContentFile

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Contact, Rep
from backoffice.imports.models import Upload
from backoffice.imports.starting import receive
from backoffice.jobs.running import execute

HEADER = (
    *("Opportunity ID", "Opportunity Name", "Amount", "Close Date", "Stage", "Opportunity Owner"),
    *("Opportunity Owner Email", "Account ID", "Account Name", "Account URL/Website", "Opportunity Type", "Next Step"),
)


def row(key="A-1", name="Chairs", **cells):
    """A row by our columns' headers; what is not said is blank."""
    given = {"Opportunity ID": key, "Opportunity Name": name} | {WORDS[word]: cell for word, cell in cells.items()}
    return [given.get(header, "") for header in HEADER]


WORDS = {
    "amount": "Amount",
    "close_date": "Close Date",
    "stage": "Stage",
    "owner": "Opportunity Owner",
    "email": "Opportunity Owner Email",
    "account_id": "Account ID",
    "account": "Account Name",
    "website": "Account URL/Website",
    "type": "Opportunity Type",
    "next_step": "Next Step",
}


def table(rows, header=HEADER, delimiter=","):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue()


def content(text, name="opportunities.csv"):
    return ContentFile(text if isinstance(text, bytes) else text.encode(), name=name)


@pytest.fixture
def no_broker(monkeypatch):
    """Messages sent, instead of sending them."""
    sent = []
    monkeypatch.setattr("backoffice.jobs.dispatching.send_task", lambda *args, **more: sent.append(args) or True)
    return sent


@pytest.fixture
def take(operations_user, no_broker):
    """Receives a file without applying it: rows, or the text as it is."""

    def taken(rows, *, user=operations_user, name="opportunities.csv", header=HEADER, kind="opportunities", **given):
        text = rows if isinstance(rows, (str, bytes)) else table(rows, header)
        return receive(content(text, name), kind, user, given=given)

    return taken


@pytest.fixture
def upload(take):
    """Receives a file and applies it within the test's own transaction."""

    def uploaded(rows, **more):
        received = take(rows, **more)
        execute(received.job_id, heartbeat=False)
        return Upload.objects.select_related("job").get(pk=received.pk)

    return uploaded


def outcomes(upload):
    return list(upload.results.order_by("number").values_list("outcome", flat=True))


def reasons(upload):
    """What is wrong, by line."""
    return {failed.line: failed.reason for failed in upload.results.filter(outcome="failed")}


@pytest.fixture
def make():
    """Domain records, made by nobody in particular."""

    class Make:
        def account(self, name, **more):
            with acting(None, Door.COMMAND, label="test"):
                return Account.objects.create(name=name, **more)

        def contact(self, name, **more):
            with acting(None, Door.COMMAND, label="test"):
                return Contact.objects.create(name=name, **more)

        def rep(self, given, family="", **more):
            with acting(None, Door.COMMAND, label="test"):
                return Rep.objects.create(given=given, family=family, **more)

    return Make()
