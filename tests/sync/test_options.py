"""What entries of a vendor's lists mean here: proposed where it is evident, settled by a person, never guessed."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Choice, Opportunity, Rep
from backoffice.crm.records import Ref
from backoffice.sync.meanings import options, spreading
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Link, Option
from connectors.kit.contract import VendorEntry
from tests.sync import vendor

pytestmark = [pytest.mark.db, pytest.mark.django_db]

USER = "users"


@pytest.fixture(autouse=True)
def someone_acts(db):
    with acting(None, Door.COMMAND, label="test"):
        yield


def stage(label, status="open"):
    return Choice.objects.create(list="stage", label=label, status=status)


def rep(given="Ren", family="Test", **more):
    return Rep.objects.create(given=given, family=family, **more)


def option(connection, of="statuses", **values):
    return Option.objects.get(connection=connection, list=of, **values)


def entry(connection, of="statuses", id="9", label="Waiting", **extras):
    options.refresh(connection, [VendorEntry(of, id, label, extras)])
    return option(connection, of, remote_id=id)


def test_the_vendors_lists_are_kept_as_they_are_there(connection):
    options.refresh(connection, vendor.ENTRIES)
    assert Option.objects.filter(connection=connection).count() == len(vendor.ENTRIES)
    options.refresh(connection, [VendorEntry("statuses", "1", "Prospects"), *vendor.ENTRIES[1:-1]])
    assert option(connection, remote_id="1").label == "Prospects"
    gone = option(connection, "users", remote_id="nobody")
    assert gone.gone_at is not None
    options.refresh(connection, vendor.ENTRIES)
    gone.refresh_from_db()
    assert gone.gone_at is None


def test_refreshing_keeps_what_entries_mean(connection):
    options.refresh(connection, vendor.ENTRIES)
    options.mean(option(connection, remote_id="1"), by=None, choice=stage("First talk"))
    options.refresh(connection, [VendorEntry("statuses", "1", "Renamed")])
    assert option(connection, remote_id="1").choice.label == "First talk"


def test_the_lists_of_one_connection_leave_anothers_alone(connection, make_connection):
    other = make_connection("b")
    options.refresh(other, vendor.ENTRIES)
    options.refresh(connection, vendor.ENTRIES[:1])
    assert not Option.objects.filter(connection=other).exclude(gone_at=None).exists()


@pytest.mark.parametrize(
    ("label", "extras", "ours"),
    [
        ("negotiation", {}, "Negotiation"),
        ("Closed - Won", {}, "Closed Won"),
        ("Cerrada ganada", {}, "Closed Won"),
        ("Yes!", {"status": "won"}, "Closed Won"),
        ("Perdida", {}, "Closed lost"),
        ("Negociación", {}, "Negotiation"),
        ("Waiting for the moon", {}, None),
        ("Yes!", {"status": "open"}, None),
    ],
)
def test_a_stage_is_proposed_by_its_name_or_by_what_such_names_usually_mean(connection, label, extras, ours):
    stage("Negotiation")
    stage("Closed Won", "won")
    stage("Closed lost", "lost")
    found = entry(connection, label=label, **extras)
    assert options.propose(connection) == (ours is not None)
    found.refresh_from_db()
    assert (found.choice and found.choice.label) == ours
    assert not found.is_chosen


def test_where_two_of_ours_would_do_nothing_is_proposed(connection):
    stage("Won here", "won")
    stage("Won there", "won")
    entry(connection, label="Ganada")
    assert options.propose(connection) == 0


@pytest.mark.parametrize(
    ("id", "label", "extras"),
    [
        ("u1", "R. T.", {"email": "REN@example.com"}),
        ("ren@example.com", "R. T.", {}),
        ("RenT", "R. T.", {}),
        ("u1", "ren  test", {}),
        ("ren", "ren", {}),
    ],
)
def test_a_user_is_proposed_by_email_login_or_name(connection, id, label, extras):
    ren = rep(email="ren@example.com", username="rent")
    rep("Someone", "Else", email="someone@example.com")
    found = entry(connection, USER, id, label, **extras)
    options.propose(connection)
    found.refresh_from_db()
    assert found.rep == ren


def test_a_name_two_reps_bear_is_nobodys(connection):
    rep(email="a@example.com")
    rep(email="b@example.com")
    entry(connection, USER, "u1", "Ren Test")
    assert options.propose(connection) == 0


def test_what_a_person_settled_is_not_proposed_anew(connection):
    ours = stage("Waiting")
    found = entry(connection, label="Waiting")
    options.mean(found, by=None)
    assert options.propose(connection) == 0
    found.refresh_from_db()
    assert (found.choice, found.is_chosen) == (None, True)
    assert ours.label == "Waiting"


def linked(connection, name, base, **fields):
    opportunity = Opportunity.objects.create(name=name, **fields)
    Link.objects.create(
        connection=connection, kind="opportunity", remote_id=name, object_id=opportunity.pk, base={"name": name} | base
    )
    return opportunity


def stages():
    return dict(Opportunity.objects.values_list("name", "stage__label"))


def test_a_meaning_reaches_the_records_that_have_the_entry(connection):
    found = entry(connection, label="Waiting")
    linked(connection, "has it", {"stage": {"label": "Waiting"}})
    linked(connection, "by id", {"stage": {"id": "9"}})
    linked(connection, "has another", {"stage": {"label": "Other"}})
    linked(connection, "was changed here", {"stage": {"label": "Waiting"}}, stage=stage("Ours"))
    assert options.mean(found, by=None, choice=stage("Patience")) == 2
    assert stages() == {"has it": "Patience", "by id": "Patience", "has another": None, "was changed here": "Ours"}


def test_another_meaning_takes_the_earlier_ones_place(connection):
    found = entry(connection, label="Waiting")
    linked(connection, "a", {"stage": {"label": "Waiting"}})
    options.mean(found, by=None, choice=stage("Wrong"))
    options.mean(found, by=None, choice=stage("Right"))
    assert stages() == {"a": "Right"}
    options.mean(found, by=None)
    assert stages() == {"a": None}


def test_a_spread_meaning_is_no_change_to_send_to_the_vendor_it_came_from(connection, admin_user):
    found = entry(connection, label="Waiting")
    row = linked(connection, "a", {"stage": {"label": "Waiting"}})
    options.mean(found, by=admin_user, choice=stage("Patience"))
    change = Change.objects.filter(kind="opportunity", object_id=row.pk).latest("id")
    assert (change.connection_id, change.door, change.actor) == (connection.pk, "pull", admin_user.pk)


def test_entries_and_reps_are_made_for_what_means_nothing_when_a_person_wants_it(connection):
    options.refresh(connection, vendor.ENTRIES)
    assert options.adopt(connection, by=None, lists=["statuses"]) == 4
    assert list(
        Choice.objects.filter(list="stage").order_by("order").values_list("label", "status", "probability")
    ) == [
        ("Prospecting", "open", None),
        ("Negotiation", "open", None),
        ("Won", "won", 100),
        ("Lost", "lost", 0),
    ]
    assert options.adopt(connection, by=None) == 3
    ren = option(connection, USER, remote_id="ren").rep
    assert (ren.given, ren.family, ren.email, ren.username) == ("Ren", "Test", "ren@example.com", "ren")


def test_what_a_person_says_means_nothing_is_left_so(connection):
    options.refresh(connection, vendor.ENTRIES)
    options.mean(option(connection, remote_id="1"), by=None)
    assert options.adopt(connection, by=None, lists=["statuses"]) == 3
    left = option(connection, remote_id="1")
    assert (left.choice, left.is_chosen) == (None, True)
    assert not Choice.objects.filter(label="Prospecting").exists()


def test_what_means_nothing_is_listed_with_its_uses(connection):
    options.refresh(connection, vendor.ENTRIES)
    linked(connection, "a", {"stage": {"label": "Won"}, "owner": {"id": "nobody"}})
    linked(connection, "b", {"stage": {"label": "won"}})
    options.mean(option(connection, remote_id="4"), by=None, choice=stage("Lost", "lost"))
    listed = [(found.label, used) for found, used in options.unmapped(connection)]
    assert listed[:2] == [("Won", 2), ("Nobody Here", 1)]
    assert "Lost" not in dict(listed)
    assert spreading.used(connection)[option(connection, remote_id="3").pk] == 2


def test_entries_are_looked_up_both_ways(connection):
    won = stage("Won", "won")
    options.refresh(connection, vendor.ENTRIES)
    options.propose(connection)
    known = Options(connection)
    assert known.choice_of("statuses", Ref(label="won")) == won.pk
    assert known.choice_of("statuses", Ref(id="3")) == won.pk
    assert known.choice_of("statuses", Ref(label="Negotiation")) is None
    assert known.ref_of("statuses", won.pk) == Ref("3", "Won")
    assert known.ref_of("statuses", stage("Other").pk) is None


def test_of_several_entries_of_one_meaning_the_agreed_one_is_kept(connection):
    won = stage("Won", "won")
    both = [VendorEntry("statuses", "3", "Won"), VendorEntry("statuses", "5", "Won by post")]
    options.refresh(connection, both)
    for each in Option.objects.all():
        options.mean(each, by=None, choice=won)
    known = Options(connection)
    assert known.ref_of("statuses", won.pk, Ref(label="Won by post")) == Ref("5", "Won by post")
    assert known.ref_of("statuses", won.pk, Ref(id="3")) == Ref("3", "Won")
    assert known.ref_of("statuses", won.pk, Ref(label="Lost")) == Ref("3", "Won")
    options.refresh(connection, both[1:])
    known = Options(connection)
    assert known.ref_of("statuses", won.pk) == Ref("5", "Won by post")
    assert known.ref_of("statuses", won.pk, Ref(id="3")) == Ref("3", "Won")


def test_a_label_that_two_entries_bear_means_something_only_if_both_mean_it(connection):
    options.refresh(connection, [VendorEntry("statuses", "3", "Done"), VendorEntry("statuses", "5", "Done")])
    first, second = Option.objects.order_by("remote_id")
    won = stage("Won", "won")
    options.mean(first, by=None, choice=won)
    assert Options(connection).choice_of("statuses", Ref(label="Done")) is None
    options.mean(second, by=None, choice=won)
    assert Options(connection).choice_of("statuses", Ref(label="Done")) == won.pk


def test_an_entry_only_records_have_is_learnt_mapped_if_it_can_be_and_never_sent(connection):
    ren = rep(username="left")
    known = Options(connection)
    known.learn([(USER, Ref(id="left")), ("statuses", Ref(label="Retired stage")), ("no list of theirs", Ref(id="x"))])
    assert known.rep_of(USER, Ref(id="left")) == ren.pk
    assert known.ref_of(USER, ren.pk) is None
    assert known.ref_of(USER, ren.pk, Ref(id="left")) == Ref("left", "left")
    assert [(each.list, each.label) for each, _ in options.unmapped(connection)] == [("statuses", "Retired stage")]
