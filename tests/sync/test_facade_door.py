"""The facades' door over HTTP: who comes in, at which address, and what never gets that far."""

import json
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone, translation

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Opportunity, Rep
from backoffice.sync.facades import keys
from backoffice.sync.models import ConnectionState, FacadeKey, Link
from connectors.kit.facades import Reply
from tests.sync import vendor

pytestmark = [pytest.mark.db, pytest.mark.django_db]

HOST = "acme.crm.example"


@pytest.fixture
def open_facade(connection):
    """The connection with its facade switched on."""
    with acting(None, Door.COMMAND, label="test"):
        connection.facade, connection.facade_host = True, HOST
        connection.save()
    return connection


@pytest.fixture
def secret(open_facade):
    return keys.issue(open_facade)[1]


@pytest.fixture
def chairs(open_facade):
    with acting(None, Door.COMMAND, label="test"):
        row = Opportunity.objects.create(name="Chairs", amount=5, currency="USD")
    Link.objects.create(connection=open_facade, kind="opportunity", remote_id="7", object_id=row.pk)
    return row


def get(path, secret, **more):
    return Client().get(path, headers={"authorization": secret}, **more)


def test_a_record_is_served_at_the_connections_address(secret, chairs):
    answer = get("/facade/acme/opportunities/7", secret)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert (answer.json()["id"], answer.json()["name"], answer.json()["amount"]) == (7, "Chairs", 5)


def test_the_same_is_served_at_the_root_of_the_facades_host(secret, chairs, settings):
    settings.ALLOWED_HOSTS = ["office.example.com"]
    assert get("/opportunities/7", secret, SERVER_NAME=HOST).json()["name"] == "Chairs"
    assert get("/opportunities/7", secret, HTTP_HOST=f"{HOST.upper()}:8000").json()["id"] == 7


def test_the_console_is_not_at_the_facades_host(secret, settings):
    settings.ALLOWED_HOSTS = ["office.example.com"]
    assert get("/admin/login/", secret, SERVER_NAME=HOST).status_code == 404
    assert Client().get("/admin/login/", SERVER_NAME="office.example.com").status_code == 200


def test_hosts_that_nobody_named_stay_refused(secret, settings):
    settings.ALLOWED_HOSTS = ["office.example.com"]
    assert get("/opportunities/7", secret, SERVER_NAME="other.example").status_code == 400


def test_a_facade_that_is_off_is_not_there(secret, open_facade):
    with acting(None, Door.COMMAND, label="test"):
        open_facade.facade = False
        open_facade.save()
    assert get("/facade/acme/opportunities/7", secret).status_code == 404
    assert get("/opportunities/7", secret, SERVER_NAME=HOST).status_code == 400
    assert get("/facade/nobody/opportunities", secret).status_code == 404


def test_unknown_revoked_and_empty_credentials_are_refused_alike(secret, open_facade):
    key, revoked = keys.issue(open_facade)
    keys.revoke(key)
    answers = {get("/facade/acme/opportunities", each).content for each in ("", "wrong", revoked, secret[:-1])}
    assert answers == {b'{"error":"Who are you?"}'}
    assert get("/facade/acme/opportunities", secret).status_code == 200


def test_a_credential_opens_its_own_facade_only(secret, make_connection):
    other = make_connection("b", facade=True)
    assert get(f"/facade/{other.name}/opportunities", secret).status_code == 401


def test_only_the_digest_of_a_credential_is_kept(secret, open_facade):
    key = FacadeKey.objects.get()
    assert secret.encode() not in bytes(key.digest)
    assert key.ending == secret[-4:]
    assert len(secret) == 40


def test_the_last_use_is_noted_each_minute(secret, open_facade):
    get("/facade/acme/opportunities", secret)
    key = FacadeKey.objects.get()
    assert key.last_used_at is not None
    earlier = timezone.now() - timedelta(minutes=2)
    FacadeKey.objects.update(last_used_at=earlier)
    get("/facade/acme/opportunities", secret)
    assert FacadeKey.objects.get().last_used_at > earlier


def test_reps_who_left_or_lost_their_login_do_not_come_in(open_facade, rep_user):
    _key, secret = keys.issue(open_facade, rep_user.rep)
    assert get("/facade/acme/opportunities", secret).status_code == 200
    rep_user.is_active = False
    rep_user.save()
    assert get("/facade/acme/opportunities", secret).status_code == 401
    rep_user.is_active = True
    rep_user.save()
    with acting(None, Door.COMMAND, label="test"):
        Rep.objects.filter(pk=rep_user.rep.pk).update(active=False)
    assert get("/facade/acme/opportunities", secret).status_code == 401


def test_who_guesses_is_locked_out_from_that_address(secret, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for number in range(3):
        get("/facade/acme/opportunities", f"guess {number}")
    assert get("/facade/acme/opportunities", secret).status_code == 401
    assert get("/facade/acme/opportunities", secret, REMOTE_ADDR="192.0.2.7").status_code == 200


def test_a_lockout_ends(secret, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for number in range(3):
        get("/facade/acme/opportunities", f"guess {number}")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert get("/facade/acme/opportunities", secret).status_code == 200


def test_a_script_that_goes_on_with_one_bad_credential_locks_nobody_out(secret, open_facade, settings):
    settings.AXES_FAILURE_LIMIT = 3
    key, revoked = keys.issue(open_facade)
    keys.revoke(key)
    for _ in range(5):
        get("/facade/acme/opportunities", "wrong")
        get("/facade/acme/opportunities", revoked)
    assert get("/facade/acme/opportunities", secret).status_code == 200
    attempt = AccessAttempt.objects.get()
    assert attempt.failures_since_start == 5
    assert "wrong" not in f"{vars(attempt)}"


def test_a_write_needs_no_csrf_token_and_no_session(secret, acme):
    client = Client(enforce_csrf_checks=True)
    body = {"name": "Tables", "close_date": "2026-12-01"}
    answer = client.post(
        "/facade/acme/opportunities", body, content_type="application/json", headers={"authorization": secret}
    )
    assert answer.status_code == 200, answer.content
    assert not answer.cookies
    assert acme.records["opportunity"][answer.json()["id"]]["name"] == "Tables"


def test_a_body_is_read_as_it_comes_and_no_further_than_allowed(secret, monkeypatch):
    monkeypatch.setattr(vendor.facade, "most_bytes", 10)
    answer = Client().post(
        "/facade/acme/opportunities",
        {"name": "Too long for ten bytes"},
        content_type="application/json",
        headers={"authorization": secret},
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "text/plain; charset=utf-8")


def test_what_nobody_foresaw_is_told_with_a_number_and_no_trace(secret, monkeypatch):
    def breaks(call, door):
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(vendor.facade, "answer", breaks)
    answer = get("/facade/acme/opportunities", secret)
    assert answer.status_code == 500
    assert b"hunter2" not in answer.content
    assert b"in our log as" in answer.content


def test_an_answer_comes_through_as_the_facade_gave_it(secret, monkeypatch):
    reply = Reply(b'{"a":"\\/"}', 202, "application/json", {"Retry-After": "7"})
    monkeypatch.setattr(vendor.facade, "answer", lambda call, door: reply)
    answer = get("/facade/acme/", secret)
    assert (answer.status_code, answer.content, answer.headers["Retry-After"]) == (202, reply.body, "7")


def test_parameters_reach_the_facade_in_order_and_in_full(secret, monkeypatch):
    seen = []
    monkeypatch.setattr(vendor.facade, "answer", lambda call, door: seen.append(call) or Reply(b""))
    get("/facade/acme/a%20b/%C3%B1?x=1&x=2&y=&z=%2B00%3A00&w=a+b", secret)
    assert seen[0].path == "a b/ñ"
    assert list(seen[0].query) == [("x", "1"), ("x", "2"), ("y", ""), ("z", "+00:00"), ("w", "a b")]
    assert json.dumps(seen[0].headers["authorization"])


def test_a_caller_is_told_in_the_vendors_language_whatever_it_accepts(secret, open_facade):
    with acting(None, Door.COMMAND, label="test"):
        open_facade.state = ConnectionState.RETIRED
        open_facade.save()
    with translation.override("en"):  # or the thread's language stays the request's
        answer = Client().post(
            "/facade/acme/opportunities",
            {"name": ""},
            content_type="application/json",
            headers={"authorization": secret, "accept-language": "es-MX"},
        )
    assert (answer.status_code, answer.json()) == (422, {"error": "name: is missing."})
