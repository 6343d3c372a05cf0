"""The sample files tried one after the other, as somebody does who wants to see what uploads are."""

from collections import Counter

import pytest

from backoffice.crm.models import Account, Contact, Opportunity, Rep
from backoffice.imports import applying
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Mode, Upload
from backoffice.imports.starting import receive, start_apply
from backoffice.jobs.running import execute
from tests.imports.conftest import content

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def tried(operations_user, no_broker):
    """Previews a sample and applies it: what it would do, then what it did."""

    def previewed_and_applied(name, sample="new"):
        kind = KINDS[name]
        text = kind.sample_file(sample, operations_user)
        given = {"create_reps": "yes"} if "create_reps" in kind.options else {}
        upload = receive(content(text, f"{name}.csv"), name, operations_user, mode=Mode.PREVIEW, given=given)
        execute(upload.preview_job_id, heartbeat=False)
        would = dict(Upload.objects.get(pk=upload.pk).previewed["records"])
        execute(start_apply(Upload.objects.get(pk=upload.pk), operations_user).pk, heartbeat=False)
        done = Upload.objects.get(pk=upload.pk)
        assert (done.failed, done.records) == (0, would)
        return would

    return previewed_and_applied


def doubles():
    return [key for key, times in Counter(Account.objects.values_list("name_key", flat=True)).items() if times > 1]


@pytest.mark.parametrize("chunk", [1, 4, 5_000])
def test_contacts_after_accounts_link_those_and_make_no_others(tried, monkeypatch, chunk):
    monkeypatch.setattr(applying, "FIRST_ROWS", chunk)
    monkeypatch.setattr(applying, "CHUNK_ROWS", chunk)
    tried("accounts")
    assert tried("contacts") == {"contact": {"new": 20}}
    assert Account.objects.count() == 15
    assert set(Contact.objects.values_list("account__external_id", flat=True)) == {
        f"SAMPLE-ACC-{number}" for number in range(1, 6)
    }


@pytest.mark.parametrize(
    "order",
    [
        ("accounts", "contacts", "opportunities", "quotas"),
        ("accounts", "opportunities", "contacts", "quotas"),
        ("opportunities", "accounts", "contacts", "quotas"),
        ("opportunities", "contacts", "accounts", "quotas"),
        ("contacts", "accounts", "opportunities", "quotas"),
        ("quotas", "contacts", "opportunities", "accounts"),
    ],
    ids="-".join,
)
def test_in_whatever_order_all_samples_make_each_record_once(tried, order):
    for name in order:
        tried(name)
    assert doubles() == []
    assert (Account.objects.count(), Contact.objects.count(), Opportunity.objects.count()) == (15, 20, 25)
    assert Rep.objects.count() == 2
    for name in order:
        assert {word for word, counts in tried(name).items() if counts.get("new")} <= {"opportunity_contact"}
