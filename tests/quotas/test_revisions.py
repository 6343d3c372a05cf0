from datetime import date

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Rep
from backoffice.quotas.models import Quota, QuotaRevision
from backoffice.quotas.revising import because

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def revisions():
    return [(row.amount, row.actor_label, row.why) for row in QuotaRevision.objects.order_by("id")]


@pytest.fixture
def quota(operations_user):
    with acting(operations_user, Door.CONSOLE):
        rep = Rep.objects.create(given="Ana")
        return Quota.objects.create(rep=rep, month=date(2026, 1, 1), amount=100, currency="USD")


def test_setting_a_quota_leaves_a_revision_that_says_who(quota, operations_user):
    (revision,) = QuotaRevision.objects.all()
    assert (revision.amount, revision.actor, revision.actor_label) == (100, operations_user.pk, "olga")


def test_a_changed_quota_says_why(quota, manager_user):
    with acting(manager_user, Door.CONSOLE):
        because("New region")
        Quota.objects.update(amount=120)
    assert revisions() == [(100, "olga", ""), (120, "marta", "New region")]


def test_a_quota_set_to_what_it_was_leaves_no_revision(quota, operations_user):
    with acting(operations_user, Door.CONSOLE):
        Quota.objects.update(amount=100)
    assert len(revisions()) == 1
