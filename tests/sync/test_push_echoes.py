"""Pushes and pulls by turns: what was sent comes back as no change, and goes on to whoever else is connected."""

from datetime import date
from decimal import Decimal

import pytest

from backoffice.changes.models import Change
from backoffice.crm.models import Account, Opportunity
from backoffice.quotas.models import ExchangeRate
from backoffice.sync.models import Conflict, Link, Push, SetAside
from tests.sync import vendor
from tests.sync.pushes import change, collect, make, send, someone

pytestmark = [
    pytest.mark.db,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_broker"),
]

FROM_READING = {"created_there", "changed_there"}


def changed_by(pull, connection):
    """The columns a full pull writes."""
    before = Change.objects.latest("pk").pk
    job = pull(connection, full=True)
    assert job.counts.get("new", 0) == 0
    return {column for entry in Change.objects.filter(pk__gt=before) for column in entry.columns}


def test_what_was_sent_comes_back_as_no_change(connection, acme, pull):
    account = make(website="globex.example", phones=[{"number": "55 1234", "kind": "office"}])
    make(Opportunity, name="Chairs", account=account, close_date=date(2026, 11, 30), probability=50)
    send(connection)
    assert changed_by(pull, connection) <= FROM_READING
    assert changed_by(pull, connection) == set()
    change(account, website="b.example")
    send(connection)
    assert changed_by(pull, connection) <= FROM_READING
    collect()
    assert set(Push.objects.values_list("state", flat=True)) == {"done"}
    assert not Conflict.objects.exists()


def test_an_amount_sent_in_another_currency_comes_back_as_no_change_whatever_rates_do(connection, acme, pull, settings):
    settings.COMPANY_CURRENCY = "USD"
    with someone():
        rate = ExchangeRate.objects.create(month=date(2026, 11, 1), currency="MXN", rate=Decimal("0.05"))
    chairs = make(Opportunity, name="Chairs", amount=2000, currency="MXN", close_date=date(2026, 11, 30))
    send(connection)
    change(rate, rate=Decimal("0.07"))
    assert changed_by(pull, connection) <= FROM_READING
    change(chairs, description="tall")
    send(connection)
    ((remote_id, made),) = acme.records["opportunity"].items()
    assert (made["amount"], made["description"]) == (100, "tall")
    acme.change("opportunity", remote_id, amount=130)
    pull(connection)
    chairs.refresh_from_db()
    assert (chairs.amount, chairs.currency) == (130, "USD")
    send(connection)
    assert acme.records["opportunity"][remote_id]["amount"] == 130


def test_what_one_vendor_has_goes_to_the_other_and_never_back(make_connection, pull):
    one, two = make_connection("one"), make_connection("two")
    there, other = vendor.WORLDS[one.base_url], vendor.WORLDS[two.base_url]
    there.add("opportunity", name="Chairs", account_id=there.add("account", name="Globex"))
    pull(one)
    assert send(one).counts == {}
    assert send(two).counts == {"done": 2}
    (chairs,) = other.records["opportunity"].values()
    assert chairs["account_id"] == next(iter(other.records["account"]))
    assert changed_by(pull, two) <= FROM_READING
    send(one)
    send(two)
    assert (there.calls("POST"), there.calls("PATCH"), len(other.calls("POST"))) == ([], [], 2)
    (remote_id,) = there.records["account"]
    there.change("account", remote_id, website="globex.example")
    pull(one)
    send(two)
    send(one)
    assert [account["website"] for account in other.records["account"].values()] == ["globex.example"]
    assert there.calls("PATCH") == []
    assert Link.objects.count() == 4
    assert not SetAside.objects.exists()


def test_where_ours_is_to_win_the_vendor_gets_it(make_connection, pull):
    connection = make_connection("ours", policy="ours")
    there = vendor.WORLDS[connection.base_url]
    remote_id = there.add("account", name="Globex", website="old.example")
    pull(connection)
    account = Account.objects.get()
    change(account, website="ours.example")
    there.change("account", remote_id, website="theirs.example")
    pull(connection)
    send(connection)
    assert there.records["account"][remote_id]["website"] == "ours.example"
    account.refresh_from_db()
    assert account.website == "ours.example"


def test_where_a_person_is_to_say_nothing_is_sent_until_it_is_said(connection, acme, pull):
    remote_id = acme.add("account", name="Globex", website="old.example")
    pull(connection)
    account = Account.objects.get()
    change(account, website="ours.example", tax_id="X")
    acme.change("account", remote_id, website="theirs.example")
    pull(connection)
    send(connection)
    made = acme.records["account"][remote_id]
    assert (made["website"], made["tax_id"]) == ("theirs.example", "X")
    assert Push.objects.get(state="waiting").fields == ["website"]
