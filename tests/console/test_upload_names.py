"""What a row of the preview goes by, while the record is not there yet."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Rep
from tests.console.uploading import page, previewed

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def olga(client, operations_user, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    client.force_login(operations_user)
    return operations_user


def shown(client, upload):
    return client.get(page("change", upload.pk)).context_data["rows"]


def test_a_row_about_a_contact_of_an_earlier_row_says_which(client, olga):
    again = ("Ana Torres", "ana@example.com", "Head of buying")
    rows = [("Ana Torres", "ana@example.com", "Buyer"), ("Ana Torres", "ANA@example.com", "Head of buying"), again]
    upload = previewed(client, olga, *rows, header=("Fullname", "Email", "Title"), kind="contacts")
    new, updated, unchanged = shown(client, upload)
    assert (new.outcome, new.name) == ("new", "Ana Torres")
    assert (updated.outcome, updated.name.lower()) == ("updated", "ana@example.com")
    assert [(change.label, change.after) for change in updated.changes] == [("Job title", "Head of buying")]
    assert (unchanged.outcome, unchanged.name, unchanged.changes) == ("unchanged", "ana@example.com", [])


def test_a_quota_to_be_goes_by_its_rep_and_month(client, olga):
    with acting(None, Door.COMMAND, label="test"):
        Rep.objects.create(given="Ana", family="Torres", email="ana@example.com")
    header = ("Email Address of Salesrep", "Month", "Amount")
    upload = previewed(client, olga, ("ana@example.com", "2026-03-01", "5"), header=header, kind="quotas")
    (row,) = shown(client, upload)
    assert row.name == "Ana Torres · March 2026"
