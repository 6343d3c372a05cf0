"""What the connector writes to Tactile CRM, looks for there, and says about it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from backoffice.crm.records import Account, Activity, Contact, Note, Opportunity, Ref
from connectors.kit.contract import Site
from connectors.kit.errors import Invalid, LoginFailed, Missing, Unavailable, Uncertain
from connectors.tactile.connector import Tactile
from tests.connectors.tactile.examples import text
from tests.connectors.tactile.lists import NO_SUCH_ID, TOKEN, Lists, connected, opportunity
from tests.connectors.transport import FakeTransport, html, reply

pytestmark = [pytest.mark.unit]

SAVED = {"status": "success", "id": 12346}
OPTIONS = {"status": "success", "opportunity_options": {"status": {"1": "Won", "2": "New", "3": "Lost"}}}
TAGGED = {"status": "success", "tag": "x"}
SINCE = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.fixture
def transport():
    return FakeTransport()


@pytest.fixture
def tactile(transport):
    return connected(transport)


def error(*messages):
    return {"status": "error", "messages": list(messages)}


def body(transport, name="Opportunity"):
    """What the last save was sent with."""
    return next(request for request in reversed(transport.sent) if request.json).json[name]


def boats(**more):
    return Opportunity(name="Boats", close_date=date(2026, 12, 1), stage=Ref("2"), **more)


def test_a_new_opportunity_is_sent_as_the_vendor_takes_it(tactile, transport):
    transport.answers("opportunities/save", SAVED)
    record = boats(
        description="Two boats",
        account=Ref("9876", "Acme"),
        primary_contact=Ref("87254"),
        amount=Decimal("1234.50"),
        currency="GBP",
        probability=42,
        owner=Ref("paul"),
        assigned_to=Ref("greg"),
        type=None,
        archived_at=None,
        altered_by=Ref("paul"),
        next_step="Call",
    )
    assert tactile.create("opportunity", record).id == "12346"
    assert body(transport) == {
        "name": "Boats",
        "description": "Two boats",
        "organisation_id": 9876,
        "person_id": 87254,
        "cost": 1234.5,
        "probability": 40,
        "status_id": 2,
        "owner": "paul",
        "assigned_to": "greg",
        "enddate": "2026-12-01",
    }


def test_a_new_opportunity_without_a_stage_takes_the_first_open_status(tactile, transport):
    transport.answers("opportunities/options", OPTIONS)
    transport.answers("opportunities/save", SAVED, SAVED)
    unknown = Opportunity(name="Boats", close_date=date(2026, 12, 1))
    for record in (unknown, msgspec.structs.replace(unknown, stage=None)):
        tactile.create("opportunity", record)
        assert body(transport)["status_id"] == 2
    assert len(transport.asked("opportunities/options")) == 1


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (Opportunity(name="Boats", stage=Ref("2")), "a close date"),
        (Opportunity(name="Boats", stage=Ref("2"), close_date=None), "a close date"),
        (Opportunity(name="  ", stage=Ref("2"), close_date=date(2026, 12, 1)), "a name"),
        (Opportunity(), "a close date and a name"),
    ],
)
def test_what_the_vendor_demands_and_is_missing_is_said_before_anything_is_sent(tactile, transport, record, words):
    with pytest.raises(Invalid, match=f"needs {words}"):
        tactile.create("opportunity", record)
    assert not transport.sent


def test_an_amount_and_a_probability_of_nothing_are_sent(tactile, transport):
    transport.answers("opportunities/save", SAVED)
    tactile.create("opportunity", boats(amount=Decimal(0), probability=0))
    assert (body(transport)["cost"], body(transport)["probability"]) == (0, 0)


def test_tags_are_added_after_the_save_so_that_the_first_is_shown_first(tactile, transport):
    transport.answers("opportunities/save", SAVED)
    transport.answers("opportunities/add_tag", TAGGED, TAGGED)
    tactile.create("opportunity", boats(tags=["first", "second"]))
    assert "tags" not in body(transport)
    assert [request.query["tag"] for request in transport.asked("opportunities/add_tag")] == ["second", "first"]
    assert {request.query["id"] for request in transport.asked("opportunities/add_tag")} == {12346}


def test_a_creation_stands_when_its_tags_fail(tactile, transport):
    transport.answers("opportunities/save", SAVED)
    transport.answers("opportunities/add_tag", Unavailable("down"))
    assert tactile.create("opportunity", boats(tags=["x"])).id == "12346"


@pytest.mark.parametrize("lost", [Uncertain("cut"), html("crash"), reply(b'{"status":"succ')])
def test_a_creation_whose_answer_is_lost_is_uncertain(tactile, transport, lost):
    transport.answers("opportunities/save", lost)
    with pytest.raises(Uncertain):
        tactile.create("opportunity", boats())
    assert len(transport.sent) == 1


def test_a_change_sends_only_what_changed(tactile, transport):
    transport.answers("opportunities/save", SAVED)
    record = boats(amount=Decimal(5), description="", probability=71)
    tactile.update("opportunity", "12346", record, frozenset({"amount", "description", "altered_by", "owner"}))
    assert body(transport) == {"id": 12346, "cost": 5, "description": None}


def test_what_the_vendor_only_takes_for_new_records_is_no_change(tactile, transport):
    tactile.update("opportunity", "12346", boats(owner=Ref("paul")), frozenset({"owner", "changed_there"}))
    assert not transport.sent


def test_an_archived_opportunity_is_archived_there(tactile, transport):
    transport.answers("opportunities/save", SAVED)
    tactile.update("opportunity", "12346", boats(archived_at=SINCE), frozenset({"archived_at"}))
    assert body(transport) == {"id": 12346, "archived": True}


@pytest.mark.parametrize(
    ("record", "changed", "words"),
    [
        (Opportunity(name="Boats", close_date=None), "close_date", "a close date"),
        (Opportunity(name="", close_date=date(2026, 12, 1)), "name", "a name"),
        (Opportunity(name="Boats", stage=None), "stage", "a stage"),
    ],
)
def test_what_the_vendor_demands_cannot_be_emptied(tactile, transport, record, changed, words):
    with pytest.raises(Invalid, match=words):
        tactile.update("opportunity", "1", record, frozenset({changed}))
    assert not transport.sent


def test_a_probability_that_is_not_known_any_more_stays_as_it_is_there(tactile, transport):
    transport.answers("opportunities/save", SAVED)
    tactile.update("opportunity", "1", boats(probability=None, amount=Decimal(1)), frozenset({"probability", "amount"}))
    assert body(transport) == {"id": 1, "cost": 1}


def test_a_server_that_wants_everything_compulsory_in_every_save_gets_it(tactile, transport):
    transport.answers("opportunities/save", error("Name is a compulsory field, you must enter a value"), SAVED)
    tactile.update("opportunity", "1", boats(amount=Decimal(1)), frozenset({"amount"}))
    assert body(transport) == {"id": 1, "cost": 1, "name": "Boats", "enddate": "2026-12-01", "status_id": 2}


def test_a_refused_change_is_told_in_the_vendors_words(tactile, transport):
    transport.answers("opportunities/save", error("Cost must contain a numeric value"))
    with pytest.raises(Invalid, match="Cost must contain a numeric value"):
        tactile.update("opportunity", "1", boats(amount=Decimal(1)), frozenset({"amount"}))
    assert len(transport.sent) == 1


def test_a_change_of_what_is_gone_there_says_so(tactile, transport):
    transport.answers("opportunities/save", error("Invalid ID specified"))
    transport.answers("opportunities/view/9", NO_SUCH_ID)
    with pytest.raises(Missing):
        tactile.update("opportunity", "9", boats(), frozenset({"name"}))


def test_a_change_to_a_reference_that_is_not_there_is_the_records_fault(tactile, transport):
    transport.answers("opportunities/save", error("Invalid ID specified"))
    transport.answers("opportunities/view/9", {"status": "success", "opportunity": opportunity(9)})
    with pytest.raises(Invalid):
        tactile.update("opportunity", "9", boats(account=Ref("5")), frozenset({"account"}))


def test_tags_alone_are_no_save(tactile, transport):
    transport.answers("opportunities/add_tag", TAGGED, error("Item already has that tag", "Error Tagging"))
    tactile.update("opportunity", "9", boats(tags=["a", "b"]), frozenset({"tags"}))
    assert transport.paths == ["opportunities/add_tag", "opportunities/add_tag"]


def test_an_archived_or_closed_opportunity_can_still_be_viewed(tactile, transport):
    transport.answers("opportunities/view/1234", reply(text("view")))
    item = tactile.view("opportunity", "1234")
    assert (item.kind, item.id, item.is_stub) == ("opportunity", "1234", False)
    assert item.mapping.decode(item.wire).name == "Boating eCommerce Website"


@pytest.mark.parametrize("words", ["Invalid id specified", "Invalid ID specified"])
def test_what_cannot_be_viewed_is_gone(tactile, transport, words):
    transport.answers("opportunities/view/1234", error(words))
    assert tactile.view("opportunity", "1234") is None


def test_a_failed_login_is_not_a_record_that_is_gone(tactile, transport):
    transport.answers("opportunities/view/1234", html())
    with pytest.raises(LoginFailed):
        tactile.view("opportunity", "1234")


def test_a_contact_with_a_name_in_one_piece_is_sent_in_two(tactile, transport):
    transport.answers("people/save", SAVED, SAVED)
    tactile.create("contact", Contact(name="Juan Carlos Bodoque", given="", family=""))
    assert body(transport, "Person") == {"firstname": "Juan Carlos", "surname": "Bodoque"}
    tactile.create("contact", Contact(name="Cher"))
    assert body(transport, "Person") == {"firstname": "-", "surname": "Cher"}


def test_a_contact_without_any_name_is_refused_in_words(tactile, transport):
    with pytest.raises(Invalid, match="a name"):
        tactile.create("contact", Contact(job_title="Buyer"))


def test_a_permission_that_is_not_given_is_sent(tactile, transport):
    transport.answers("people/save", SAVED)
    tactile.create("contact", Contact(given="Bill", family="Smith", can_call=False, can_email=True))
    assert body(transport, "Person") == {"firstname": "Bill", "surname": "Smith", "can_call": False, "can_email": True}


def test_a_to_do_without_a_day_is_for_later(tactile, transport):
    transport.answers("activities/save", SAVED)
    tactile.create("activity", Activity(kind="call", subject="Call Bill", opportunity=Ref("1234"), start_on=None))
    assert body(transport, "Activity") == {
        "name": "Call Bill",
        "class": "todo",
        "opportunity_id": 1234,
        "later": "true",
    }


def test_an_activity_that_moves_from_a_time_to_a_day_loses_its_time_there(tactile, transport):
    transport.answers("activities/save", SAVED, SAVED)
    moved = Activity(kind="event", subject="Fair", start_on=date(2026, 12, 3), start_at=None, later=False)
    tactile.update("activity", "5", moved, frozenset({"start_at", "start_on"}))
    assert body(transport, "Activity") == {"id": 5, "date": "2026-12-03", "time": None, "later": False}
    timed = Activity(kind="event", subject="Fair", start_on=None, start_at=SINCE, later=False)
    tactile.update("activity", "5", timed, frozenset({"start_at"}))
    assert body(transport, "Activity") == {"id": 5, "date": "2026-11-02", "time": "09:00", "later": False}


def test_a_note_is_saved_to_the_timeline_and_known_by_its_kind_and_number(tactile, transport):
    transport.answers("notes/save", {"status": "success", "id": 885})
    note = Note(title="Invoices", body="Resent.", private=True, opportunity=Ref("1234"), author=Ref("paul"))
    assert tactile.create("note", note).id == "note:885"
    assert body(transport, "Note") == {"title": "Invoices", "note": "Resent.", "opportunity_id": 1234, "private": True}


def test_a_note_of_one_piece_has_a_title_and_a_text_there(tactile, transport):
    transport.answers("notes/save", SAVED, SAVED)
    tactile.create("note", Note(title="", body="Called.\nNobody there.", opportunity=Ref("1")))
    assert (body(transport, "Note")["title"], body(transport, "Note")["note"]) == ("Called.", "Called.\nNobody there.")
    tactile.create("note", Note(title="Called", body="", opportunity=Ref("1")))
    assert body(transport, "Note")["note"] == "Called"


def test_a_note_that_says_nothing_is_refused_in_words(tactile, transport):
    with pytest.raises(Invalid, match="needs a text"):
        tactile.create("note", Note(title="", body=" ", opportunity=Ref("1")))
    with pytest.raises(Invalid, match="needs a text"):
        tactile.update("note", "note:885", Note(title="", body=""), frozenset({"title"}))
    assert not transport.sent


def test_a_note_is_changed_by_its_number_and_an_email_never(tactile, transport):
    transport.answers("notes/save", SAVED)
    note = Note(title="Invoices", body="Paid.", opportunity=Ref("1234"))
    tactile.update("note", "note:885", note, frozenset({"body"}))
    assert body(transport, "Note") == {"id": 885, "note": "Paid."}
    with pytest.raises(Invalid, match="emails"):
        tactile.update("note", "email:885", note, frozenset({"body"}))


def test_a_lost_creation_is_looked_for_by_name_and_organisation_among_the_new():
    late = "2026-11-02T09:05:00+00:00"
    there = Lists(
        opportunities=[
            opportunity(1, "Boats", changed="2026-11-01T00:00:00+00:00", organisation_id=9876),
            opportunity(2, "Boats", changed=late, organisation_id=5),
            opportunity(3, "Boats", changed=late, organisation_id=9876),
            opportunity(4, "Other boats", changed=late, organisation_id=9876),
            opportunity(5, "Boats", changed="2026-11-02T09:06:00+00:00", organisation_id=9876),
        ]
    )
    found = connected(there).find("opportunity", boats(account=Ref("9876")), SINCE)
    assert [item.id for item in found] == ["5", "3"]
    assert there.asked("opportunities")[0].query["created_after"] == "2026-11-02T08:59:00Z"


def test_a_lost_creation_is_found_though_the_server_adds_the_contacts_organisation():
    row = opportunity(3, "Boats", changed="2026-11-02T09:05:00+00:00", organisation_id=9876, person_id=4)
    connector = connected(Lists(opportunities=[row]))
    assert [
        item.id for item in connector.find("opportunity", boats(account=None, primary_contact=Ref("4")), SINCE)
    ] == ["3"]
    assert not connector.find("opportunity", boats(account=None), SINCE)


def test_a_lost_creation_of_a_won_opportunity_is_found_where_it_is_listed():
    there = Lists()
    there.also_answers("recently_won", [opportunity(3, "Boats", changed="2026-11-02T09:05:00+00:00", status="Won")])
    assert [item.id for item in connected(there).find("opportunity", boats(), SINCE)] == ["3"]


def test_nothing_is_found_where_nothing_was_made():
    there = Lists(opportunities=[opportunity(number) for number in range(1, 150)])
    assert connected(there).find("opportunity", boats(), SINCE) == []


def test_a_lost_person_is_found_by_name_where_the_server_breaks_over_the_date():
    row = {"id": 7, "firstname": "Bill", "surname": "Smith", "created": "2026-11-02T09:05:00+00:00"}
    there = Lists(people=[row, {**row, "id": 8, "surname": "Jones"}])
    whole = there.index
    there._queued["people"][0] = lambda request: html() if "created_after" in request.query else whole(request)
    found = connected(there).find("contact", Contact(name="Bill Smith"), SINCE)
    assert [item.id for item in found] == ["7"]
    assert there.asked("people")[-1].query["surname"] == "Smith"


def test_a_lost_organisation_and_a_lost_activity_are_found():
    made = "2026-11-02T09:05:00+00:00"
    there = Lists(
        organisations=[{"id": 5, "name": "Acme", "created": made}, {"id": 6, "name": "Globex", "created": made}],
        activities=[
            {"id": 7, "name": "Call", "opportunity_id": 1, "created": made},
            {"id": 8, "name": "Call", "opportunity_id": 2, "created": made},
        ],
    )
    connector = connected(there)
    assert [item.id for item in connector.find("account", Account(name=" Acme "), SINCE)] == ["5"]
    activity = Activity(subject="Call", opportunity=Ref("2"))
    assert [item.id for item in connector.find("activity", activity, SINCE)] == ["8"]


def test_a_lost_note_is_looked_for_in_the_timeline_it_belongs_to():
    there = Lists(opportunities=[opportunity(1)])
    note = {"title": "Called", "note": "Nobody there.", "opportunity_id": 1}
    there.timelines = {
        1: [
            {"note": {**note, "id": 9, "created": "2026-11-02T09:05:00+00:00"}},
            {"note": {**note, "id": 8, "created": "2026-10-01T09:05:00+00:00"}},
            {"email": {"id": 9}},
        ]
    }
    found = connected(there).find("note", Note(title="Called", body="Nobody there.", opportunity=Ref("1")), SINCE)
    assert [item.id for item in found] == ["note:9"]


def test_the_documented_options_are_the_entries_of_the_lists(tactile, transport):
    transport.default = html()
    transport.answers("opportunities/options", reply(text("options")))
    found = {(entry.list, entry.id): entry.label for entry in tactile.entries()}
    assert found["user", "dave"] == "dave"
    assert found["status", "5"] == "Won"
    assert found["type", "1"] == "Exisiting Business"
    assert found["source", "8"] == "Website"
    assert found["title", "Mr"] == "Mr"


def test_organisations_add_their_own_lists_and_users_are_one_list(tactile, transport):
    transport.default = html()
    transport.answers("opportunities/options", reply(text("options")))
    transport.answers(
        "organisations/options",
        {
            "status": "success",
            "organisation_options": {
                "assigned_to": {"dave//sample": "dave//sample", "zoe": "zoe"},
                "industry": {"4": "R&amp;D"},
                "status": {"5": "Customer"},
                "type": [],
            },
        },
    )
    found = [(entry.list, entry.id, entry.label) for entry in tactile.entries()]
    assert [id for name, id, _ in found if name == "user"] == ["dave", "david", "zoe"]
    assert ("industry", "4", "R&D") in found
    assert ("organisation_status", "5", "Customer") in found
    assert ("status", "5", "Won") in found


def test_a_server_that_is_down_is_no_missing_permission(tactile, transport):
    transport.answers("opportunities/options", reply(text("options")))
    transport.answers("organisations/options", Unavailable("down", status=503))
    with pytest.raises(Unavailable):
        tactile.entries()


def test_the_test_says_how_many_opportunities_there_are(transport):
    health = connected(Lists(opportunities=[opportunity(1), opportunity(2)])).test()
    assert "2 open opportunities" in health.text
    assert not health.hints


def test_the_test_says_what_the_token_may_not_read(transport):
    health = connected(Lists(opportunities=[opportunity(1)]).without("people")).test()
    assert "by name only" in health.hints[0]


def test_the_settings_have_their_bounds():
    with pytest.raises(ValueError, match="threads"):
        Tactile(Site("https://sample.example", FakeTransport(), {"threads": 7}, {"api_token": TOKEN}))
