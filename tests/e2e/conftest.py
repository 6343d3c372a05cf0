"""A browser that has logged in, and complains about whatever the page's console complains about."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

PATIENCE_MS = 60_000  # for a busy machine; what comes sooner is seen sooner
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return browser_context_args | {"viewport": {"width": 1440, "height": 900}, "locale": "en-US"}


@pytest.fixture
def open_as(page, live_server, password):
    """Log in, and open an address of the console by name. Errors of scripts, styles or the CSP fail the test."""
    complaints = []
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if _is_complaint(line) else None)

    def open_page(user, name="admin:index", *arguments):
        page.goto(live_server.url + reverse("admin:login"))
        page.get_by_role("textbox", name="Username").fill(user.username)
        page.locator("[name=password]").fill(password)
        page.locator("[name=password]").press("Enter")
        page.wait_for_url(live_server.url + reverse("admin:index"))
        if name != "admin:index":
            page.goto(live_server.url + reverse(name, args=arguments))
        return page

    yield open_page
    assert complaints == []


def _is_complaint(line):
    return line.type == "error" and "favicon" not in line.location.get("url", "")
