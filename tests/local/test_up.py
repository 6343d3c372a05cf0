"""`manage.py up`: starts, says so, heals, stops, and finds its data again."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from backoffice.local.embedded import PROJECT
from backoffice.local.processes import command_of
from backoffice.local.valkey import free_port

pytestmark = pytest.mark.worker

READY_SECONDS = 120
OURS = ("DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE", "BACKOFFICE_DATA", "BACKOFFICE_ADMIN_PASSWORD")


def environment(**more):
    return {name: value for name, value in os.environ.items() if name not in OURS} | more


class Up:
    """A running `manage.py up --no-demo` on a data folder."""

    def __init__(self, home, port, **more):
        self.home, self.port = home, port
        self.log = home.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--no-demo", "--port", str(port), "--data", str(home)],
                cwd=PROJECT,
                env=environment(**more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self):
        return self.log.read_text()

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while "To stop" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)
        return self

    def stop(self, number=signal.SIGTERM):
        """Seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began

    def status(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def pids(self):
        servers = json.loads((self.home / "servers.json").read_text())
        return {int(pid) for pid in json.loads((self.home / "up.json").read_text())} | {
            servers[name] for name in ("keeper", "postgres", "valkey")
        }


def run(*arguments, **more):
    return subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=PROJECT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def folder():
    made = Path(tempfile.mkdtemp(prefix="backoffice-tests-up-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def up(folder):
    running = Up(folder / "data", free_port())
    try:
        yield running.wait_until_ready()
    finally:
        if running.process.poll() is None:
            running.stop()


def test_it_says_where_the_console_is_and_how_to_get_in(up):
    assert f"Ready: http://127.0.0.1:{up.port}/admin/" in up.output
    assert re.search(r"Login +admin +\S{12,}", up.output)
    assert "/api/docs" in up.output
    assert "Traceback" not in up.output
    assert up.status("/readyz") == 200
    assert (up.home / "logins.json").stat().st_mode & 0o777 == 0o600


def test_what_it_says_stays_in_sight(up):
    time.sleep(2)  # workers answer their first probes
    assert "[info" not in up.output
    assert "warning" not in up.output.lower()
    assert f"Sample files  http://127.0.0.1:{up.port}/admin/imports/upload/add/" in up.output


def test_it_brings_a_sandbox_and_the_doctor_knows(up):
    address = re.search(r"Sandbox +(http://127\.0\.0\.1:\d+)/", up.output)[1]
    with urllib.request.urlopen(address, timeout=5) as answer:
        assert "There is no world yet" in answer.read().decode()
    answer = run("doctor", "--json", BACKOFFICE_DATA=str(up.home))
    findings = {each["name"]: each for each in json.loads(answer.stdout)["findings"]}
    assert (findings["sandbox"]["health"], findings["sandbox"]["detail"]) == ("good", address)


def test_a_second_one_on_the_same_data_folder_is_refused_with_a_sentence(up):
    second = run("up", "--no-demo", "--port", free_port(), "--data", up.home)
    assert second.returncode == 1
    assert f"already runs on {up.home}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_taken_port_is_refused_with_a_sentence(up, folder):
    second = run("up", "--no-demo", "--port", up.port, "--data", folder / "other")
    assert second.returncode == 1
    assert f"Port {up.port} cannot be used" in second.stderr
    assert "Traceback" not in second.stderr


def test_other_commands_attach_to_its_servers(up):
    answer = run("login", "admin", "--json", BACKOFFICE_DATA=str(up.home))
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["username"] == "admin"
    assert up.status("/readyz") == 200


def test_postgresql_and_web_come_back_after_kill_9(up):
    postgres = json.loads((up.home / "servers.json").read_text())["postgres"]
    web = next(
        int(pid) for pid, command in json.loads((up.home / "up.json").read_text()).items() if "granian" in command
    )
    for pid in (postgres, web):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while command_of(web) or up.status("/readyz") != 200:
        assert time.monotonic() < deadline, up.output
        time.sleep(0.2)


ROWS = 30_000


@pytest.fixture(scope="module")
def key(up):
    """An API key of the login admin."""
    answer = run("apikey", "create", "tests", "--user", "admin", BACKOFFICE_DATA=str(up.home))
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()[-1]


def asked(up, key, path):
    """The API's answer; None while it can't answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{up.port}/api/v1{path}", headers={"Authorization": f"Bearer {key}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except OSError:
        return None


def until(up, look, seconds=120):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, up.output
        time.sleep(0.1)
    return found


def test_an_upload_ends_once_though_postgresql_is_killed_in_its_middle(up, key, folder):
    file = folder / "opportunities.csv"
    rows = (f"P-{number},Deal {number},{number},ACC-{number % 50},Company {number % 50}" for number in range(ROWS))
    file.write_text("Opportunity ID,Opportunity Name,Amount,Account ID,Account Name\n" + "\n".join(rows) + "\n")
    started = run("import", "opportunities", file, "--json", BACKOFFICE_DATA=str(up.home))
    assert started.returncode == 0, started.stderr
    number = json.loads(started.stdout)["id"]

    def is_under_way():
        upload = asked(up, key, f"/imports/{number}")
        return upload and upload["job"]["state"] == "running" and upload["counts"]["new"] > 0

    until(up, is_under_way)
    os.kill(json.loads((up.home / "servers.json").read_text())["postgres"], signal.SIGKILL)

    def has_ended():
        upload = asked(up, key, f"/imports/{number}")
        return upload if upload and upload["job"]["state"] not in {"queued", "running"} else None

    upload = until(up, has_ended)
    assert upload["job"]["state"] == "succeeded", upload
    assert upload["counts"] == {"rows": ROWS, "new": ROWS, "updated": 0, "unchanged": 0, "failed": 0}
    again = run("import", "opportunities", file, "--wait", "--json", BACKOFFICE_DATA=str(up.home))
    assert json.loads(again.stdout)["counts"] == {
        "rows": ROWS,
        "new": 0,
        "updated": 0,
        "unchanged": ROWS,
        "failed": 0,
    }


def test_it_stops_within_15_seconds_and_leaves_nothing_and_the_next_start_finds_the_data(up):
    pids = up.pids()
    assert up.stop() < 15
    assert up.process.returncode == 0
    assert not [pid for pid in pids if command_of(pid)]
    with socket.socket() as trial:
        assert trial.connect_ex(("127.0.0.1", up.port)) != 0

    sandbox = re.search(r"Sandbox +(\S+)", up.output)[1]
    again = Up(up.home, up.port, BACKOFFICE_ADMIN_PASSWORD="counts at the first start only").wait_until_ready()
    assert "Made the login" not in again.output
    assert f"Sandbox       {sandbox}" in again.output
    again.process.kill()
    again.process.wait()

    # Killed, it leaves no lock behind: the next one starts, on the same port.
    third = Up(up.home, up.port).wait_until_ready()
    assert third.stop(signal.SIGINT) < 15
