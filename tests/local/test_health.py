"""/healthz and /readyz."""

import pytest

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def test_alive_and_ready(client):
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready", "database": True, "broker": True}


def test_without_a_broker_it_is_alive_and_not_ready(client, settings):
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "database": True, "broker": False}
