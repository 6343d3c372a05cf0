"""Keys: issued once, kept as a digest, their use noted now and then."""

import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from backoffice.access import keys
from backoffice.access.models import ApiKey

pytestmark = [pytest.mark.db, pytest.mark.django_db]

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def run(*arguments):
    out = io.StringIO()
    call_command("apikey", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_a_key_opens_what_its_login_opens(rep_user):
    key, token = keys.issue(rep_user, "nightly", ["write", "read", "read"])
    found = keys.authenticate(token)
    assert found == key
    assert (found.user, found.scopes) == (rep_user, ["read", "write"])


def test_the_secret_is_kept_nowhere(rep_user):
    key, token = keys.issue(rep_user, "nightly")
    secret = token.split("_", 2)[2]
    assert len(secret) >= 43
    kept = ApiKey.objects.filter(pk=key.pk).values().get()
    assert secret not in repr({**kept, "digest": bytes(kept["digest"])})


def test_another_secret_under_a_known_prefix_opens_nothing(rep_user):
    _key, token = keys.issue(rep_user, "nightly")
    assert keys.authenticate(token[:-1] + ("a" if token[-1] != "a" else "b")) is None


def test_two_keys_of_a_login_live_side_by_side_for_rotation(rep_user):
    old, old_token = keys.issue(rep_user, "nightly")
    _new, new_token = keys.issue(rep_user, "nightly")
    assert keys.authenticate(old_token)
    assert keys.authenticate(new_token)
    keys.revoke(old)
    assert keys.authenticate(old_token) is None
    assert keys.authenticate(new_token)


def test_a_key_ends_at_its_time(rep_user):
    with time_machine.travel(NOON, tick=False) as clock:
        _key, token = keys.issue(rep_user, "nightly", expires_at=NOON + timedelta(hours=1))
        assert keys.authenticate(token)
        clock.shift(timedelta(hours=1))
        assert keys.authenticate(token) is None


def test_use_is_noted_at_most_once_a_minute(rep_user, django_assert_num_queries):
    with time_machine.travel(NOON, tick=False) as clock:
        key, token = keys.issue(rep_user, "nightly")
        keys.authenticate(token)
        clock.shift(59)
        with django_assert_num_queries(1):
            keys.authenticate(token)
        key.refresh_from_db()
        assert key.last_used_at == NOON
        clock.shift(1)
        keys.authenticate(token)
        key.refresh_from_db()
        assert key.last_used_at == NOON + timedelta(minutes=1)


def test_revoking_again_keeps_the_first_time(rep_user):
    key, _token = keys.issue(rep_user, "nightly")
    keys.revoke(key)
    first = key.revoked_at
    keys.revoke(key)
    assert key.revoked_at == first


def test_an_unknown_scope_is_refused_by_the_database(rep_user):
    with pytest.raises(IntegrityError, match="api_key_scopes_are_known"):
        keys.issue(rep_user, "nightly", ["everything"])


def test_the_command_prints_the_key_alone_on_the_last_line(rep_user):
    lines = run("create", "nightly", "--user", "ren", "--scope", "read", "--scope", "imports", "--expires-days", "90")
    assert re.fullmatch(r"bo_[0-9a-f]{8}_[\w-]{43}", lines[-1])
    assert "Scopes: imports, read" in lines[0]
    assert keys.authenticate(lines[-1]).user == rep_user


def test_the_command_lists_keys_without_their_secrets(rep_user):
    token = run("create", "nightly", "--user", "ren")[-1]
    prefix = token.split("_")[1]
    (told,) = json.loads("\n".join(run("list", "--json")))
    assert (told["prefix"], told["user"], told["state"], told["scopes"]) == (prefix, "ren", "live", [])
    (line,) = run("list")
    assert "nightly" in line
    assert token not in line


def test_the_command_revokes_a_key(rep_user):
    token = run("create", "nightly", "--user", "ren")[-1]
    run("revoke", token.split("_")[1])
    assert keys.authenticate(token) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", "nightly", "--user", "nobody"], "no login “nobody”"),
        (["create", "nightly", "--user", "ren", "--expires-days", "0"], "1 or more"),
        (["revoke", "00000000"], "no API key “00000000”"),
    ],
)
def test_the_command_says_what_is_wrong(rep_user, arguments, words):
    with pytest.raises(CommandError, match=words):
        run(*arguments)
