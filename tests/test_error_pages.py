import sys

import pytest
from django.views.debug import get_exception_reporter_class

from connectors.kit.redaction import Redactor

pytestmark = pytest.mark.unit

TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


@pytest.fixture
def report(rf, monkeypatch, settings):
    """A report of an error in whose variables and text a secret stands."""
    settings.DEBUG = True
    monkeypatch.setattr("connectors.kit.redaction.known", Redactor([TOKEN]))
    url = f"https://x.example/?q={TOKEN}"
    request = rf.get("/admin/", {"url": url})
    try:
        raise OSError(f"Max retries exceeded with url: {url}&api_token=another-one")
    except OSError:
        return get_exception_reporter_class(request)(request, *sys.exc_info())


@pytest.mark.parametrize("made", ["get_traceback_html", "get_traceback_text"])
def test_a_report_of_an_error_shows_no_secret_of_a_vendor(report, made):
    text = getattr(report, made)()
    assert "Max retries exceeded" in text
    # The lines of this very file, which the report quotes, spell the pieces, and not the secret.
    assert f"q={TOKEN}" not in text
    assert "q=***" in text
    assert "api_token=another-one&" not in text
