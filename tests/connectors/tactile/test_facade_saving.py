"""What "/opportunities/save" takes, refuses and makes of it."""

import json

import pytest

from backoffice.crm.records import Opportunity, Ref
from connectors.kit.contract import VendorEntry
from tests.connectors.tactile import there

pytestmark = [pytest.mark.unit]

INVALID_ID = "Invalid ID specified"
COMPULSORY = " is a compulsory field, you must enter a value"


@pytest.fixture
def clock():
    return there.Clock()


@pytest.fixture
def world(clock):
    return there.account(clock)


@pytest.fixture
def site(world):
    return there.Site(world)


def error(*messages):
    return {"status": "error", "messages": [*messages]}


def new(site, **fields):
    return site.save(**{"name": "New", "enddate": "2026-12-01", **fields})


@pytest.mark.parametrize("id", [None, "", "null", False, 0, "0"])
def test_a_null_id_means_new(site, id):
    assert new(site, id=id) == {"status": "success", "id": 1235}


def test_an_update_changes_what_it_names_and_keeps_the_rest(site, clock):
    before = site.view(1234)
    clock.tick(days=1)
    assert site.save(id=1234, name="Boats") == {"status": "success", "id": 1234}
    stamp = "2026-11-23T15:30:45+00:00"
    assert site.view(1234) == {**before, "name": "Boats", "lastupdated": stamp}


def test_an_id_in_text_is_alike(site):
    assert site.save(id="1234", cost="99.5")["id"] == 1234
    assert site.view(1234)["cost"] == 99.5


@pytest.mark.parametrize("empty", [None, "", False, "null", "  "])
def test_what_is_empty_empties(site, empty):
    site.save(id=1234, type_id=1)
    answer = site.save(id=1234, description=empty, organisation_id=empty, type_id=empty, assigned_to=empty)
    assert answer["status"] == "success"
    shown = site.view(1234)
    keys = ("description", "organisation_id", "organisation", "type", "assigned_to")
    assert [shown[key] for key in keys] == [None] * 5
    assert (shown["person_id"], shown["status"]) == (87254, "New")


@pytest.mark.parametrize("empty", [None, "", False, "null"])
def test_what_is_compulsory_cannot_be_emptied(site, empty):
    assert site.save(id=1234, name=empty, enddate=empty) == error(
        f"Name{COMPULSORY}", f"Expected Close Date{COMPULSORY}"
    )


def test_only_name_and_enddate_are_compulsory(site):
    assert site.save() == error(f"Name{COMPULSORY}", f"Expected Close Date{COMPULSORY}")
    assert new(site)["status"] == "success"


def test_values_are_trimmed(site):
    new(site, name="  Spacious  ", description="\ttext\n")
    assert [site.view(1235)[key] for key in ("name", "description")] == ["Spacious", "text"]


def test_ids_of_options_are_read_back_as_names(site):
    new(site, status_id=4, type_id="2", source_id=17, organisation_id="9876", person_id=87254, probability="55")
    shown = site.view(1235)
    keys = ("status", "type", "source", "organisation", "person", "probability")
    assert [shown[key] for key in keys] == [
        "Negotiation",
        "New Business",
        "Newsletters",
        "Acme Boats Ltd.",
        "Bill Smith",
        55,
    ]


@pytest.mark.parametrize("given", [{}, {"status_id": None}, {"status_id": ""}])
def test_a_missing_status_is_the_first_open_one(site, world, given):
    won, new_, lost = (world.lists["status"][place] for place in (4, 1, 5))
    world.lists["status"] = [won, lost, new_]
    new(site, **given)
    assert site.view(1235)["status"] == "Preliminaries"


def test_where_the_account_does_not_say_which_statuses_are_open_their_names_do(site, world):
    won, lost, other = (
        VendorEntry("status", str(id), label) for id, label in ((1, "Deal won"), (2, "Lost"), (3, "Talks"))
    )
    world.lists["status"] = [won, lost, other]
    new(site)
    new(site, name="won", status_id=1)
    assert site.view(1235)["status"] == "Talks"
    assert [each["id"] for each in site.get("/opportunities/recently_won")["opportunities"]] == [1236]
    world.lists["status"] = [lost]
    new(site, name="last")
    assert site.view(1237)["status"] == "Lost"


def test_whoever_saves_owns_and_does_it_unless_said_otherwise(world, site):
    greg = there.Site(world, there.GREGS)
    new(greg, owner=None, assigned_to=None)
    new(greg, owner="dave//sample", assigned_to="david//sample")
    assert [site.view(1235)[key] for key in ("owner", "assigned_to", "alteredby")] == ["greg", "greg", "greg"]
    assert [site.view(1236)[key] for key in ("owner", "assigned_to", "alteredby")] == ["dave", "david", "greg"]


def test_an_owner_is_only_taken_at_the_creation(site):
    site.save(id=1234, owner="dave")
    assert site.view(1234)["owner"] == "paul"


def test_what_is_read_only_or_unknown_is_ignored(site):
    given = {
        "created": "2001-01-01",
        "lastupdated": "x",
        "alteredby": "dave",
        "status": "Won",
        "tags": ["a"],
        "assigned": {},
    }
    assert site.save(id=1234, name="Same", **given)["status"] == "success"
    shown = site.view(1234)
    assert (shown["created"], shown["alteredby"], shown["status"]) == ("2009-02-02T15:31:43+00:00", "paul", "New")
    assert "tags" not in shown


def test_the_php_clients_save_of_every_property_works(site):
    unset = dict.fromkeys(
        ["id", "status_id", "type", "source", "archived", "owner", "assigned", "created", "lastupdated"]
    )
    answer = new(
        site, **unset, alteredby=None, status=None, probability=None, cost=None, organisation=None, person=None
    )
    assert answer == {"status": "success", "id": 1235}
    shown = site.view(1235)
    assert (shown["status"], shown["probability"], shown["cost"], shown["archived"]) == ("New", 0, 0, False)


def test_an_opportunity_can_be_archived_and_is_still_seen(site):
    site.save(id=1234, archived=True)
    assert site.view(1234)["archived"] is True
    assert site.get("/opportunities")["total"] == 0
    site.save(id=1234, archived=False)
    assert site.get("/opportunities")["total"] == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"id": 4711}, INVALID_ID),
        ({"id": "x"}, INVALID_ID),
        ({"id": {"a": 1}}, INVALID_ID),
        ({"status_id": 99}, INVALID_ID),
        ({"type_id": "New"}, INVALID_ID),
        ({"source_id": 1}, INVALID_ID),
        ({"organisation_id": 1}, INVALID_ID),
        ({"organisation_id": "x"}, INVALID_ID),
        ({"person_id": 9876}, INVALID_ID),
        ({"assigned_to": "nobody"}, INVALID_ID),
        ({"assigned_to": ["paul"]}, INVALID_ID),
        ({"owner": "nobody"}, INVALID_ID),
        ({"cost": "a lot"}, "Cost must contain a numeric value"),
        ({"cost": True}, "Cost must contain a numeric value"),
        ({"cost": "1e9"}, "The value for Cost must be below 100000000"),
        ({"probability": "likely"}, "Probability must contain a numeric value"),
        ({"probability": 105}, "The value for Probability must be between 0 and 100"),
        ({"probability": -5}, "The value for Probability must be between 0 and 100"),
        ({"probability": 42}, "The value for Probability must be a multiple of 5"),
        ({"probability": 7.5}, "The value for Probability must be a multiple of 5"),
        ({"enddate": "soon"}, "Invalid date specified for Expected Close Date, should be of the form d/m/Y"),
        ({"enddate": "2026-02-30"}, "Invalid date specified for Expected Close Date, should be of the form d/m/Y"),
        ({"time": "10:00"}, "Time is only valid if a date is also supplied"),
        ({"end_time": "10:00"}, "End Time is only valid if a date is also supplied"),
        ({"later": "true", "date": "2026-12-01"}, "Later is only valid if a date is not supplied"),
        ({"date": "soon"}, "Invalid date specified for Date, should be of the form d/m/Y"),
        ({"date": "2026-12-01", "time": "25:00"}, "Invalid time specified for Time, should be of the form HH:MM"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_leaves_nothing_behind(site, world, given, message):
    before = world.version
    assert new(site, **given) == error(message)
    assert world.version == before


def test_everything_wrong_is_told_at_once_in_the_vendors_order_and_each_text_once(site):
    answer = site.save(probability=101, cost="x", person_id=1, status_id=99, name="")
    assert answer == error(
        f"Name{COMPULSORY}",
        f"Expected Close Date{COMPULSORY}",
        INVALID_ID,
        "Cost must contain a numeric value",
        "The value for Probability must be between 0 and 100",
    )


@pytest.mark.parametrize("given", ["2026-12-01", "1/12/2026", "01/12/2026"])
def test_an_enddate_is_taken_in_both_forms(site, given):
    new(site, enddate=given)
    assert site.view(1235)["enddate"] == "2026-12-01"


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'{"Opportunity":[]}', b'{"Opportunity":{"name":"\xff"}}', b"", b"[" * 5000]
)
def test_a_body_that_cannot_be_read_counts_as_empty(site, body):
    assert site.post("/opportunities/save", body) == error(f"Name{COMPULSORY}", f"Expected Close Date{COMPULSORY}")


def test_a_form_is_taken_as_well_as_json(site):
    fields = {"Opportunity[name]": "Form / Ñ", "Opportunity[enddate]": "2026-12-01", "Opportunity[cost]": "12.50"}
    assert site.form("/opportunities/save", fields) == {"status": "success", "id": 1235}
    assert [site.view(1235)[key] for key in ("name", "cost")] == ["Form / Ñ", 12.5]


def test_a_form_in_several_parts_is_taken_as_phps_curl_sends_it(site):
    parts = [("Opportunity[name]", "Ñ"), ("Opportunity[enddate]", "2026-12-01")]
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in parts)
    answer = site.post(
        "/opportunities/save", f"{body}--x--\r\n".encode(), content_type="multipart/form-data; boundary=x"
    )
    assert answer["id"] == 1235
    assert site.view(1235)["name"] == "Ñ"


def test_an_id_beside_the_body_is_only_looked_at_and_a_new_one_is_made(site, world, clock):
    body = {"Opportunity": {"name": "New", "enddate": "2026-12-01"}}
    assert site.post("/opportunities/save/1234", body)["id"] == 1235
    assert site.post("/opportunities/save?id=4711", body) == error("Invalid id specified")
    world.change("opportunity", "1234", Opportunity(archived_at=clock.now))
    refused = error("You cannot edit archived opportunities")
    assert site.post("/opportunities/save/1234", body) == refused
    assert site.post("/opportunities/save/1234", {"Opportunity": {"id": 1234, "name": "b"}}) == refused
    assert site.save(id=1234, name="b")["status"] == "success"


def test_an_organisation_or_person_by_name_alone_is_a_new_one_every_time(site, world):
    new(site, organisation="Globex", person="Hank van Scorpio")
    new(site, organisation="Globex", organisation_id=9876)
    assert [site.view(1235)[key] for key in ("organisation_id", "person_id", "person")] == [
        12677,
        87255,
        "Hank van Scorpio",
    ]
    assert site.view(1236)["organisation"] == "Acme Boats Ltd."
    assert world.all("contact")["87255"].account == Ref(id="12677")


def test_todo_fields_become_one_activity_of_the_opportunity(site):
    new(site, date="2026-11-30", time="9:30", organisation_id=9876)
    (shown,) = site.get("/activities")["activities"]
    keys = ("name", "class", "date", "time", "opportunity_id", "organisation_id", "assigned_to", "later")
    assert [shown[key] for key in keys] == ["New", "todo", "2026-11-30", "09:30", 1235, 9876, "paul", False]


def test_saved_again_it_is_the_same_activity_that_changes(site):
    new(site, later="true")
    site.save(id=1235, name="Renamed", date="2026-12-24")
    (shown,) = site.get("/activities")["activities"]
    assert [shown[key] for key in ("name", "date", "time", "later")] == ["Renamed", "2026-12-24", None, False]


def test_event_fields_make_an_event(site):
    new(site, date="2026-11-30", time="9:30", end_time="11:00", location="Leeds")
    (shown,) = site.get("/activities")["activities"]
    keys = ("class", "date", "time", "end_date", "end_time", "location")
    assert [shown[key] for key in keys] == ["event", "2026-11-30", "09:30", "2026-11-30", "11:00", "Leeds"]


def test_without_them_there_is_no_activity(site):
    new(site, date=None, time="", later=False, location=None)
    assert site.get("/activities")["total"] == 0


def test_an_answer_of_a_save_is_as_documented_to_the_byte(site):
    body = json.dumps({"Opportunity": {"name": "a", "enddate": "2026-12-01"}}).encode()
    reply = site.call("/opportunities/save", body, method="POST", content_type="application/json")
    assert (reply.status, reply.content_type, reply.body) == (
        200,
        "application/json",
        b'{"status":"success","id":1235}',
    )
