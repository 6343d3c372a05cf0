"""The doctor's exit code tells the truth."""

import json
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from backoffice.changes.acting import Door, acting
from backoffice.jobs.models import Slot, WorkerSign
from backoffice.jobs.registry import Queue
from backoffice.local.valkey import free_port
from backoffice.sync.models import Connection
from connectors.kit.sandbox import Worlds, application, serve

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def examined():
    """(exit code, health by name)"""
    out = StringIO()
    code = 0
    try:
        call_command("doctor", json=True, stdout=out)
    except SystemExit as exit_:
        code = exit_.code
    return code, {finding["name"]: finding["health"] for finding in json.loads(out.getvalue())["findings"]}


@pytest.fixture
def at_work():
    """Workers and a scheduler that gave a sign just now."""
    now = timezone.now()
    for queue in Queue:
        WorkerSign.objects.create(queue=queue, at=now, by="test")
    Slot.objects.create(name="dispatch", tick=1, at=now, by="test")


def test_all_is_well(at_work):
    code, health = examined()
    assert set(health.values()) == {"good"}
    assert code == 0


def test_no_worker_and_no_scheduler_lately_is_bad():
    code, health = examined()
    assert (code, health["workers"], health["scheduler"]) == (1, "bad", "bad")
    assert health["database"] == "good"


def test_a_worker_that_fell_silent_is_bad(at_work):
    WorkerSign.objects.filter(queue=Queue.PULLS).update(at=timezone.now() - timezone.timedelta(hours=1))
    code, health = examined()
    assert (code, health["workers"]) == (1, "bad")


def test_a_broker_that_does_not_answer_is_bad(at_work, settings):
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    code, health = examined()
    assert (code, health["broker"]) == (1, "bad")


def test_a_missing_trigger_of_the_change_log_is_bad(at_work):
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER change_log_update ON crm_account")
    code, health = examined()
    assert (code, health["change_log"]) == (1, "bad")


@pytest.fixture
def stored(settings):
    """A connection whose credentials were written under the only key there is."""
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    with acting(None, Door.COMMAND, label="test"):
        connection = Connection(name="acme", vendor="acme", base_url="https://acme.example", currency="USD")
        connection.secrets = {"api_token": "0a1b2c3d4e5f"}
        connection.save()


def test_credentials_that_open_are_good(at_work, stored):
    code, health = examined()
    assert (code, health["credentials"]) == (0, "good")


@pytest.mark.parametrize("keys", [[Fernet.generate_key().decode()], [], ["not a key"]])
def test_credentials_that_no_key_opens_are_bad(at_work, stored, settings, keys):
    settings.CREDENTIAL_KEYS = keys
    code, health = examined()
    assert (code, health["credentials"]) == (1, "bad")


def test_a_key_that_is_none_is_bad(at_work, settings):
    settings.CREDENTIAL_KEYS = ["not a key"]
    code, health = examined()
    assert (code, health["keys"]) == (1, "bad")


@pytest.fixture
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_a_sandbox_that_answers_is_good(at_work, data_folder):
    server = serve(application(Worlds()))
    try:
        (data_folder / "sandbox-port").write_text(str(server.server_port))
        code, health = examined()
    finally:
        server.shutdown()
        server.server_close()
    assert (code, health["sandbox"]) == (0, "good")


def test_a_sandbox_that_ran_here_and_does_not_answer_is_bad(at_work, data_folder):
    (data_folder / "sandbox-port").write_text(str(free_port()))
    code, health = examined()
    assert (code, health["sandbox"]) == (1, "bad")


def test_a_back_office_that_is_served_knows_of_no_sandbox(at_work, data_folder, settings):
    (data_folder / "sandbox-port").write_text(str(free_port()))
    settings.SERVED = True
    assert "sandbox" not in examined()[1]
