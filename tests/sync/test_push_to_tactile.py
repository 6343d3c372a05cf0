"""Records born here, sent through Tactile's connector to Tactile's own protocol, and pulled back."""

from datetime import date

import pytest

from backoffice.changes.models import Change
from backoffice.crm.models import Account, Choice, Contact, Opportunity, OpportunityTag, Rep, Tag
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from backoffice.sync.calls.connecting import open_connector
from backoffice.sync.meanings import options
from backoffice.sync.models import Push
from backoffice.sync.pulls import pulling
from backoffice.sync.pushes import pushing
from connectors.kit.contract import Site
from connectors.kit.testing import FacadeTransport
from connectors.tactile.connector import Tactile
from connectors.tactile.facade import facade
from tests.connectors.tactile import there
from tests.sync.pushes import collect, make, send, someone

pytestmark = [
    pytest.mark.db,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_broker"),
]


@pytest.fixture
def world():
    return there.account(there.Clock())


@pytest.fixture
def connection(make_connection, world, monkeypatch):
    """A connection whose vendor is the sample account in memory."""
    connection = make_connection("sample", vendor="tactile", base_url="https://sample.tactilecrm.com", currency="GBP")
    transport = FacadeTransport(facade, world.door)
    secrets = {"api_token": there.TOKEN}

    def opened(of):
        return Tactile(Site(of.base_url, transport, settings=open_connector(of).site.settings, secrets=secrets))

    connection.secrets = secrets
    connection.save()
    for module in (pulling, pushing):
        monkeypatch.setattr(module, "open_connector", opened)
    return connection


def pull(connection):
    job = pulling.start_pull(connection, None, full=True)
    execute(job.pk, heartbeat=False)
    return Job.objects.get(pk=job.pk)


@pytest.fixture
def sold_here(connection):
    """A company, a person, an opportunity of theirs, with what was said and is to be done."""
    assert pull(connection).state == State.SUCCEEDED
    with someone(connection=connection.pk):
        options.adopt(connection, by=None)
    account = make(Account, name="Northwind")
    contact = make(Contact, name="Ana Lima", given="Ana", family="Lima", account=account)
    opportunity = make(
        Opportunity,
        name="Two hundred chairs",
        account=account,
        primary_contact=contact,
        amount=1250,
        currency="GBP",
        probability=42,
        close_date=date(2026, 12, 18),
        expected_close=date(2026, 12, 18),
        stage=Choice.objects.get(list="stage", label="Negotiation"),
        owner=Rep.objects.get(username="greg"),
        assigned_to=Rep.objects.get(username="greg"),
    )
    with someone():
        OpportunityTag.objects.create(opportunity=opportunity, tag=Tag.objects.create(name="big"))
    return account, contact, opportunity


# We learn of these by reading; whose a company and a person are, it says itself where we don't.
KEPT_BY_THE_VENDOR = {"created_there", "changed_there", "altered_by_id"}
GIVEN_BY_THE_VENDOR = {"owner_id", "assigned_to_id"}


def test_what_is_born_here_is_there_once_and_comes_back_as_it_went(connection, world, sold_here):
    before = {kind: set(world.all(kind)) for kind in ("account", "contact", "opportunity")}
    job = send(connection)
    new = {kind: set(world.all(kind)) - before[kind] for kind in before}
    assert {kind: len(ids) for kind, ids in new.items()} == {"account": 1, "contact": 1, "opportunity": 1}
    assert list(Push.objects.exclude(state="done").values_list("kind", "state", "reason")) == []
    assert job.state == State.SUCCEEDED
    made = world.all("opportunity")[new["opportunity"].pop()]
    assert (made.name, made.amount, made.probability, made.tags) == ("Two hundred chairs", 1250, 40, ["big"])
    assert {made.account.id} == new["account"]
    told = Change.objects.latest("id").pk
    again = pull(connection)
    assert (again.counts.get("new", 0), again.counts.get("conflicts", 0)) == (0, 0)
    for entry in Change.objects.filter(id__gt=told):
        theirs = KEPT_BY_THE_VENDOR | (GIVEN_BY_THE_VENDOR if entry.kind != "opportunity" else set())
        assert set(entry.columns) <= theirs
    assert {"new", "updated", "conflicts"}.isdisjoint(pull(connection).counts)
    sold_here[2].refresh_from_db()
    assert sold_here[2].probability == 42
    collect()
    assert not Push.objects.exclude(state="done").exists()


def test_a_tag_taken_off_here_does_not_come_back_from_a_vendor_that_takes_none_off(connection, world, sold_here):
    send(connection)
    pull(connection)
    of_it = OpportunityTag.objects.filter(opportunity=sold_here[2])
    with someone():
        of_it.delete()
        OpportunityTag.objects.create(opportunity=sold_here[2], tag=Tag.objects.create(name="late"))
    send(connection)
    (there,) = (each for each in world.all("opportunity").values() if each.name == "Two hundred chairs")
    assert set(there.tags) == {"big", "late"}
    for _ in range(2):
        pull(connection)
        assert [each.tag.name for each in of_it.select_related("tag")] == ["late"]
