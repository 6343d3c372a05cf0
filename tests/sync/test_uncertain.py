"""Creates whose answer was lost, and workers that are killed: in the end the vendor has each record exactly once."""

import json
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from backoffice.crm.models import Account, Opportunity
from backoffice.jobs.models import State
from backoffice.jobs.running import execute
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import OPEN_PUSHES, Link, Operation, Push, PushState
from backoffice.sync.pushes import noting, planning, uncertain
from backoffice.sync.pushes.pushing import send_what_waits, start_push
from connectors.kit.contract import Site
from connectors.kit.errors import Unavailable, Uncertain, Unreadable
from tests.conftest import child_environment
from tests.jobs.conftest import expire_lease
from tests.sync import vendor
from tests.sync.pushes import change, collect, last_push, let_go, link, make, send, someone

pytestmark = [
    pytest.mark.db,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_broker"),
]

QUIET = timedelta(seconds=vendor.Acme.quiet_seconds + 1)


@pytest.fixture(autouse=True)
def _acmes_own_time(time_machine):
    time_machine.move_to(vendor.BEGAN, tick=False)


def states(connection):
    return [push.state for push in Push.objects.filter(connection=connection).order_by("pk")]


@pytest.fixture
def lost(connection, acme):
    """A record whose create was sent; the answer was lost."""

    def lose(*, is_done):
        row = make()
        acme.fails(Uncertain("The connection was cut."), on="POST", after=is_done)
        job = send(connection)
        assert (job.state, job.counts) == (State.INCOMPLETE, {"uncertain": 1})
        return row

    return lose


def test_nothing_is_looked_up_before_the_vendor_has_had_its_time(connection, acme, lost, time_machine):
    lost(is_done=True)
    time_machine.shift(QUIET - timedelta(seconds=2))
    send(connection)
    assert (states(connection), acme.calls("GET")) == (["uncertain"], [])


def test_a_lost_create_that_was_done_is_found_and_linked(connection, acme, lost, time_machine):
    account = lost(is_done=True)
    time_machine.shift(QUIET)
    job = send(connection)
    assert (job.state, job.counts, len(acme.records["account"])) == (State.SUCCEEDED, {"done": 1}, 1)
    made = Link.objects.get()
    assert (made.object_id, made.remote_id) == (account.pk, str(next(iter(acme.records["account"]))))
    assert (made.base, last_push(connection).remote_id) == ({"name": "Globex"}, made.remote_id)


def test_a_lost_create_that_was_not_done_is_sent_again(connection, acme, lost, time_machine):
    lost(is_done=False)
    time_machine.shift(QUIET)
    job = send(connection)
    assert (job.counts, states(connection), len(acme.records["account"])) == ({"done": 1}, ["done"], 1)


def test_the_schedule_looks_uncertain_ones_up_when_it_is_time(connection, lost, time_machine):
    lost(is_done=True)
    send_what_waits()
    assert start_push(connection, None).pk == start_push(connection, None).pk
    execute(start_push(connection, None).pk, heartbeat=False)
    assert states(connection) == ["uncertain"]
    time_machine.shift(QUIET)
    send_what_waits()
    execute(start_push(connection, None).pk, heartbeat=False)
    assert states(connection) == ["done"]


def test_a_record_of_ours_is_never_taken_for_it(connection, acme, lost, time_machine):
    twin = make(connection=connection.pk)
    account = lost(is_done=False)
    link(connection, twin, str(acme.add("account", name="Globex")))
    time_machine.shift(QUIET)
    send(connection)
    assert len(acme.records["account"]) == 2
    assert {each.object_id for each in Link.objects.all()} == {twin.pk, account.pk}


def test_of_several_that_may_be_it_a_person_says_which(connection, acme, lost, time_machine):
    account = lost(is_done=True)
    other = acme.add("account", name="Globex")
    time_machine.shift(QUIET)
    job = send(connection)
    push = last_push(connection)
    assert (job.counts, push.state, len(push.found)) == ({}, "uncertain", 2)
    assert "several" in push.reason
    send(connection)
    assert len(acme.calls("GET")) == 1
    assert uncertain.adopt(push, str(other))
    assert (push.state, Link.objects.get().object_id, Link.objects.get().remote_id) == ("done", account.pk, str(other))
    assert not uncertain.adopt(push, "1")


def test_one_that_refers_to_something_else_is_shown_not_taken(connection, acme, time_machine):
    make(Opportunity, name="Chairs")
    acme.fails(Uncertain("cut"), on="POST")
    send(connection)
    acme.add("opportunity", name="Chairs", account_id=acme.add("account", name="Globex"))
    time_machine.shift(QUIET)
    send(connection)
    push = last_push(connection)
    assert (push.state, push.found[0]["record"]["name"]) == ("uncertain", "Chairs")
    assert uncertain.send_again(push)
    send(connection)
    assert (states(connection), len(acme.records["opportunity"])) == (["done"], 2)


def test_a_late_answer_to_the_first_call_is_none_to_the_second(connection, acme, lost):
    lost(is_done=False)
    first = last_push(connection)
    assert uncertain.send_again(last_push(connection))
    (push,) = noting.with_version(noting.due(connection, timezone.now()))
    assert (push.attempts, push.tries) == (1, 0)
    site = Site(connection.base_url, None)
    (plan,) = planning.plan(connection, vendor.Acme(site), "account", [push], Options(connection))
    assert noting.claim(plan, 2)
    late = planning.Plan(first, plan.capability, Operation.CREATE)
    assert not noting.note(connection, late, noting.Outcome(PushState.REJECTED, "No."))
    assert states(connection) == ["sending"]


def test_a_person_may_leave_it_at_that(connection, lost):
    lost(is_done=True)
    push = last_push(connection)
    assert uncertain.discard(push)
    assert (push.state, Link.objects.count()) == ("discarded", 0)


def test_a_vendor_that_finds_nothing_leaves_it_to_a_person(connection, acme, lost, time_machine, monkeypatch):
    lost(is_done=True)
    capability = vendor.Acme.capabilities["account"]
    monkeypatch.setitem(
        vendor.Acme.capabilities, "account", type(capability)(capability.mapping, create=True, update=True)
    )
    time_machine.shift(QUIET)
    send(connection)
    assert (states(connection), last_push(connection).next_at) == (["uncertain"], None)
    assert last_push(connection).reason == "Whether the vendor has made it can't be looked up."


def test_a_create_that_is_lost_every_time_ends_with_a_person(connection, acme, time_machine):
    make()
    acme.fails(Uncertain("cut"), on="POST", times=100)
    for _time in range(uncertain.MOST_ATTEMPTS + 3):
        send(connection)
        time_machine.shift(QUIET)
    assert len(acme.calls("POST")) == uncertain.MOST_ATTEMPTS
    assert last_push(connection).next_at is None


def test_a_look_up_the_vendor_is_too_busy_for_is_made_later(connection, acme, lost, time_machine):
    lost(is_done=True)
    time_machine.shift(QUIET)
    acme.fails(Unavailable("busy"), on="GET")
    job = send(connection)
    assert (job.state, states(connection)) == (State.INCOMPLETE, ["uncertain"])
    let_go(connection)
    send(connection)
    assert states(connection) == ["done"]


def test_a_record_deleted_while_its_create_is_uncertain_is_deleted_there_once_it_is_found(
    connection, acme, lost, time_machine
):
    account = lost(is_done=True)
    with someone():
        account.delete()
    time_machine.shift(QUIET)
    send(connection)
    assert (states(connection), acme.records["account"]) == (["done", "done"], {})


def test_a_change_made_meanwhile_follows_the_create(connection, acme, lost, time_machine):
    account = lost(is_done=True)
    change(account, website="a.example")
    time_machine.shift(QUIET)
    send(connection)
    (made,) = acme.records["account"].values()
    assert (made["website"], len(acme.calls("POST")), states(connection)) == ("a.example", 1, ["done", "done"])


# ── killed at every step ─────────────────────────────────────────────────────────────────────────────────────────────


class Killed(BaseException):
    """The worker's end."""


def once(monkeypatch, where, name, *, after):
    """Be killed the first time the function is called: before it does anything, or once it has."""
    function, calls = getattr(where, name), []

    def dies(*args, **more):
        calls.append(name)
        if len(calls) > 1:
            return function(*args, **more)
        if after:
            function(*args, **more)
        raise Killed

    monkeypatch.setattr(where, name, dies)


STEPS = {
    "before the claim": partial(once, where=noting, name="claim", after=False),
    "after the claim": partial(once, where=noting, name="claim", after=True),
    "before the call": None,
    "after the call": None,
    "before the answer is noted": partial(once, where=noting, name="note", after=False),
    "with the answer noted and not committed": partial(once, where=noting, name="note", after=True),
}


@pytest.mark.parametrize("is_another_job", [False, True], ids=["same job", "another job"])
@pytest.mark.parametrize("operation", ["create", "update"])
@pytest.mark.parametrize("step", STEPS)
def test_whatever_the_step_a_worker_is_killed_at_the_vendor_has_it_once(
    connection, acme, monkeypatch, time_machine, step, operation, is_another_job
):
    account = make()
    if operation == "update":
        link(connection, account, str(acme.add("account", name="Globex")), base={"name": "Globex"})
        collect()
        Push.objects.all().delete()
        change(account, website="a.example")
    collect()
    job = start_push(connection, None)
    if STEPS[step]:
        STEPS[step](monkeypatch)
    else:
        acme.fails(Killed(), on="P", after=step == "after the call")
    with pytest.raises(Killed):
        execute(job.pk, heartbeat=False)
    if is_another_job:
        type(job).objects.update(state="failed", lease_until=None, finished_at=timezone.now())
        time_machine.shift(noting.LEASE + timedelta(seconds=1))
    for _round in range(3):
        execute(start_push(connection, None).pk, heartbeat=False)
        time_machine.shift(QUIET)
    assert states(connection) == ["done"]
    (made,) = acme.records["account"].values()
    assert made.get("website") == ("a.example" if operation == "update" else None)
    assert Link.objects.get().object_id == account.pk


WORKER = """
import json, os, signal, sys
from datetime import UTC, datetime
import django
django.setup()
from backoffice.jobs.running import execute
from connectors.kit import registry
from tests.sync import vendor

class Deadly(vendor.World):
    now = property(lambda self: datetime.now(UTC))

    def send(self, request, *, repeatable):
        super().send(request, repeatable=repeatable)
        if request.method == "POST":
            with open(sys.argv[3], "w") as file:
                json.dump([*self.records["account"].values()], file)
            os.kill(os.getpid(), signal.SIGKILL)

registry.register(vendor.Acme)
vendor.WORLDS[sys.argv[2]] = Deadly()
execute(int(sys.argv[1]), heartbeat=False)
"""


def test_a_worker_killed_dead_between_call_and_answer_leaves_no_duplicate(connection, acme, time_machine, tmp_path):
    time_machine.move_to(datetime.now(UTC), tick=True)
    account, there = make(), tmp_path / "there.json"
    collect()
    job = start_push(connection, None)
    keys = {"CREDENTIAL_KEYS": ",".join(django_settings.CREDENTIAL_KEYS)}
    died = subprocess.run(
        [sys.executable, "-c", WORKER, str(job.pk), connection.base_url, str(there)],
        cwd=django_settings.BASE_DIR,
        env=child_environment() | keys,
        check=False,
        timeout=60,
    )
    assert died.returncode == -signal.SIGKILL
    assert (states(connection), job.__class__.objects.get().state) == (["sending"], State.RUNNING)
    for wire in json.loads(there.read_text()):
        acme.records["account"][wire["id"]] = wire
        acme.order["account", wire["id"]] = 1
    expire_lease(job)
    execute(job.pk, heartbeat=False)
    assert states(connection) == ["uncertain"]
    time_machine.move_to(timezone.now() + QUIET)
    send(connection)
    assert (states(connection), acme.calls("POST"), len(acme.records["account"])) == (["done"], [], 1)
    assert Link.objects.get().object_id == account.pk


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Unreliable(vendor.World):
    """One call in nine goes wrong; some that seemed lost are still being done, and appear later."""

    def __init__(self, seed):
        super().__init__()
        self.chance = random.Random(seed)
        self.late = []
        self.page_size = 10_000
        self.faults = 0

    @property
    def now(self):
        return timezone.now()

    def send(self, request, *, repeatable):
        for moment, wire in self.late:
            if moment <= self.now:
                self.add("account", **wire)
        self.late = [each for each in self.late if each[0] > self.now]
        if self.chance.random() >= 0.11:
            return super().send(request, repeatable=repeatable)
        self.faults += 1
        if request.method != "POST":
            raise Unavailable("down")
        match self.chance.choice(["before", "after", "late", "down", "html", "killed"]):
            case "before":
                raise Uncertain("cut")
            case "after":
                super().send(request, repeatable=repeatable)
                raise Uncertain("cut")
            case "late":
                self.late.append((self.now + timedelta(seconds=self.chance.uniform(1, 29)), request.json))
                raise Uncertain("timed out")
            case "down":
                raise Unavailable("down")
            case "html":
                super().send(request, repeatable=repeatable)
                raise Unreadable("<html>")
            case _:
                super().send(request, repeatable=repeatable)
                raise Killed


def send_many(connection, monkeypatch, time_machine, names):
    """All of them, in as many rounds as it takes, a few seconds apart; what the vendor has in the end."""
    there = Unreliable(seed=4)
    monkeypatch.setitem(vendor.WORLDS, connection.base_url, there)
    with someone():
        Account.objects.bulk_create(Account(name=name) for name in names)
    collect()
    for _round in range(400):
        try:
            execute(start_push(connection, None).pk, heartbeat=False)
        except Killed:
            continue  # the next worker goes on with the job
        if not Push.objects.filter(state__in=OPEN_PUSHES).exists():
            break
        let_go(connection)
        time_machine.shift(timedelta(seconds=there.chance.uniform(1, 15)))
    assert there.faults > 25
    return sorted(wire["name"] for wire in there.records["account"].values())


NAMES = sorted(f"Account {number}" for number in range(300))


def test_of_many_creates_over_a_faulty_line_none_is_missing_and_none_there_twice(connection, monkeypatch, time_machine):
    assert send_many(connection, monkeypatch, time_machine, NAMES) == NAMES
    assert set(Push.objects.values_list("state", flat=True)) == {PushState.DONE}
    assert Link.objects.count() == Push.objects.filter(operation=Operation.CREATE).count() == 300


def test_looked_up_at_once_some_would_be_there_twice(connection, monkeypatch, time_machine):
    monkeypatch.setattr(vendor.Acme, "quiet_seconds", 0)
    found = send_many(connection, monkeypatch, time_machine, NAMES)
    assert set(found) == set(NAMES)
    assert len(found) > len(NAMES)
