"""What a facade is shown of our records, and what becomes of its writes."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection as database
from msgspec import UNSET

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Account, Choice, Contact, Note, Opportunity, Rep
from backoffice.crm.records import Account as AccountRecord
from backoffice.crm.records import Note as NoteRecord
from backoffice.crm.records import Opportunity as OpportunityRecord
from backoffice.crm.records import Ref
from backoffice.sync.facades import keys
from backoffice.sync.facades.store import DomainStore
from backoffice.sync.models import Connection, ConnectionState, HighestId, Link, Option
from connectors.kit.errors import Forbidden, Invalid, Missing, Unavailable, Uncertain
from connectors.kit.store import Condition, Query
from connectors.kit.store import Test as Is

pytestmark = [pytest.mark.db, pytest.mark.django_db]

DAY = datetime(2026, 11, 2, 8, tzinfo=UTC)


def here():
    return acting(None, Door.COMMAND, label="test")


def made(connection, kind, remote_id, model, /, **columns):
    """A row of ours, linked."""
    with here():
        row = model.objects.create(**columns)
    Link.objects.create(connection=connection, kind=kind, remote_id=str(remote_id), object_id=row.pk)
    return row


def opportunity(connection, remote_id, name, **columns):
    return made(connection, "opportunity", remote_id, Opportunity, name=name, **columns)


@pytest.fixture
def store_of():
    def store(connection, rep=None):
        key, _secret = keys.issue(connection, rep)
        return DomainStore(connection, key)

    return store


@pytest.fixture
def store(connection, store_of):
    """As an administrator there sees the connection."""
    return store_of(connection)


@pytest.fixture
def retired(connection):
    with here():
        connection.state = ConnectionState.RETIRED
        connection.save()
    return connection


def ids(store, *conditions, kind="opportunity", **query):
    return [each.id for each in store.find(kind, Query(conditions, **query)).found]


# What is shown.


def test_only_what_is_linked_to_the_connection_is_there(store, connection, make_connection):
    opportunity(connection, 7, "Chairs")
    opportunity(make_connection("b"), 8, "Tables")
    with here():
        Opportunity.objects.create(name="Lamps")
    assert ids(store) == ["7"]
    assert store.get("opportunity", "8") is None


def test_what_is_gone_at_the_vendor_is_not_there(store, connection):
    opportunity(connection, 7, "Chairs")
    Link.objects.update(gone_at=DAY)
    assert ids(store) == []
    assert store.get("opportunity", "7") is None


def test_references_have_the_vendors_ids_and_names(store, connection):
    account = made(connection, "account", 3, Account, name="Globex")
    with here():
        stage = Choice.objects.create(list="stage", label="Talking", status="open")
        ren = Rep.objects.create(given="Ren", family="Test")
    Option.objects.create(connection=connection, list="statuses", remote_id="2", label="Negotiation", choice=stage)
    Option.objects.create(connection=connection, list="users", remote_id="ren", label="Ren Test", rep=ren)
    opportunity(connection, 7, "Chairs", account=account, stage=stage, owner=ren)
    record = store.get("opportunity", "7").record
    assert record.account == Ref("3", "Globex")
    assert record.stage == Ref("2", "Negotiation")
    assert record.owner == Ref("ren", "Ren Test")


def test_what_the_vendor_does_not_know_is_shown_by_our_name(store, connection):
    with here():
        stage = Choice.objects.create(list="stage", label="Brand new", status="open")
        account = Account.objects.create(name="Initech")
    opportunity(connection, 7, "Chairs", stage=stage, account=account)
    record = store.get("opportunity", "7").record
    assert (record.stage, record.account) == (Ref(label="Brand new"), Ref(label="Initech"))


def test_an_entry_that_means_nothing_here_stays_as_it_was_agreed(store, connection):
    Option.objects.create(connection=connection, list="statuses", remote_id="1", label="Prospecting")
    opportunity(connection, 7, "Chairs")
    Link.objects.update(base={"stage": {"label": "Prospecting"}})
    assert store.get("opportunity", "7").record.stage == Ref("1", "Prospecting")


def test_an_amount_in_another_currency_is_shown_in_the_connections(store, connection):
    opportunity(connection, 7, "Chairs", amount=5, currency="EUR")
    sent = {"here": "5", "here_currency": "EUR", "there": "5.80", "there_currency": "USD", "rate": "1.16"}
    Link.objects.update(converted={"amount": sent | {"month": "2026-11-01"}})
    assert store.get("opportunity", "7").record.amount == Decimal("5.80")


def test_a_page_costs_the_same_however_many_rows_it_has(store, connection, django_assert_max_num_queries):
    for number in range(12):
        account = made(connection, "account", number, Account, name=f"Account {number}")
        opportunity(connection, number, f"Chairs {number}", account=account)
    ids(store)
    with django_assert_max_num_queries(9):
        assert len(ids(store, limit=10, order=["name"])) == 10


# What is asked for.


def test_names_are_found_by_pattern_whatever_the_case(store, connection):
    opportunity(connection, 1, "Blue chairs (50%)")
    opportunity(connection, 2, "Tables")
    assert ids(store, Condition("name", Is.LIKE, "*CHAIRS*")) == ["1"]
    assert ids(store, Condition("name", Is.LIKE, "chairs*")) == []
    assert ids(store, Condition("name", Is.LIKE, "blue*(50%)")) == ["1"]
    assert ids(store, Condition("name", Is.IS, "Tables")) == ["2"]


def test_references_are_found_by_the_vendors_id_or_label(store, connection):
    account = made(connection, "account", 3, Account, name="Globex")
    with here():
        stage = Choice.objects.create(list="stage", label="Talking", status="open")
    Option.objects.create(connection=connection, list="statuses", remote_id="2", label="Negotiation", choice=stage)
    opportunity(connection, 1, "Chairs", account=account, stage=stage)
    opportunity(connection, 2, "Tables")
    assert ids(store, Condition("account", Is.IS, "3")) == ["1"]
    assert ids(store, Condition("account", Is.IS, "4")) == []
    assert ids(store, Condition("account", Is.LIKE, "glob*")) == ["1"]
    assert ids(store, Condition("stage", Is.IS, "2")) == ids(store, Condition("stage", Is.IS, "Negotiation"))
    assert ids(store, Condition("stage", Is.IS, "2")) == ["1"]
    assert ids(store, Condition("account", Is.IS_SET, False)) == ["2"]


def test_emails_phones_and_tags_are_looked_through(store, connection):
    with here():
        one = Contact.objects.create(name="Ann", emails=[{"address": "ann@globex.example"}], phones=[{"number": "1"}])
    Link.objects.create(connection=connection, kind="contact", remote_id="5", object_id=one.pk)
    assert ids(store, Condition("emails", Is.LIKE, "ANN@*"), kind="contact") == ["5"]
    assert ids(store, Condition("emails", Is.IS, "ann@globex.example"), kind="contact") == ["5"]
    assert ids(store, Condition("emails", Is.LIKE, "bob@*"), kind="contact") == []
    assert ids(store, Condition("phones", Is.IS_SET, False), kind="contact") == []
    opportunity(connection, 7, "Chairs")
    assert ids(store, Condition("tags", Is.IS, "big")) == []
    assert ids(store, Condition("tags", Is.IS_SET, False)) == ["7"]


def test_what_is_shown_as_changed_is_what_is_filtered_by(store, connection):
    opportunity(connection, 1, "Chairs", changed_there=DAY, created_there=DAY - timedelta(days=3))
    opportunity(connection, 2, "Tables")
    shown = {each.id: each.record for each in store.find("opportunity", Query()).found}
    assert (shown["1"].changed_there, shown["1"].created_there) == (DAY, DAY - timedelta(days=3))
    assert shown["2"].changed_there.microsecond == 0
    for each in ("1", "2"):
        at = shown[each].changed_there
        assert each in ids(store, Condition("changed_there", Is.AFTER, at - timedelta(seconds=1)))
        assert each not in ids(store, Condition("changed_there", Is.AFTER, at))
        assert each not in ids(store, Condition("changed_there", Is.BEFORE, at))
    assert ids(store, Condition("created_there", Is.BEFORE, DAY)) == ["1"]


def test_rows_come_in_order_by_page_with_the_total(store, connection):
    for remote_id, name in ((10, "b"), (9, "B"), (2, "a"), (1, "c")):
        opportunity(connection, remote_id, name)
    assert ids(store, order=["name"]) == ["2", "9", "10", "1"]
    assert ids(store, order=["-name"], limit=2) == ["1", "9"]
    page = store.find("opportunity", Query(order=["name"], offset=2, limit=1))
    assert ([each.id for each in page.found], page.total) == (["10"], 4)
    beyond = store.find("opportunity", Query(offset=9, limit=3))
    assert (list(beyond.found), beyond.total) == ([], 4)


def test_archived_ones_are_left_out_of_lists_and_still_shown_alone(store, connection):
    opportunity(connection, 7, "Chairs", archived_at=DAY)
    assert ids(store) == []
    assert ids(store, with_archived=True) == ["7"]
    assert store.get("opportunity", "7").record.archived_at == DAY


def test_kinds_the_vendor_does_not_have_are_empty(store):
    assert store.find("ticket", Query()).total == 0
    assert store.get("ticket", "1") is None


def test_entries_are_the_vendors_own(store, connection):
    Option.objects.create(connection=connection, list="statuses", remote_id="3", label="Won", extras={"status": "won"})
    Option.objects.create(connection=connection, list="statuses", remote_id="9", label="Old", gone_at=DAY)
    assert [(each.id, each.label, each.extras) for each in store.entries("statuses")] == [
        ("3", "Won", {"status": "won"})
    ]


# Who sees it.


def test_a_rep_sees_the_own_records_with_or_without_a_login(connection, store_of, rep_user, outsider_user):
    with here():
        lou = Rep.objects.create(given="Lou", family="Loginless")
    opportunity(connection, 1, "Ren's", owner=rep_user.rep)
    opportunity(connection, 2, "Lou's", owner=lou)
    opportunity(connection, 3, "Nobody's")
    assert ids(store_of(connection, rep_user.rep)) == ["1"]
    assert ids(store_of(connection, lou)) == ["2"]
    assert store_of(connection, lou).get("opportunity", "1") is None
    assert ids(store_of(connection)) == ["1", "2", "3"]


def test_a_manager_sees_the_team(connection, store_of, manager_user, rep_user):
    opportunity(connection, 1, "Ren's", owner=rep_user.rep)
    assert ids(store_of(connection, manager_user.rep)) == ["1"]


@pytest.fixture
def tactile(make_connection):
    return make_connection("tactile", vendor="tactile", currency="GBP")


@pytest.mark.parametrize("has_login", [True, False])
def test_private_notes_are_their_authors_and_administrators(tactile, store_of, rep_user, manager_user, has_login):
    with here():
        lou = Rep.objects.create(given="Lou", family="Loginless")
    author = rep_user.rep if has_login else lou
    deal = opportunity(tactile, 1, "Chairs", owner=author, assigned_to=manager_user.rep)
    made(tactile, "note", "note:5", Note, title="Secret", private=True, author=author, opportunity=deal)
    made(tactile, "note", "note:6", Note, title="Open", author=author, opportunity=deal)
    assert ids(store_of(tactile, author), kind="note") == ["note:5", "note:6"]
    assert ids(store_of(tactile, manager_user.rep), kind="note") == ["note:6"]
    assert ids(store_of(tactile), kind="note") == ["note:5", "note:6"]
    assert store_of(tactile).get("note", "5").id == "note:5"


def test_the_caller_is_whoever_the_vendor_calls_the_rep(connection, store_of, rep_user, store):
    Option.objects.create(connection=connection, list="users", remote_id="ren", label="Ren", rep=rep_user.rep)
    caller = store_of(connection, rep_user.rep).caller
    assert (caller.id, caller.name, caller.email, caller.is_admin) == ("ren", "Ren Test", "ren@example.com", False)
    assert store.caller.is_admin


# Writes to a vendor that is there.


def test_a_new_record_goes_to_the_vendor_first_and_is_then_ours(store, acme, connection):
    account = made(connection, "account", acme.add("account", name="Globex"), Account, name="Globex")
    ref = Ref(id=Link.objects.get(kind="account").remote_id)
    id = store.create("opportunity", OpportunityRecord(name="Tables", amount=Decimal(12), account=ref))
    assert acme.records["opportunity"][int(id)]["name"] == "Tables"
    row = Opportunity.objects.get()
    assert (row.name, row.amount, row.currency, row.account) == ("Tables", 12, "USD", account)
    assert store.get("opportunity", id).record.name == "Tables"


def test_what_came_over_the_facade_is_told_so_in_the_history(connection, store_of, rep_user, acme):
    Option.objects.create(connection=connection, list="users", remote_id="ren", label="Ren", rep=rep_user.rep)
    store_of(connection, rep_user.rep).create("opportunity", OpportunityRecord(name="Tables"))
    change = Change.objects.filter(kind="opportunity").latest("id")
    assert (change.door, change.actor, change.connection_id) == (Door.FACADE, rep_user.pk, connection.pk)


def test_only_what_is_set_is_sent_of_a_change(store, acme, connection):
    id = store.create("opportunity", OpportunityRecord(name="Tables", amount=Decimal(12)))
    store.update("opportunity", id, OpportunityRecord(name="Big tables"))
    assert acme.calls("PATCH")[-1].json == {"name": "Big tables"}
    row = Opportunity.objects.get()
    assert (row.name, row.amount) == ("Big tables", 12)


def test_the_vendors_refusal_is_the_answer_and_nothing_is_written(store, acme):
    with pytest.raises(Invalid, match="name is required"):
        store.create("opportunity", OpportunityRecord(name=""))
    assert not Opportunity.objects.exists()


@pytest.mark.parametrize("error", [Unavailable("down"), Uncertain("cut")])
def test_a_vendor_that_does_not_answer_is_no_success(store, acme, error):
    acme.fails(error, on="POST")
    with pytest.raises(type(error)):
        store.create("opportunity", OpportunityRecord(name="Tables"))
    assert not Opportunity.objects.exists()


def test_what_the_vendor_took_is_answered_though_it_could_not_be_taken_in_here(store, acme):
    acme.fails(Unavailable("down"), on="GET")
    id = store.create("opportunity", OpportunityRecord(name="Tables"))
    assert acme.records["opportunity"][int(id)]["name"] == "Tables"


def test_a_caller_the_vendor_does_not_know_is_not_named_to_it(connection, store_of, rep_user, acme):
    store = store_of(connection, rep_user.rep)
    caller = Ref(id=store.caller.id)
    store.create("opportunity", OpportunityRecord(name="Tables", owner=caller))
    assert "owner" not in acme.calls("POST")[0].json


def test_what_may_not_be_seen_is_not_changed(connection, store_of, rep_user, acme):
    opportunity(connection, 7, "Nobody's")
    with pytest.raises(Missing):
        store_of(connection, rep_user.rep).update("opportunity", "7", OpportunityRecord(name="Mine"))
    assert not acme.calls("PATCH")


@pytest.mark.parametrize("state", [ConnectionState.ACTIVE, ConnectionState.RETIRED])
def test_nobody_comes_to_see_a_strangers_record_by_pointing_at_it(
    state, connection, store_of, rep_user, outsider_user, acme
):
    made(connection, "account", 3, Account, name="Otto's", owner=outsider_user.rep)
    chairs = opportunity(connection, 7, "Chairs", owner=rep_user.rep)
    with here():
        connection.state = state
        connection.save()
    words = []
    for id in ("3", "4"):
        store = store_of(connection, rep_user.rep)
        for write in (
            lambda record, store=store: store.create("opportunity", record),
            lambda record, store=store: store.update("opportunity", "7", record),
        ):
            with pytest.raises(Invalid) as raised:
                write(OpportunityRecord(name="Mine", account=Ref(id=id)))
            words.append(str(raised.value).replace(id, "N"))
    assert len(set(words)) == 1
    assert store_of(connection, rep_user.rep).get("account", "3") is None
    chairs.refresh_from_db()
    assert (chairs.account, Opportunity.objects.count(), acme.calls("POST")) == (None, 1, [])


def test_what_a_record_refers_to_already_may_stay(retired, store_of, rep_user):
    account = made(retired, "account", 3, Account, name="Globex")
    chairs = opportunity(retired, 7, "Chairs", owner=rep_user.rep, account=account)
    store_of(retired, rep_user.rep).update("opportunity", "7", OpportunityRecord(name="Mine", account=Ref(id="3")))
    chairs.refresh_from_db()
    assert (chairs.name, chairs.account) == ("Mine", account)


def test_a_connection_that_only_pulls_refuses_writes(make_connection, store_of):
    connection = make_connection("b", pushes=False)
    opportunity(connection, 7, "Chairs")
    with pytest.raises(Forbidden):
        store_of(connection).create("opportunity", OpportunityRecord(name="Tables"))
    with pytest.raises(Forbidden):
        store_of(connection).update("opportunity", "7", OpportunityRecord(name="Tables"))


def test_a_paused_connection_asks_to_come_back_later(make_connection, store_of):
    connection = make_connection("b", state=ConnectionState.PAUSED)
    with pytest.raises(Unavailable):
        store_of(connection).create("opportunity", OpportunityRecord(name="Tables"))


# Writes when the vendor is gone.


def test_new_ids_go_on_above_the_highest_the_vendor_ever_gave(retired, store_of, acme):
    opportunity(retired, 1233, "Chairs")
    HighestId.objects.create(connection=retired, kind="opportunity", last=1240)
    store = store_of(retired)
    first = store.create("opportunity", OpportunityRecord(name="Tables", close_date=date(2026, 12, 1)))
    second = store.create("opportunity", OpportunityRecord(name="Lamps"))
    assert (first, second) == ("1241", "1242")
    assert store.get("opportunity", first).record.close_date == date(2026, 12, 1)
    assert not acme.requests


def test_an_id_is_not_given_again_after_its_record_is_gone(retired, store_of):
    opportunity(retired, 1233, "Chairs")
    store = store_of(retired)
    id = store.create("opportunity", OpportunityRecord(name="Tables"))
    with here():
        Opportunity.objects.filter(name="Tables").delete()
    Link.objects.filter(remote_id=id).delete()
    assert int(store.create("opportunity", OpportunityRecord(name="Lamps"))) == int(id) + 1


def test_ids_that_hold_their_kind_go_on_in_the_same_shape(tactile, store_of):
    with here():
        tactile.state = ConnectionState.RETIRED
        tactile.save()
    deal = opportunity(tactile, 1, "Chairs")
    made(tactile, "note", "email:99", Note, title="Mail", kind="email", opportunity=deal, sender="a@b.example")
    store = store_of(tactile)
    id = store.create("note", NoteRecord(title="Hello", body="There", opportunity=Ref(id="1")))
    assert id == "note:100"
    assert store.get("note", "100").record.opportunity == Ref("1", "Chairs")
    assert store.get("note", "email:99").record.sender == "a@b.example"


def test_a_change_here_alone_moves_the_time_it_was_changed(retired, store_of):
    row = opportunity(retired, 7, "Chairs", changed_there=DAY, amount=5, currency="USD")
    store = store_of(retired)
    store.update("opportunity", "7", OpportunityRecord(name="Tables", amount=Decimal(5)))
    row.refresh_from_db()
    assert (row.name, row.amount) == ("Tables", 5)
    assert row.changed_there > DAY
    assert Change.objects.filter(kind="opportunity").latest("id").door == Door.FACADE


def test_a_change_made_here_in_the_console_moves_it_too_once_the_vendor_is_gone(retired, store_of):
    row = opportunity(retired, 7, "Chairs", changed_there=DAY)

    assert store_of(retired).get("opportunity", "7").record.changed_there > DAY
    assert row.changed_there == DAY


def test_an_entry_that_means_nothing_here_is_kept_as_it_was_said(retired, store_of):
    Option.objects.create(connection=retired, list="statuses", remote_id="1", label="Prospecting")
    Option.objects.create(connection=retired, list="statuses", remote_id="2", label="Negotiation")
    store = store_of(retired)
    id = store.create("opportunity", OpportunityRecord(name="Chairs", stage=Ref(id="1")))
    assert store.get("opportunity", id).record.stage == Ref("1", "Prospecting")
    store.update("opportunity", id, OpportunityRecord(stage=Ref(id="2")))
    assert store.get("opportunity", id).record.stage == Ref("2", "Negotiation")
    assert Opportunity.objects.get().stage is None


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (OpportunityRecord(name="Chairs", account=Ref(id="404")), "no account 404"),
        (OpportunityRecord(name="Chairs", stage=Ref(id="404")), "404"),
        (OpportunityRecord(name=""), "is missing"),
        (OpportunityRecord(name="Chairs", probability=101), "robability"),
    ],
)
def test_what_our_tables_would_refuse_is_refused_in_words(retired, store_of, record, words):
    with pytest.raises(Invalid, match=words):
        store_of(retired).create("opportunity", record)
    assert not Opportunity.objects.exists()


def test_a_rep_the_vendor_never_knew_becomes_one_of_its_users(retired, store_of, rep_user):
    store = store_of(retired, rep_user.rep)
    id = store.create("opportunity", OpportunityRecord(name="Chairs", owner=Ref(id=store.caller.id)))
    assert Opportunity.objects.get().owner == rep_user.rep
    assert store_of(retired, rep_user.rep).get("opportunity", id).record.owner == Ref(store.caller.id, "Ren Test")


def test_references_to_nobody_are_left_out(retired, store_of):
    store_of(retired).create("account", AccountRecord(name="Globex", owner=Ref(id="")))
    assert Account.objects.get().owner is None
    assert AccountRecord().owner is UNSET


@pytest.mark.django_db(transaction=True)
def test_two_callers_at_once_get_different_ids(retired, store_of):
    opportunity(retired, 100, "Chairs")
    key, _secret = keys.issue(retired)
    begin, got = threading.Barrier(4), []

    def create(number):
        try:
            store = DomainStore(Connection.objects.get(pk=retired.pk), key)
            begin.wait(10)
            got.append(store.create("opportunity", OpportunityRecord(name=f"Tables {number}")))
        finally:
            database.close()

    threads = [threading.Thread(target=create, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == ["101", "102", "103", "104"]
