"""What waits is sent: as the record is now, in order, each exactly once."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from backoffice.crm import records
from backoffice.crm.models import Account, Choice, Contact, Note, Opportunity
from backoffice.jobs.models import Job, State
from backoffice.quotas.models import ExchangeRate
from backoffice.sync.meanings import options
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import (
    Conflict,
    ConnectionState,
    Health,
    HighestId,
    Link,
    Option,
    Push,
    SendsNew,
    Suggestion,
)
from backoffice.sync.pushes import noting, outbox, planning
from backoffice.sync.pushes.planning import Action
from backoffice.sync.pushes.pushing import CannotPush, open_push, send_what_waits, start_push
from connectors.kit.codecs import Integer, YesNo
from connectors.kit.contract import Capability, Site
from connectors.kit.errors import Forbidden, Invalid, LoginFailed, Missing, Unavailable, Uncertain, Unreadable
from connectors.kit.mapping import Access, Field, Mapping, Reference
from tests.sync import vendor
from tests.sync.pushes import change, collect, last_push, let_go, link, make, send, someone

pytestmark = [
    pytest.mark.db,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_broker"),
]


@pytest.fixture(autouse=True)
def _acmes_own_time(time_machine, settings):
    settings.COMPANY_CURRENCY = "USD"
    time_machine.move_to(vendor.BEGAN, tick=False)


def states(connection):
    return [push.state for push in Push.objects.filter(connection=connection).order_by("pk")]


def sent(acme, on="POST"):
    return [request.json for request in acme.calls(on)]


def test_a_record_made_here_is_made_there_and_linked(connection, acme):
    account = make(website="globex.example")
    job = send(connection)
    (remote_id,) = acme.records["account"]
    assert acme.wire("account", remote_id)["website"] == "globex.example"
    assert (job.state, job.counts) == (State.SUCCEEDED, {"done": 1})
    push, made = Push.objects.get(), Link.objects.get()
    assert (push.state, push.remote_id, push.sent) == (
        "done",
        str(remote_id),
        {"name": "Globex", "website": "globex.example"},
    )
    assert (made.object_id, made.remote_id) == (account.pk, str(remote_id))
    assert {name: value for name, value in made.base.items() if value} == push.sent
    assert (made.base["description"], made.base["owner"], bytes(made.digest)) == ("", None, b"")
    assert HighestId.objects.get(kind="account").last == remote_id


def test_what_is_empty_here_is_not_sent_with_a_new_record(connection, acme):
    make()
    send(connection)
    assert sent(acme) == [{"name": "Globex"}]


def linked(connection, acme, model=Account, **fields):
    """A record both sides have and agree on."""
    row = make(model, **fields)
    wire = {"name": row.name}
    remote_id = acme.add(row.change_kind, **wire)
    made = link(connection, row, str(remote_id), base={"name": row.name})
    collect()
    Push.objects.all().delete()
    return row, made


def test_only_what_changed_is_sent_as_it_is_by_then(connection, acme):
    account, made = linked(connection, acme, tax_id="X")
    change(account, website="a.example")
    collect()
    change(account, website="b.example")
    job = send(connection)
    assert sent(acme, "PATCH") == [{"website": "b.example"}]
    made.refresh_from_db()
    assert made.base == {"name": "Globex", "website": "b.example"}
    assert job.counts == {"done": 1}


def test_what_the_vendor_has_already_needs_no_call(connection, acme):
    account, _made = linked(connection, acme)
    change(account, name="Initech")
    change(account, name="Globex")
    job = send(connection)
    assert acme.calls("PATCH") == []
    assert (job.counts, states(connection)) == ({"done": 1}, ["done"])


def test_a_record_deleted_here_is_deleted_there_and_its_link_stays_as_a_tombstone(connection, acme):
    account, made = linked(connection, acme)
    with someone():
        account.delete()
    send(connection)
    made.refresh_from_db()
    assert (acme.records["account"], made.gone_at) == ({}, timezone.now())


def test_a_record_the_vendor_has_no_more_is_as_good_as_deleted(connection, acme):
    account, _made = linked(connection, acme)
    with someone():
        account.delete()
    acme.fails(Missing(["There is no account."]), on="DELETE")
    job = send(connection)
    assert (states(connection), job.counts) == (["done"], {"done": 1})


def test_a_record_archived_before_it_was_sent_stays_here(connection, acme):
    account = make()
    collect()
    change(account, archived_at=timezone.now())
    send(connection)
    assert (acme.calls("POST"), states(connection)) == ([], ["discarded"])
    assert last_push(connection).reason == "The record was archived before it was sent."


def test_a_record_linked_meanwhile_is_changed_rather_than_made_again(connection, acme):
    account = make(website="a.example")
    collect()
    link(connection, account, str(acme.add("account", name="Globex")), base={"name": "Globex"})
    send(connection)
    assert (acme.calls("POST"), sent(acme, "PATCH")) == ([], [{"website": "a.example"}])


# ── what is referred to ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_waits_for_the_one_it_refers_to_which_goes_first(connection, acme):
    account = make()
    collect()
    Push.objects.all().delete()
    make(Opportunity, name="Chairs", account=account)
    job = send(connection)
    assert [request.path for request in acme.calls("POST")] == ["accounts", "opportunities"]
    (opportunity,) = acme.records["opportunity"].values()
    assert opportunity["account_id"] == next(iter(acme.records["account"]))
    assert job.counts == {"done": 2}


def test_a_record_waits_while_the_one_it_refers_to_is_uncertain(connection, acme):
    account = make()
    make(Opportunity, name="Chairs", account=account)
    acme.fails(Uncertain("cut"), on="POST accounts", after=True)
    job = send(connection)
    assert (job.state, job.counts) == (State.INCOMPLETE, {"uncertain": 1})
    assert states(connection) == ["uncertain", "waiting"]
    assert "Globex" in last_push(connection).reason


def test_a_reference_that_can_not_be_made_there_is_left_out_with_a_note(make_connection, no_broker):
    connection = make_connection()
    account = make()
    collect()
    Push.objects.all().delete()
    change(account, archived_at=timezone.now())
    make(Opportunity, name="Chairs", account=account)
    send(connection)
    push = last_push(connection, kind="opportunity")
    assert (push.state, push.sent) == ("done", {"name": "Chairs"})
    assert push.reason == "Sent without “account”: Acme CRM does not have it."


def test_of_an_update_a_reference_that_is_not_there_yet_holds_back_only_itself(connection, acme):
    opportunity, _made = linked(connection, acme, Opportunity, name="Chairs")
    account = make()
    change(opportunity, account=account, description="tall")
    acme.fails(Invalid(["No more accounts."]), on="POST accounts")
    job = send(connection)
    assert sent(acme, "PATCH") == [{"description": "tall"}]
    assert job.counts == {"done": 1, "rejected": 1}
    assert [push.fields for push in Push.objects.filter(state="waiting")] == [["account"]]


# ── what waits, and why ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_without_what_the_vendor_needs_waits_and_goes_when_it_has_it(connection, acme, monkeypatch):
    need = {part.name: part for part in vendor.OPPORTUNITY.parts}["close_date"]
    monkeypatch.setitem(need.__dict__, "required", True)
    opportunity = make(Opportunity, name="Chairs")
    job = send(connection)
    assert (job.state, job.counts, states(connection)) == (State.SUCCEEDED, {}, ["waiting"])
    assert last_push(connection).reason == "Acme CRM needs “close date”, which is empty here."
    change(opportunity, close_date=date(2026, 11, 30))
    send(connection)
    assert (states(connection), len(acme.records["opportunity"])) == (["done"], 1)


def test_what_the_vendor_needs_is_not_emptied(connection, acme):
    account, _made = linked(connection, acme)
    change(account, name="", website="a.example")
    send(connection)
    assert sent(acme, "PATCH") == [{"website": "a.example"}]
    assert last_push(connection).reason == "Acme CRM needs “name”, which is empty here."


def test_an_entry_that_means_nothing_there_holds_its_field_until_a_person_has_mapped_it(connection, acme, admin_user):
    options.refresh(connection, vendor.ENTRIES)
    opportunity, _made = linked(connection, acme, Opportunity, name="Chairs")
    with someone():
        stage = Choice.objects.create(list="stage", label="Thinking", status="open")
    change(opportunity, stage=stage)
    send(connection)
    push = last_push(connection)
    assert (push.state, acme.calls("PATCH")) == ("waiting", [])
    assert "Thinking" in push.reason
    options.mean(Option.objects.get(list="statuses", remote_id="2"), choice=stage, by=None)
    outbox.release(connection)
    send(connection)
    assert sent(acme, "PATCH") == [{"status_id": "2"}]


def test_what_waits_is_looked_at_again_when_a_person_pushes_or_after_a_while(connection, admin_user, time_machine):
    account, _made = linked(connection, vendor.WORLDS[connection.base_url])
    conflict = Conflict.objects.create(connection=connection, kind="account", object_id=account.pk, field="website")
    change(account, website="a.example")
    send(connection)
    conflict.settled_at = timezone.now()
    conflict.save()
    send(connection)
    assert states(connection) == ["waiting"]
    send(connection, admin_user)
    assert states(connection) == ["done"]


def test_a_field_in_conflict_is_held_back_and_the_others_go(connection, acme):
    account, _made = linked(connection, acme)
    conflict = Conflict.objects.create(connection=connection, kind="account", object_id=account.pk, field="website")
    change(account, website="a.example", tax_id="X")
    send(connection)
    assert sent(acme, "PATCH") == [{"tax_id": "X"}]
    push = last_push(connection)
    assert (push.state, push.fields) == ("waiting", ["website"])
    assert push.reason == "“website” was changed here and at Acme CRM: a person has to say which counts."
    conflict.settled_at = timezone.now()
    conflict.save()
    outbox.release(connection)
    send(connection)
    assert sent(acme, "PATCH")[1:] == [{"website": "a.example"}]


def test_an_amount_in_another_currency_waits_for_its_rate_and_keeps_both(connection, acme):
    make(Opportunity, name="Chairs", amount=2000, currency="MXN", close_date=date(2026, 11, 30))
    send(connection)
    assert last_push(connection).reason == "There is no exchange rate of MXN for November 2026 yet."
    with someone():
        ExchangeRate.objects.create(month=date(2026, 11, 1), currency="MXN", rate=Decimal("0.05"))
    send(connection)
    (made,) = acme.records["opportunity"].values()
    converted = Link.objects.get().converted["amount"]
    assert (made["amount"], converted["here"], converted["there"]) == (100, "2000.0000", "100.00")
    assert Link.objects.get().base["amount"] == "100"


# ── what the vendor says ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [Invalid(["name is taken"]), Forbidden(["name is taken"])])
def test_what_the_vendor_refuses_is_shown_in_its_own_words(connection, acme, error):
    make()
    acme.fails(error, on="POST")
    job = send(connection)
    push = last_push(connection)
    assert (push.state, push.reason) == ("rejected", "name is taken")
    assert (job.state, job.counts) == (State.INCOMPLETE, {"rejected": 1})


def test_a_refused_record_that_is_put_right_is_sent_and_its_refusal_is_over(connection, acme):
    account = make()
    acme.fails(Invalid(["name is taken"]), on="POST")
    send(connection)
    change(account, name="Globex Corporation")
    send(connection)
    assert (states(connection), len(acme.records["account"])) == (["discarded", "done"], 1)


def test_a_refusal_of_one_record_keeps_no_other_waiting(connection, acme):
    make(name="One")
    make(name="Two")
    acme.fails(Invalid(["no"]), on="POST")
    assert send(connection).counts == {"done": 1, "rejected": 1}


def test_a_vendor_that_is_down_holds_its_own_pushes_and_no_others(make_connection, time_machine):
    down, well = make_connection("down"), make_connection("well")
    make()
    make(name="Initech")
    vendor.WORLDS[down.base_url].fails(Unavailable("The vendor is down.", retry_after_seconds=120), on="POST")
    job = send(down)
    assert (job.state, states(down)) == (State.INCOMPLETE, ["retry", "waiting"])
    assert len(vendor.WORLDS[down.base_url].calls("POST")) == 1
    health = Health.objects.get(connection=down)
    assert "The vendor is down." in health.trouble
    assert health.failures == 1
    assert send(well).state == State.SUCCEEDED
    send(down)
    assert len(vendor.WORLDS[down.base_url].calls("POST")) == 1
    let_go(down)
    assert send(down).counts == {"done": 2}
    health.refresh_from_db()
    assert (health.trouble, health.failures) == ("", 0)


def test_a_login_that_fails_stops_the_pushes_and_loses_none(connection, acme, time_machine):
    make()
    make(name="Initech")
    acme.fails(LoginFailed("Acme does not know this token."), on="POST")
    job = send(connection)
    assert job.state == State.FAILED
    assert "Acme does not know this token." in job.error
    assert states(connection) == ["retry", "waiting"]
    assert Health.objects.get().trouble == job.error
    send(connection)
    assert len(acme.calls("POST")) == 1
    time_machine.shift(timedelta(minutes=1))
    assert send(connection).counts == {"done": 2}


def test_credentials_that_can_not_be_opened_fail_the_job_in_words(connection, monkeypatch):
    make()
    connection.credentials = b"nonsense"
    connection.save()
    job = send(connection)
    assert job.state == State.FAILED
    assert Health.objects.get().trouble == job.error
    assert states(connection) == ["waiting"]


@pytest.mark.parametrize("error", [Uncertain("cut"), Unreadable("<html>"), RuntimeError("a connector nobody foresaw")])
def test_an_update_whose_answer_was_lost_is_sent_again_or_shown_never_looked_up(connection, acme, error):
    account, _made = linked(connection, acme)
    change(account, website="a.example")
    acme.fails(error, on="PATCH", after=True)
    job = send(connection)
    state = "retry" if isinstance(error, Uncertain) else "rejected"
    assert states(connection) == [state]
    assert job.counts == ({} if state == "retry" else {"rejected": 1})


def test_an_update_whose_answer_was_lost_is_done_in_the_end(connection, acme, time_machine):
    account, _made = linked(connection, acme)
    change(account, website="a.example")
    acme.fails(Uncertain("cut"), on="PATCH")
    send(connection)
    time_machine.shift(timedelta(minutes=1))
    send(connection)
    assert (states(connection), len(acme.calls("PATCH"))) == (["done"], 2)


def test_two_rows_for_one_record_of_the_vendor_are_told_of(connection, acme):
    make()
    collect()
    taken = make(connection=connection.pk)
    link(connection, taken, "102")
    acme._last_id = 101
    send(connection)
    assert last_push(connection).state == "done"
    assert Suggestion.objects.get().object_id == taken.pk


# ── others at work ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_that_joins_a_push_after_it_was_planned_goes_with_it(connection, acme, monkeypatch):
    account, _made = linked(connection, acme)
    change(account, website="a.example")
    plan, calls = planning.plan, []

    def planned(*args):
        plans = plan(*args)
        if not calls:
            change(account, tax_id="X")
            outbox.enqueue(connection, "account", account.pk, "update", ["tax_id"])
        calls.append(args)
        return plans

    monkeypatch.setattr(planning, "plan", planned)
    send(connection)
    assert sent(acme, "PATCH") == [{"website": "a.example", "tax_id": "X"}]


def test_of_two_workers_one_has_the_push(connection, acme):
    make()
    collect()
    (push,) = noting.with_version(noting.due(connection, timezone.now()))
    plans = planning.plan(
        connection, vendor.Acme(Site(connection.base_url, None)), "account", [push], Options(connection)
    )
    assert noting.claim(plans[0], 1)
    assert not noting.claim(plans[0], 2)


def test_a_worker_that_has_lost_its_job_keeps_what_the_vendor_said(connection, acme, monkeypatch):
    account = make()
    make(name="Initech")
    answer = acme.send

    def slow(request, **more):
        Job.objects.update(token=99)
        return answer(request, **more)

    monkeypatch.setattr(acme, "send", slow)
    send(connection)
    assert states(connection) == ["done", "waiting"]
    assert Link.objects.get().object_id == account.pk


def test_a_job_that_is_cancelled_during_a_call_keeps_what_the_vendor_said(connection, acme, monkeypatch):
    make()
    make(name="Initech")
    answer = acme.send

    def slow(request, **more):
        Job.objects.update(cancel_requested_at=timezone.now())
        return answer(request, **more)

    monkeypatch.setattr(acme, "send", slow)
    job = send(connection)
    assert (job.state, states(connection)) == (State.CANCELLED, ["done", "waiting"])


def test_two_that_point_at_each_other_are_both_made_and_then_joined(connection, acme, monkeypatch):
    parent = Reference("parent_id", "parent", "account", id=Integer())
    mapping = Mapping("account", records.Account, *vendor.ACCOUNT.parts, parent)
    monkeypatch.setitem(vendor.MAPPINGS, "account", mapping)
    monkeypatch.setitem(vendor.Acme.capabilities, "account", Capability(mapping, create=True, update=True))
    first = make(name="One")
    second = make(name="Two", parent=first)
    change(first, parent=second)
    job = send(connection)
    one, two = sorted(acme.records["account"].values(), key=lambda wire: wire["name"])
    assert (one["parent_id"], two["parent_id"]) == (two["id"], one["id"])
    assert (job.state, set(states(connection))) == (State.SUCCEEDED, {"done"})


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_there_is_one_open_push_a_connection(connection):
    job = start_push(connection, None)
    assert start_push(connection, None) == job == open_push(connection)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"pushes": False}, "does not push"),
        ({"state": ConnectionState.PAUSED}, "is paused"),
        ({"state": ConnectionState.RETIRED}, "is retired"),
    ],
)
def test_a_connection_that_can_not_push_says_why(make_connection, fields, words):
    with pytest.raises(CannotPush, match=words):
        start_push(make_connection(**fields), None)


def test_the_schedule_starts_a_push_where_there_is_something_to_send(make_connection):
    busy, idle = make_connection("busy"), make_connection("idle", sends_new=SendsNew.NONE)
    make()
    collect()
    send_what_waits()
    assert (open_push(busy) is not None, open_push(idle)) == (True, None)


def test_the_schedule_leaves_a_vendor_alone_that_is_not_to_be_called(connection, acme):
    make()
    acme.fails(Unavailable("down", retry_after_seconds=600), on="POST")
    send(connection)
    send_what_waits()
    assert open_push(connection) is None


def test_contacts_and_their_company_go_in_order(connection, acme):
    make(Contact, name="Ana", account=make())
    send(connection)
    assert [request.path for request in acme.calls("POST")] == ["accounts", "contacts"]


def made_note(is_private):
    account = make()
    with someone():
        return Note.objects.create(title="Between us", private=is_private, account=account)


@pytest.mark.parametrize(
    ("says_so", "is_private", "agreed", "action"),
    [
        (Access.READ_WRITE, True, None, Action.SEND),
        (None, True, None, Action.DROP),
        (Access.READ_ONLY, True, None, Action.DROP),
        (None, False, None, Action.SEND),
        (Access.READ_WRITE, True, {}, Action.SEND),
        (None, True, {}, Action.DROP),
        (Access.READ_ONLY, True, {"private": False}, Action.DROP),
        (Access.READ_ONLY, True, {"private": True}, Action.SEND),
    ],
)
def test_a_private_note_goes_only_where_it_stays_so(connection, monkeypatch, says_so, is_private, agreed, action):
    parts = [Field("private", "private", YesNo(), access=says_so)] if says_so else []
    mapping = Mapping("note", records.Note, Field("title", "title"), *parts)
    capabilities = vendor.Acme.capabilities | {"note": Capability(mapping, create=True, update=True)}
    monkeypatch.setattr(vendor.Acme, "capabilities", capabilities)
    note = made_note(is_private)
    if agreed is not None:
        link(connection, note, base=agreed)
    outbox.enqueue(connection, "note", note.pk, "create" if agreed is None else "update", ["title"])
    (push,) = noting.with_version(noting.due(connection, timezone.now()))
    acme = vendor.Acme(Site(connection.base_url, None))
    (plan,) = planning.plan(connection, acme, "note", [push], Options(connection))
    assert plan.action is action
    assert action is Action.DROP or (Access.READ_WRITE is says_so) <= ("private" in plan.fields)
    assert action is Action.SEND or "can't keep it so" in plan.reason
