"""What becomes a push: changes of the log, whoever made them, but for a connection's own."""

from datetime import date

import pytest
from django.utils import timezone

from backoffice.crm.models import Account, Contact, Opportunity, OpportunityTag, Tag
from backoffice.quotas.models import ExchangeRate
from backoffice.sync.models import ConnectionState, Operation, Push, PushState, SendsNew
from backoffice.sync.pushes import outbox
from tests.sync.pushes import change, collect, link, make, someone, time_is_right

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]


def pushes(connection):
    found = Push.objects.filter(connection=connection).order_by("kind", "object_id", "id")
    return [(push.operation, push.kind, push.object_id, push.fields, push.state) for push in found]


def test_a_record_made_here_is_to_be_created_there(connection):
    account = make()
    collect()
    assert pushes(connection) == [("create", "account", account.pk, [], "waiting")]


def test_what_changed_of_a_linked_record_is_to_be_sent_as_far_as_the_vendor_takes_it(connection):
    account = make()
    link(connection, account)
    collect()
    Push.objects.all().delete()
    change(account, website="globex.example", client_number="17")
    collect()
    assert pushes(connection) == [("update", "account", account.pk, ["website"], "waiting")]


def test_a_change_the_vendor_has_no_field_for_is_no_push(connection):
    account = make()
    link(connection, account)
    collect()
    Push.objects.all().delete()
    change(account, client_number="17")
    collect()
    assert pushes(connection) == []


def test_parts_of_a_record_count_under_it(connection):
    opportunity = make(Opportunity)
    link(connection, opportunity)
    collect()
    Push.objects.all().delete()
    with someone():
        OpportunityTag.objects.create(opportunity=opportunity, tag=Tag.objects.create(name="big"))
    collect()
    assert pushes(connection) == [("update", "opportunity", opportunity.pk, ["tags"], "waiting")]


def test_a_new_currency_is_a_new_amount(connection):
    opportunity = make(Opportunity, amount=5, currency="USD")
    link(connection, opportunity)
    collect()
    Push.objects.all().delete()
    change(opportunity, currency="EUR")
    collect()
    assert [fields for _operation, _kind, _id, fields, _state in pushes(connection)] == [["amount"]]


def test_nothing_older_than_the_connection_is_sent(make_connection):
    make()
    connection = make_connection()
    collect()
    assert pushes(connection) == []


def test_nothing_older_than_the_switching_on_of_its_pushes_is_sent(make_connection):
    first, second = make_connection("first"), make_connection("second", pushes=False)
    before = make()
    with someone():
        second.pushes = True
        second.save()
    after = make()
    collect()
    assert [push[2] for push in pushes(first)] == [before.pk, after.pk]
    assert [push[2] for push in pushes(second)] == [after.pk]


def test_a_setting_changed_later_starts_nothing_anew(connection):
    account = make()
    with someone():
        connection.every_minutes = 5
        connection.save()
    collect()
    assert [push[2] for push in pushes(connection)] == [account.pk]


def test_a_paused_connection_keeps_collecting_and_a_retired_one_does_not(make_connection):
    paused, retired = make_connection("paused"), make_connection("retired")
    with someone():
        for connection, state in ((paused, ConnectionState.PAUSED), (retired, ConnectionState.RETIRED)):
            connection.state = state
            connection.save()
    make()
    collect()
    assert (len(pushes(paused)), len(pushes(retired))) == (1, 0)


def test_a_retired_connection_called_back_begins_there(make_connection):
    connection = make_connection(state=ConnectionState.RETIRED)
    make()
    with someone():
        connection.state = ConnectionState.ACTIVE
        connection.save()
    after = make()
    collect()
    assert [push[2] for push in pushes(connection)] == [after.pk]


def test_what_came_from_a_connection_goes_to_the_others_only(make_connection):
    first, second = make_connection("first"), make_connection("second")
    account = make(connection=first.pk)
    collect()
    assert (pushes(first), [push[2] for push in pushes(second)]) == ([], [account.pk])


def test_new_records_stay_here_where_none_are_to_be_sent(make_connection):
    connection = make_connection(sends_new=SendsNew.NONE)
    linked = make()
    link(connection, linked)
    make()
    collect()
    assert [push[2] for push in pushes(connection)] == [linked.pk]


def test_unsent_changes_of_a_record_come_together(connection):
    account = make()
    link(connection, account)
    collect()
    Push.objects.update(state=PushState.DONE)
    change(account, website="a.example")
    collect()
    Push.objects.filter(state=PushState.WAITING).update(reason="The vendor is away.", attempts=3)
    change(account, tax_id="X")
    collect()
    assert pushes(connection)[1:] == [("update", "account", account.pk, ["tax_id", "website"], "waiting")]
    push = Push.objects.get(state=PushState.WAITING)
    assert (push.reason, push.attempts, push.tries) == ("", 3, 0)


def test_an_unsent_create_stays_a_create(connection):
    account = make()
    collect()
    change(account, website="a.example")
    collect()
    assert pushes(connection) == [("create", "account", account.pk, [], "waiting")]


def test_a_record_deleted_before_it_was_sent_leaves_nothing_to_send(connection):
    account, contact = make(), make(Contact)
    collect()
    with someone():
        contact.delete()
    collect()
    assert [push[1:3] for push in pushes(connection)] == [("account", account.pk)]


def test_a_record_made_and_deleted_in_one_go_is_never_told_of(connection):
    with someone():
        Account.objects.create(name="Globex").delete()
    collect()
    assert pushes(connection) == []


def test_a_linked_record_deleted_here_is_to_be_deleted_there_and_nothing_else(connection):
    account = make()
    number = account.pk
    link(connection, account)
    collect()
    with someone():
        account.delete()
    collect()
    assert pushes(connection) == [("delete", "account", number, [], "waiting")]


@pytest.mark.parametrize("state", [PushState.SENDING, PushState.UNCERTAIN])
def test_a_change_behind_a_create_under_way_is_an_update_that_waits_its_turn(connection, state):
    account = make()
    collect()
    Push.objects.update(state=state)
    change(account, website="a.example")
    collect()
    assert pushes(connection)[1:] == [("update", "account", account.pk, ["website"], "waiting")]


def test_a_record_deleted_while_its_create_is_under_way_is_to_be_deleted_there(connection):
    account = make()
    number = account.pk
    collect()
    Push.objects.update(state=PushState.UNCERTAIN)
    with someone():
        account.delete()
    collect()
    assert pushes(connection)[1:] == [("delete", "account", number, [], "waiting")]


def test_a_backlog_is_read_in_chunks_and_a_limit_is_kept(connection):
    with someone():
        Account.objects.bulk_create(Account(name=f"Account {number}") for number in range(25))
    collect()
    Push.objects.all().delete()
    with someone():
        Account.objects.update(website="a.example")
    time_is_right(25)
    assert outbox.collect(limit=10, chunk=4) == 10
    assert Push.objects.count() == 10
    collect(chunk=4)
    assert Push.objects.count() == 25


def test_a_chunk_costs_the_same_statements_however_many_records_it_tells_of(connection, django_assert_max_num_queries):
    with someone():
        Account.objects.bulk_create(Account(name=f"Account {number}") for number in range(200))
    with django_assert_max_num_queries(20):
        outbox.collect()


def test_a_pinned_rate_has_what_waits_looked_at_again(connection):
    make()
    collect()
    Push.objects.update(reason="There is no rate.", next_at=timezone.now())
    with someone():
        ExchangeRate.objects.create(month=date(2026, 11, 1), currency="EUR", rate="1.1")
    collect()
    assert Push.objects.get().next_at is None


def test_a_pull_may_enqueue_what_ours_wins(connection):
    outbox.enqueue_many(connection, "account", Operation.UPDATE, {5: ["name", "client_number"], 6: ["client_number"]})
    outbox.enqueue(connection, "account", 5, "update", ["website"])
    assert pushes(connection) == [("update", "account", 5, ["name", "website"], "waiting")]


def test_nothing_is_enqueued_where_a_connection_does_not_push(make_connection):
    connection = make_connection(pushes=False)
    outbox.enqueue(connection, "account", 5, "update", ["name"])
    assert pushes(connection) == []


def test_a_rejected_push_is_sent_again_when_a_person_says_so(connection):
    outbox.enqueue(connection, "account", 5, "update", ["name"])
    Push.objects.update(state=PushState.REJECTED, reason="name is taken")
    outbox.enqueue(connection, "account", 5, "update", ["website"])
    assert outbox.retry(Push.objects.get(state=PushState.REJECTED))
    assert pushes(connection) == [
        ("update", "account", 5, ["name"], "discarded"),
        ("update", "account", 5, ["name", "website"], "waiting"),
    ]


def test_a_push_under_way_can_not_be_discarded(connection):
    outbox.enqueue(connection, "account", 5, "update", ["name"])
    push = Push.objects.get()
    Push.objects.update(state=PushState.SENDING)
    assert not outbox.discard(push)
    Push.objects.update(state=PushState.UNCERTAIN)
    assert outbox.discard(push)
    assert push.state == PushState.DISCARDED
