"""Vendors' secrets at rest: what stands in the database opens with our keys only, and moves on to new ones."""

import json
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection as database

from backoffice.changes.models import Change
from backoffice.sync.credentials import Locked, is_newest, opened, rotated, sealed
from backoffice.sync.models import Connection
from backoffice.sync.rotating import locked_connections, rotate

pytestmark = [pytest.mark.db, pytest.mark.django_db]

SECRETS = {"api_token": "0a1b2c3d4e5f", "pässword": "ö “&"}


@pytest.fixture
def old_key():
    return Fernet.generate_key().decode()


@pytest.fixture
def new_key():
    return Fernet.generate_key().decode()


@pytest.fixture
def ring(settings, old_key):
    """Says which keys there are from now on."""

    def set_ring(*keys):
        settings.CREDENTIAL_KEYS = [*keys]

    set_ring(old_key)
    return set_ring


@pytest.fixture
def stored(ring, make_connection):
    """Three connections whose secrets are sealed under the old key, and one without any."""
    connections = [make_connection(name) for name in ("one", "two", "three")]
    bare = make_connection("bare")
    Connection.objects.filter(pk=bare.pk).update(credentials=b"")
    return connections


def run(**options):
    """(exit code, what it printed)"""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("rotate_keys", stdout=out, stderr=err, **options)
    except SystemExit as exit_:
        code = exit_.code
    return code, out.getvalue() + err.getvalue()


def tokens():
    return dict(Connection.objects.values_list("name", "credentials"))


def test_what_was_sealed_opens_again(ring):
    assert opened(sealed(SECRETS)) == SECRETS


def test_nothing_of_it_can_be_read_where_it_stands(ring):
    token = sealed(SECRETS)
    assert b"api_token" not in token
    assert b"0a1b2c3d4e5f" not in token
    assert sealed(SECRETS) != token


def test_it_opens_with_every_key_of_the_ring(ring, old_key, new_key):
    token = sealed(SECRETS)
    ring(new_key, old_key)
    assert opened(token) == SECRETS


@pytest.mark.parametrize("open_with", [opened, rotated])
def test_without_its_key_it_is_locked(ring, new_key, open_with):
    token = sealed(SECRETS)
    ring(new_key)
    with pytest.raises(Locked, match="not among CREDENTIAL_KEYS"):
        open_with(token)


@pytest.mark.parametrize("spoil", [lambda token: token[:-5], lambda token: b"x" + token[1:], lambda _: b"{}"])
def test_what_was_changed_is_locked(ring, spoil):
    with pytest.raises(Locked):
        opened(spoil(sealed(SECRETS)))


@pytest.mark.parametrize(("keys", "said"), [([], "one or more Fernet keys"), (["too short"], "no Fernet key")])
def test_a_ring_without_a_key_is_told_in_words(ring, keys, said):
    ring(*keys)
    with pytest.raises(ImproperlyConfigured, match=said):
        sealed(SECRETS)


def test_rotated_it_needs_the_newest_key_alone(ring, old_key, new_key):
    token = sealed(SECRETS)
    ring(new_key, old_key)
    assert not is_newest(token)
    moved = rotated(token)
    assert is_newest(moved)
    ring(new_key)
    assert opened(moved) == SECRETS


def test_secrets_are_in_no_dump_and_no_change_log(stored):
    stored[0].secrets = SECRETS
    dump = serializers.serialize("json", Connection.objects.all())
    assert json.loads(dump)[0]["fields"]["credentials"] == ""
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE t::text LIKE '%%credentials%%') FROM changes_change t")
        total, telling = cursor.fetchone()
    assert total > 0
    assert telling == 0
    assert Change.objects.exists()


def test_an_empty_field_holds_no_secrets(stored):
    assert Connection.objects.get(name="bare").secrets == {}


def test_after_a_rotation_the_old_key_can_go(stored, ring, old_key, new_key):
    ring(new_key, old_key)
    code, told = run()
    assert code == 0
    assert "3 connections are sealed under the newest key now" in told
    ring(new_key)
    assert {each.name: bool(each.secrets) for each in Connection.objects.all()} == {
        "one": True,
        "two": True,
        "three": True,
        "bare": False,
    }
    assert locked_connections() == []


def test_a_dry_run_tells_and_does_nothing(stored, ring, old_key, new_key):
    before = tokens()
    ring(new_key, old_key)
    code, told = run(dry_run=True, json=True)
    assert code == 0
    assert json.loads(told) == {"rotated": ["one", "two", "three"], "already": [], "locked": [], "dry_run": True}
    assert tokens() == before


def test_a_second_rotation_has_nothing_to_do(stored, ring, old_key, new_key):
    ring(new_key, old_key)
    run()
    before = tokens()
    code, told = run(json=True)
    assert (code, json.loads(told)["already"], json.loads(told)["rotated"]) == (0, ["one", "two", "three"], [])
    assert tokens() == before


def test_one_that_is_locked_stops_them_all_and_is_named(stored, ring, old_key, new_key):
    lost = Fernet.generate_key().decode()
    ring(lost)
    Connection.objects.filter(name="two").update(credentials=sealed(SECRETS))
    before = tokens()
    ring(new_key, old_key)
    code, told = run()
    assert code == 1
    assert "Nothing was changed" in told
    assert "the credentials of two." in told
    assert tokens() == before
    assert run(json=True)[0] == run(dry_run=True)[0] == 1
    assert locked_connections() == ["two"]


def test_a_rotation_without_keys_says_so(stored, ring):
    ring()
    with pytest.raises(CommandError, match="CREDENTIAL_KEYS"):
        run()


def test_a_rotation_says_what_it_did_to_whoever_calls_it(stored, ring, old_key, new_key):
    ring(new_key, old_key)
    rotation = rotate()
    assert (rotation.rotated, rotation.already, rotation.locked) == (["one", "two", "three"], [], [])
