"""A record that can't be taken in lies aside with its reason, and harms no other."""

import pytest

from backoffice.crm.models import Account, Opportunity
from backoffice.jobs.models import State
from backoffice.sync.models import Link, SetAside
from connectors.kit.codecs import Text
from tests.sync import vendor

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def counts(job):
    return {word: number for word, number in job.counts.items() if number}


def test_a_record_that_cant_be_read_lies_aside_as_it_came_and_the_others_arrive(acme, pull):
    acme.add("opportunity", name="Chairs", amount="a lot")
    acme.add("opportunity", name="Tables", amount=10)
    job = pull()
    assert (job.state, counts(job)) == (State.INCOMPLETE, {"new": 1, "set_aside": 1})
    aside = SetAside.objects.get()
    assert (aside.kind, aside.remote_id, aside.payload["amount"]) == ("opportunity", "101", "a lot")
    assert "expected an amount, not 'a lot'" in aside.reason
    assert [row.name for row in Opportunity.objects.all()] == ["Tables"]


def test_once_it_can_be_read_it_is_taken_out_and_comes_in(acme, pull):
    id = acme.add("opportunity", name="Chairs", amount="a lot")
    pull()
    acme.change("opportunity", id, amount=10)
    job = pull()
    assert (job.state, counts(job), SetAside.objects.count()) == (State.SUCCEEDED, {"new": 1}, 0)


def test_a_linked_record_that_goes_bad_keeps_its_row_and_is_told_once(acme, pull):
    id = acme.add("opportunity", name="Chairs", amount=10)
    pull()
    acme.change("opportunity", id, amount="a lot")
    assert counts(pull()) == {"set_aside": 1}
    first = SetAside.objects.get()
    assert counts(pull(full=True)) == {"set_aside": 1}
    again = SetAside.objects.get()
    assert (again.pk, again.first_at) == (first.pk, first.first_at)
    assert again.last_at > first.last_at
    assert Opportunity.objects.get().amount == 10


def test_a_bad_record_that_is_again_as_it_was_does_not_lie_aside_any_more(acme, pull):
    id = acme.add("opportunity", name="Chairs", amount=10)
    pull()
    was = dict(acme.records["opportunity"][id])
    acme.change("opportunity", id, amount="a lot")
    pull()
    acme.records["opportunity"][id] = was
    assert counts(pull(full=True)) == {"unchanged": 1}
    assert not SetAside.objects.exists()


def test_what_our_tables_would_refuse_lies_aside_with_the_field_and_the_reason(acme, pull):
    acme.add("opportunity", name="Chairs", probability=400)
    acme.add("opportunity", name="", probability=40)
    acme.add("opportunity", name="Tables", probability=40)
    assert counts(pull()) == {"new": 1, "set_aside": 2}
    reasons = dict(SetAside.objects.values_list("remote_id", "reason"))
    assert "400" in reasons["101"]
    assert "missing" in reasons["102"]


def test_a_change_our_tables_would_refuse_leaves_the_row_as_it_was(acme, pull):
    id = acme.add("opportunity", name="Chairs", probability=40)
    pull()
    acme.change("opportunity", id, probability=400, name="Tables")
    assert counts(pull()) == {"set_aside": 1}
    assert (Opportunity.objects.get().name, Opportunity.objects.get().probability) == ("Chairs", 40)


@pytest.mark.parametrize("is_linked", [False, True])
def test_what_only_the_database_refuses_does_not_stop_its_page(acme, pull, monkeypatch, is_linked):
    """As if a check of ours had been forgotten."""
    ids = [acme.add("account", name=name) for name in ("Globex", "Initech", "Hooli")]
    if is_linked:
        pull()
        for id in ids:
            acme.change("account", id, description="More")
    monkeypatch.setattr("backoffice.sync.rows.rows.refusal", lambda *args, **more: "")
    acme.change("account", ids[1], tax_id="x" * 3000, website="y" * 9000)
    monkeypatch.setattr(Text, "decode", lambda self, value: str(value or ""))
    acme.records["account"][ids[1]]["description"] = "nul \0"
    job = pull()
    assert (job.state, counts(job)) == (State.INCOMPLETE, {"updated" if is_linked else "new": 2, "set_aside": 1})
    assert "The database does not take it" in SetAside.objects.get().reason
    assert Account.objects.count() == (3 if is_linked else 2)


def test_a_fault_of_the_mapping_itself_sets_the_record_aside(acme, pull, monkeypatch):
    acme.add("account", name="Globex")
    acme.add("account", name="Boom")

    def decode(wire, shape=None, real=vendor.ACCOUNT.decode):
        if wire["name"] == "Boom":
            raise KeyError("a bug")
        return real(wire)

    monkeypatch.setattr(vendor.ACCOUNT, "decode", decode)
    assert counts(pull()) == {"new": 1, "set_aside": 1}
    assert "a bug" in SetAside.objects.get().reason


def test_what_lies_aside_of_one_connection_is_none_of_anothers(acme, pull, make_connection):
    acme.add("opportunity", name="Chairs", amount="a lot")
    pull()
    other = make_connection("other")
    world = vendor.WORLDS[other.base_url]
    world._last_id = 100
    world.add("opportunity", name="Chairs", amount=10)
    pull(other)
    assert SetAside.objects.get().connection.name == "acme"
    assert Link.objects.filter(connection=other).count() == 1
