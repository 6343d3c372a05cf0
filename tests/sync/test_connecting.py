"""From a row to a connector: what is wrong is said in words, and no secret is."""

import pytest
from cryptography.fernet import Fernet

from backoffice.sync.calls import exchanges
from backoffice.sync.calls.connecting import checked_address, may_be_local, open_connector
from backoffice.sync.models import Connection, Exchange, Health
from connectors.kit import redaction, registry
from connectors.kit.contract import Connector
from connectors.kit.contract import Health as Answer
from connectors.kit.errors import AddressRefused, Misconfigured, Unavailable
from connectors.kit.settings import Kind, Setting
from connectors.kit.transport import Request

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]

TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


class Widget(Connector):
    """Asks for its name over the wire, with its token in the URL."""

    vendor = "widget"
    label = "Widget CRM"
    settings = (Setting("threads", "threads", Kind.NUMBER, default=2, least=1, most=6),)
    secrets = (Setting("api_token", "token", required=True), Setting("extra", "extra"))
    capabilities = {}

    def test(self):
        request = Request("GET", "me", query={"api_token": self.site.secrets["api_token"]})
        return Answer(self.site.transport.send(request, repeatable=True).json()["name"])

    def entries(self):
        return []

    def streams(self):
        return []


@pytest.fixture
def keys(settings):
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    return settings.CREDENTIAL_KEYS


@pytest.fixture
def widget(keys, httpserver, monkeypatch):
    """A connection to a vendor of its own on this machine."""
    monkeypatch.setitem(registry._connectors, "widget", Widget)
    from backoffice.changes.acting import Door, acting

    with acting(None, Door.COMMAND, label="test"):
        connection = Connection(name="widget-one", vendor="widget", base_url=httpserver.url_for("/"), currency="USD")
        connection.secrets = {"api_token": TOKEN}
        connection.save()
        Health.objects.create(connection=connection)
    return connection


def test_a_connection_becomes_a_connector_that_can_call(widget, httpserver):
    httpserver.expect_ordered_request("/me", query_string={"api_token": TOKEN}).respond_with_json({"name": "Ana"})
    connector = open_connector(widget)
    assert connector.test().text == "Ana"
    assert connector.site.settings == {"threads": 2}
    assert connector.site.secrets == {"api_token": TOKEN}


def test_its_exchanges_are_kept_without_the_secret(widget, httpserver):
    httpserver.expect_request("/me").respond_with_json({"name": "Ana", "echo": TOKEN})
    open_connector(widget).test()
    exchanges.flush()
    [row] = Exchange.objects.all()
    assert (row.connection, row.status) == (widget, 200)
    assert row.url.endswith("/me?api_token=***")
    assert TOKEN not in row.answer


def test_a_vendor_that_wants_a_wait_is_held_for_all_workers(widget, httpserver):
    httpserver.expect_ordered_request("/me").respond_with_data(status=429, headers={"Retry-After": "600"})
    with pytest.raises(Unavailable):
        open_connector(widget).test()
    with pytest.raises(Unavailable, match="not to be called"):
        open_connector(widget).test()
    assert len(httpserver.log) == 1


def test_from_then_on_no_log_of_this_process_shows_its_secrets(widget, httpserver):
    open_connector(widget)
    assert redaction.known.text(f"oops {TOKEN}") == "oops ***"


def test_a_connection_that_is_not_saved_yet_can_be_tried(widget, httpserver):
    httpserver.expect_request("/me").respond_with_json({"name": "Ana"})
    unsaved = Connection(name="new", vendor="widget", base_url=httpserver.url_for("/"), currency="USD")
    unsaved.secrets = {"api_token": TOKEN}
    assert open_connector(unsaved).test().text == "Ana"
    exchanges.flush()
    assert not Exchange.objects.exists()


def test_credentials_under_a_key_that_is_missing_are_told_in_words(widget, settings):
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(Misconfigured, match=r"“widget-one”.*CREDENTIAL_KEYS.*enter the credentials anew"):
        open_connector(widget)


@pytest.mark.parametrize(("ring", "said"), [([], "need CREDENTIAL_KEYS"), (["none"], "what is no Fernet key")])
def test_a_key_ring_that_is_none_is_told_in_words(widget, settings, ring, said):
    settings.CREDENTIAL_KEYS = ring
    with pytest.raises(Misconfigured, match=said):
        open_connector(widget)


def test_a_vendor_that_is_not_installed_is_told_in_words(widget):
    widget.vendor = "gone"
    with pytest.raises(Misconfigured, match="a vendor that is not installed here: gone"):
        open_connector(widget)


@pytest.mark.parametrize(
    ("settings_given", "secrets_given", "said"),
    [
        ({"threads": "many"}, {"api_token": TOKEN}, "threads: “many” is not a whole number"),
        ({"threads": 7}, {"api_token": TOKEN}, "threads: at most 6"),
        ({"no": 1}, {"api_token": TOKEN}, "there is no such setting"),
        ({}, {}, "api_token: is required"),
    ],
)
def test_settings_that_no_longer_do_are_told_in_words(widget, settings_given, secrets_given, said):
    widget.settings, widget.secrets = settings_given, secrets_given
    with pytest.raises(Misconfigured, match=said) as raised:
        open_connector(widget)
    assert TOKEN not in str(raised.value)


def test_an_address_we_don_t_call_is_refused_when_it_is_opened(widget):
    widget.base_url = "https://10.0.0.1/"
    with pytest.raises(AddressRefused):
        open_connector(widget)


@pytest.mark.parametrize(
    ("served", "listed", "url", "expected"),
    [
        (False, [], "http://127.0.0.1:9000", True),
        (True, [], "http://127.0.0.1:9000", False),
        (True, ["127.0.0.1"], "http://127.0.0.1:9000", True),
        (True, ["Sandbox.Internal"], "http://sandbox.internal:9000/x", True),
        (True, ["127.0.0.1"], "http://localhost:9000", False),
        (True, ["127.0.0.1"], "http://127.0.0.1@localhost", False),
    ],
)
def test_this_machine_is_called_while_nothing_is_served_or_when_it_is_listed(settings, served, listed, url, expected):
    settings.SERVED, settings.SYNC_LOCAL_HOSTS = served, listed
    assert may_be_local(url) is expected


def test_an_address_is_checked_before_it_is_kept(settings):
    settings.SERVED = True
    assert checked_address(" https://site.acme.example/ ") == "https://site.acme.example"
    for wrong in ("http://site.acme.example", "https://127.0.0.1", "https://a:b@site.acme.example"):
        with pytest.raises(AddressRefused):
            checked_address(wrong)
