"""Whatever is asked, the facade answers in the vendor's shape; and what was saved is what is shown."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.connectors.tactile import there

pytestmark = [pytest.mark.unit]

AREAS = ("opportunities", "organisations", "people", "activities", "notes", "preferences")
ACTIONS = ("", "index", "view", "timeline", "options", "save", "add_tag", "mine", "list_all", "recently_won", "delete")
KEYS = (
    *(
        "id",
        "name",
        "enddate",
        "status_id",
        "organisation_id",
        "organisation",
        "person",
        "assigned_to",
        "owner",
        "cost",
    ),
    *("probability", "archived", "date", "time", "later", "end_date", "end_time", "location", "description", "tags"),
    *(
        "firstname",
        "surname",
        "phone",
        "email",
        "dob",
        "class",
        "opportunity_id",
        "title",
        "note",
        "private",
        "can_call",
    ),
)
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
)
SENSIBLE = st.sampled_from(
    [1234, "1234", "9876", "paul", "greg//sample", "2026-12-01", "31/12/2026", "9:30", "true", "5", 70]
)
VALUE = st.one_of(
    SENSIBLE, SCALAR, st.lists(SCALAR, max_size=2), st.dictionaries(st.text(max_size=5), SCALAR, max_size=2)
)
FIELDS = st.dictionaries(st.sampled_from(KEYS), VALUE, max_size=12)
PARAMETERS = ("id", "page", "limit", "tag", "updated_after", "created_before", "name", "email", "organisation_id")
QUERY = st.dictionaries(st.sampled_from(PARAMETERS), st.one_of(st.text(max_size=12), SENSIBLE.map(str)), max_size=4)
BODY = st.one_of(
    st.binary(max_size=40),
    st.tuples(st.sampled_from(["Opportunity", "Organisation", "Person", "Activity", "Note"]), FIELDS).map(
        lambda pair: json.dumps({pair[0]: pair[1]}).encode()
    ),
)
TYPES = st.sampled_from(
    [
        "application/json",
        "",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(AREAS), st.sampled_from(ACTIONS), st.text(max_size=8), QUERY, BODY, TYPES, st.booleans())
def test_every_call_is_answered_in_the_vendors_shape(area, action, rest, query, body, content_type, is_post):
    site = there.Site(there.account(there.Clock()))
    target = f"/{area}/{action}/{rest.replace('?', '')}?{urlencode(query)}"
    reply = site.call(target, body, method="POST" if is_post else "GET", content_type=content_type)
    assert reply.status == 200
    if reply.content_type != "application/json":
        assert b'type="password"' in reply.body
        return
    answer = json.loads(reply.body)
    assert next(iter(answer)) == "status"
    if answer["status"] == "error":
        assert answer["messages"]
        assert all(isinstance(message, str) for message in answer["messages"])
    else:
        assert answer["status"] == "success"
    site.get("/opportunities")
    site.get("/activities")
    site.get("/people")


SAVED = {
    "opportunities": "Opportunity",
    "organisations": "Organisation",
    "people": "Person",
    "activities": "Activity",
    "notes": "Note",
}
ENOUGH = {"name": "n", "enddate": "2026-12-01", "firstname": "a", "surname": "b", "title": "t", "note": "x"}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*SAVED]), FIELDS, st.booleans())
def test_whatever_is_saved_can_be_shown_afterwards(area, fields, is_enough):
    site = there.Site(there.account(there.Clock()))
    fields = {key: value for key, value in fields.items() if key != "id"} | ENOUGH if is_enough else fields
    answer = site.post(f"/{area}/save", {SAVED[area]: fields})
    assert answer["status"] in {"success", "error"}
    if answer["status"] == "success" and area != "notes":
        assert site.get(f"/{area}/view/{answer['id']}")["status"] == "success"
    for each in ("opportunities", "organisations", "people", "activities"):
        assert site.get(f"/{each}/list_all")["status"] == "success"
    assert site.get("/opportunities/timeline?id=1234")["status"] == "success"


PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).map(str.strip)
NAME = PLAIN.filter(lambda text: text not in {"", "null"})


@settings(max_examples=150, deadline=None)
@given(
    NAME,
    PLAIN,
    st.integers(0, 20).map(lambda fives: fives * 5),
    st.integers(-(10**9), 10**9).map(lambda cents: cents / 100),
    st.dates(),
    st.booleans(),
)
def test_what_was_saved_is_what_is_shown(name, description, probability, cost, enddate, is_form):
    site = there.Site(there.account(there.Clock()))
    fields = {"name": name, "description": description, "probability": probability, "cost": cost}
    fields["enddate"] = enddate.isoformat()
    if is_form:
        answer = site.form("/opportunities/save", {f"Opportunity[{key}]": value for key, value in fields.items()})
    else:
        answer = site.save(**fields)
    shown = site.view(answer["id"])
    expected = {**fields, "description": None if description in {"", "null"} else description}
    assert {key: shown[key] for key in fields} == expected
