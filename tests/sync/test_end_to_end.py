"""Over real HTTP against a vendor in another process: what changes there comes here, what changes here goes there."""

from decimal import Decimal

import pytest
from django.db import connection as database
from django.utils import timezone

from backoffice.crm.models import Account, Choice, Contact, Note, Opportunity, Rep
from backoffice.jobs.models import State
from backoffice.sync import conflicts
from backoffice.sync.calls import exchanges
from backoffice.sync.models import Conflict, Exchange, Health, Link, Policy, Push, PushState, SetAside
from backoffice.sync.pushes.pushing import send_what_waits
from backoffice.sync.schedules import start_due_pulls
from tests.connectors.tactile import there
from tests.jobs.conftest import until
from tests.sync.pushes import let_go, send, someone
from tests.sync.sandbox import DEAL, OPPORTUNITIES, clean, edit, ours, pulled

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("office")]


# ── what changes there ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_pull_brings_everything_with_what_it_means_here(connect, site):
    job = pulled(connect())
    assert (job.state, job.error) == (State.SUCCEEDED, "")
    assert Opportunity.objects.count() == OPPORTUNITIES
    deal = ours()
    assert (deal.account.name, deal.primary_contact.name, deal.owner.username) == ("Globex", "Hank Scorpio", "paul")
    assert (deal.amount, deal.currency, deal.stage.label, deal.probability) == (1000, "GBP", "Discussion", 50)
    assert ours("Reactor 10").stage.status == "won"
    assert Note.objects.get(opportunity=deal).body == "They are keen."
    assert set(Account.objects.values_list("name", flat=True)) == {"Acme Boats Ltd.", "Acme Corp.", "Globex"}
    assert Contact.objects.count() == 2
    assert not SetAside.objects.exists()
    assert Health.objects.get().trouble == ""


def written():
    """Which rows of all tables there are, told apart by who wrote them last."""
    own = {"jobs_job", "jobs_joblog", "sync_cursor", "sync_health", "sync_exchange"}
    with database.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        tables = sorted({name for (name,) in cursor.fetchall()} - own)
        found = {}
        for name in tables:
            cursor.execute(f"SELECT count(*), md5(string_agg(ctid || xmin::text, ',' ORDER BY ctid)) FROM {name}")
            found[name] = cursor.fetchone()
    return found


@pytest.mark.parametrize("full", [False, True], ids=["changes", "everything"])
def test_a_pull_of_nothing_new_writes_not_one_row_but_its_own(uk, full):
    before = written()
    job = pulled(uk, full=full)
    assert job.state == State.SUCCEEDED
    assert clean(job.counts).keys() <= {"unchanged"}
    after = written()
    assert {name for name in before if before[name] != after[name]} == set()


def test_a_change_there_comes_here(uk, site):
    site.change("opportunity", site.id_of(DEAL), amount="4321.50", name="Reactor 1a")
    job = pulled(uk)
    assert clean(job.counts).get("updated") == 1
    assert ours("Reactor 1a").amount == Decimal("4321.50")
    assert not Push.objects.exists()


def test_what_is_new_there_comes_here(uk, site):
    site.add("opportunity", name="Boat two", amount="12", close_date="2026-12-24", stage="2")
    assert clean(pulled(uk).counts)["new"] == 1
    assert ours("Boat two").amount == 12


def test_what_is_archived_there_is_archived_here(uk, site):
    site.press(site.id_of(DEAL), "archive")
    job = pulled(uk, full=True)
    assert job.state == State.SUCCEEDED
    assert ours().archived_at is not None
    assert Opportunity.objects.filter(archived_at=None).count() == OPPORTUNITIES - 1
    site.press(site.id_of(DEAL), "unarchive")
    pulled(uk)
    assert ours().archived_at is None


def test_a_deal_that_was_won_and_left_the_list_counts_as_won(uk, site):
    id = site.id_of(DEAL)
    site.press(id, "won")
    site.press(id, "archive")
    listed = site.asked("opportunities", limit=100)["opportunities"]
    assert id not in {str(each["id"]) for each in listed}
    pulled(uk, full=True)
    assert (ours().stage.status, ours().archived_at is None) == ("won", False)


def test_what_is_gone_there_is_archived_here_unless_it_is_too_much(uk, site):
    with site.sandbox.out_of_order() as worlds:
        worlds.get(site.name).remove("opportunity", site_id(uk, DEAL))
    job = pulled(uk, full=True)
    assert (job.state, clean(job.counts).get("archived")) == (State.SUCCEEDED, 1)
    assert ours().archived_at is not None

    with site.sandbox.out_of_order() as worlds:
        for number in range(2, 7):
            worlds.get(site.name).remove("opportunity", site_id(uk, f"Reactor {number}"))
    job = pulled(uk, full=True)
    assert job.state == State.INCOMPLETE
    assert Opportunity.objects.filter(archived_at=None).count() == OPPORTUNITIES - 1
    assert "20" in Health.objects.get().trouble


def test_an_account_that_shows_nothing_any_more_empties_nothing(uk, site):
    with site.sandbox.out_of_order() as worlds:
        worlds.get(site.name).all("opportunity").clear()
    job = pulled(uk, full=True)
    assert job.state == State.INCOMPLETE
    assert not Opportunity.objects.exclude(archived_at=None).exists()


def site_id(connection, name):
    return Link.objects.get(connection=connection, kind="opportunity", object_id=ours(name).pk).remote_id


# ── what changes here ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_here_goes_there_and_does_not_come_back_as_one(uk, site):
    edit(ours(), amount=Decimal(777), probability=42)
    job = send(uk)
    assert (job.state, job.counts) == (State.SUCCEEDED, {"done": 1})
    view = site.view(site_id(uk, DEAL))
    assert (view["cost"], view["probability"], view["name"]) == (777, 40, DEAL)
    job = pulled(uk)
    assert clean(job.counts).keys() <= {"unchanged", "updated"}
    assert (ours().amount, ours().probability) == (777, 42)
    assert (send(uk).counts, Conflict.objects.count()) == ({}, 0)


def make_deal(**fields):
    with someone():
        return Opportunity.objects.create(
            **{
                "name": "Born here",
                "account": Account.objects.get(name="Globex"),
                "amount": Decimal(250),
                "currency": "GBP",
                "close_date": "2026-12-31",
                "stage": Choice.objects.get(list="stage", label="Discussion"),
                "owner": Rep.objects.get(),
            }
            | fields
        )


def quiet_time_is_over(connection):
    """As if the vendor had been left alone for as long as it may still be at work."""
    let_go(connection)
    Push.objects.exclude(next_at=None).update(next_at=timezone.now())


def send_until_done(connection):
    """What comes of it, job by job, until nothing is open any more."""
    states = []
    while not states or (Push.objects.exclude(state__in=[PushState.DONE, PushState.REJECTED]).exists()):
        states.append(send(connection).state)
        assert len(states) < 6, list(Push.objects.values("state", "reason", "found"))
        quiet_time_is_over(connection)
    return states


FAULTS = {
    "nothing": None,
    "answer lost": {"fails": "lost"},
    "answer lost twice": {"fails": "lost", "times": 2},
    "cut JSON": {"fails": "cut"},
    "503 before": {"fails": "unavailable"},
    "503 after": {"fails": "unavailable", "after": True},
    "HTML before": {"fails": "html"},
    "HTML after": {"fails": "html", "after": True},
    "429": {"fails": "too_many", "retry_after_seconds": 1},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_new_here_is_created_there_once(uk, site, fault):
    if FAULTS[fault]:
        how = dict(FAULTS[fault])
        site.fails(how.pop("fails"), path="opportunities/save", **how)
    deal = make_deal()
    states = send_until_done(uk)
    (view,) = site.named("Born here")
    assert (view["organisation"], view["cost"], view["status"], view["owner"]) == ("Globex", 250, "Discussion", "paul")
    link = Link.objects.get(kind="opportunity", object_id=deal.pk)
    assert link.remote_id == str(view["id"])
    assert Push.objects.get().state == PushState.DONE
    assert len(states) == 1 or fault not in {"nothing", "429"}
    assert clean(pulled(uk).counts).keys() <= {"unchanged", "updated"}
    assert Opportunity.objects.filter(name="Born here").count() == 1


def test_what_the_vendor_refuses_is_shown_with_its_words(uk, site):
    corp = Account.objects.get(name="Acme Corp.")
    remote_id = Link.objects.get(kind="account", object_id=corp.pk).remote_id
    with site.sandbox.out_of_order() as worlds:
        worlds.get(site.name).remove("account", remote_id)
    edit(ours(), account=corp)
    job = send(uk)
    assert (job.state, job.counts) == (State.INCOMPLETE, {"rejected": 1})
    assert "Invalid ID specified" in Push.objects.get().reason


def test_what_the_vendor_cannot_do_without_waits_and_says_so(uk, site):
    edit(ours(), name="")
    assert (send(uk).counts, Push.objects.get().state) == ({}, PushState.WAITING)
    assert "“name”, which is empty here" in Push.objects.get().reason
    edit(ours(""), name="Reactor one")
    assert send(uk).counts == {"done": 1}
    assert site.view(site_id(uk, "Reactor one"))["name"] == "Reactor one"


def test_workers_pull_and_push_by_themselves_when_it_is_time(worker, connect, site):
    uk = connect()
    Health.objects.update(next_pull_at=None)  # a minute has passed
    start_due_pulls()
    until(lambda: Health.objects.filter(connection=uk, next_pull_at__isnull=False).exists(), what="the pull")
    assert Opportunity.objects.count() == OPPORTUNITIES
    edit(ours(), amount=Decimal(11))

    def is_sent():
        send_what_waits()
        return Push.objects.filter(state=PushState.DONE).exists()

    until(is_sent, what="the push")
    assert site.view(site_id(uk, DEAL))["cost"] == 11


@pytest.mark.parametrize("fails", ["unavailable", "too_many", "html", "cut", "lost"])
def test_a_pull_gets_over_what_passes(uk, site, fails):
    site.change("opportunity", site.id_of(DEAL), amount="99")
    site.fails(fails, path="opportunities", retry_after_seconds=1)
    job = pulled(uk)
    if job.state == State.FAILED:  # what can't be told from a wrong address isn't tried again at once
        assert fails in {"html", "cut"}
        assert Health.objects.get().trouble
        Health.objects.update(held_until=None)
        job = pulled(uk)
    assert (job.state, ours().amount) == (State.SUCCEEDED, 99)
    assert Health.objects.get().trouble == ""


# ── both sides ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_changes_to_different_fields_on_both_sides_come_together(uk, site):
    id = site_id(uk, DEAL)
    site.change("opportunity", id, amount="5000")
    edit(ours(), description="Ask for the drawings")
    pulled(uk)
    send(uk)
    assert (ours().amount, ours().description) == (5000, "Ask for the drawings")
    assert (site.view(id)["cost"], site.view(id)["description"]) == (5000, "Ask for the drawings")
    assert not Conflict.objects.exists()


@pytest.mark.parametrize(("policy", "amount"), [(Policy.VENDOR, 5000), (Policy.OURS, 7), (Policy.NEWEST, 7)])
def test_the_same_field_changed_on_both_sides_goes_by_the_policy(connect, site, policy, amount):
    uk = connect(policy=policy)
    pulled(uk)
    id = site_id(uk, DEAL)
    site.change("opportunity", id, amount="5000")
    edit(ours(), amount=Decimal(7))
    pulled(uk)  # ours is the newer one
    send(uk)
    pulled(uk)
    assert (ours().amount, site.view(id)["cost"], Conflict.objects.count()) == (amount, amount, 0)


@pytest.mark.parametrize(("side", "amount"), [("here", 7), ("there", 5000)])
def test_or_it_waits_for_a_person_and_ends_as_that_person_says(uk, site, side, amount, operations_user):
    id = site_id(uk, DEAL)
    site.change("opportunity", id, amount="5000")
    edit(ours(), amount=Decimal(7))
    pulled(uk)
    send(uk)
    conflict = Conflict.objects.get()
    assert (conflict.field, ours().amount, site.view(id)["cost"]) == ("amount", 7, 5000)
    conflicts.settle(conflict, side, operations_user)
    send(uk)
    pulled(uk)
    assert (ours().amount, site.view(id)["cost"]) == (amount, amount)
    assert not Conflict.objects.filter(settled_at=None).exists()


def test_no_exchange_that_is_kept_shows_the_token(uk):
    exchanges.flush()
    kept = list(Exchange.objects.all())
    assert kept
    assert not any(there.TOKEN in f"{each.url} {each.request} {each.answer} {each.error}" for each in kept)
