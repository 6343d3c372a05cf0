"""Settling a conflict, field by field."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Account, Choice, Opportunity
from backoffice.sync import conflicts
from backoffice.sync.models import Conflict, Connection, Link, Operation, Option, Push, Side

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def chairs(connection):
    """An opportunity of ours, linked as Acme's number 7."""
    with acting(None, Door.COMMAND, label="test"):
        row = Opportunity.objects.create(name="Our chairs", amount=5, currency="EUR", custom={"colour": "red"})
    base = {"name": "Chairs", "amount": "4", "custom": {"colour": "white"}, "stage": None, "account": None}
    Link.objects.create(connection=connection, kind="opportunity", remote_id="7", object_id=row.pk, base=base)
    return row


@pytest.fixture
def conflict_of(connection, chairs):
    def make(field, here, there, base=None):
        return Conflict.objects.create(
            connection=connection,
            kind="opportunity",
            object_id=chairs.pk,
            field=field,
            base=base,
            here=here,
            there=there,
        )

    return make


def base_of(chairs):
    return Link.objects.get(object_id=chairs.pk).base


def test_taking_theirs_writes_it_here_and_agrees(chairs, conflict_of, operations_user):
    conflict = conflicts.settle(conflict_of("name", "Our chairs", "Their chairs"), Side.THERE, operations_user)
    chairs.refresh_from_db()
    assert (chairs.name, base_of(chairs)["name"]) == ("Their chairs", "Their chairs")
    assert (conflict.taken, conflict.settled_by) == (Side.THERE, operations_user)
    assert conflict.settled_at is not None
    assert not Push.objects.exists()


def test_what_was_taken_from_a_vendor_came_over_its_connection(chairs, conflict_of, connection, operations_user):
    conflicts.settle(conflict_of("name", "Our chairs", "Their chairs"), Side.THERE, operations_user)
    change = Change.objects.filter(kind="opportunity", object_id=chairs.pk).latest("id")
    assert (change.connection_id, change.actor, change.door) == (connection.pk, operations_user.pk, Door.CONSOLE)


def test_taking_ours_agrees_on_theirs_and_has_ours_sent(chairs, conflict_of, operations_user):
    conflicts.settle(conflict_of("name", "Our chairs", "Their chairs"), Side.HERE, operations_user)
    chairs.refresh_from_db()
    assert (chairs.name, base_of(chairs)["name"]) == ("Our chairs", "Their chairs")
    push = Push.objects.get()
    assert (push.operation, push.object_id, push.fields) == (Operation.UPDATE, chairs.pk, ["name"])


def test_an_amount_is_taken_with_its_currency(chairs, conflict_of, operations_user):
    conflicts.settle(conflict_of("amount", "5 EUR", "12.5"), Side.THERE, operations_user)
    chairs.refresh_from_db()
    assert (str(chairs.amount.normalize()), chairs.currency) == ("12.5", "USD")


def test_of_custom_fields_only_the_one_in_conflict_changes(chairs, conflict_of, operations_user):
    conflicts.settle(conflict_of("custom.colour", "red", "blue"), Side.THERE, operations_user)
    chairs.refresh_from_db()
    assert chairs.custom == {"colour": "blue"}
    assert base_of(chairs)["custom"] == {"colour": "blue"}


def test_an_entry_of_a_list_becomes_what_it_means_here(chairs, conflict_of, connection, operations_user):
    with acting(None, Door.COMMAND, label="test"):
        won = Choice.objects.create(list="stage", label="Closed won", status="won")
    Option.objects.create(connection=connection, list="statuses", remote_id="3", label="Won", choice=won)
    conflicts.settle(conflict_of("stage", None, {"label": "Won"}), Side.THERE, operations_user)
    chairs.refresh_from_db()
    assert chairs.stage == won


def test_a_reference_becomes_our_record(chairs, conflict_of, connection, operations_user):
    with acting(None, Door.COMMAND, label="test"):
        globex = Account.objects.create(name="Globex")
    Link.objects.create(connection=connection, kind="account", remote_id="9", object_id=globex.pk)
    conflicts.settle(conflict_of("account", None, {"id": "9"}), Side.THERE, operations_user)
    chairs.refresh_from_db()
    assert chairs.account == globex


@pytest.mark.parametrize(
    ("field", "there", "words"),
    [
        ("stage", {"label": "Frozen"}, "means nothing here yet"),
        ("account", {"id": "9"}, "not here yet"),
        ("name", "", "is missing"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_is_changed(chairs, conflict_of, operations_user, field, there, words):
    conflict = conflict_of(field, None, there)
    before = base_of(chairs)
    with pytest.raises(conflicts.CannotSettle, match=words):
        conflicts.settle(conflict, Side.THERE, operations_user)
    conflict.refresh_from_db()
    assert (conflict.settled_at, base_of(chairs)) == (None, before)


def test_a_conflict_is_settled_once(chairs, conflict_of, operations_user):
    conflict = conflict_of("name", "Our chairs", "Their chairs")
    conflicts.settle(conflict, Side.HERE, operations_user)
    with pytest.raises(conflicts.SettledAlready):
        conflicts.settle(conflict, Side.THERE, operations_user)
    chairs.refresh_from_db()
    assert chairs.name == "Our chairs"


def test_a_record_that_is_linked_no_more_is_not_touched(chairs, conflict_of, operations_user):
    conflict = conflict_of("name", "Our chairs", "Their chairs")
    Link.objects.all().delete()
    with pytest.raises(conflicts.CannotSettle, match="not linked"):
        conflicts.settle(conflict, Side.THERE, operations_user)


@pytest.mark.parametrize("side", Side)
def test_a_conflict_of_what_is_gone_can_not_be_settled(chairs, conflict_of, operations_user, side):
    made = conflict_of("name", "Our chairs", "Their chairs")
    Link.objects.update(gone_at=made.opened_at)
    with pytest.raises(conflicts.CannotSettle, match="does not have the record any more"):
        conflicts.settle(made, side, operations_user)
    Link.objects.update(gone_at=None)
    with acting(None, Door.COMMAND, label="test"):
        chairs.delete()
    with pytest.raises(conflicts.CannotSettle, match="not here any more"):
        conflicts.settle(made, side, operations_user)
    assert not Push.objects.exists()


def test_the_next_pull_closes_conflicts_of_what_is_gone_and_no_others(connection, acme, pull):
    ids = [acme.add("account", name=f"Account {number}", description="Both") for number in range(3)]
    pull()
    rows = [Account.objects.get(name=f"Account {number}") for number in range(3)]
    with acting(None, Door.COMMAND, label="test"):
        Account.objects.update(description="Ours")
    for id in ids:
        acme.change("account", id, description="Theirs")
    pull()
    assert Conflict.objects.filter(settled_at=None).count() == 3
    with acting(None, Door.COMMAND, label="test"):
        rows[0].delete()
        Connection.objects.update(most_archived_percent=100)
    acme.remove("account", ids[1])
    pull(full=True)
    (left,) = Conflict.objects.filter(settled_at=None)
    assert left.object_id == rows[2].pk
    assert set(Conflict.objects.exclude(settled_at=None).values_list("taken", "settled_by")) == {("", None)}
