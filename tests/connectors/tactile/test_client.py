"""The client against the documented answers, and against everything else a server may say."""

from datetime import UTC, datetime

import pytest

from connectors.kit.errors import (
    Forbidden,
    Invalid,
    LoginFailed,
    Misconfigured,
    Missing,
    Refused,
    Unavailable,
    Uncertain,
    Unreadable,
)
from connectors.tactile.client import Client, messages_of, stamp
from tests.connectors.tactile.examples import example, text
from tests.connectors.transport import FakeTransport, html, reply

pytestmark = [pytest.mark.unit]

TOKEN = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


@pytest.fixture
def transport():
    return FakeTransport()


@pytest.fixture
def client(transport):
    return Client(transport, TOKEN)


def error(*messages, key="messages"):
    return {"status": "error", key: list(messages)}


def test_the_documented_list_is_read(client, transport):
    transport.answers("opportunities", reply(text("list")))
    listing = client.opportunities.index(updated_after="2009-03-01")
    assert [row["id"] for row in listing.rows] == [1234, 5678]
    assert (listing.page, listing.pages, listing.total) == (1, 1, 18)
    (asked,) = transport.sent
    assert (asked.method, asked.query["updated_after"], asked.query["limit"]) == ("GET", "2009-03-01", 100)


def test_the_token_travels_in_the_query_string_also_when_something_is_posted(client, transport):
    transport.answers("opportunities/save", reply(text("saved")))
    client.opportunities.save({"name": "Website Redesign"})
    assert transport.sent[0].query == {"api_token": TOKEN}
    assert TOKEN not in str(transport.sent[0].json)


def test_the_documented_opportunity_is_read(client, transport):
    transport.answers("opportunities/view/1234", reply(text("view")))
    assert client.opportunities.view("1234") == example("view")["opportunity"]


def test_of_a_key_that_the_documented_timeline_has_twice_the_value_counts(client, transport):
    transport.answers("opportunities/timeline", reply(text("timeline")))
    entries, pages = client.opportunities.timeline("1234")
    (entry,) = entries
    assert (entry["note"]["id"], entry["note"]["opportunity_id"], entry["note"]["opportunity"]) == (
        885,
        1234,
        "Chase Invoices",
    )
    assert pages == 1
    assert transport.sent[0].query["id"] == 1234


def test_the_documented_save_is_sent_as_documented(client, transport):
    transport.answers("opportunities/save", reply(text("saved")))
    assert client.opportunities.save(example("save")["Opportunity"]) == 12346
    (asked,) = transport.sent
    assert (asked.method, asked.json) == ("POST", example("save"))
    assert asked.content[1] == "application/json"


def test_the_fields_of_todos_and_events_can_be_sent(client, transport):
    transport.answers("opportunities/save", reply(text("saved")))
    fields = {"name": "Fair", "enddate": "2026-12-01", "date": "2026-11-30", "time": "09:30", "location": "Leeds"}
    client.opportunities.save(fields | {"end_date": "2026-11-30", "end_time": "17:00"})
    assert transport.sent[0].json["Opportunity"]["end_time"] == "17:00"


def test_the_documented_options_are_read_in_the_accounts_order(client, transport):
    transport.answers("opportunities/options", reply(text("options")))
    options = client.opportunities.options()
    assert list(options["status"].items())[:2] == [("1", "New"), ("2", "Preliminaries")]
    assert options["assigned_to"] == {"dave": "dave", "david": "david"}
    assert options["source"]["8"] == " Website"


@pytest.mark.parametrize("empty", [{}, []])
def test_a_list_of_options_may_be_empty_as_php_writes_it(client, transport, empty):
    transport.answers("opportunities/options", {"status": "success", "opportunity_options": {"type": empty}})
    assert client.opportunities.options() == {"type": {}}


def test_the_documented_tag_is_added(client, transport):
    transport.answers("opportunities/add_tag", reply(text("tagged")))
    client.opportunities.add_tag("1234", "My Event")
    assert transport.sent[0].query == {"api_token": TOKEN, "id": 1234, "tag": "My Event"}


def test_a_tag_that_is_there_already_is_no_error(client, transport):
    transport.answers("opportunities/add_tag", error("Item already has that tag", "Error Tagging"))
    client.opportunities.add_tag("1234", "My Event")


def test_a_tag_without_a_name_is_refused_in_the_vendors_words(client, transport):
    transport.answers("opportunities/add_tag", error("Name is a compulsory field, you must enter a value"))
    with pytest.raises(Invalid, match="compulsory"):
        client.opportunities.add_tag("1234", "")


def test_a_note_is_saved_under_its_own_name(client, transport):
    transport.answers("notes/save", {"status": "success", "id": 885})
    assert client.save_note({"title": "Invoices Sent", "note": "Resent."}) == 885
    assert transport.sent[0].json == {"Note": {"title": "Invoices Sent", "note": "Resent."}}


def test_organisations_and_people_answer_under_names_of_their_own(client, transport):
    transport.answers("people/view/7", {"status": "success", "person": {"id": 7}})
    transport.answers("people/options", {"status": "success", "person_options": {"assigned_to": {"paul": "paul"}}})
    transport.answers("organisations/save", {"status": "success", "id": "12"})
    assert client.people.view("7") == {"id": 7}
    assert client.people.options() == {"assigned_to": {"paul": "paul"}}
    assert client.organisations.save({"name": "Acme"}) == 12
    assert transport.sent[-1].json == {"Organisation": {"name": "Acme"}}


@pytest.mark.parametrize(
    "answer",
    [
        {"messages": ["enddate is required"]},
        {"messages": {"_0": "enddate is required"}},
        {"messages": {"opportunity_enddate": "enddate is required"}},
        {"errors": ["enddate is required"]},
        {"messages": "enddate is required"},
    ],
)
def test_a_refusal_shows_the_vendors_own_words_in_whatever_form_they_come(client, transport, answer):
    transport.answers("opportunities/save", {"status": "error", **answer})
    with pytest.raises(Invalid) as caught:
        client.opportunities.save({"name": "Website Redesign"})
    assert caught.value.messages == ["enddate is required"]
    assert str(caught.value) == "enddate is required"


def test_a_reference_that_does_not_exist_is_named():
    answer = {"messages": {"opportunity_status_id": "Invalid ID specified", "_0": "Invalid ID specified"}}
    assert messages_of(answer) == ["Invalid ID specified (status_id)", "Invalid ID specified"]


def test_html_with_200_is_a_failed_login(client, transport):
    transport.answers("opportunities", html())
    with pytest.raises(LoginFailed, match="API token"):
        client.opportunities.index()


def test_a_wrong_token_is_a_failed_login_however_it_is_said(client, transport):
    transport.answers("opportunities", {"status": "error", "messages": {"403": "Failed to login"}})
    with pytest.raises(LoginFailed, match="Failed to login"):
        client.opportunities.index()


def test_a_suspended_account_is_told_and_not_followed(client, transport):
    transport.answers("opportunities", reply(b"", status=302, location="/suspension"))
    with pytest.raises(Misconfigured, match="/suspension"):
        client.opportunities.index()
    assert len(transport.sent) == 1


@pytest.mark.parametrize("call", ["view", "timeline", "add_tag"])
def test_an_object_that_is_not_there_is_missing(client, transport, call):
    more = ("x",) if call == "add_tag" else ()
    words = "Invalid ID specified" if call == "add_tag" else "Invalid id specified"
    transport.answers(f"opportunities/{call}" + ("/9" if call == "view" else ""), error(words))
    with pytest.raises(Missing, match=words):
        getattr(client.opportunities, call)("9", *more)


def test_an_unknown_reference_in_a_save_is_not_a_missing_record(client, transport):
    transport.answers("opportunities/save", error("Invalid ID specified"))
    with pytest.raises(Invalid):
        client.opportunities.save({"id": 1, "status_id": 99})


def test_what_the_token_may_not_is_forbidden(client, transport):
    transport.answers("opportunities/view/9", error("You don't have permission to view that Opportunity"))
    transport.answers("notes/save", error("You can only edit your own notes"))
    with pytest.raises(Forbidden):
        client.opportunities.view("9")
    with pytest.raises(Forbidden):
        client.save_note({"id": 1, "title": "Other"})


def test_an_id_that_is_no_number_names_nothing_there(client, transport):
    with pytest.raises(Missing):
        client.opportunities.view("../../save")
    assert not transport.sent


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"[]"),
        reply(b'"yes"'),
        {"opportunities": []},
        {"status": "success"},
        {"status": "success", "opportunities": {}, "num_pages": 1, "total": 0},
        {"status": "success", "opportunities": ["x"], "num_pages": 1, "total": 1},
        {"status": "success", "opportunities": [], "cur_page": 1, "num_pages": "many", "total": 0},
    ],
)
def test_an_answer_of_another_form_is_unreadable(client, transport, answer):
    transport.answers("opportunities", answer, answer)
    with pytest.raises(Unreadable):
        client.opportunities.index()


def test_an_answer_that_was_cut_is_asked_for_once_more(client, transport):
    transport.answers("opportunities", reply(text("list")[:80]), reply(text("list")))
    assert client.opportunities.index().total == 18
    transport.answers("opportunities", reply(text("list")[:80]), reply(text("list")[:90]))
    with pytest.raises(Unreadable):
        client.opportunities.index()
    assert len(transport.sent) == 4


def test_too_many_requests_says_how_long_to_wait(client, transport):
    transport.answers(
        "opportunities", reply("slow down", status=429, content_type="text/plain", **{"retry-after": "7"})
    )
    with pytest.raises(Unavailable) as caught:
        client.opportunities.index()
    assert caught.value.retry_after_seconds == 7


def test_too_many_requests_is_no_uncertain_creation(client, transport):
    transport.answers("opportunities/save", reply("slow down", status=429, content_type="text/plain"))
    with pytest.raises(Unavailable):
        client.opportunities.save({"name": "New"})


@pytest.mark.parametrize(
    "answer",
    [
        reply(text("saved")[:20]),
        html("<html><b>Fatal error</b>: out of memory"),
        reply("oh", status=503, content_type="text/plain"),
        {"status": "success"},
        {"status": "success", "id": "?"},
    ],
    ids=["cut", "a crash as HTML", "503", "no id", "an id that is none"],
)
def test_a_creation_whose_answer_tells_nothing_is_uncertain(client, transport, answer):
    transport.answers("opportunities/save", answer)
    with pytest.raises((Uncertain, Unavailable)) as caught:
        client.opportunities.save({"name": "New", "enddate": "2026-12-01"})
    assert isinstance(caught.value, Uncertain)
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    "answer", [reply(text("saved")[:20]), {"status": "success", "id": "?"}, html("<b>Fatal error</b>")]
)
def test_a_change_whose_answer_tells_nothing_may_be_sent_again(client, transport, answer):
    transport.answers("opportunities/save", answer)
    with pytest.raises(Unavailable):
        client.opportunities.save({"id": 1234, "name": "New"})


def test_the_login_page_in_answer_to_a_creation_says_that_nothing_was_done(client, transport):
    transport.answers("opportunities/save", html('<form><input name="password" type="password"></form>'))
    with pytest.raises(LoginFailed):
        client.opportunities.save({"name": "New"})


def test_a_creation_is_not_to_be_repeated_and_everything_else_may_be(client):
    class Recording(FakeTransport):
        repeatable: list = []

        def send(self, request, *, repeatable):
            self.repeatable.append((request.path, repeatable))
            return reply({"status": "success", "id": 1, "tag": "x"})

    client = Client(recording := Recording(), TOKEN)
    client.opportunities.save({"name": "New"})
    client.opportunities.save({"id": 1, "name": "Newer"})
    client.opportunities.add_tag("1", "x")
    client.save_note({"title": "x", "note": "y"})
    assert recording.repeatable == [
        ("opportunities/save", False),
        ("opportunities/save", True),
        ("opportunities/add_tag", True),
        ("notes/save", False),
    ]


@pytest.mark.parametrize("answer", [html(), reply(b"nothing"), {"status": "error", "messages": ["no"]}])
def test_no_error_shows_the_token(client, transport, answer):
    transport.answers("opportunities", answer, answer)
    with pytest.raises((Misconfigured, Unreadable, Refused)) as caught:
        client.opportunities.index()
    assert TOKEN not in f"{caught.value} {caught.value.answer}"


def test_a_time_in_a_filter_is_in_utc_with_a_z():
    summer = datetime.fromisoformat("2026-07-01T12:30:00+01:00")
    assert stamp(summer) == "2026-07-01T11:30:00Z"
    assert stamp(datetime(2009, 2, 2, 15, 31, 43, tzinfo=UTC)) == "2009-02-02T15:31:43Z"
