"""What waits for a person: conflicts, pushes, records set aside, look-alikes. Told to those who may see the records."""

import pytest
from django.urls import reverse

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Opportunity, Rep
from backoffice.sync.models import Conflict, Link, Push, PushState, SetAside, Side, Suggestion
from tests.console.conftest import address

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def chairs(connection, rep_user):
    """Ren's opportunity, linked as Acme's number 7; its name was changed by Ren."""
    with acting(rep_user, Door.CONSOLE):
        row = Opportunity.objects.create(name="Chairs", amount=4, currency="USD", owner=rep_user.rep)
        Opportunity.objects.filter(pk=row.pk).update(name="Our chairs")
    row.refresh_from_db()
    base = {"name": "Chairs", "amount": "4", "account": None, "stage": None}
    Link.objects.create(connection=connection, kind="opportunity", remote_id="7", object_id=row.pk, base=base)
    return row


@pytest.fixture
def conflict(connection, chairs):
    def make(field="name", base="Chairs", here="Our chairs", there="Their chairs"):
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


@pytest.fixture
def push(connection, chairs):
    def make(state=PushState.REJECTED, **fields):
        given = {"object_id": chairs.pk, "operation": "update", "fields": ["name"]} | fields
        return Push.objects.create(
            connection=connection, kind="opportunity", state=state, reason="Acme: name is too long", **given
        )

    return make


def text(answer):
    return answer.content.decode()


def numbers(answer):
    return {row.pk for row in answer.context["cl"].result_list}


def acted(visitor, row, do, **more):
    return text(visitor.post(reverse("admin:sync_push_act", args=[row.pk]), {"do": do} | more, follow=True))


# Conflicts


def test_a_conflict_shows_all_three_values_and_who_changed_ours(visit, conflict, manager_user):
    shown = text(visit(manager_user).record(conflict()))
    for value in ("Chairs", "Our chairs", "Their chairs"):
        assert value in shown
    assert "ren (console)" in shown


def test_what_a_conflicts_value_refers_to_is_named(visit, connection, conflict, operations_user):
    with acting(None, Door.COMMAND, label="test"):
        globex = Account.objects.create(name="Globex")
    Link.objects.create(connection=connection, kind="account", remote_id="70", object_id=globex.pk)
    shown = text(visit(operations_user).record(conflict("account", None, {"id": "70"}, {"id": "71"})))
    assert "Globex" in shown
    assert "#71" in shown


def test_several_fields_are_settled_at_once_and_the_rest_stays_open(visit, conflict, chairs, manager_user):
    name, amount = conflict(), conflict("amount", "4", "4", "9")
    left = conflict("description", "", "Ours", "Theirs")
    said = {f"conflict-{name.pk}": "here", f"conflict-{amount.pk}": "there", f"conflict-{left.pk}": ""}
    shown = text(visit(manager_user).post(address(name, "change", name.pk), said, follow=True))
    assert "2 conflicts settled." in shown
    assert "Theirs" in shown
    taken = dict(Conflict.objects.values_list("field", "taken"))
    assert taken == {"name": Side.HERE, "amount": Side.THERE, "description": ""}
    chairs.refresh_from_db()
    assert (chairs.name, chairs.amount) == ("Our chairs", 9)


@pytest.mark.parametrize(
    ("action", "name", "side"), [("take_ours", "Our chairs", "here"), ("take_theirs", "Their chairs", "there")]
)
def test_conflicts_are_settled_from_the_list(visit, conflict, chairs, manager_user, action, name, side):
    made = conflict()
    visit(manager_user).post(
        reverse("admin:sync_conflict_changelist"), {"action": action, "_selected_action": [made.pk]}
    )
    made.refresh_from_db()
    chairs.refresh_from_db()
    assert (made.taken, made.settled_by, chairs.name) == (side, manager_user, name)


def test_what_can_not_be_settled_is_said_why(visit, conflict, manager_user):
    made = conflict("stage", None, None, {"label": "Unheard of"})
    said = {f"conflict-{made.pk}": "there"}
    shown = text(visit(manager_user).post(address(made, "change", made.pk), said, follow=True))
    assert "means nothing here yet" in shown
    made.refresh_from_db()
    assert made.settled_at is None


def test_the_list_shows_what_is_open_unless_one_asks(visit, conflict, operations_user):
    made = conflict()
    visitor = visit(operations_user)
    visitor.post(address(made, "change", made.pk), {f"conflict-{made.pk}": "here"})
    assert numbers(visitor.list(Conflict)) == set()
    assert numbers(visitor.list(Conflict, state="settled")) == {made.pk}
    assert "Settled by olga" in text(visitor.record(made))


@pytest.mark.parametrize("make", ["conflict", "push"])
def test_who_may_not_see_the_record_is_not_told_of_it_here_either(
    visit, request, make, manager_user, outsider_user, rep_user
):
    row = request.getfixturevalue(make)()
    for user, sees in ((manager_user, True), (outsider_user, False)):
        assert (row.pk in numbers(visit(user).list(type(row)))) is sees
        assert visit(user).record(row).status_code == (200 if sees else 404)
    assert visit(rep_user).record(row).status_code == 404
    post = visit(outsider_user).post(address(row, "change", row.pk), {f"conflict-{row.pk}": "there"})
    assert post.status_code == 404
    tabs = visit(outsider_user).record(row.connection).context_data["tabs"]
    assert not any(tab.number for tab in tabs)


def test_a_list_narrowed_to_a_connection_is_a_tab_of_its_page(visit, conflict, make_connection, operations_user):
    made, other = conflict(), make_connection("other")
    visitor = visit(operations_user)
    mine = visitor.list(Conflict, connection=made.connection_id)
    assert numbers(mine) == {made.pk}
    assert 'id="tab-conflicts"' in text(mine)
    assert numbers(visitor.list(Conflict, connection=other.pk)) == set()
    assert 'id="tab-conflicts"' not in text(visitor.list(Conflict))


# Pushes


def test_the_outbox_counts_its_states(visit, push, connection, operations_user):
    push(PushState.WAITING, object_id=4711)
    push()
    push(PushState.DONE)
    answer = visit(operations_user).list(Push, connection=connection.pk)
    assert {tab.word: tab.number for tab in answer.context["states"]} == {
        "open": 2,
        "waiting": 1,
        "uncertain": 0,
        "rejected": 1,
        "done": None,
        "discarded": None,
    }
    assert len(numbers(visit(operations_user).list(Push, state="rejected"))) == 1
    assert len(numbers(visit(operations_user).list(Push, state="all"))) == 3


def test_a_rejected_push_shows_the_vendors_words_and_what_was_sent(visit, push, operations_user):
    shown = text(visit(operations_user).record(push(sent={"name": "Our chairs", "amount": "4"}, attempts=2)))
    assert "Acme: name is too long" in shown
    assert "Our chairs" in shown
    assert 'value="retry"' in shown


def test_a_rejected_push_is_sent_again_or_discarded(visit, push, operations_user):
    visitor, first = visit(operations_user), push()
    assert "It waits to be sent again." in acted(visitor, first, "retry")
    assert Push.objects.filter(state=PushState.WAITING).count() == 1
    second = push()
    assert "Discarded." in acted(visitor, second, "discard")
    second.refresh_from_db()
    assert second.state == PushState.DISCARDED
    assert "It has moved on meanwhile" in acted(visitor, second, "discard")


@pytest.mark.parametrize(("action", "state"), [("retry", PushState.WAITING), ("discard", PushState.DISCARDED)])
def test_pushes_are_sent_again_or_discarded_from_the_list(visit, push, operations_user, action, state):
    made = push()
    visit(operations_user).post(
        reverse("admin:sync_push_changelist"), {"action": action, "_selected_action": [made.pk]}
    )
    assert Push.objects.filter(state=state).count() == 1


FOUND = [
    {"id": "1301", "record": {"name": "Our chairs", "amount": "4"}},
    {"id": "1302", "record": {"name": "Our chairs", "amount": "40"}},
]


def test_an_uncertain_push_shows_what_was_sent_beside_what_the_vendor_has(visit, push, operations_user):
    made = push(PushState.UNCERTAIN, operation="create", sent={"name": "Our chairs", "amount": "4"}, found=FOUND)
    answer = visit(operations_user).record(made)
    candidates = answer.context_data["candidates"]
    assert [candidate.remote_id for candidate in candidates] == ["1301", "1302"]
    differing = [[line.label for line in candidate.lines if line.differs] for candidate in candidates]
    assert differing == [[], ["Amount"]]


def test_a_person_says_which_record_an_uncertain_push_made(visit, push, chairs, operations_user):
    Link.objects.all().delete()
    made = push(PushState.UNCERTAIN, operation="create", sent={"name": "Our chairs"}, found=FOUND)
    assert "It has moved on meanwhile" in acted(visit(operations_user), made, "adopt", remote_id="1")
    assert "is this one now" in acted(visit(operations_user), made, "adopt", remote_id="1301")
    made.refresh_from_db()
    assert made.state == PushState.DONE
    assert Link.objects.get(object_id=chairs.pk).remote_id == "1301"


def test_a_person_says_that_none_was_made(visit, push, operations_user):
    made = push(PushState.UNCERTAIN, operation="create", sent={"name": "Our chairs"}, found=FOUND)
    acted(visit(operations_user), made, "again")
    made.refresh_from_db()
    assert made.state == PushState.RETRY


def test_a_manager_looks_at_pushes_and_decides_none(visit, push, manager_user):
    made = push()
    visitor = visit(manager_user)
    assert 'value="retry"' not in text(visitor.record(made))
    assert visitor.post(reverse("admin:sync_push_act", args=[made.pk]), {"do": "discard"}).status_code == 403
    visitor.post(reverse("admin:sync_push_changelist"), {"action": "discard", "_selected_action": [made.pk]})
    made.refresh_from_db()
    assert made.state == PushState.REJECTED


# Records set aside


@pytest.fixture
def aside(connection):
    payload = {"id": 4711, "name": "<script>alert(1)</script>"}
    return SetAside.objects.create(
        connection=connection, kind="opportunity", remote_id="4711", payload=payload, reason="cost: no number"
    )


def test_a_record_set_aside_is_shown_as_it_came_and_marks_nothing_up(visit, aside, operations_user):
    shown = text(visit(operations_user).record(aside))
    assert "cost: no number" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>alert(1)" not in shown


def test_whose_record_it_is_nobody_knows_so_a_manager_reads_only_why(visit, aside, manager_user):
    shown = text(visit(manager_user).record(aside))
    assert "cost: no number" in shown
    assert "alert(1)" not in shown
    assert "Forget it" not in shown


def test_it_is_forgotten_from_its_page_or_the_list(visit, aside, manager_user, operations_user):
    visit(manager_user).post(address(aside, "change", aside.pk))
    assert SetAside.objects.exists()
    visit(operations_user).post(address(aside, "change", aside.pk))
    assert not SetAside.objects.exists()
    assert visit(operations_user).record(aside).status_code == 404


# Look-alikes


@pytest.fixture
def suggestion(connection, rep_user):
    with acting(None, Door.COMMAND, label="test"):
        made = Account.objects.create(name="Globex", website="globex.example", owner=rep_user.rep)
        like = Account.objects.create(name="Globex Inc.", website="globex.example", owner=rep_user.rep)
    return Suggestion.objects.create(
        connection=connection, kind="account", object_id=made.pk, like_id=like.pk, reason="the same website"
    )


def test_two_that_look_alike_stand_side_by_side(visit, suggestion, manager_user):
    lines = {line.label: line for line in visit(manager_user).record(suggestion).context_data["lines"]}
    assert (lines["Name"].first, lines["Name"].second, lines["Name"].differs) == ("Globex", "Globex Inc.", True)
    assert not lines["Website"].differs


@pytest.mark.parametrize("from_list", [True, False])
def test_a_person_says_that_they_are_two(visit, suggestion, manager_user, from_list):
    visitor = visit(manager_user)
    if from_list:
        said = {"action": "dismiss", "_selected_action": [suggestion.pk]}
        visitor.post(reverse("admin:sync_suggestion_changelist"), said)
    else:
        visitor.post(address(suggestion, "change", suggestion.pk))
    suggestion.refresh_from_db()
    assert suggestion.dismissed_at is not None
    assert numbers(visitor.list(Suggestion)) == set()
    assert numbers(visitor.list(Suggestion, state="dismissed")) == {suggestion.pk}


# On the record's own page


def test_a_record_says_where_it_is_linked_and_what_waits_there(
    visit, chairs, conflict, push, connection, manager_user, rep_user
):
    conflict()
    push(PushState.WAITING)
    shown = text(visit(manager_user).record(chairs))
    assert 'id="linked-heading"' in shown
    assert "Acme CRM · 7" in shown
    assert "1 conflict" in shown
    assert "Waiting</span>" in shown
    assert 'id="linked-heading"' not in text(visit(rep_user).record(chairs))


def test_a_record_that_is_to_be_made_there_says_so(visit, connection, push, chairs, operations_user):
    Link.objects.all().delete()
    push(PushState.WAITING, operation="create")
    assert "not there yet" in text(visit(operations_user).record(chairs))


def test_what_is_linked_nowhere_says_nothing_of_it(visit, connection, operations_user):
    with acting(None, Door.COMMAND, label="test"):
        rows = [Account.objects.create(name="Globex"), Rep.objects.create(given="Ana", email="ana@example.com")]
    for row in rows:
        assert 'id="linked-heading"' not in text(visit(operations_user).record(row))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Conflict, "No field was changed on both sides"),
        (Push, "Nothing waits to be sent"),
        (SetAside, "Every record could be taken in"),
        (Suggestion, "Nothing looks alike"),
    ],
)
def test_an_empty_tab_says_that_all_is_well_and_a_narrowed_one_that_it_is_narrowed(
    visit, connection, operations_user, model, words
):
    visitor = visit(operations_user)
    for query in ({}, {"connection": connection.pk}):
        shown = text(visitor.list(model, **query))
        assert words in shown
        assert "Reset filters" not in shown
    if model is not SetAside:
        assert "Nothing matches." in text(visitor.list(model, state="all"))
