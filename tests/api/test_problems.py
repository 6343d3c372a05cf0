"""Every answer that is no success is a problem (RFC 9457)."""

import uuid

import pytest

from backoffice.crm import api

from .conftest import errors

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def is_a_problem(answer, status):
    body = answer.json()
    return (
        answer.status_code == status
        and answer.headers["Content-Type"] == "application/problem+json"
        and body["status"] == status
        and body["title"]
    )


@pytest.mark.parametrize("path", ["/nothing", "/accounts/x", "/accounts/", "/accounts/5/owner", "/accounts/٣"])
def test_an_unknown_address_is_a_problem(operations, path):
    answer = operations.get(path)
    assert is_a_problem(answer, 404) or is_a_problem(answer, 422)


def test_an_address_beside_the_version_is_a_problem_too(client, db):
    assert is_a_problem(client.get("/api/v2/accounts"), 404)


@pytest.mark.parametrize(("method", "path"), [("PUT", "/accounts"), ("DELETE", "/accounts/5"), ("POST", "/reps")])
def test_another_method_is_a_problem_that_names_those_there_are(operations, method, path):
    answer = operations.ask(method, path, {})
    assert is_a_problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_head_answers_like_get_without_the_body(operations, world):
    got, headed = operations.get("/accounts"), operations.ask("HEAD", "/accounts")
    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["Content-Length"] == str(len(got.content))
    assert headed.headers["Content-Type"] == got.headers["Content-Type"]


def test_options_says_what_an_address_knows(operations):
    answer = operations.ask("OPTIONS", "/accounts")
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


def test_our_own_fault_carries_a_number_and_no_trace(operations, monkeypatch, caplog):
    def broken(*args):
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(api, "listed", broken)
    answer = operations.get("/accounts")
    assert is_a_problem(answer, 500)
    number = answer.json()["instance"].removeprefix("urn:uuid:")
    assert uuid.UUID(number)
    assert number in caplog.text
    assert b"secret" not in answer.content


def test_a_problem_names_the_fields_as_the_caller_wrote_them(operations):
    answer = operations.post("/contacts", {"emails": [{"address": "x@y.example"}, {"address": "not one"}]})
    assert list(errors(answer)) == ["emails.1.address"]


@pytest.mark.parametrize("number", ["0", "-1", "99999999999999999999", "1_0", "１", "%00"])
def test_no_number_of_a_record_breaks_anything(operations, number):
    assert operations.get(f"/accounts/{number}").status_code in {404, 422}
    assert operations.patch(f"/accounts/{number}", {}).status_code in {404, 422}


@pytest.mark.parametrize(
    "text", ["%00", "%25_%5C", "'; DROP TABLE crm_account; --", "{chosen}", "%s", "😀" * 50, "%ff"]
)
def test_no_text_to_search_for_breaks_anything(operations, world, text):
    for path in ("accounts?q=", "opportunities?stage=", "contacts?email=", "reps?username="):
        assert operations.get(f"/{path}{text}").status_code in {200, 422}
