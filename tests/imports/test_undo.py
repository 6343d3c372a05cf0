"""Taking an upload back: what it wrote goes back, what was edited since stays, and the outcome says why."""

from decimal import Decimal

import pytest
from django.db import connection

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Account, Choice, Contact, Note, Opportunity, OpportunityContact, Rep
from backoffice.imports import applying, expiring
from backoffice.imports.models import Mode, Undo, Upload
from backoffice.imports.starting import NotAllowed, WrongState
from backoffice.imports.undo import taking_back, undoing
from backoffice.imports.undo.reasons import sentences
from backoffice.jobs import verbs
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from backoffice.quotas.models import Quota
from tests.imports.conftest import row

pytestmark = [pytest.mark.db, pytest.mark.django_db]

MODELS = (Opportunity, Account, Contact, Rep, Choice, OpportunityContact)


def domain():
    """All rows of the domain, but for when they were changed."""
    return {
        model: {
            found["id"]: {name: value for name, value in found.items() if name != "changed_at"}
            for found in model.objects.values()
        }
        for model in MODELS
    }


@pytest.fixture
def undo(operations_user):
    """Undoes within the test's own transaction."""

    def undone(upload, *, user=operations_user, **more):
        asked = undoing.undo(Upload.objects.get(pk=upload.pk), user, **more)
        execute(asked.job_id, heartbeat=False)
        return Undo.objects.select_related("job", "upload").get(pk=asked.pk)

    return undone


@pytest.fixture
def back(operations_user):
    """Takes an undo back."""

    def taken(undo, **more):
        asked = undoing.undo_again(undo, operations_user, **more)
        execute(asked.job_id, heartbeat=False)
        return Undo.objects.select_related("job", "upload").get(pk=asked.pk)

    return taken


@pytest.fixture
def edit():
    """Changes rows by hand, in the console."""

    def edited(rows, **values):
        with acting(None, Door.CONSOLE, label="marta"):
            assert rows.update(**values) > 0

    return edited


def told(undo):
    """What became of each record, by kind and name."""
    return {(record.kind, record.label): record.outcome for record in undo.records.all()}


def reasons(undo, label):
    return [sentence for record in undo.records.filter(label=label) for sentence in sentences(record)]


def chairs(name="Chairs", amount="10", **more):
    by = {"owner": "Ana López", "email": "ana@example.com"}
    return row("A-1", name, amount=amount, account="Acme", stage="Won", **by, **more)


def test_a_file_of_new_rows_leaves_nothing_behind(upload, undo):
    before = domain()
    taken = upload([chairs(), row("A-2", "Desks", account="Birch", stage="Talks")])
    undone = undo(taken)
    assert domain() == before
    assert (undone.job.state, undone.job.error) == (State.SUCCEEDED, "")
    assert undone.counts == {"removed": 7}
    assert told(undone) == dict.fromkeys(
        [
            ("opportunity", "Chairs"),
            ("opportunity", "Desks"),
            ("account", "Acme"),
            ("account", "Birch"),
            ("rep", "Ana López"),
            ("choice", "Won"),
            ("choice", "Talks"),
        ],
        "removed",
    )
    assert (undone.job.done, undone.job.total) == (7, 7)


def test_changed_rows_are_as_they_were(upload, undo):
    upload([chairs(next_step="Call"), row("A-2", "Desks", amount="7.25")])
    before = domain()
    taken = upload([chairs("Better chairs", next_step="Write"), row("A-3")])
    undone = undo(taken)
    assert domain() == before
    assert undone.counts == {"restored": 1, "removed": 1}
    assert [record.lines for record in undone.records.all()] == [[2], [3]]


def test_taking_the_undo_back_brings_everything_as_it_was_after_the_upload(upload, undo, back):
    upload([chairs()])
    start = domain()
    taken = upload([chairs(next_step="Write"), row("A-2", "Desks", account="Birch", stage="Talks", amount="0.125")])
    applied = domain()
    undone = undo(taken)
    assert domain() == start
    again = back(undone)
    assert domain() == applied
    assert again.counts == {"returned": 3, "restored": 1}
    assert undo(taken).counts == undone.counts
    assert domain() == start


def test_a_field_edited_since_stays_and_the_rest_goes_back(upload, undo, edit):
    upload([chairs(next_step="Call")])
    taken = upload([chairs("Better chairs", next_step="Write")])
    edit(Opportunity.objects.all(), next_step="Visit")
    undone = undo(taken)
    assert told(undone) == {("opportunity", "Better chairs"): "partly"}
    assert Opportunity.objects.values_list("name", "next_step").get() == ("Chairs", "Visit")
    (reason,) = reasons(undone, "Better chairs")
    assert reason.startswith("Next step: changed since by marta (console), ")
    assert reason.endswith(".")
    assert not reason.endswith("..")  # a time that ends with a full stop of its own


def test_an_amount_and_its_currency_go_back_together_or_not_at_all(upload, undo, edit):
    upload([chairs()], currency="MXN")
    taken = upload([chairs(amount="20")], currency="USD")
    edit(Opportunity.objects.all(), amount=25)
    assert undo(taken).counts == {"kept": 1}
    assert Opportunity.objects.values_list("amount", "currency").get() == (25, "USD")


def test_a_new_record_edited_since_stays_with_what_it_points_to(upload, undo, edit):
    taken = upload([chairs()])
    edit(Opportunity.objects.all(), archived_at="2026-01-01T00:00:00Z")
    undone = undo(taken)
    assert undone.counts == {"kept": 4}
    assert Opportunity.objects.count() == Account.objects.count() == Rep.objects.count() == 1
    assert reasons(undone, "Acme") == ["In use by 1 opportunity: Chairs."]
    (reason,) = reasons(undone, "Chairs")
    assert reason.startswith("Archived: changed since by marta (console), ")


def test_a_new_record_that_others_use_stays_and_says_who_they_are(upload, undo):
    taken = upload([chairs()])
    with acting(None, Door.CONSOLE, label="marta"):
        account = Account.objects.get()
        for number in range(5):
            Note.objects.create(title=f"Note {number}", account=account)
        Contact.objects.create(name="Carla", account=account)
    undone = undo(taken)
    assert undone.counts == {"removed": 3, "kept": 1}
    assert reasons(undone, "Acme") == [
        "In use by 1 contact: Carla.",
        "In use by 5 notes: Note 0, Note 1, Note 2 (+2).",
    ]


def test_a_line_added_to_a_new_opportunity_keeps_it(upload, undo):
    taken = upload([chairs()])
    with acting(None, Door.CONSOLE, label="marta"):
        carla = Contact.objects.create(name="Carla")
        OpportunityContact.objects.create(opportunity=Opportunity.objects.get(), contact=carla)
    undone = undo(taken)
    assert told(undone)["opportunity", "Chairs"] == "kept"
    assert reasons(undone, "Chairs") == ["In use by 1 contact."]


def test_what_a_later_upload_wrote_stays(upload, undo, outsider_user):
    upload([chairs(next_step="Call")])
    taken = upload([chairs(next_step="Write")])
    upload([chairs(next_step="Visit")], user=outsider_user)
    undone = undo(taken)
    assert undone.counts == {"kept": 1}
    (reason,) = reasons(undone, "Chairs")
    assert reason.startswith("Next step: changed since by otto (upload), ")


def test_a_record_deleted_since_is_told_of(upload, undo):
    upload([chairs(next_step="Call")])
    taken = upload([chairs(next_step="Write")])
    with acting(None, Door.CONSOLE, label="marta"):
        Opportunity.objects.all().delete()
    undone = undo(taken)
    (record,) = undone.records.all()
    assert (record.label, record.outcome) == (f"#{record.object_id}", "kept")
    assert sentences(record)[0].startswith("The opportunity was deleted since by marta (console), ")


def test_a_reference_that_is_gone_is_not_restored(upload, undo):
    upload([row("A-1", account="Acme")])
    taken = upload([row("A-1", "Desks", account="Birch")])
    acme = Account.objects.get(name="Acme")
    with acting(None, Door.CONSOLE, label="marta"):
        Account.objects.filter(name="Acme").delete()
    undone = undo(taken)
    assert told(undone) == {("opportunity", "Desks"): "partly", ("account", "Birch"): "kept"}
    assert reasons(undone, "Desks") == [f"Account: account #{acme.pk} is no longer there."]
    assert Opportunity.objects.values_list("name", "account__name").get() == ("Chairs", "Birch")


def test_what_took_the_key_meanwhile_keeps_a_removed_record_away(upload, undo, back):
    taken = upload([chairs(), row("A-2", "Desks")])
    undone = undo(taken)
    with acting(None, Door.CONSOLE, label="marta"):
        Opportunity.objects.create(name="Other chairs", external_id="A-1")
    again = back(undone)
    assert again.counts == {"returned": 4, "kept": 1}
    (left,) = again.records.filter(outcome="kept")
    assert sentences(left) == ["As it was it can't be now: Another opportunity already has this opportunity ID."]
    assert set(Opportunity.objects.values_list("name", flat=True)) == {"Other chairs", "Desks"}


def test_a_preview_tells_the_same_and_writes_nothing(upload, undo):
    upload([chairs(next_step="Call")])
    taken = upload([chairs(next_step="Write"), row("A-2", "Desks", account="Birch", stage="Talks", owner="Ana López")])
    before, logged = domain(), Change.objects.count()
    preview = undo(taken, mode=Mode.PREVIEW)
    assert (domain(), Change.objects.count()) == (before, logged)
    assert not undoing.is_undone(taken)
    done = undo(taken)
    assert preview.counts == done.counts == {"restored": 1, "removed": 3}
    assert told(preview) == told(done)


def test_a_preview_of_taking_back_tells_the_same_and_writes_nothing(upload, undo, back):
    taken = upload([chairs()])
    undone = undo(taken)
    before, logged = domain(), Change.objects.count()
    preview = back(undone, mode=Mode.PREVIEW)
    assert (domain(), Change.objects.count()) == (before, logged)
    assert told(preview) == told(back(undone))


def test_a_preview_that_begins_anew_counts_each_record_once(upload, operations_user, monkeypatch):
    monkeypatch.setattr(taking_back, "FIRST_RECORDS", 1)
    monkeypatch.setattr(taking_back, "CHUNK_RECORDS", 1)
    taken = upload([chairs()])
    asked = undoing.undo(taken, operations_user, mode=Mode.PREVIEW)
    dying_after(monkeypatch, 2)
    with pytest.raises(Crash):
        execute(asked.job_id, heartbeat=False)
    monkeypatch.undo()
    execute(asked.job_id, heartbeat=False)
    asked.refresh_from_db()
    assert asked.counts == {"removed": 4}
    assert list(asked.records.values_list("number", flat=True)) == [1, 2, 3, 4]
    assert Job.objects.get(pk=asked.job_id).counts == {"removed": 4}


class Crash(BaseException):
    """What no code of ours catches."""


def dying_after(monkeypatch, chunks):
    """The job dies in the chunk after so many, before its end."""
    keep, calls = taking_back._TakingBack._keep, []

    def dying(self, *args):
        keep(self, *args)
        calls.append(1)
        if len(calls) > chunks:
            raise Crash

    monkeypatch.setattr(taking_back._TakingBack, "_keep", dying)


def test_names_the_uploader_may_not_see_are_numbers(upload, undo, manager_user, make):
    taken = upload([row("A-1", account="Acme", owner="Ana López", email="ana@example.com")], user=manager_user)
    with acting(None, Door.CONSOLE, label="olga"):
        hidden = Opportunity.objects.create(name="Secret", account=Account.objects.get())
    undone = undo(taken)
    account = undone.records.get(kind="account")
    assert account.label == f"#{account.object_id}"
    assert sentences(account) == [f"In use by 1 opportunity: #{hidden.pk}."]


CONTACTS = ("Opportunity ID", "Email", "Fullname", "Phone", "Company Name")


def test_links_go_with_the_contacts_and_an_opportunity_only_linked_is_restored(upload, undo, back):
    upload([chairs()])
    before = domain()
    taken = upload(
        [["A-1", "carla@example.com", "Carla Paz", "555 0100", ""], ["", "dora@example.com", "Dora", "", "Birch"]],
        header=CONTACTS,
        kind="contacts",
    )
    applied = domain()
    assert len(applied[OpportunityContact]) == 1
    undone = undo(taken)
    assert domain() == before
    assert told(undone) == {
        ("opportunity", "Chairs"): "restored",
        ("contact", "Carla Paz"): "removed",
        ("contact", "Dora"): "removed",
        ("account", "Birch"): "removed",
    }
    back(undone)
    assert domain() == applied


def test_a_link_whose_role_was_edited_stays_and_keeps_its_contact(upload, undo, edit):
    upload([chairs()])
    taken = upload([["A-1", "carla@example.com", "Carla Paz", "", ""]], header=CONTACTS, kind="contacts")
    edit(OpportunityContact.objects.all(), role="Decides")
    undone = undo(taken)
    assert told(undone) == {("opportunity", "Chairs"): "kept", ("contact", "Carla Paz"): "kept"}
    assert reasons(undone, "Carla Paz") == ["In use by 1 opportunity: Chairs."]


def test_quotas_go_before_their_reps_and_revisions_say_why(upload, undo, back):
    header = ("Email Address of Salesrep", "Month", "Amount")
    march, april = ["ana@example.com", "2026-03-01", "100"], ["ana@example.com", "2026-04-01", "200"]
    upload([march], header=header, kind="quotas", create_reps="yes")
    taken = upload(
        [[*march[:2], "150.5"], april, ["bea@example.com", "2026-03-01", "7"]],
        header=header,
        kind="quotas",
        create_reps="yes",
    )
    undone = undo(taken)
    assert undone.counts == {"restored": 1, "removed": 3}
    (quota,) = Quota.objects.all()
    assert (quota.amount, Rep.objects.count()) == (100, 1)
    assert quota.revisions.first().why == "Undo of the upload opportunities.csv"
    assert back(undone).counts == {"restored": 1, "returned": 3}
    assert sorted(Quota.objects.values_list("amount", flat=True)) == [7, Decimal("150.5"), 200]
    assert {quota.revisions.count() for quota in Quota.objects.all()} == {1, 4}


def test_it_is_refused_in_words(upload, take, undo, back, operations_user, rep_user, outsider_user, no_broker):
    waiting = take([chairs()])
    assert undoing.why_not(waiting, operations_user).startswith("This upload is still being applied.")
    with pytest.raises(WrongState, match="still being applied"):
        undoing.undo(waiting, operations_user)
    execute(waiting.job_id, heartbeat=False)
    taken = Upload.objects.get(pk=waiting.pk)
    for stranger in (rep_user, outsider_user):
        assert undoing.why_not(taken, stranger) == "You may not undo this upload."
        with pytest.raises(NotAllowed):
            undoing.undo(taken, stranger)
    unchanged = upload([chairs()])
    assert undoing.why_not(unchanged, operations_user) == "This upload changed nothing: there is nothing to undo."
    assert undoing.why_not(taken, operations_user) == ""
    asked = undoing.undo(taken, operations_user)
    assert undoing.why_not(taken, operations_user) == "This upload is being undone already."
    execute(asked.job_id, heartbeat=False)
    assert undoing.why_not(taken, operations_user) == "This upload has been undone already."
    asked.refresh_from_db()
    assert undoing.why_not_again(asked, operations_user) == ""
    again = back(asked)
    assert undoing.why_not_again(asked, operations_user) == "This undo has been taken back already."
    assert undoing.why_not_again(again, operations_user).startswith("This took an undo back.")
    assert undoing.why_not(taken, operations_user) == ""


def test_an_upload_is_undone_until_the_undo_is_taken_back(upload, undo, back):
    one, other = upload([chairs()]), upload([row("A-2", "Desks")])

    def undone():
        return {each.pk for each in undoing.with_undone(Upload.objects.all()) if each.undone}

    assert (undone(), undoing.is_undone(one)) == (set(), False)
    done = undo(one)
    assert (undone(), undoing.current(one)) == ({one.pk}, done)
    back(done)
    assert (undone(), undoing.current(one)) == (set(), None)
    undo(other)
    assert undone() == {other.pk}


@pytest.fixture
def half_applied(take, monkeypatch):
    """An upload of four rows whose job failed after two, and what there was before."""
    before = domain()
    monkeypatch.setattr(applying, "FIRST_ROWS", 2)
    received = take([row(f"A-{number}") for number in range(4)])
    apply, calls = applying._Attempt.__call__, []

    def failing(self, chunk):
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError
        apply(self, chunk)

    with monkeypatch.context() as patched:
        patched.setattr(applying._Attempt, "__call__", failing)
        execute(received.job_id, heartbeat=False)
    assert Job.objects.get(pk=received.job_id).state == State.FAILED
    assert Opportunity.objects.count() == 2
    return received, before


def test_what_a_failed_upload_did_can_be_undone(half_applied, undo):
    received, before = half_applied
    assert undo(received).counts == {"removed": 2}
    assert domain() == before


def test_what_was_undone_is_not_applied_on_unless_the_undo_is_taken_back(half_applied, undo, operations_user):
    received, before = half_applied
    taken_back = undo(received)

    def again():
        verbs.retry(Job.objects.get(pk=received.job_id), operations_user)
        execute(received.job_id, heartbeat=False)
        return Job.objects.get(pk=received.job_id)

    assert again().error.startswith("This upload has been undone.")
    assert domain() == before
    execute(undoing.undo_again(taken_back, operations_user).job_id, heartbeat=False)
    assert again().state == State.SUCCEEDED
    assert Opportunity.objects.count() == 4


def test_an_undo_that_broke_off_and_was_taken_back_does_not_go_on(upload, monkeypatch, operations_user):
    applied = upload([row(f"A-{number}") for number in range(4)])
    there = domain()
    monkeypatch.setattr(taking_back, "FIRST_RECORDS", 2)
    reverse, calls = taking_back.Reversal.reverse, []

    def failing(self, records):
        calls.append(records)
        if len(calls) == 2:
            raise RuntimeError
        return reverse(self, records)

    broken = undoing.undo(applied, operations_user)
    with monkeypatch.context() as patched:
        patched.setattr(taking_back.Reversal, "reverse", failing)
        execute(broken.job_id, heartbeat=False)
    assert Opportunity.objects.count() == 2
    execute(undoing.undo_again(broken, operations_user).job_id, heartbeat=False)
    assert domain() == there
    verbs.retry(Job.objects.get(pk=broken.job_id), operations_user)
    execute(broken.job_id, heartbeat=False)
    assert Job.objects.get(pk=broken.job_id).error.startswith("This undo has been taken back since.")
    assert domain() == there


def test_the_change_log_tells_of_an_undo(upload, undo):
    undone = undo(upload([row("A-1")]))
    entry = Change.objects.get(job_id=undone.job_id)
    assert (entry.operation, entry.door, entry.actor_label) == ("delete", "upload", "olga")


def test_a_chunk_costs_a_fixed_number_of_statements(upload, undo, django_assert_max_num_queries):
    taken = upload([row(f"A-{number}", account=f"Account {number}") for number in range(150)])
    with django_assert_max_num_queries(140):
        assert undo(taken).counts == {"removed": 300}


def test_the_connection_keeps_no_tables(upload, undo):
    taken = upload([chairs()])
    undo(taken, mode=Mode.PREVIEW)
    undo(taken)
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relpersistence = 't' AND relname LIKE 'undo%%'")
        assert cursor.fetchall() == []


def test_the_records_of_an_undo_go_with_the_rows_of_its_upload(upload, undo, settings):
    undone = undo(upload([chairs()]))
    assert expiring.sweep() == 0
    settings.UPLOAD_KEEP_DAYS = -1
    assert expiring.sweep() == 1
    undone.refresh_from_db()
    assert (undone.records.count(), undone.counts) == (0, {"removed": 4})
