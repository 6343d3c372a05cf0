"""A pull that dies anywhere ends, when it goes on, where an undisturbed one does. Echoes stay out of the outbox."""

import itertools

import pytest
from django.utils import timezone

from backoffice.crm.models import Opportunity
from backoffice.jobs.models import State
from backoffice.jobs.running import execute
from backoffice.sync.models import Cursor, Link, Phase, Push, Seen
from backoffice.sync.pulls import passing
from backoffice.sync.pulls.pulling import start_pull
from backoffice.sync.pushes import outbox
from backoffice.sync.rows import rows
from connectors.kit.errors import Unavailable
from tests.sync import vendor

pytestmark = [pytest.mark.db, pytest.mark.django_db]


class Killed(BaseException):
    """As a worker ends that nobody asked."""


def fill(world):
    """Seven pages: of accounts 2, of contacts 2, of opportunities 3."""
    accounts = [world.add("account", name=f"Account {number}") for number in range(4)]
    people = [world.add("contact", name=f"Person {number}", account_id=accounts[number]) for number in range(4)]
    for number in range(8):
        world.add(
            "opportunity",
            name=f"Chairs {number}",
            account_id=accounts[number % 4],
            contact_id=people[number % 4],
            amount=number,
        )


def state(connection):
    """Everything a pull leaves, without our own numbers."""
    links = {(link.kind, link.remote_id): link for link in Link.objects.filter(connection=connection)}
    remote = {(link.kind, link.object_id): link.remote_id for link in links.values()}
    told = {}
    for (kind, remote_id), link in links.items():
        record = rows.read(kind, [link.object_id])[link.object_id]
        account = getattr(record, "account", None)
        told[kind, remote_id] = (
            *(record.name, record.archived_at is not None, link.base, bytes(link.digest), link.gone_at is not None),
            remote["account", int(account.id)] if account else None,
        )
    cursors = {each.stream: (each.state, each.phase) for each in Cursor.objects.filter(connection=connection)}
    return told, cursors, Seen.objects.filter(connection=connection).count()


def dying_at(monkeypatch, number, *, before):
    """The `number`th page kills its worker: before anything of it is written, or when all of it is, uncommitted."""
    real, pages = passing.Pass._take, itertools.count(1)

    def take(self, page, batch, chunk):
        is_last = next(pages) == number
        if is_last and before:
            raise Killed
        moved = real(self, page, batch, chunk)
        if is_last:
            raise Killed
        return moved

    monkeypatch.setattr(passing.Pass, "_take", take)
    return lambda: monkeypatch.setattr(passing.Pass, "_take", real)


@pytest.fixture
def undisturbed(make_connection, pull):
    """What a connection looks like after a pull that nothing happened to."""
    calm = make_connection("calm")
    fill(vendor.WORLDS[calm.base_url])
    pull(calm)
    return state(calm)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("number", range(1, 8))
def test_killed_at_any_page_it_goes_on_there(undisturbed, connection, acme, no_broker, monkeypatch, number, before):
    fill(acme)
    job = start_pull(connection, None)
    live_again = dying_at(monkeypatch, number, before=before)
    with pytest.raises(Killed):
        execute(job.pk, heartbeat=False)
    live_again()
    asked = len(acme.calls("GET"))
    execute(job.pk, heartbeat=False)
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED
    assert state(connection) == undisturbed
    assert {word: count for word, count in job.counts.items() if count} == {"new": 16}
    assert len(acme.calls("GET")) - asked == 1 + (7 - number + 1)  # the lists, and each page from there on


@pytest.mark.parametrize("number", range(1, 8))
def test_a_failed_pull_is_gone_on_with_by_the_next(undisturbed, connection, acme, pull, number):
    fill(acme)
    acme.fails(Unavailable("down"), at=1 + number)
    assert pull().state == State.FAILED
    assert pull().state == State.SUCCEEDED
    assert state(connection) == undisturbed


@pytest.mark.parametrize("number", range(1, 8))
def test_a_full_pass_killed_at_any_page_still_finds_what_vanished(
    connection, acme, pull, no_broker, monkeypatch, number
):
    fill(acme)
    pull()
    gone = min(acme.records["opportunity"])
    acme.remove("opportunity", gone)
    job = start_pull(connection, None, full=True)
    live_again = dying_at(monkeypatch, number, before=False)
    with pytest.raises(Killed):
        execute(job.pk, heartbeat=False)
    live_again()
    execute(job.pk, heartbeat=False)
    job.refresh_from_db()
    assert {word: count for word, count in job.counts.items() if count} == {"unchanged": 15, "archived": 1}
    assert [row.name for row in Opportunity.objects.exclude(archived_at=None)] == ["Chairs 0"]


def test_a_page_taken_in_again_changes_nothing(connection, acme, pull):
    fill(acme)
    pull()
    was = state(connection)
    Cursor.objects.update(state={}, phase=Phase.EVERYTHING, pass_began_at=timezone.now())
    assert {word: count for word, count in pull().counts.items() if count} == {"unchanged": 16}
    told, _cursors, _seen = state(connection)
    assert told == was[0]


@pytest.mark.django_db(transaction=True)
def test_what_one_vendor_changed_goes_to_the_other_and_does_not_come_back(connection, acme, make_connection, pull):
    other = make_connection("other")
    here, there = (
        world.add("contact", name="Ann", email="ann@globex.com") for world in (acme, vendor.WORLDS[other.base_url])
    )
    pull()
    pull(other)
    assert Link.objects.filter(kind="contact").values("object_id").distinct().count() == 1
    outbox.collect()
    Push.objects.all().delete()
    acme.change("contact", here, job_title="Buyer")
    assert pull().counts["updated"] == 1
    outbox.collect()
    push = Push.objects.get()
    assert (push.connection, push.kind, push.operation, push.fields) == (other, "contact", "update", ["job_title"])
    # As the push will have done it there:
    Push.objects.update(state="done", ended_at=timezone.now())
    vendor.WORLDS[other.base_url].change("contact", there, job_title="Buyer")
    assert pull(other).counts["unchanged"] == 1
    outbox.collect()
    assert Push.objects.count() == 1
