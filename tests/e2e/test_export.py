"""Exporting a list in a real browser: a short one at once, a long one on its page."""

import csv

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Opportunity
from backoffice.imports.models import Export
from backoffice.jobs.running import execute

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "admin:crm_opportunity_changelist"


@pytest.fixture
def deals(rep_user):
    with acting(None, Door.COMMAND, label="test"):
        for number in range(1, 6):
            Opportunity.objects.create(name=f"Deal {number}", amount=number, currency="USD", owner=rep_user.rep)


def names(download):
    with open(download.path(), encoding="utf-8-sig", newline="") as file:  # noqa: PTH123
        return sorted(row["Opportunity Name"] for row in csv.DictReader(file))


def test_the_button_over_a_list_hands_out_its_file(open_as, manager_user, deals):
    page = open_as(manager_user, LIST)
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename.startswith("opportunities-")
    assert names(download.value) == [f"Deal {number}" for number in range(1, 6)]
    expect(page.get_by_role("button", name="CSV")).to_be_hidden()
    assert page.url.endswith(reverse(LIST))


def test_a_long_list_is_fetched_from_the_page_that_shows_how_far_it_is(open_as, manager_user, deals, settings):
    settings.EXPORT_AT_ONCE_ROWS = 2
    page = open_as(manager_user, LIST)
    page.get_by_text("Export", exact=True).click()
    page.get_by_role("button", name="CSV").click()
    expect(page.get_by_text("Waiting for a free worker.")).to_be_visible()
    execute(Export.objects.get().job_id, heartbeat=False)
    expect(page.get_by_text("5 rows are written.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert names(download.value) == [f"Deal {number}" for number in range(1, 6)]
