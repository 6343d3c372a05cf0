"""Every error of the API has one shape and tells no secrets."""

import pytest
from django.http import HttpResponse, HttpResponseNotAllowed
from django.test import Client, RequestFactory

from backoffice.access import keys
from backoffice.problems import ProblemMiddleware

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.urls("tests.access.urls")]


@pytest.fixture
def token(operations_user):
    return keys.issue(operations_user, "nightly")[1]


def problem(answer, status):
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["type"] == "about:blank"
    return body


def get(name):
    return Client(raise_request_exception=False).get(f"/api/errors/{name}")


def test_a_problem_is_told_as_it_is():
    body = problem(get("problem"), 409)
    assert (body["title"], body["detail"]) == ("Busy", "Someone else is at it.")
    assert body["errors"] == [{"field": "name", "message": "Taken."}]


def test_what_is_not_there_tells_no_more():
    assert "secret" not in str(problem(get("missing"), 404))


def test_what_is_refused_says_why():
    assert problem(get("refused"), 403)["detail"] == "Not yours."


def test_a_rules_refusal_names_the_field():
    assert problem(get("domain"), 422)["errors"] == [{"field": "amount", "message": "An amount needs its currency."}]
    assert problem(get("plain"), 422)["detail"] == "All wrong."


def test_any_other_status_has_the_same_shape():
    assert problem(get("http"), 415)["detail"] == "Not that."


def test_a_bug_shows_its_number_and_no_trace(caplog):
    answer = get("bug")
    body = problem(answer, 500)
    assert "hunter2" not in answer.content.decode()
    number = body["instance"].removeprefix("urn:uuid:")
    assert number in body["detail"]
    assert number in caplog.text
    assert "hunter2" in caplog.text


def test_invalid_input_names_each_field_as_the_caller_does(token):
    headers = {"Authorization": f"Bearer {token}"}
    answer = Client().post("/api/regions", {"number": "x"}, content_type="application/json", headers=headers)
    assert {error["field"] for error in problem(answer, 422)["errors"]} == {"name", "number"}
    answer = Client().get("/api/who?limit=x", headers=headers)
    assert [error["field"] for error in problem(answer, 422)["errors"]] == ["limit"]


def test_a_body_that_is_no_json_is_a_problem(token):
    headers = {"Authorization": f"Bearer {token}"}
    answer = Client().post("/api/regions", "{", content_type="application/json", headers=headers)
    problem(answer, 400)


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (HttpResponseNotAllowed(["GET", "POST"]), 405),
        (HttpResponse("<h1>", status=404), 404),
        (HttpResponse(status=400), 400),
    ],
)
def test_what_never_reaches_an_operation_has_the_same_shape(response, status):
    answer = ProblemMiddleware(lambda _request: response)(RequestFactory().get("/api/v1/x"))
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.headers.get("Allow") == response.headers.get("Allow")


def test_pages_outside_the_api_are_left_alone():
    page = HttpResponse("<h1>", status=404)
    assert ProblemMiddleware(lambda _request: page)(RequestFactory().get("/admin/x")) is page
