"""Reading Tactile CRM's lists: page by page, changes only, again where pages shifted, and on after a crash."""

import pytest

from connectors.kit.errors import LoginFailed, Unavailable, Unreadable
from connectors.tactile.mapping import EMAIL, NOTE, OPPORTUNITY
from tests.connectors.tactile.examples import example
from tests.connectors.tactile.lists import Lists, connected, opportunity, pulled, stream
from tests.connectors.transport import html, reply

pytestmark = [pytest.mark.unit]

AT_NINE = "2026-11-02T09:00:00+00:00"


def ids(items, kind="opportunity"):
    return [item.id for item in items if item.kind == kind and not item.is_stub]


def test_all_pages_of_a_list_are_read():
    there = Lists(opportunities=[opportunity(number) for number in range(1, 251)])
    items, _ = pulled(connected(there), "opportunities")
    assert sorted(map(int, ids(items))) == list(range(1, 251))
    assert there.asked_for == [("opportunities", 1), ("opportunities", 2), ("opportunities", 3)]
    assert all(item.mapping is OPPORTUNITY for item in items)


@pytest.mark.parametrize("threads", [1, 4])
def test_pages_are_read_ahead_and_come_in_order(threads):
    there = Lists(opportunities=[opportunity(number) for number in range(1, 951)])
    connector = connected(there, threads=threads)
    pages = [page for page in stream(connector, "opportunities").pages({}, full=True) if page.items]
    assert [int(page.items[0].id) for page in pages] == [1, 101, 201, 301, 401, 501, 601, 701, 801, 901]
    assert {page.total for page in pages} == {950}


def test_the_next_pull_asks_for_changes_since_the_newest_seen_minus_the_overlap():
    there = Lists(opportunities=[opportunity(1), opportunity(2, changed=AT_NINE)])
    connector = connected(there, overlap_seconds=60)
    _, state = pulled(connector, "opportunities")
    there.rows["opportunities"][3] = opportunity(3, changed="2026-11-02T09:30:00+00:00")
    items, _ = pulled(connector, "opportunities", state)
    assert there.asked("opportunities")[-1].query["updated_after"] == "2026-11-02T08:59:00Z"
    assert ids(items) == ["2", "3"]


def test_a_pull_without_a_change_moves_nothing():
    there = Lists(opportunities=[opportunity(1, changed=AT_NINE)])
    _, state = pulled(connected(there), "opportunities")
    there.rows["opportunities"].clear()
    assert pulled(connected(there), "opportunities", state) == ([], state)


def test_a_full_pass_asks_for_everything_again():
    there = Lists(opportunities=[opportunity(1), opportunity(2)])
    _, state = pulled(connected(there), "opportunities")
    items, _ = pulled(connected(there), "opportunities", state, full=True)
    assert ids(items) == ["1", "2"]
    assert "updated_after" not in there.asked("opportunities")[-1].query


def test_the_next_pull_begins_no_later_than_this_one_did():
    """What changed on a page already read has a stamp before that of what changed on a later page."""
    there = Lists(opportunities=[opportunity(1, changed="2030-01-01T00:00:00+00:00")])
    there.answers("opportunities", *[])
    page_of = there.index

    def dated(request):
        return reply(page_of(request), date="Mon, 02 Nov 2026 09:00:00 GMT")

    there._queued["opportunities"][0] = dated
    _, state = pulled(connected(there), "opportunities")
    assert state == {"since": "2026-11-02T09:00:00Z", "lacks": ["recently_won", "recently_lost"]}


def test_a_pull_that_broke_off_goes_on_at_the_page_after_the_last_one_taken():
    there = Lists(opportunities=[opportunity(number) for number in range(1, 351)])
    taken, state = [], {}
    for number, page in enumerate(stream(connected(there), "opportunities").pages({}, full=True), start=1):
        taken += page.items
        state = page.state
        if number == 2:
            break
    there.asked_for.clear()
    items, ended = pulled(connected(there), "opportunities", state)
    assert there.asked_for[0] == ("opportunities", 3)
    assert ("opportunities", 1) not in there.asked_for
    assert ids(taken + items) == [str(number) for number in range(1, 351)]
    assert ended["since"] == "2026-11-02T08:00:00Z"


def test_a_full_pass_that_broke_off_stays_one():
    there = Lists(opportunities=[opportunity(number) for number in range(1, 201)])
    _, idle = pulled(connected(there), "opportunities")
    page = next(stream(connected(there), "opportunities").pages(idle, full=True))
    items, _ = pulled(connected(there), "opportunities", page.state, full=False)
    assert len(page.items + items) == 200


def test_a_record_that_slips_to_a_page_already_read_is_found_by_reading_once_more():
    """Something on page 1 goes away between two pages: what stood first on page 2 now stands last on page 1."""
    there = Lists(opportunities=[opportunity(number) for number in range(1, 202)])

    def archive(area, page):
        if page == 2:
            there.rows["opportunities"].pop(1, None)

    there.before_page = archive
    items, _ = pulled(connected(there), "opportunities")
    assert "101" in ids(items)
    assert len(ids(items)) == len({*ids(items)}) == 201


def test_pages_that_overlap_without_a_change_of_the_total_are_read_once_more():
    there = Lists(opportunities=[opportunity(number) for number in range(1, 202)])
    orders = iter([1, 1, -1] + [1] * 10)

    def shuffle(rows, request, page, whole=there.page):
        order = next(orders)
        return whole(rows[::order], request, page)

    there.page = shuffle
    items, _ = pulled(connected(there), "opportunities")
    assert len({*ids(items)}) == len(ids(items)) == 201
    assert len(there.asked_for) == 6


def test_pages_that_shift_for_ever_are_read_twice_and_no_more():
    there = Lists(opportunities=[opportunity(number) for number in range(1, 202)])
    fresh = iter(range(1000, 2000))
    there.before_page = lambda area, page: there.rows["opportunities"].update({(n := next(fresh)): opportunity(n)})
    pulled(connected(there), "opportunities")
    assert len(there.asked_for) <= 8


def test_what_changed_between_the_two_readings_is_given_again_and_the_rest_is_not():
    there = Lists(opportunities=[opportunity(number) for number in range(1, 202)])

    def change(area, page):
        if page == 2:
            there.rows["opportunities"].pop(1, None)
            there.rows["opportunities"][150] = opportunity(150, changed=AT_NINE)

    there.before_page = change
    items, _ = pulled(connected(there), "opportunities")
    assert ids(items).count("150") == 1
    assert [item.wire["lastupdated"] for item in items if item.id == "150"] == [AT_NINE]


def test_organisations_and_people_that_are_only_mentioned_come_as_stubs_before_whom_mentions_them():
    row = opportunity(1, organisation="Acme Boats Ltd.", organisation_id=9876, person="Bill Smith", person_id=87254)
    there = Lists(opportunities=[row, {**row, "id": 2}]).without("organisations", "people")
    connector = connected(there)
    assert [each.name for each in connector.streams()] == ["opportunities", "activities", "timelines"]
    items, _ = pulled(connector, "opportunities")
    assert [(item.kind, item.id, item.is_stub) for item in items] == [
        ("account", "9876", True),
        ("contact", "87254", True),
        ("opportunity", "1", False),
        ("opportunity", "2", False),
    ]
    assert items[0].mapping.decode(items[0].wire).name == "Acme Boats Ltd."
    assert items[1].mapping.decode(items[1].wire).name == "Bill Smith"


def test_what_a_list_of_this_run_has_shown_needs_no_stub():
    there = Lists(
        organisations=[{"id": 9876, "name": "Acme", "lastupdated": AT_NINE}],
        opportunities=[opportunity(1, organisation="Acme", organisation_id=9876)],
    )
    connector = connected(there)
    organisations, _ = pulled(connector, "organisations")
    items, _ = pulled(connector, "opportunities")
    assert [(item.kind, item.is_stub) for item in organisations + items] == [("account", False), ("opportunity", False)]


def test_a_won_opportunity_that_left_the_list_comes_with_the_recently_won():
    there = Lists(opportunities=[opportunity(1), opportunity(2)])
    there.also_answers("recently_won", won := [])
    there.also_answers("recently_lost", [])
    _, state = pulled(connected(there), "opportunities")
    won.append({**there.rows["opportunities"].pop(2), "status": "Won", "lastupdated": AT_NINE})
    items, state = pulled(connected(there), "opportunities", state)
    assert [(item.id, item.wire["status"]) for item in items] == [("1", "New"), ("2", "Won")]
    assert state["since"] == "2026-11-02T09:00:00Z"


def test_of_the_recently_won_only_those_that_changed_are_given():
    there = Lists(opportunities=[opportunity(1, changed=AT_NINE)])
    there.also_answers("recently_won", [opportunity(2, changed="2026-10-01T00:00:00+00:00", status="Won")])
    _, state = pulled(connected(there), "opportunities")
    items, _ = pulled(connected(there), "opportunities", state)
    assert ids(items) == ["1"]


def test_a_list_that_the_server_does_not_know_is_not_asked_for_again_until_the_next_full_pass():
    there = Lists(opportunities=[opportunity(1)])
    _, state = pulled(connected(there), "opportunities")
    assert state["lacks"] == ["recently_won", "recently_lost"]
    before = len(there.asked("opportunities/recently_won"))
    _, state = pulled(connected(there), "opportunities", state)
    assert len(there.asked("opportunities/recently_won")) == before
    pulled(connected(there), "opportunities", state, full=True)
    assert len(there.asked("opportunities/recently_won")) == before + 1


def test_closed_ones_that_only_list_all_shows_are_viewed_once_and_then_only_shown():
    there = Lists(opportunities=[opportunity(1)])
    there.hidden = {7: opportunity(7, status="Lost", organisation="Acme", organisation_id=5), 8: opportunity(8)}
    short = [{"id": str(n), "name": f"Opportunity {n}", "lastupdated": AT_NINE} for n in (8, 1, 7)]
    there.answers("opportunities/list_all", lambda request: {"status": "success", "opportunities": short})
    items, state = pulled(connected(there), "opportunities", full=True)
    assert ids(items) == ["1", "7", "8"]
    assert [item.id for item in items if item.is_stub] == ["5"]
    items, _ = pulled(connected(there), "opportunities", state, full=True)
    assert [(item.id, item.is_stub) for item in items] == [("1", False), ("7", True), ("8", True)]
    assert len([path for path in there.paths if "/view/" in path]) == 2


def test_a_closed_one_that_changed_since_is_viewed_again():
    there = Lists(opportunities=[opportunity(1)])
    there.hidden = {7: opportunity(7), 8: opportunity(8)}
    short = [{"id": str(n), "name": f"Opportunity {n}", "lastupdated": AT_NINE} for n in (7, 8)]
    there.answers("opportunities/list_all", lambda request: {"status": "success", "opportunities": short})
    _, state = pulled(connected(there), "opportunities", full=True)
    short[0]["lastupdated"] = "2026-11-03T09:00:00+0000"
    items, _ = pulled(connected(there), "opportunities", state, full=True)
    assert [(item.id, item.is_stub) for item in items] == [("1", False), ("7", False), ("8", True)]


def test_changes_alone_do_not_ask_for_everything_in_short():
    there = Lists(opportunities=[opportunity(1)])
    pulled(connected(there), "opportunities", {"since": "2026-11-02T08:00:00Z"})
    assert "opportunities/list_all" not in there.paths


def test_a_crash_among_the_closed_ones_repeats_none_of_them_and_views_no_open_one():
    there = Lists(opportunities=[opportunity(number) for number in range(1, 120)])
    there.hidden = {number: opportunity(number, status="Won") for number in range(500, 750)}
    short = [{"id": str(n), "name": "x", "lastupdated": AT_NINE} for n in [*range(1, 120), *range(500, 750)]]
    there.answers("opportunities/list_all", lambda request: {"status": "success", "opportunities": short})
    taken, state = [], {}
    for page in stream(connected(there), "opportunities").pages({}, full=True):
        taken += page.items
        state = page.state
        if state.get("after"):
            break
    there.sent.clear()
    items, _ = pulled(connected(there), "opportunities", state)
    viewed = [int(path.rpartition("/")[2]) for path in there.paths if "/view/" in path]
    assert viewed == list(range(600, 750))
    assert sorted(map(int, ids(taken + items))) == [*range(1, 120), *range(500, 750)]


def test_people_are_read_in_full_where_the_server_breaks_over_a_date():
    there = Lists(people=[{"id": 1, "name": "Bill Smith", "lastupdated": AT_NINE}])
    whole = there.index

    def broken(request):
        return (
            reply("SQL error", status=500, content_type="text/html")
            if "updated_after" in request.query
            else whole(request)
        )

    there._queued["people"][0] = broken
    _, state = pulled(connected(there), "people")
    items, state = pulled(connected(there), "people", state)
    assert ids(items, "contact") == ["1"]
    assert state["lacks"] == ["filters"]
    asked = len(there.asked("people"))
    pulled(connected(there), "people", state)
    assert len(there.asked("people")) == asked + 1


def test_a_server_that_is_down_is_no_reason_to_read_everything():
    there = Lists()
    there._queued["people"][0] = lambda request: reply("", status=503, content_type="text/plain")
    with pytest.raises(Unavailable):
        pulled(connected(there), "people", {"since": "2026-11-02T08:00:00Z"})
    assert len(there.asked("people")) == 1


def test_a_list_that_turns_into_the_login_page_is_an_error_and_not_an_empty_list():
    there = Lists(opportunities=[opportunity(number) for number in range(1, 201)])
    whole = there.index
    there._queued["opportunities"][0] = lambda request: html() if request.query["page"] == 2 else whole(request)
    with pytest.raises(LoginFailed):
        pulled(connected(there), "opportunities")


def test_an_opportunity_without_an_id_is_told_apart_and_fails_no_page():
    there = Lists(opportunities=[opportunity(1)])
    there.rows["opportunities"]["?"] = {"name": "Nobody", "lastupdated": AT_NINE}
    items, _ = pulled(connected(there), "opportunities")
    nameless = next(item for item in items if item.id.startswith("?"))
    with pytest.raises(Unreadable, match="without an id"):
        nameless.mapping.decode(nameless.wire)
    assert ids([item for item in items if item is not nameless]) == ["1"]


def test_an_activity_brings_what_it_is_about():
    there = Lists(
        opportunities=[opportunity(1)],
        activities=[
            {
                "id": 30,
                "name": "Call",
                "class": "todo",
                "opportunity_id": 1,
                "opportunity": "x",
                "lastupdated": AT_NINE,
            },
            {
                "id": 31,
                "name": "Visit",
                "class": "event",
                "opportunity_id": 7,
                "opportunity": "y",
                "lastupdated": AT_NINE,
            },
            {"id": 32, "name": "Buy milk", "class": "todo", "opportunity_id": None, "lastupdated": AT_NINE},
        ],
    )
    there.hidden = {7: opportunity(7, status="Won")}
    connector = connected(there)
    pulled(connector, "opportunities")
    items, _ = pulled(connector, "activities")
    assert [(item.kind, item.id) for item in items] == [("opportunity", "7"), ("activity", "30"), ("activity", "31")]
    assert items[0].wire["status"] == "Won"


def test_the_documented_timeline_becomes_a_note_of_the_opportunity():
    there = Lists(opportunities=[opportunity(1234)])
    there.timelines = {1234: example("timeline")["timeline"]}
    items, _ = pulled(connected(there), "timelines")
    note = next(item for item in items if item.kind == "note")
    assert (note.id, note.mapping) == ("note:885", NOTE)
    assert [(item.kind, item.id) for item in items if item.is_stub] == [("account", "12676")]


def test_entries_of_two_kinds_may_have_the_same_number():
    there = Lists(opportunities=[opportunity(1)])
    there.timelines = {
        1: [
            {"note": {"id": "5", "title": "A", "note": "B", "opportunity_id": None}},
            {"email": {"id": "5", "subject": "C", "body": "D"}},
            {"overdue activity": {"id": "5", "title": "E"}},
        ]
    }
    items, _ = pulled(connected(there), "timelines")
    assert [(item.id, item.mapping) for item in items] == [("note:5", NOTE), ("email:5", EMAIL)]
    assert {item.mapping.decode(item.wire).opportunity.id for item in items} == {"1"}


def test_a_timeline_of_several_pages_is_read_to_its_end():
    there = Lists(opportunities=[opportunity(1)])
    notes = [{"note": {"id": str(number), "title": "x", "note": "y"}} for number in range(1, 121)]

    def timeline(request):
        page = request.query.get("page", 1)
        return {"status": "success", "timeline": notes[(page - 1) * 50 : page * 50], "cur_page": page, "num_pages": 3}

    there._queued["opportunities/timeline"][0] = timeline
    items, _ = pulled(connected(there), "timelines")
    assert len(items) == 120


def test_timelines_are_read_of_what_changed_and_in_a_full_pass_of_all_that_is_open():
    there = Lists(opportunities=[opportunity(1), opportunity(2, changed=AT_NINE)])
    connector = connected(there)
    _, state = pulled(connector, "timelines")
    assert [request.query["id"] for request in there.asked("opportunities/timeline")] == [1, 2]
    there.sent.clear()
    _, state = pulled(connector, "timelines", state)
    assert [request.query["id"] for request in there.asked("opportunities/timeline")] == [2]
    there.sent.clear()
    pulled(connector, "timelines", state, full=True)
    assert [request.query["id"] for request in there.asked("opportunities/timeline")] == [1, 2]


def test_a_setting_has_all_timelines_read_at_every_pull():
    there = Lists(opportunities=[opportunity(1), opportunity(2, changed=AT_NINE)])
    connector = connected(there, timelines="all")
    _, state = pulled(connector, "timelines")
    there.sent.clear()
    pulled(connector, "timelines", state)
    assert [request.query["id"] for request in there.asked("opportunities/timeline")] == [1, 2]


def test_an_opportunity_that_goes_while_timelines_are_read_has_none():
    there = Lists(opportunities=[opportunity(1), opportunity(2)])
    there.timelines = {2: [{"note": {"id": 9, "title": "x", "note": "y"}}]}
    whole = there.timeline

    def timeline(request):
        there.rows["opportunities"].pop(1, None)
        return whole(request)

    there._queued["opportunities/timeline"][0] = timeline
    items, _ = pulled(connected(there), "timelines")
    assert [item.id for item in items] == ["note:9"]
