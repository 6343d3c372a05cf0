"""Who the API lets in, and what a key's scopes and a role's rights leave open."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from backoffice.access import keys

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.urls("tests.access.urls")]


@pytest.fixture
def client():
    return Client(enforce_csrf_checks=True)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_key_acts_as_its_login(client, rep_user):
    _key, token = keys.issue(rep_user, "nightly")
    assert client.get("/api/who", headers=bearer(token)).json() == {"user": "ren", "key": "nightly"}


def test_a_key_needs_no_csrf_token(client, rep_user):
    _key, token = keys.issue(rep_user, "nightly")
    assert client.post("/api/who", headers=bearer(token)).status_code == 200


def test_a_console_session_reads(client, rep_user):
    client.force_login(rep_user)
    assert client.get("/api/who").json() == {"user": "ren", "key": None}


def test_a_console_session_changes_nothing_without_its_csrf_token(client, rep_user):
    client.force_login(rep_user)
    refused = client.post("/api/who")
    assert refused.status_code == 403
    assert refused["Content-Type"] == "application/problem+json"


def test_a_console_session_with_its_csrf_token_changes_things(client, rep_user):
    client.force_login(rep_user)
    token = "a" * 32
    client.cookies["csrftoken"] = token
    assert client.post("/api/who", headers={"X-CSRFToken": token}).status_code == 200


def test_a_wrong_key_is_not_rescued_by_a_session(client, rep_user):
    client.force_login(rep_user)
    assert client.get("/api/who", headers=bearer("bo_aaaaaaaa_wrong")).status_code == 401


def test_nobody_is_told_how_to_say_who_they_are(client):
    answer = client.get("/api/who")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer["Content-Type"] == "application/problem+json"


def test_unknown_revoked_expired_and_inactive_keys_get_the_same_answer(client, rep_user, operations_user):
    revoked, revoked_token = keys.issue(rep_user, "revoked")
    keys.revoke(revoked)
    _key, expired = keys.issue(rep_user, "expired", expires_at=timezone.now() - timedelta(seconds=1))
    _key, inactive = keys.issue(operations_user, "inactive")
    operations_user.is_active = False
    operations_user.save()
    unknown = "bo_00000000_" + "a" * 43
    answers = {
        (answer.status_code, answer.content)
        for token in (revoked_token, expired, inactive, unknown, "rubbish", "", "bo__", "bo_ñ_x")
        for answer in [client.get("/api/who", headers=bearer(token))]
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 401


def test_a_session_ends_with_its_login(client, rep_user):
    client.force_login(rep_user)
    rep_user.is_active = False
    rep_user.save()
    assert client.get("/api/who").status_code == 401


def test_a_scoped_key_may_only_what_its_scopes_say(client, rep_user):
    _key, reader = keys.issue(rep_user, "reader", ["read"])
    _key, writer = keys.issue(rep_user, "writer", ["read", "write"])
    refused = client.post("/api/who", headers=bearer(reader))
    assert refused.status_code == 403
    assert "write" in refused.json()["detail"]
    assert client.post("/api/who", headers=bearer(writer)).status_code == 200


def test_a_right_the_role_lacks_is_refused(client, rep_user, operations_user):
    _key, rep = keys.issue(rep_user, "rep")
    _key, operations = keys.issue(operations_user, "operations")
    assert client.delete("/api/accounts", headers=bearer(rep)).status_code == 403
    assert client.delete("/api/accounts", headers=bearer(operations)).status_code == 200
