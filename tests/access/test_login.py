"""Logging in to the console: throttled, for any role, over at a change of password."""

import pytest
from django.urls import reverse

pytestmark = [pytest.mark.db, pytest.mark.django_db]

LIMIT = 10


def log_in(client, username, password, **more):
    return client.post(reverse("admin:login"), {"username": username, "password": password}, **more)


def is_in(client):
    return "_auth_user_id" in client.session


def test_a_rep_without_djangos_staff_flag_logs_in(client, rep_user, password):
    rep_user.is_staff = False
    rep_user.save()
    log_in(client, "ren", password)
    assert is_in(client)
    assert client.get(reverse("admin:index")).status_code == 200


def test_an_inactive_login_does_not(client, rep_user, password):
    rep_user.is_active = False
    rep_user.save()
    log_in(client, "ren", password)
    assert not is_in(client)


def test_too_many_wrong_passwords_lock_that_login_at_that_address(client, rep_user, manager_user, password):
    for _attempt in range(LIMIT):
        log_in(client, "ren", "wrong")
    refused = log_in(client, "ren", password)
    assert refused.status_code == 429
    assert not is_in(client)
    log_in(client, "marta", password)
    assert is_in(client)


def test_the_locked_login_still_gets_in_from_elsewhere(client, rep_user, password):
    for _attempt in range(LIMIT):
        log_in(client, "ren", "wrong", REMOTE_ADDR="203.0.113.9")
    log_in(client, "ren", password)
    assert is_in(client)


def test_a_session_ends_when_the_password_changes(client, rep_user, password):
    log_in(client, "ren", password)
    rep_user.set_password("another long password")
    rep_user.save()
    assert client.get(reverse("admin:index")).status_code == 302


def test_the_session_gets_a_new_id_at_login(client, rep_user, password):
    session = client.session
    session["planted"] = "by someone else"
    session.save()
    before = client.session.session_key
    assert before
    log_in(client, "ren", password)
    assert client.session.session_key != before


def test_the_session_cookie_is_out_of_scripts_and_other_sites_reach(client, rep_user, password):
    log_in(client, "ren", password)
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 12 * 3600
