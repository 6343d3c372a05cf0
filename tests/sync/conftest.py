"""A connection to a vendor whose world the test holds in its hands."""

import pytest
from cryptography.fernet import Fernet

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Choice, Rep
from backoffice.jobs.models import State
from backoffice.jobs.running import execute
from backoffice.sync import registering
from backoffice.sync.calls import exchanges
from backoffice.sync.calls.beside import beside
from backoffice.sync.models import Connection
from backoffice.sync.pulls.pulling import start_pull
from connectors.kit import registry
from tests.connectors.tactile import there
from tests.sync import vendor
from tests.sync.sandbox import Sandbox, pulled

KEY = Fernet.generate_key().decode()


@pytest.fixture
def no_broker(monkeypatch):
    """Messages sent, instead of sending them."""
    sent = []
    monkeypatch.setattr("backoffice.jobs.dispatching.send_task", lambda *args, **more: sent.append(args) or True)
    return sent


@pytest.fixture
def acme_vendor(monkeypatch):
    """Acme is a vendor, with a facade, as long as the test lasts."""
    monkeypatch.setitem(registry._connectors, "acme", vendor.Acme)
    monkeypatch.setitem(registry._facades, "acme", vendor.facade)


@pytest.fixture
def make_connection(db, acme_vendor, monkeypatch, settings):
    """Further connections to Acme, each with a world of its own: `vendor.WORLDS[connection.base_url]`."""
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS or [Fernet.generate_key().decode()]

    def make(name="acme", **fields):
        url = f"https://{name}.example"
        monkeypatch.setitem(vendor.WORLDS, url, vendor.World())
        given = {"vendor": "acme", "base_url": url, "currency": "USD", "pushes": True} | fields
        with acting(None, Door.COMMAND, label="test"):
            connection = Connection(name=name, **given)
            connection.secrets = {"token": vendor.TOKEN}
            connection.save()
        return connection

    return make


@pytest.fixture
def connection(make_connection):
    """An active connection to Acme in US dollars that pulls and pushes."""
    return make_connection()


@pytest.fixture
def acme(connection):
    """Acme's side of `connection`."""
    return vendor.WORLDS[connection.base_url]


@pytest.fixture
def pull(connection, no_broker):
    """Pulls a connection (`connection`, unless another is given) within the test's own transaction; the ended job."""

    def pulled(which=None, *, full=False, user=None):
        job = start_pull(which or connection, user, full=full)
        execute(job.pk, heartbeat=False)
        job.refresh_from_db()
        return job

    return pulled


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """Tactile CRM as a process of its own."""
    running = Sandbox(tmp_path_factory.mktemp("sandbox") / "sandbox.json").start()
    yield running
    running.stop()


@pytest.fixture
def site(sandbox):
    """A Tactile CRM account of this test's own."""
    return sandbox.next()


@pytest.fixture
def office(transactional_db, settings, monkeypatch, request):
    """A back office that knows the vendor's words. Tests drive its jobs, but for those that ask for a worker."""
    settings.CREDENTIAL_KEYS = [KEY]
    monkeypatch.setenv("CREDENTIAL_KEYS", KEY)  # a worker's
    if "worker" not in request.fixturenames:
        request.getfixturevalue("no_broker")
    with acting(None, Door.COMMAND, label="test"):
        Rep.objects.create(given="Paul", family="Test", username="paul", email="paul@example.com")
        for order, (label, status) in enumerate(
            [("New", "open"), ("Discussion", "open"), ("Negotiation", "open"), ("Won", "won"), ("Lost", "lost")]
        ):
            Choice.objects.create(list="stage", label=label, status=status, order=order)
        Choice.objects.create(list="type", label="New Business", order=0)
    yield
    # What is written beside the test's own connection is over before the tables are emptied.
    exchanges.flush()
    beside.close()


@pytest.fixture
def connect(office, site):
    """Makes a connection to `site`, in both directions."""

    def connected(**given):
        about = {
            "name": "uk",
            "vendor": "tactile",
            "base_url": site.url,
            "secrets": {"api_token": there.TOKEN},
            "currency": "GBP",
            "time_zone": "Europe/London",
            "pushes": True,
        }
        with acting(None, Door.COMMAND, label="test"):
            return registering.create(about | given)

    return connected


@pytest.fixture
def uk(connect):
    """A connection to `site`, in both directions, pulled once."""
    connection = connect()
    assert pulled(connection).state == State.SUCCEEDED
    return connection
