"""The vendor's document, word for word, from the server's side, and what its server does where that is silent."""

import json

import pytest

from backoffice.crm.records import Account, Note, Opportunity, Ref
from connectors.kit.errors import Forbidden, Missing, Unavailable, Uncertain
from connectors.kit.memory import MemoryStore
from connectors.tactile.answers import encoded
from connectors.tactile.facade import facade
from tests.connectors.tactile import there
from tests.connectors.tactile.examples import example, text

pytestmark = [pytest.mark.unit]

VIEW = encoded(example("view")).decode()


@pytest.fixture
def clock():
    return there.Clock()


@pytest.fixture
def world(clock):
    return there.account(clock)


@pytest.fixture
def site(world):
    return there.Site(world)


@pytest.fixture
def greg(world):
    return there.Site(world, there.GREGS)


def error(*messages):
    return {"status": "error", "messages": [*messages]}


def names(answer):
    return [each["name"] for each in answer["opportunities"]]


def add(world, *names, **more):
    return [world.add("opportunity", Opportunity(name=name, **more)) for name in names]


# What the document shows.


def test_view_answers_as_documented_to_the_byte(site):
    reply = site.call("/opportunities/view/1234")
    assert (reply.status, reply.content_type, reply.body.decode()) == (200, "application/json", VIEW)


def test_timeline_answers_as_documented_with_each_key_once(site, world):
    world.change("opportunity", "1234", Opportunity(name="Chase Invoices"))
    assert site.call("/opportunities/timeline?id=1234").body == encoded(example("timeline"))


def test_options_answer_as_documented_in_the_accounts_order(site, world):
    world.lists["user"] = [entry for entry in world.lists["user"] if entry.id in {"dave", "david"}]
    assert site.call("/opportunities/options").body == encoded(example("options"))


def test_the_list_has_the_same_objects_as_view_and_four_numbers(site):
    answer = site.get("/opportunities")
    assert [*answer] == ["status", "opportunities", "cur_page", "num_pages", "per_page", "total"]
    assert [answer[key] for key in ("status", "cur_page", "num_pages", "per_page", "total")] == ["success", 1, 1, 30, 1]
    assert answer["opportunities"] == [site.view(1234)]
    assert [*answer["opportunities"][0]] == [*json.loads(VIEW)["opportunity"]]


def test_the_documented_tag_is_echoed_and_kept(site):
    assert site.call("/opportunities/add_tag/?id=1234&tag=My%20Event").body == encoded(example("tagged"))
    assert site.view(1234)["tags"] == ["My Event"]


def test_the_documented_save_lacks_what_the_document_says_is_compulsory(site):
    answer = site.post("/opportunities/save/", text("save").encode())
    assert answer == error("Expected Close Date is a compulsory field, you must enter a value")


def test_the_documented_save_with_an_enddate_makes_an_opportunity(site, world):
    world.highest["opportunity"] = example("saved")["id"] - 1
    body = b'{"Opportunity":{"name":"Website Redesign", "assigned_to":"greg", "enddate":"2026-12-01"}}'
    reply = site.call("/opportunities/save/", body, method="POST", content_type="application/json; charset=utf-8")
    assert reply.body == encoded(example("saved"))
    assert site.view(12346) == {
        **dict.fromkeys(json.loads(VIEW)["opportunity"]),
        "id": 12346,
        "name": "Website Redesign",
        "probability": 0,
        "cost": 0,
        "archived": False,
        "status": "New",
        "owner": "paul",
        "assigned_to": "greg",
        "alteredby": "paul",
        "created": "2026-11-22T15:30:45+00:00",
        "lastupdated": "2026-11-22T15:30:45+00:00",
        "enddate": "2026-12-01",
    }


# Login, paths and methods.


@pytest.mark.parametrize("target", ["/opportunities", "/opportunities?api_token=", "/opportunities/save"])
def test_without_a_token_there_is_the_login_page(site, target):
    reply = site.call(target, token=False)
    assert (reply.status, reply.content_type.partition(";")[0]) == (200, "text/html")
    assert b'type="password"' in reply.body


@pytest.mark.parametrize(
    "action", ["", "/view/1234", "/timeline?id=1234", "/options", "/save", "/add_tag?id=1234&tag=a"]
)
def test_every_bad_token_gets_the_same_answer(world, action):
    site = there.Site(world, "0" * 40)
    assert site.get(f"/opportunities{action}") == error("Failed to login")


def test_a_token_in_the_body_is_not_seen(site):
    body = f"api_token={there.TOKEN}".encode()
    reply = site.call("/opportunities", body, method="POST", token=False)
    assert reply.content_type.startswith("text/html")


@pytest.mark.parametrize(
    "path", ["/", "/tickets", "/opportunities/delete/1234", "/opportunities/edit", "/opportunity", ""]
)
def test_what_is_no_api_call_is_answered_with_the_login_page(site, path):
    assert site.call(path).content_type.startswith("text/html")


@pytest.mark.parametrize(
    "path", ["opportunities", "opportunities/", "opportunities/index", "opportunities/index/7", "opportunities/1234"]
)
def test_the_list_has_many_addresses(site, path):
    assert site.get(path)["total"] == 1


@pytest.mark.parametrize(
    "target", ["view/1234", "view/1234/", "view/1234/more", "view?id=1234", "view/?id=1234", "view/1234?id=9"]
)
def test_an_id_stands_in_path_or_query_and_the_path_wins(site, target):
    assert site.get(f"/opportunities/{target}")["opportunity"]["id"] == 1234


@pytest.mark.parametrize("action", ["view", "timeline"])
def test_an_id_may_stand_in_the_body_after_path_and_query(site, action):
    assert site.form(f"/opportunities/{action}", {"id": "1234"})["status"] == "success"
    assert site.post(f"/opportunities/{action}", {"id": 1234})["status"] == "success"
    assert site.post(f"/opportunities/{action}?id=9", {"id": 1234}) == error("Invalid id specified")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_the_method_is_never_looked_at(site, method):
    """The vendor's own PHP client goes on sending POST, with the last body, after its first save."""
    body = b'{"Opportunity":{"id":1234,"name":"again"}}'
    reply = site.call("/opportunities/view/1234", body, method=method, content_type="application/json")
    assert reply.body.decode() == VIEW
    assert json.loads(site.call("/opportunities/timeline/1234", method=method).body)["timeline"][0]["note"]["id"] == 885
    assert json.loads(site.call("/opportunities/add_tag?id=1234&tag=" + method, method=method).body)["tag"] == method


@pytest.mark.parametrize("id", ["", "9", "abc", "12x", "-1", "٣", "9" * 40])
def test_an_id_that_is_not_there_is_named_as_the_vendor_does(site, id):
    for action in ("view", "timeline", "save"):
        answer = site.get(f"/opportunities/{action}/{id}")
        compulsory = action == "save" and not id
        assert answer["status"] == "error"
        assert compulsory or answer == error("Invalid id specified")
    assert site.get(f"/opportunities/add_tag?id={id}&tag=a") == error("Invalid ID specified")


# Paging and filters.


@pytest.mark.parametrize(
    ("limit", "size"),
    [("1", 1), ("100", 100), ("0", 30), ("101", 30), ("-1", 30), ("abc", 30), ("", 30), ("7x", 7), ("9" * 30, 30)],
)
def test_a_limit_outside_1_to_100_is_30(site, limit, size):
    assert site.get(f"/opportunities?limit={limit}")["per_page"] == size


@pytest.mark.parametrize("page", ["0", "-3", "abc", ""])
def test_a_page_that_is_none_is_the_first(site, page):
    answer = site.get(f"/opportunities?page={page}")
    assert (answer["cur_page"], len(answer["opportunities"])) == (1, 1)


def test_pages_divide_the_list_by_name(site, world):
    add(world, "b", "C", "a", "d")
    pages = [site.get(f"/opportunities?limit=2&page={page}") for page in (1, 2, 3, 4)]
    assert [names(page) for page in pages] == [["a", "b"], ["Boating eCommerce Website", "C"], ["d"], []]
    assert {(page["num_pages"], page["total"], page["per_page"]) for page in pages} == {(3, 5, 2)}
    assert [page["cur_page"] for page in pages] == [1, 2, 3, 4]


def test_where_nothing_matches_there_are_no_pages(site):
    answer = site.get("/opportunities?created_after=tomorrow")
    assert [answer[key] for key in ("opportunities", "num_pages", "total", "cur_page")] == [[], 0, 0, 1]


def test_won_and_lost_are_listed_and_archived_ones_are_not(site, world, clock):
    add(world, "won", stage=Ref(id="5"))
    add(world, "archived", archived_at=clock.now)
    assert names(site.get("/opportunities")) == ["Boating eCommerce Website", "won"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("updated_after=2009-02-02T15:31:42Z", True),
        ("updated_after=2009-02-02T15:31:43Z", False),
        ("updated_before=2009-02-02T15:31:43Z", False),
        ("updated_before=2009-02-02T15:31:44%2B00:00", True),
        ("created_after=2009-02-01&created_before=2009-02-03", True),
        ("created_after=-7%20days", False),
        ("updated_before=last+wednesday", True),
        ("updated_after=", True),
        ("updated_after=0", True),
        ("name=nothing&organisation_id=1&anything=else", True),
    ],
)
def test_filters_are_strict_and_what_is_no_filter_is_ignored(site, filters, found):
    assert site.get(f"/opportunities?{filters}")["total"] == int(found)


@pytest.mark.parametrize("name", ["updated_after", "updated_before", "created_after", "created_before"])
def test_a_date_that_cannot_be_read_is_an_error_that_names_the_parameter(site, name):
    assert site.get(f"/opportunities?{name}=25/12/2009") == error(f"Invalid Date Value for {name}")


def test_an_unescaped_plus_is_a_blank_and_refused(site):
    answer = site.get("/opportunities?updated_after=2009-02-02T15:31:43+00:00")
    assert answer == error("Invalid Date Value for updated_after")


def test_lists_of_the_later_server_answer_too(site, world, clock):
    add(world, "won", stage=Ref(id="5"), assigned_to=Ref(id="greg"))
    add(world, "lost", stage=Ref(id="6"), archived_at=clock.now)
    add(world, "long won", stage=Ref(id="5"), changed_there=clock.now.replace(month=1))
    assert names(site.get("/opportunities/recently_won")) == ["won"]
    assert names(site.get("/opportunities/recently_lost")) == ["lost"]
    assert names(site.get("/opportunities/mine")) == ["Boating eCommerce Website"]
    everything = site.get("/opportunities/list_all")["opportunities"]
    assert [each["name"] for each in everything] == ["Boating eCommerce Website", "long won", "lost", "won"]
    assert everything[0] == {
        "id": "1234",
        "name": "Boating eCommerce Website",
        "organisation_id": "9876",
        "organisation": "Acme Boats Ltd.",
        "person_id": "87254",
        "person": "Bill Smith",
        "lastupdated": "2009-02-02T15:31:43+00:00",
        "archived": False,
    }


# How values stand on the wire.


def test_slashes_and_other_letters_are_escaped_as_php_does(site):
    id = site.save(name="Ñandú/€ \U0001f600", enddate="2026-12-01")["id"]
    body = site.call(f"/opportunities/view/{id}").body
    assert rb'"name":"\u00d1and\u00fa\/\u20ac \ud83d\ude00"' in body


@pytest.mark.parametrize(
    ("cost", "written"), [(100000.0, b"100000"), (1234.5, b"1234.5"), ("12.345", b"12.35"), ("1e5", b"100000")]
)
def test_whole_amounts_have_no_fraction(site, cost, written):
    site.save(id=1234, cost=cost)
    assert b'"cost":' + written + b"," in site.call("/opportunities/view/1234").body


def test_times_in_british_summer_carry_their_offset(site, clock):
    clock.now = clock.now.replace(month=7)
    id = site.save(name="a", enddate="2026-12-01")["id"]
    assert site.view(id)["created"] == "2026-07-22T16:30:45+01:00"


def test_tags_are_there_only_if_there_are_any_the_newest_first(site):
    assert "tags" not in site.view(1234)
    for tag in ("Old", "New"):
        site.get(f"/opportunities/add_tag?id=1234&tag={tag}")
    assert site.view(1234)["tags"] == ["New", "Old"]
    assert [*site.view(1234)][-1] == "tags"


# Tags and timelines.


def test_a_tag_moves_no_date_and_is_refused_the_second_time(site, clock):
    clock.tick(days=1)
    site.get("/opportunities/add_tag?id=1234&tag=vip")
    assert site.view(1234)["lastupdated"] == "2009-02-02T15:31:43+00:00"
    assert site.get("/opportunities/add_tag?id=1234&tag=vip") == error("Item already has that tag", "Error Tagging")
    empty = error("Name is a compulsory field, you must enter a value", "Error Tagging")
    assert [site.get(f"/opportunities/add_tag?id=1234{tag}") for tag in ("", "&tag=", "&tag=+")] == [empty] * 3


def test_a_quote_in_a_tag_breaks_nothing(site):
    assert site.get("/opportunities/add_tag/1234?tag=%22x%22") == {"status": "success", "tag": '"x"'}


def test_a_timeline_has_notes_and_emails_the_newest_first(site, world, clock):
    mail = Note(
        kind="email",
        title="Hello",
        body="Text",
        sender="a@example.com",
        recipients="b@example.com",
        opportunity=Ref(id="1234"),
        author=Ref(id="paul"),
        happened_at=clock.now,
    )
    world.add("note", mail, id="email:885")
    timeline = site.get("/opportunities/timeline?id=1234")["timeline"]
    assert [[*entry] for entry in timeline] == [["email"], ["note"]]
    assert timeline[0]["email"] == {
        "subject": "Hello",
        "body": "Text",
        "email_from": "a@example.com",
        "email_to": "b@example.com",
        "opportunity": "Boating eCommerce Website",
        "organisation": None,
        "id": 885,
        "opportunity_id": 1234,
        "organisation_id": None,
        "owner": "paul",
        "received": "2026-11-22T15:30:45+00:00",
        "created": "2026-11-22T15:30:45+00:00",
        "person_id": None,
        "person": None,
    }


def test_somebody_elses_private_note_is_only_an_admins_to_see(site, greg, world):
    def note(author):
        return Note(kind="note", title=author, private=True, author=Ref(id=author), opportunity=Ref(id="1234"))

    world.add("note", note("george"))
    world.add("note", note("greg"))
    titles = [entry["note"]["title"] for entry in greg.get("/opportunities/timeline?id=1234")["timeline"]]
    assert sorted(titles) == ["Invoices Sent", "greg"]
    assert len(site.get("/opportunities/timeline?id=1234")["timeline"]) == 3


# What goes wrong.


class Failing(MemoryStore):
    def __init__(self, world, failure):
        super().__init__(world)
        self.failure = failure

    def update(self, kind, id, record):
        raise self.failure


@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (Forbidden(["no"]), 200, "You don't have permission to edit this item"),
        (Missing(["gone"]), 200, "Invalid ID specified"),
        (Unavailable("down"), 503, "try again later"),
        (Uncertain("cut"), 502, "look whether it was done"),
    ],
)
def test_what_a_store_refuses_is_said_in_the_vendors_shape(site, world, failure, status, message):
    world.door = lambda secret: Failing(world, failure)
    reply = site.call(
        "/opportunities/save", b'{"Opportunity":{"id":1234,"name":"b"}}', method="POST", content_type="application/json"
    )
    answer = json.loads(reply.body)
    assert (reply.status, reply.content_type, answer["status"]) == (status, "application/json", "error")
    assert message in answer["messages"][0]


def test_not_being_allowed_to_tag_has_words_of_its_own(site, world):
    world.door = lambda secret: Failing(world, Forbidden(["no"]))
    assert site.get("/opportunities/add_tag?id=1234&tag=a") == error("You do not have permission to edit this item")


def test_a_body_that_is_too_large_is_refused_in_the_vendors_shape_and_nothing_is_saved(site, world, monkeypatch):
    monkeypatch.setattr(facade, "most_bytes", 1000)
    before = world.version
    body = json.dumps({"Opportunity": {"id": 1234, "description": "x" * 1000}}).encode()
    reply = site.call("/opportunities/save", body, method="POST", content_type="application/json")
    assert (reply.status, json.loads(reply.body)["status"], world.version) == (413, "error", before)


def test_a_large_body_is_taken(site):
    text = "x" * 3_000_000
    assert site.save(id=1234, description=text)["status"] == "success"
    assert site.view(1234)["description"] == text


# The neighbours.


def test_organisations_are_listed_filtered_seen_and_saved(site, world):
    answer = site.post(
        "/organisations/save", {"Organisation": {"name": "Globex", "industry_id": "4", "phone": {"contact": "123"}}}
    )
    id = answer["id"]
    assert answer["status"] == "success"
    shown = site.get(f"/organisations/view/{id}")["organisation"]
    assert (shown["name"], shown["industry"], shown["phone"], shown["owner"]) == ("Globex", "Boats", "123", "paul")
    assert [each["name"] for each in site.get("/organisations?name=acme*")["organisations"]] == [
        "Acme Boats Ltd.",
        "Acme Corp.",
    ]
    assert site.get("/organisations?limit=1")["num_pages"] == 3
    assert site.post("/organisations/save", {"Organisation": {"id": id, "name": ""}}) == error(
        "Name is a compulsory field, you must enter a value"
    )
    assert site.get("/organisations/options")["organisation_options"]["industry"] == {"4": "Boats"}
    assert site.get(f"/organisations/add_tag?id={id}&tag=big")["status"] == "success"
    assert site.get(f"/organisations/view/{id}")["organisation"]["tags"] == ["big"]


def test_people_are_listed_by_first_name_then_surname_and_named_by_both(site):
    for first, last in (("Bill", "Adams"), ("Ana", "Zuse")):
        site.post("/people/save", {"Person": {"firstname": first, "surname": last, "organisation_id": 9876}})
    listed = [(each["firstname"], each["surname"]) for each in site.get("/people")["people"]]
    assert listed == [("Ana", "Zuse"), ("Bill", "Adams"), ("Bill", "Smith")]
    assert site.get("/people?surname=z*")["total"] == 1
    assert site.get("/people?organisation_id=9876")["total"] == 2
    assert site.post("/people/save", {"Person": {"id": 87254, "surname": "Smythe"}})["id"] == 87254
    assert site.view(1234)["person"] == "Bill Smythe"


def test_activities_are_saved_and_seen_as_todo_or_event(site):
    todo = site.post("/activities/save", {"Activity": {"name": "Call", "opportunity_id": 1234, "later": True}})["id"]
    given = {
        "name": "Fair",
        "class": "event",
        "date": "2026-12-01",
        "time": "10:30",
        "location": "Leeds",
        "organisation_id": 9876,
    }
    event = site.post("/activities/save", {"Activity": given})["id"]
    shown = site.get(f"/activities/view/{todo}")["activity"]
    assert (shown["class"], shown["later"], shown["date"], shown["opportunity_id"]) == ("todo", True, None, 1234)
    assert {"location", "end_date", "end_time"}.isdisjoint(shown)
    shown = site.get(f"/activities/view/{event}")["activity"]
    assert [shown[key] for key in ("class", "date", "time", "location")] == ["event", "2026-12-01", "10:30", "Leeds"]
    assert "later" not in shown
    assert [each["name"] for each in site.get("/activities")["activities"]] == ["Call", "Fair"]


def test_a_note_is_saved_and_changed_by_its_owner_alone(site, greg):
    body = {"Note": {"title": "t", "note": "n", "opportunity_id": 1234}}
    id = greg.post("/notes/save", body)["id"]
    entry = next(
        each["note"] for each in site.get("/opportunities/timeline?id=1234")["timeline"] if each["note"]["id"] == id
    )
    assert (entry["title"], entry["note"], entry["private"], entry["owner"]) == ("t", "n", False, "greg")
    change = {"Note": {"id": id, "title": "u"}}
    assert site.post("/notes/save", change) == error("You can only edit your own notes")
    assert greg.post("/notes/save", change) == {"status": "success", "id": id}
    assert site.post("/notes/save", {"Note": {"title": "t"}}) == error(
        "Note is a compulsory field, you must enter a value"
    )
    assert site.post("/notes/save", {"Note": {"id": 4711, "title": "t"}}) == error("Invalid ID specified")


def test_preferences_say_whose_token_it_is(site, greg):
    assert site.get("/preferences")["preferences"]["is_admin"] is True
    assert greg.get("/preferences")["preferences"]["is_admin"] is False
    assert greg.get("/preferences")["preferences"]["username"] == "greg"


def test_a_reference_shows_the_name_the_other_record_has_now(site, world):
    world.change("account", "9876", Account(name="Acme Yachts"))
    assert site.view(1234)["organisation"] == "Acme Yachts"
