"""Somebody of sales operations connects a Tactile CRM account in a real browser: a sandbox answers, a worker pulls."""

import re
import threading
from datetime import date
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from django.urls import reverse
from playwright.sync_api import expect

from backoffice.changes.acting import Door, acting
from backoffice.crm import records
from backoffice.crm.models import Choice, Opportunity
from backoffice.crm.records import Ref
from backoffice.sync.models import Conflict, Connection, Link
from connectors.kit.sandbox import Worlds, application, serve
from tests.connectors.tactile.there import TOKEN, account

pytestmark = [pytest.mark.browser, pytest.mark.worker, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def sandbox():
    """A Tactile CRM account behind its facade, at an address of this machine."""
    world = account(None)
    world.name = "acme"
    for number in range(3):
        refit = records.Opportunity(
            name=f"Deck refit {number}",
            account=Ref(id="9876"),
            amount=Decimal(1000),
            close_date=date(2026, 12, 1),
            stage=Ref(label="Negotiation"),
        )
        world.add("opportunity", refit)
    server = serve(application(Worlds([world])))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def key_ring(settings, monkeypatch):
    """One that the worker knows, too."""
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("CREDENTIAL_KEYS", key)
    settings.CREDENTIAL_KEYS = [key]


def test_operations_connects_tests_pulls_and_says_what_its_words_mean(
    open_as, live_server, key_ring, sandbox, worker, operations_user
):
    worker.stop()  # it is to know the key ring, and the page is to show that the job waits
    with acting(operations_user, Door.CONSOLE):
        talks = Choice.objects.create(list="stage", label="Talks", status="open")
    page = open_as(operations_user, "admin:sync_connection_changelist")
    page.get_by_role("link", name="Add a connection").click()
    page.get_by_role("link", name="Tactile CRM").click()

    # Refused in words, then taken
    page.get_by_label("Name").fill("Tactile UK")
    page.get_by_label("Address").fill(f"http://127.0.0.1:{sandbox.server_port}/acme")
    page.get_by_label("API token").fill(TOKEN)
    page.get_by_label("Currency").fill("GBP")
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[id="id_name-errors"]')).to_contain_text("Small letters, digits and hyphens")
    expect(page.get_by_label("API token")).to_have_value("")
    page.get_by_label("Name").fill("tactile-uk")
    page.get_by_label("API token").fill(TOKEN)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/admin/sync/connection/\d+/change/"))
    assert TOKEN not in page.content()

    # Tested, and pulled by a real worker while one looks on
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Tactile CRM answers.")).to_be_visible()
    page.get_by_role("button", name="Pull now").click()
    run = page.locator("[data-run='sync.pull']")
    expect(run).to_contain_text("Waiting for a free worker.")
    worker.start()
    expect(run).to_contain_text("Succeeded")
    expect(run.locator("[data-count=new]")).to_be_visible()
    expect(page.locator("#condition")).to_have_text("In good health")
    assert Opportunity.objects.filter(name__startswith="Deck refit").count() == 3

    # What its words mean here
    page.locator("#tab-map").click()
    row = page.locator("tr[data-entry]", has_text="Negotiation")
    expect(row.get_by_text("unmapped")).to_be_visible()
    row.get_by_role("combobox").select_option(label="Talks")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("1 entry settled. 3 records changed with it.")).to_be_visible()
    assert Opportunity.objects.filter(stage=talks).count() == 3

    # What came over the wire, without the token
    page.locator("#tab-exchanges").click()
    page.locator("table a").first.click()
    expect(page.get_by_role("heading", name="Request", exact=True)).to_be_visible()
    assert TOKEN not in page.content()


def test_a_conflict_is_settled_by_keyboard_and_on_a_phone_nothing_sticks_out(
    open_as, live_server, key_ring, operations_user
):
    with acting(operations_user, Door.CONSOLE):
        connection = Connection(
            name="tactile-uk", vendor="tactile", base_url="http://127.0.0.1:9", currency="GBP", pushes=True
        )
        connection.secrets = {"api_token": TOKEN}
        connection.save()
        row = Opportunity.objects.create(name="Our deck", amount=4, currency="GBP")
    base = {"name": "Deck", "amount": "4"}
    Link.objects.create(connection=connection, kind="opportunity", remote_id="7", object_id=row.pk, base=base)
    conflict = Conflict.objects.create(
        connection=connection,
        kind="opportunity",
        object_id=row.pk,
        field="name",
        base="Deck",
        here="Our deck",
        there="Their deck " + "x" * 120,
    )
    page = open_as(operations_user, "admin:sync_conflict_change", conflict.pk)
    page.set_viewport_size(PHONE)
    pages = ["change", "map", "matrix", "facade", "settings", "exchanges", "preview", "retire"]
    addresses = [reverse(f"admin:sync_connection_{name}", args=[connection.pk]) for name in pages]
    addresses += [reverse("admin:sync_conflict_change", args=[conflict.pk])]
    for address in addresses:
        page.goto(live_server.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
    page.get_by_role("radio", name="Theirs").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Settle").press("Enter")
    expect(page.get_by_text("1 conflict settled.")).to_be_visible()
    row.refresh_from_db()
    assert row.name.startswith("Their deck")
