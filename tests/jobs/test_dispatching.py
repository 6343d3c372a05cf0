"""The hint to a worker: sent within bounds, and no harm when it is lost."""

import socket
import time

import pytest
import redis
from django.conf import settings as django_settings

from backoffice.jobs import dispatching
from tests.jobs.conftest import begin, fresh

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def broker():
    client = redis.Redis.from_url(django_settings.BROKER_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def frozen_broker(settings):
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.BROKER_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        yield


@pytest.fixture
def absent_broker(settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings.BROKER_URL = f"redis://127.0.0.1:{port}/0"


def test_the_message_carries_the_id_only(broker):
    job = begin("tests.write_rows", total=5)
    message = broker.lrange("default", 0, -1)[0].decode()
    assert dispatching.waiting_messages("default") == 1
    import base64
    import json

    body = json.loads(base64.b64decode(json.loads(message)["body"]))
    assert body[:2] == [[job.pk], {}]


def test_an_empty_queue_has_no_messages(broker):
    assert dispatching.waiting_messages("pulls") == 0


def test_a_frozen_broker_costs_the_caller_two_seconds_and_nothing_else(frozen_broker):
    began = time.monotonic()
    job = begin()
    assert time.monotonic() - began < 3
    assert fresh(job).state == "queued"


def test_an_absent_broker_costs_the_caller_nothing(absent_broker):
    began = time.monotonic()
    begin()
    assert time.monotonic() - began < 1.5


def test_a_broker_that_does_not_answer_has_no_number_of_messages(absent_broker):
    assert dispatching.waiting_messages("default") is None
    assert dispatching.send(1, "default") is False


def test_sending_works_again_once_the_broker_forgot_everything(broker):
    begin()
    broker.flushdb()
    begin()
    assert broker.llen("default") == 1
