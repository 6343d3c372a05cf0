import pytest

from connectors.kit import errors
from connectors.kit.redaction import Redactor

pytestmark = [pytest.mark.unit]

TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
SAID = f"The token {TOKEN} may not do this."
BLANKED = "The token *** may not do this."


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setattr(errors, "known", Redactor([TOKEN]))


@pytest.mark.parametrize("kind", [errors.Unavailable, errors.Uncertain, errors.LoginFailed, errors.Unreadable])
def test_a_secret_that_a_vendor_repeats_stands_in_no_error(kind):
    error = kind(SAID, answer=SAID)
    assert (str(error), error.answer) == (BLANKED, BLANKED)


@pytest.mark.parametrize("kind", [errors.Invalid, errors.Missing, errors.Forbidden])
def test_nor_in_the_words_in_which_it_refuses(kind):
    error = kind([SAID, "enddate is required"])
    assert error.messages == [BLANKED, "enddate is required"]
    assert str(error) == f"{BLANKED} · enddate is required"


def test_a_refusal_without_words_says_that_there_are_none():
    assert errors.Invalid([]).messages == ["The vendor gave no reason."]
