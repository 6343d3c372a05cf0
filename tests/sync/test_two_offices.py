"""Two back offices: ours is the vendor of the other, which speaks to our facade with the vendor's own connector."""

import json
import subprocess
import sys
import uuid

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.db import connection as database

from backoffice.local.embedded import PROJECT
from backoffice.sync import registering
from backoffice.sync.calls.beside import beside
from backoffice.sync.facades import keys
from tests.conftest import child_environment
from tests.sync.pushes import someone
from tests.sync.sandbox import DEAL, clean, pulled

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]

DATA = """
SELECT opportunity.name, amount, currency, opportunity.probability, close_date, stage.label, account.name, contact.name,
       rep.username, opportunity.archived_at IS NOT NULL, opportunity.description
FROM crm_opportunity AS opportunity LEFT JOIN crm_choice AS stage ON stage.id = stage_id
     LEFT JOIN crm_account AS account ON account.id = account_id
     LEFT JOIN crm_contact AS contact ON contact.id = primary_contact_id
     LEFT JOIN crm_rep AS rep ON rep.id = opportunity.owner_id ORDER BY 1
"""
PEOPLE = """
SELECT contact.name, given, family, contact.email, account.name FROM crm_contact AS contact
     LEFT JOIN crm_account AS account ON account.id = account_id ORDER BY 1
"""
NOTES = """
SELECT note.title, body, private, happened_at, opportunity.name FROM crm_note AS note
     LEFT JOIN crm_opportunity AS opportunity ON opportunity.id = opportunity_id ORDER BY 1, 2
"""


class SecondOffice:
    """Another back office on a database of its own, driven from its command line."""

    def __init__(self, environment, url):
        self.environment = environment
        self.url = url

    def manage(self, *arguments):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def sync(self, *directions):
        done = self.manage("sync", "copy", *directions, "--wait", "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def rows(self, query):
        with psycopg.connect(self.url) as link:
            return link.execute(query).fetchall()


def rows(query):
    with database.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


@pytest.fixture
def second_office(office):
    """With the same words as the first, and nothing else in it."""
    first = database.settings_dict["NAME"]
    name = f"second_{uuid.uuid4().hex[:12]}"
    environment = child_environment()
    url = environment["DATABASE_URL"].replace(f"/{first}", f"/{name}")
    beside.close()
    database.close()
    with psycopg.connect(environment["DATABASE_URL"].replace(f"/{first}", "/postgres"), autocommit=True) as server:
        # Whoever is still connected, a worker that waits for the next test's jobs, connects again when it has to.
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [first])
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{first}"')
        try:
            key = Fernet.generate_key().decode()
            yield SecondOffice(environment | {"DATABASE_URL": url, "CREDENTIAL_KEYS": key}, url)
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_our_connector_against_our_own_facade_reproduces_the_data(second_office, uk, site, live_server):
    with someone():
        registering.change(uk, {"facade": True})
        _key, secret = keys.issue(uk)
    address = f"{live_server.url}/facade/uk"
    made = second_office.manage(
        *("connect", "tactile", "copy", "--base-url", address, "--secret", f"api_token={secret}"),
        *("--currency", "GBP", "--time-zone", "Europe/London", "--every", "0"),
    )
    assert made.returncode == 0, made.stderr

    first = second_office.sync("--pull")
    assert (first["state"], first["pulled"]["set_aside"], first["conflicts"]) == ("succeeded", 0, 0)
    for query in (DATA, PEOPLE, NOTES):
        assert second_office.rows(query) == rows(query)

    # Through both hops once more: nothing is new anywhere.
    assert clean(pulled(uk, full=True).counts).keys() <= {"unchanged"}
    again = second_office.sync("--pull", "--full")
    assert {word for word, number in again["pulled"].items() if number} <= {"unchanged"}

    # A change there reaches the second office through the first.
    site.change("opportunity", site.id_of(DEAL), amount="31")
    pulled(uk)
    assert second_office.sync("--pull")["pulled"]["updated"] == 1
    assert second_office.rows(DATA) == rows(DATA)
