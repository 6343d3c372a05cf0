"""The demo's Tactile CRM account: believable, the same each time, and partly what is on file here."""

from datetime import date

import msgspec
import pytest
from cryptography.fernet import Fernet
from django.db.models import Count

from backoffice.crm.models import Account, Contact, Opportunity, Rep
from backoffice.jobs.models import State
from backoffice.jobs.running import execute
from backoffice.local.demo import tactile
from backoffice.local.demo.loading import load
from backoffice.local.demo.tactile_customers import MOST_SHARED
from backoffice.local.preparing import settle_vendors
from backoffice.local.sandbox import file_in
from backoffice.sync.models import Conflict, Connection, Link, Option, SetAside
from backoffice.sync.pulls.pulling import start_pull
from backoffice.sync.schedules import due
from connectors.kit.sandbox import Worlds, application, serve

pytestmark = [pytest.mark.db, pytest.mark.django_db]

TODAY = date(2026, 11, 22)
SOME = 600


@pytest.fixture
def demo(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS or [Fernet.generate_key().decode()]
    load(SOME, TODAY)


@pytest.fixture
def account(demo):
    return tactile.make_account(TODAY)


def test_it_has_the_size_of_a_real_one(account):
    counts = {kind: len(account.all(kind)) for kind in ("account", "contact", "opportunity")}
    assert counts == {"account": 120, "contact": 300, "opportunity": 400}
    assert len(account.all("note")) > 300
    assert len(account.all("activity")) > 80


def test_the_same_day_gives_the_same_account(account):
    assert msgspec.json.decode(tactile.make_account(TODAY).to_bytes()) == msgspec.json.decode(account.to_bytes())


def test_nothing_in_it_happened_later_than_yesterday(account):
    for kind in ("account", "contact", "opportunity", "note"):
        for record in account.all(kind).values():
            assert record.created_there <= record.changed_there, record
            assert record.changed_there.date() < TODAY, record


def test_its_users_are_reps_of_the_demo_but_for_a_stranger(account):
    users = {entry.id for entry in account.lists["user"]}
    known = set(Rep.objects.filter(username__in=users).values_list("username", flat=True))
    assert users - known == {"wilma.assistenz"}
    assert len(known) == 9


@pytest.fixture
def served(account):
    """A connection to the account, which answers over HTTP as long as the test lasts."""
    server = serve(application(Worlds([account])))
    try:
        yield tactile.connect(f"http://127.0.0.1:{server.server_port}", account)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def pull(served, monkeypatch):
    monkeypatch.setattr("backoffice.jobs.dispatching.send_task", lambda *_args, **_more: True)

    def pulled():
        job = start_pull(served, None)
        execute(job.pk, heartbeat=False)
        job.refresh_from_db()
        return job

    return pulled


def test_its_connection_is_due_at_once(served):
    assert list(due()) == [served]


def test_the_first_pull_joins_what_is_known_and_brings_the_rest(served, pull):
    accounts, contacts, opportunities = Account.objects.count(), Contact.objects.count(), Opportunity.objects.count()
    job = pull()
    assert (job.state, job.error) == (State.SUCCEEDED, "")
    links = dict(Link.objects.values_list("kind").annotate(Count("pk")))
    assert (links["account"], links["contact"], links["opportunity"]) == (120, 300, 400)
    assert MOST_SHARED / 2 < accounts + 120 - Account.objects.count() <= MOST_SHARED
    assert 20 < contacts + 300 - Contact.objects.count() < 150
    assert Opportunity.objects.count() == opportunities + 400
    assert not SetAside.objects.exists()
    assert 0 < Conflict.objects.count() < 30
    assert set(Conflict.objects.values_list("field", flat=True)) <= {"name", "description", "job_title"}
    assert pull().counts.keys() <= {"unchanged"}


def test_only_a_stranger_and_a_few_words_are_left_for_a_person_to_say(served, pull):
    pull()
    unmapped = Option.objects.filter(connection=served, choice=None, rep=None).exclude(list="title")
    assert set(unmapped.values_list("list", "label")) == {("user", "wilma.assistenz"), ("source", "Gelbe Seiten")}


def test_it_is_made_once_and_followed_to_another_port(demo, tmp_path):
    settle_vendors(tmp_path, "http://127.0.0.1:8100", wanted=True)
    world = file_in(tmp_path).read_bytes()
    settle_vendors(tmp_path, "http://127.0.0.1:8200", wanted=True)
    assert file_in(tmp_path).read_bytes() == world
    assert Connection.objects.get().base_url == "http://127.0.0.1:8200/caldera-europe"


@pytest.mark.parametrize("is_loaded", [True, False])
def test_without_a_demo_or_the_wish_for_one_there_is_none(tmp_path, is_loaded, request):
    if is_loaded:
        request.getfixturevalue("demo")
    settle_vendors(tmp_path, "http://127.0.0.1:8100", wanted=not is_loaded)
    assert not Connection.objects.exists()
    assert not file_in(tmp_path).exists()
