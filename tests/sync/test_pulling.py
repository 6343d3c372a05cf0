"""A pull: what the vendor has becomes ours, page by page, and a second one changes nothing."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm import records
from backoffice.crm.models import Account, Contact, Opportunity
from backoffice.jobs.models import State
from backoffice.sync.models import Conflict, HighestId, Link, Push
from backoffice.sync.pulls.taking import Taking, take_in
from backoffice.sync.rows import rows
from connectors.kit.contract import Item
from connectors.kit.mapping import Field, Mapping, Numbers, Reference
from tests.sync import vendor

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def world(acme):
    """Five opportunities of two accounts, on two pages."""
    globex = acme.add("account", name="Globex", website="https://globex.com")
    initech = acme.add("account", name="Initech")
    ann = acme.add("contact", name="Ann Lee", email="ann@globex.com", account_id=globex)
    for number in range(5):
        acme.add(
            "opportunity",
            name=f"Chairs {number}",
            account_id=(globex, initech)[number % 2],
            contact_id=ann,
            amount=100.5 + number,
            status_id="1",
            tags=["a", "b"],
        )
    return acme


def counts(job):
    return {word: number for word, number in job.counts.items() if number}


def change_here(model, id, **fields):
    with acting(None, Door.COMMAND, label="test"):
        row = model.objects.get(pk=id)
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()


def row_of(model, name):
    return model.objects.get(name=name)


def test_everything_arrives_with_its_references(world, pull):
    job = pull()
    assert (job.state, counts(job)) == (State.SUCCEEDED, {"new": 8})
    chairs = Opportunity.objects.select_related("account", "primary_contact__account").get(name="Chairs 0")
    assert (chairs.account.name, chairs.primary_contact.name) == ("Globex", "Ann Lee")
    assert (chairs.amount, chairs.currency, chairs.primary_contact.account) == (Decimal("100.5"), "USD", chairs.account)
    assert rows.read("opportunity", [chairs.pk])[chairs.pk].tags == ["a", "b"]
    assert Link.objects.get(kind="opportunity", object_id=chairs.pk).base["name"] == "Chairs 0"
    assert (job.done, job.total) == (8, 8)


def test_a_pull_run_twice_changes_nothing(world, pull):
    pull()
    links, changes = list(Link.objects.order_by("id").values()), Change.objects.count()
    assert counts(pull()) == {}
    job = pull(full=True)
    assert (job.state, counts(job)) == (State.SUCCEEDED, {"unchanged": 8})
    assert list(Link.objects.order_by("id").values()) == links
    assert Change.objects.count() == changes


def test_what_changed_there_changes_here_and_says_who_did_it(world, pull, connection):
    pull()
    world.change("account", 101, name="Globex Corporation")
    job = pull()
    assert counts(job) == {"updated": 1}
    assert Account.objects.filter(name="Globex Corporation").exists()
    change = Change.objects.filter(kind="account").latest("id")
    assert (change.door, change.connection_id, change.job_id) == (Door.PULL, connection.pk, job.pk)


def test_the_highest_id_the_vendor_gave_is_known(world, pull):
    pull()
    assert HighestId.objects.get(kind="opportunity").last == max(world.records["opportunity"])


def test_a_change_here_stands_until_it_is_pushed_and_one_there_beside_it_arrives(world, pull):
    pull()
    chairs = row_of(Opportunity, "Chairs 1")
    change_here(Opportunity, chairs.pk, description="Ours")
    world.change("opportunity", 105, name="Tables")
    pull()
    chairs.refresh_from_db()
    assert (chairs.name, chairs.description) == ("Tables", "Ours")


def test_a_field_changed_on_both_sides_is_a_conflict_until_both_agree(world, pull):
    pull()
    chairs = row_of(Opportunity, "Chairs 1")
    change_here(Opportunity, chairs.pk, name="Ours")
    world.change("opportunity", 105, name="Theirs", probability=10)
    job = pull()
    assert counts(job) == {"updated": 1, "conflicts": 1}
    conflict = Conflict.objects.get()
    assert (conflict.field, conflict.base, conflict.here, conflict.there) == ("name", "Chairs 1", "Ours", "Theirs")
    world.change("opportunity", 105, name="Theirs again")
    assert counts(pull()) == {"unchanged": 1}
    conflict.refresh_from_db()
    assert (conflict.there, conflict.settled_at) == ("Theirs again", None)
    world.change("opportunity", 105, name="Ours")
    pull()
    conflict.refresh_from_db()
    assert conflict.settled_at is not None
    chairs.refresh_from_db()
    assert (chairs.name, chairs.probability) == ("Ours", 10)


def test_a_conflict_is_not_over_because_the_vendor_says_nothing_of_it(world, pull, connection):
    pull()
    chairs = row_of(Opportunity, "Chairs 1")
    change_here(Opportunity, chairs.pk, name="Ours")
    world.change("opportunity", 105, name="Theirs")
    pull()
    wire = {key: value for key, value in world.wire("opportunity", 105).items() if key != "name"} | {"amount": 7}
    with acting(None, Door.PULL, connection=connection.pk, label="test"):
        take_in(connection, [Item("opportunity", "105", wire, vendor.OPPORTUNITY)])
    assert Conflict.objects.get().settled_at is None


@pytest.mark.parametrize(
    ("policy", "name", "pushed"), [("vendor", "Theirs", []), ("ours", "Ours", ["name"]), ("newest", "Ours", ["name"])]
)
def test_the_connections_policy_settles_what_both_changed(make_connection, pull, policy, name, pushed):
    connection = make_connection("other", policy=policy)
    world = vendor.WORLDS[connection.base_url]
    id = world.add("account", name="Globex")
    pull(connection)
    globex = row_of(Account, "Globex")
    change_here(Account, globex.pk, name="Ours")
    world.change("account", id, name="Theirs")  # in the first days of November: long before now
    pull(connection)
    globex.refresh_from_db()
    assert globex.name == name
    assert [push.fields for push in Push.objects.filter(connection=connection)] == ([pushed] if pushed else [])
    assert not Conflict.objects.exists()


def test_an_amount_the_vendor_gives_is_in_the_connections_currency(make_connection, pull):
    connection = make_connection("mexico", currency="MXN")
    world = vendor.WORLDS[connection.base_url]
    id = world.add("opportunity", name="Chairs", amount=10)
    pull(connection)
    chairs = row_of(Opportunity, "Chairs")
    assert (chairs.amount, chairs.currency) == (Decimal(10), "MXN")
    world.change("opportunity", id, amount=20)
    pull(connection)
    chairs.refresh_from_db()
    assert (chairs.amount, chairs.currency) == (Decimal(20), "MXN")


def test_an_amount_a_push_has_converted_is_no_change_when_it_comes_back(world, pull):
    pull()
    chairs = row_of(Opportunity, "Chairs 0")
    change_here(Opportunity, chairs.pk, amount=Decimal(2000), currency="MXN")
    link = Link.objects.get(kind="opportunity", object_id=chairs.pk)
    sent = {"here": "2000", "here_currency": "MXN", "there": "110.50"}
    link.converted, link.base, link.digest = {"amount": sent}, link.base | {"amount": "110.5"}, b""
    link.save()
    world.change("opportunity", int(link.remote_id), amount=110.5, description="Sent")
    assert counts(pull()) == {"updated": 1}
    chairs.refresh_from_db()
    assert (chairs.amount, chairs.currency, chairs.description) == (Decimal(2000), "MXN", "Sent")
    link.refresh_from_db()
    assert link.converted == {"amount": sent}
    world.change("opportunity", int(link.remote_id), amount=120)
    pull()
    chairs.refresh_from_db()
    link.refresh_from_db()
    assert (chairs.amount, chairs.currency, link.converted) == (Decimal(120), "USD", None)


def test_what_is_only_mentioned_is_made_once_and_filled_in_when_it_comes_itself(connection, acme, pull):
    acme.without_lists |= {"account"}
    globex = acme.add("account", name="Globex", website="https://globex.com")
    for number in range(2):
        acme.add("opportunity", name=f"Chairs {number}", account_id=globex)
    assert counts(pull()) == {"new": 2, "mentioned": 1}
    assert Link.objects.get(kind="account").is_stub
    acme.without_lists.clear()
    assert counts(pull()) == {"updated": 1}
    assert (Account.objects.get().website, Opportunity.objects.filter(account__name="Globex").count()) == (
        "https://globex.com",
        2,
    )
    assert not Link.objects.get(kind="account").is_stub


def test_a_mention_changes_nothing_of_what_is_here(connection, acme, pull):
    globex = acme.add("account", name="Globex", website="https://globex.com")
    pull()
    acme.without_lists |= {"account"}
    acme.records["account"][globex]["name"] = "Called otherwise"
    acme.add("opportunity", name="Chairs", account_id=globex)
    assert counts(pull()) == {"new": 1}
    assert (Account.objects.get().name, Link.objects.get(kind="account").is_stub) == ("Globex", False)


def test_a_record_joins_the_row_that_has_its_email(connection, acme, pull):
    with acting(None, Door.COMMAND, label="test"):
        ann = Contact.objects.create(name="Ann", emails=[{"address": "ann@globex.com"}], job_title="Buyer")
    acme.add("contact", name="Ann", email="ANN@globex.com", mobile="5550100")
    assert counts(pull()) == {"updated": 1, "conflicts": 1}  # the email is spelt otherwise
    ann.refresh_from_db()
    assert (ann.phones, ann.job_title) == ([{"number": "5550100", "kind": "mobile"}], "Buyer")
    assert Link.objects.get(kind="contact").object_id == ann.pk


def test_a_reference_to_what_comes_later_is_settled_then(connection, acme, pull):
    acme.without_lists |= {"account"}
    globex = acme.add("account", name="")  # such a mention can't become a record
    acme.add("opportunity", name="Chairs", account_id=globex)
    assert counts(pull()) == {"new": 1}
    assert Opportunity.objects.get().account is None
    acme.without_lists.clear()
    acme.change("account", globex, name="Globex")
    pull()
    assert Opportunity.objects.get().account.name == "Globex"
    assert counts(pull(full=True)) == {"unchanged": 2}


def test_what_our_own_push_is_at_work_on_is_left_for_the_next_pull(world, pull, connection):
    pull()
    link = Link.objects.get(kind="opportunity", remote_id="105")
    push = Push.objects.create(
        connection=connection, kind="opportunity", object_id=link.object_id, operation="update", state="sending"
    )
    world.change("opportunity", 105, name="Read before the push was done")
    assert counts(pull()) == {"unchanged": 1}
    link.refresh_from_db()
    assert (bytes(link.digest), Opportunity.objects.filter(name="Chairs 1").count()) == (b"", 1)
    push.state, push.ended_at = "done", timezone.now() - timedelta(minutes=1)
    push.save()
    assert counts(pull(full=True))["updated"] == 1


def test_what_our_own_create_is_just_making_is_not_taken_for_a_new_record(world, pull, connection):
    pull()
    Push.objects.create(
        connection=connection,
        kind="account",
        object_id=1,
        operation="create",
        state="uncertain",
        sent={"name": "Made by us"},
    )
    world.add("account", name="Made by us")
    world.add("account", name="Made by them")
    assert counts(pull()) == {"new": 1, "unchanged": 1}
    assert not Account.objects.filter(name="Made by us").exists()


def test_what_was_deleted_here_comes_back_when_it_changes_there(make_connection, pull):
    connection = make_connection("reading", pushes=False)
    world = vendor.WORLDS[connection.base_url]
    id = world.add("account", name="Globex")
    pull(connection)
    with acting(None, Door.COMMAND, label="test"):
        Account.objects.get().delete()
    assert counts(pull(connection, full=True)) == {"unchanged": 1}
    world.change("account", id, name="Globex Corporation")
    assert counts(pull(connection)) == {"new": 1}
    assert Link.objects.get(kind="account").object_id == Account.objects.get(name="Globex Corporation").pk


def test_what_was_deleted_here_stays_so_where_the_delete_is_to_be_pushed(world, pull):
    pull()
    initech = row_of(Account, "Initech")
    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.filter(account=initech).update(account=None)
        initech.delete()
    world.change("account", 102, name="Initech Corporation")
    assert counts(pull()) == {"unchanged": 1}
    assert not Account.objects.filter(name__startswith="Initech").exists()


def test_the_vendors_clock_moving_on_is_no_news(world, pull):
    pull()
    world.change("account", 101)
    assert counts(pull()) == {"unchanged": 1}
    assert row_of(Account, "Globex").changed_there == world.now


PEOPLE = Mapping(
    "contact",
    records.Contact,
    Field("name", "name"),
    Numbers("emails", {"email": ""}, struct=records.Email),
    Reference("boss_id", "reports_to", "contact"),
)


def person(id, email, **more):
    return Item("contact", id, {"id": id, "name": email, "email": f"{email}@globex.com"} | more, PEOPLE)


def test_records_that_meet_their_rows_on_one_page_know_each_other(connection, acme):
    with acting(None, Door.COMMAND, label="test"):
        bob = Contact.objects.create(name="bob", emails=[{"address": "bob@globex.com"}])
        ann = Contact.objects.create(name="ann", emails=[{"address": "ann@globex.com"}], reports_to=bob)
        ian = Contact.objects.create(name="ian", emails=[{"address": "ian@globex.com"}])
    with acting(None, Door.PULL, connection=connection.pk, label="test"):
        people = [person("1", "ann", boss_id="2"), person("2", "bob"), person("3", "ian", boss_id="2")]
        assert +take_in(connection, people) == {"unchanged": 3}
    ann.refresh_from_db()
    ian.refresh_from_db()
    assert (ann.reports_to, ian.reports_to, Conflict.objects.count()) == (bob, bob, 0)
    assert not Link.objects.filter(digest=b"").exists()


@pytest.mark.parametrize(("boss", "conflicts"), [("bob", 0), ("ian", 1)])
def test_records_that_meet_their_rows_on_different_pages_know_each_other_in_the_end(connection, acme, boss, conflicts):
    with acting(None, Door.COMMAND, label="test"):
        rows_here = {
            name: Contact.objects.create(name=name, emails=[{"address": f"{name}@globex.com"}])
            for name in ("ann", "bob", "ian")
        }
        Contact.objects.filter(name="ann").update(reports_to=rows_here[boss])
    with acting(None, Door.PULL, connection=connection.pk, label="test"):
        taking, since = Taking(connection), timezone.now()
        assert +taking.take([person("1", "ann", boss_id="2")], since=since) == {"unchanged": 1}
        assert +taking.take([person("2", "bob"), person("3", "ian")], since=since) == {"unchanged": 2}
        assert not Conflict.objects.exists()
        taking.take(taking.unsettled, since=since)
    assert Conflict.objects.count() == conflicts
    assert Contact.objects.get(name="ann").reports_to == rows_here[boss]
    assert not Link.objects.filter(digest=b"").exists()


def test_one_that_met_its_row_and_cant_be_taken_in_has_not_met_it(connection, acme):
    with acting(None, Door.COMMAND, label="test"):
        Contact.objects.create(name="ann", emails=[{"address": "ann@globex.com"}])
    with acting(None, Door.PULL, connection=connection.pk, label="test"):
        ann = person("1", "ann", name="\ud800")
        assert +take_in(connection, [ann]) == {"set_aside": 1}
    assert Link.objects.count() == 0
