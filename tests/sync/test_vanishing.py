"""What a full pass does not show is archived when it is gone, comes back when it does, and never goes all at once."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account
from backoffice.jobs.models import State
from backoffice.sync.models import Cursor, Health, Link, Phase, Seen
from connectors.kit.contract import Capability
from connectors.kit.errors import Unavailable
from tests.sync import vendor

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def ids(acme, pull):
    """Ten accounts, pulled: one is a tenth."""
    ids = [acme.add("account", name=f"Account {number}") for number in range(10)]
    pull()
    return ids


@pytest.fixture
def no_views(monkeypatch):
    """A vendor that shows no single records."""
    capabilities = {kind: Capability(mapping, update=True) for kind, mapping in vendor.MAPPINGS.items()}
    monkeypatch.setattr(vendor.Acme, "capabilities", capabilities)


def counts(job):
    return {word: number for word, number in job.counts.items() if number}


def account(number):
    return Account.objects.get(name=f"Account {number}")


def test_a_record_that_is_gone_is_archived_by_the_next_full_pass_and_not_deleted(acme, pull, ids):
    acme.remove("account", ids[4])
    assert counts(pull()) == {}
    assert not account(4).is_archived
    job = pull(full=True)
    assert (job.state, counts(job)) == (State.SUCCEEDED, {"unchanged": 9, "archived": 1})
    assert account(4).archived_at == Link.objects.get(remote_id=str(ids[4])).gone_at
    assert counts(pull(full=True)) == {"unchanged": 9}


def test_a_record_that_comes_back_is_taken_out_of_the_archive(acme, pull, ids):
    wire = dict(acme.records["account"][ids[4]])
    acme.remove("account", ids[4])
    pull(full=True)
    acme.records["account"][ids[4]] = wire
    assert counts(pull(full=True)) == {"unchanged": 9, "updated": 1}
    assert not account(4).is_archived
    assert Link.objects.get(remote_id=str(ids[4])).gone_at is None


def test_what_a_person_archived_stays_so_when_the_vendors_record_comes_back(acme, pull, ids):
    with acting(None, Door.COMMAND, label="test"):
        row = account(4)
        row.archived_at = row.changed_at
        row.save()
    wire = dict(acme.records["account"][ids[4]])
    acme.remove("account", ids[4])
    assert counts(pull(full=True)) == {"unchanged": 9}
    acme.records["account"][ids[4]] = wire
    pull(full=True)
    assert account(4).is_archived


def test_a_record_that_left_the_list_is_looked_for_before_anything_is_concluded(acme, pull, ids):
    acme.unlisted |= {("account", id) for id in ids[:6]}
    acme.records["account"][ids[0]]["name"] = "Won meanwhile"
    job = pull(full=True)
    assert (job.state, counts(job)) == (State.SUCCEEDED, {"unchanged": 9, "updated": 1})
    assert len(acme.calls(f"GET accounts/{ids[0]}")) == 1
    assert not Account.objects.exclude(archived_at=None).exists()


def test_where_the_vendor_shows_no_single_ones_a_complete_pass_is_believed(acme, pull, ids, no_views):
    acme.unlisted.add(("account", ids[0]))
    assert counts(pull(full=True)) == {"unchanged": 9, "archived": 1}


@pytest.mark.parametrize("views", [True, False])
def test_more_than_may_vanish_at_once_stops_and_asks(acme, pull, ids, views, request):
    if not views:
        request.getfixturevalue("no_views")
    for id in ids[:3]:
        acme.remove("account", id)
    job = pull(full=True)
    assert (job.state, counts(job)) == (State.INCOMPLETE, {"unchanged": 7})
    assert not Account.objects.exclude(archived_at=None).exists()
    health = Health.objects.get()
    assert "More than 20 % of the 10 accounts are gone at Acme CRM" in health.trouble
    assert (health.failures, health.trouble_since is None) == (0, False)
    assert (Cursor.objects.get(stream="accounts").phase, Seen.objects.count()) == (Phase.AT_REST, 0)


def test_the_other_streams_go_on_when_one_asks(acme, pull, ids):
    for id in ids[:3]:
        acme.remove("account", id)
    acme.add("opportunity", name="Chairs")
    assert counts(pull(full=True)) == {"unchanged": 7, "new": 1}


def test_allowed_by_a_person_it_goes_on(acme, pull, ids, connection):
    for id in ids[:3]:
        acme.remove("account", id)
    pull(full=True)
    connection.most_archived_percent = 30
    with acting(None, Door.COMMAND, label="test"):
        connection.save()
    job = pull(full=True)
    assert (job.state, counts(job)) == (State.SUCCEEDED, {"unchanged": 7, "archived": 3})
    assert Health.objects.get().trouble == ""


def test_a_vendor_that_shows_nothing_any_more_is_not_believed(acme, pull, ids):
    for id in ids:
        acme.remove("account", id)
    job = pull(full=True)
    assert (job.state, counts(job)) == (State.INCOMPLETE, {})
    assert "shows no accounts any more, where there were 10" in Health.objects.get().trouble
    assert len(acme.calls("GET accounts/")) == 0
    assert any("shows no accounts" in line.text for line in job.lines.all())


def test_a_pass_that_broke_off_concludes_nothing_and_goes_on_where_it_was(acme, pull, ids):
    acme.remove("account", ids[4])
    acme.fails(Unavailable("down"), on="GET accounts", at=3)
    assert pull(full=True).state == State.FAILED
    assert (Cursor.objects.get(stream="accounts").phase, Seen.objects.count()) == (Phase.EVERYTHING, 2)
    asked = len(acme.calls("GET accounts"))
    assert counts(pull()) == {"unchanged": 3, "archived": 1}
    assert len(acme.calls("GET accounts")) - asked == 2  # the last page, and the one that is gone
    assert (account(4).is_archived, Seen.objects.count()) == (True, 0)


def test_looking_for_what_vanished_goes_on_where_it_broke_off(acme, pull, ids):
    acme.unlisted |= {("account", id) for id in ids[:4]}
    acme.fails(Unavailable("down"), on=f"GET accounts/{ids[3]}")
    assert pull(full=True).state == State.FAILED
    assert Cursor.objects.get(stream="accounts").phase == Phase.VANISHED
    asked = len(acme.calls("GET accounts?")), len([c for c in acme.calls("GET accounts") if c.path == "accounts"])
    job = pull()
    assert (job.state, counts(job)) == (State.SUCCEEDED, {"unchanged": 4})
    assert len([c for c in acme.calls("GET accounts") if c.path == "accounts"]) == asked[1]
    assert Cursor.objects.get(stream="accounts").phase == Phase.AT_REST


def test_a_record_that_was_linked_while_the_pass_was_under_way_has_not_vanished(acme, pull, ids, connection):
    acme.fails(Unavailable("down"), on="GET accounts", at=4)
    assert pull(full=True).state == State.FAILED
    with acting(None, Door.COMMAND, label="test"):
        row = Account.objects.create(name="Just sent there")
    Link.objects.create(connection=connection, kind="account", remote_id="1", object_id=row.pk)
    assert "archived" not in counts(pull())
    assert "archived" not in counts(pull())


def test_what_is_known_by_being_mentioned_only_does_not_vanish(connection, acme, pull):
    acme.without_lists |= {"account"}
    globex = acme.add("account", name="Globex")
    acme.add("opportunity", name="Chairs", account_id=globex)
    pull()
    assert counts(pull(full=True)) == {"unchanged": 1}


def test_a_full_pass_that_is_wanted_replaces_one_of_changes_that_broke_off(acme, pull, ids):
    for id in ids[:5]:
        acme.change("account", id, description="More")
    acme.remove("account", ids[9])
    acme.fails(Unavailable("down"), on="GET accounts", at=2)
    assert pull().state == State.FAILED
    assert Cursor.objects.get(stream="accounts").phase == Phase.CHANGES
    job = pull(full=True)
    assert counts(job) == {"updated": 2, "unchanged": 7, "archived": 1}
