"""Making and changing a connection, whoever asks."""

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.sync import registering
from backoffice.sync.models import Connection, Health
from backoffice.sync.schedules import due

pytestmark = [pytest.mark.db, pytest.mark.django_db]

GIVEN = {"name": "acme-uk", "vendor": "acme", "base_url": "https://acme.example", "secrets": {"token": "s3cret"}}


@pytest.fixture(autouse=True)
def _acme(make_connection):
    """The vendor, and a key ring."""


@pytest.fixture(autouse=True)
def _acts():
    with acting(None, Door.COMMAND, label="test"):
        yield


def errors_of(given, connection=None):
    with pytest.raises(ValidationError) as raised:
        registering.change(connection, given) if connection else registering.create(GIVEN | given)
    return raised.value.message_dict


def test_a_connection_has_its_settings_secrets_and_health(settings):
    settings.COMPANY_CURRENCY = "MXN"
    made = Connection.objects.get(pk=registering.create(GIVEN).pk)
    assert (made.settings, made.secrets, made.currency) == ({"threads": 1}, {"token": "s3cret"}, "MXN")
    assert (made.pulls, made.pushes) == (True, False)
    assert Health.objects.filter(connection=made).exists()


def test_no_secret_stands_in_the_change_log():
    registering.create(GIVEN)
    entry = Change.objects.get(kind="connection")
    assert "s3cret" not in str(entry.after)
    assert "credentials" not in entry.after


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"name": "Acme UK"}, "name", "Small letters"),
        ({"vendor": "nobody"}, "vendor", "There are: "),
        ({"base_url": "ftp://acme.example"}, "base_url", "begin with https://"),
        ({"base_url": "https://me:pw@acme.example"}, "base_url", "password"),
        ({"base_url": "https://acme.example/?token=1"}, "base_url", "query"),
        ({"base_url": "https://acme.example:99999"}, "base_url", "no address"),
        ({"settings": {"threads": 7}}, "settings.threads", "at most 6"),
        ({"settings": {"colour": "red"}}, "settings.colour", "no such setting"),
        ({"secrets": {"token": ""}}, "secrets.token", "is required"),
        ({"secrets": {"key": "x", "token": "y"}}, "secrets.key", "no such setting"),
        ({"currency": "EURO"}, "currency", "ISO 4217"),
        ({"time_zone": "London"}, "time_zone", "Europe/London"),
        ({"facade_host": "testserver"}, "facade_host", "no host name"),
        ({"facade_host": "crm.example:80"}, "facade_host", "no host name"),
        ({"policy": "mine"}, "policy", "not a valid choice"),
        ({"colour": "red"}, "colour", "no such field"),
    ],
)
def test_what_is_wrong_is_said_by_field(given, field, words):
    errors = errors_of(given)
    assert list(errors) == [field]
    assert words in errors[field][0]


def test_all_that_is_wrong_is_said_at_once():
    errors = errors_of({"name": "", "base_url": "", "secrets": {}, "settings": {"threads": "many"}})
    assert sorted(errors) == ["base_url", "name", "secrets.token", "settings.threads"]


def test_a_name_is_taken_once():
    registering.create(GIVEN)
    assert "already exists" in errors_of({})["name"][0]


def test_a_facade_does_not_take_the_consoles_host(settings):
    settings.ALLOWED_HOSTS = ["office.example.com"]
    assert "console" in errors_of({"facade_host": "Office.Example.com"})["facade_host"][0]


def test_what_is_not_given_stays_as_it_is():
    made = registering.create(GIVEN | {"settings": {"threads": 3}})
    registering.change(made, {"pushes": True, "secrets": {"token": ""}, "settings": {}})
    made.refresh_from_db()
    assert (made.pushes, made.secrets, made.settings) == (True, {"token": "s3cret"}, {"threads": 3})


def test_a_vendor_stays():
    made = registering.create(GIVEN)
    assert "make another" in errors_of({"vendor": "tactile"}, made)["vendor"][0]


@pytest.mark.parametrize("url", ["https://elsewhere.example", "http://acme.example", "https://acme.example:8443"])
def test_another_host_is_not_given_the_secrets_that_are_kept(url):
    made = registering.create(GIVEN)
    errors = errors_of({"base_url": url, "secrets": {"token": ""}}, made)
    assert list(errors) == ["secrets.token"]
    assert "another host" in errors["secrets.token"][0]
    made.refresh_from_db()
    assert made.base_url == "https://acme.example"
    moved = registering.change(made, {"base_url": url, "secrets": {"token": "for-there"}})
    assert (moved.base_url, moved.secrets) == (url, {"token": "for-there"})


@pytest.mark.parametrize("url", ["https://acme.example:443", "https://ACME.example/crm"])
def test_another_path_of_the_same_host_keeps_them(url):
    made = registering.create(GIVEN)
    moved = registering.change(made, {"base_url": url})
    assert (moved.base_url, moved.secrets) == (url, {"token": "s3cret"})


def test_two_connections_never_go_to_one_account():
    first = registering.create(GIVEN)
    assert GIVEN["name"] in errors_of({"name": "second", "base_url": GIVEN["base_url"] + "/"})["base_url"][0]
    registering.change(first, {"state": "retired"})
    assert registering.create(GIVEN | {"name": "second"}).pk


def test_a_new_connection_is_pulled_a_minute_later_so_that_whoever_made_it_may_begin():
    connection = registering.create(GIVEN)
    assert connection not in due()
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        assert connection in due()
