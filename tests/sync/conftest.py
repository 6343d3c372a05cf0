"""A connection to a vendor whose world the test holds in its hands."""

import pytest
from cryptography.fernet import Fernet

from backoffice.changes.acting import Door, acting
from backoffice.jobs.running import execute
from backoffice.sync.models import Connection
from backoffice.sync.pulling import start_pull
from connectors.kit import registry
from tests.sync import vendor


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
