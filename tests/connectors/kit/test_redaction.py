import base64
import json
import threading
from urllib.parse import quote, quote_plus, urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.redaction import BLANK, KEYS, Redactor, names_a_secret

pytestmark = [pytest.mark.unit]

SECRET = 'p/ä s+w"ö&rd<1'
TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


@pytest.fixture
def redactor():
    return Redactor([SECRET, TOKEN])


@pytest.mark.parametrize(
    "spelt",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        orjson.dumps(SECRET).decode()[1:-1],
        "p/ä s+w&quot;ö&amp;rd&lt;1",
    ],
)
def test_a_known_secret_is_blanked_in_every_spelling(redactor, spelt):
    assert redactor.text(f"before {spelt} after") == f"before {BLANK} after"


# A letter of its own in front: a secret may happen to be a piece of the text around it, such as “***” or “after”.
@given(secret=st.text(min_size=8, max_size=40).map("§".__add__))
def test_no_known_secret_survives_a_url_a_form_or_json(secret):
    redactor = Redactor([secret])
    for written in (
        f"https://example.com/?q={quote(secret, safe='', errors='replace')}&x=1",
        urlencode({"q": secret}, errors="replace"),
        json.dumps({"q": secret}),
        f"He said {secret}.",
    ):
        blanked = redactor.text(written)
        assert BLANK in blanked
        assert secret not in blanked
        assert json.dumps(secret)[1:-1] not in blanked


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("https://x.example/a?limit=5&api_token=abc&page=2", "https://x.example/a?limit=5&api_token=***&page=2"),
        ("https://x.example/a?API_TOKEN=abc#top", "https://x.example/a?API_TOKEN=***#top"),
        ("/a?api_token=abc (Caused by X)", "/a?api_token=*** (Caused by X)"),
        ("https://ana:pass@x.example/a", "https://***@x.example/a"),
        ("user%5Bpassword%5D=abc&b=2", "user%5Bpassword%5D=***&b=2"),
        ("user[password]=abc&b=2", "user[password]=***&b=2"),
        ('{"password": "a\\"b c", "x": 1}', '{"password": "***", "x": 1}'),
        ('{"accessToken":"a b"}', '{"accessToken":"***"}'),
        ("{login-token:'abc', b:1}", "{login-token:'***', b:1}"),
        ("{'Authorization': 'Bearer a b', 'n': 1}", "{'Authorization': '***', 'n': 1}"),
        ('"{\\"login-token\\": \\"se\\\\\\"cret\\", \\"b\\": 1}"', '"{\\"login-token\\": \\"***\\", \\"b\\": 1}"'),
        ("Authorization: Basic dTpw\nHost: x", "Authorization: ***\nHost: x"),
        ("Set-Cookie: a=b; c=d\r\nHost: x", "Set-Cookie: ***\r\nHost: x"),
        ("<password>abc</password>", "<password>***</password>"),
        ("sent Bearer abcdefgh12345", "sent Bearer ***"),
    ],
)
def test_what_a_well_known_key_holds_is_blanked_whatever_it_is(text, blanked):
    assert Redactor().text(text) == blanked


@pytest.mark.parametrize(
    "text",
    [
        "The secret: of it is patience.",
        '{"note": "token: see the wiki", "tokens": 7}',
        "basic information, bearer of news",
        '{"token": 7}',
        '{"token": "", "name": "x"}',
        "mail ana@example.com, https://example.com/a",
    ],
)
def test_what_is_no_secret_stays(text):
    assert Redactor().text(text) == text


def test_a_long_value_is_blanked_to_its_end_and_no_further():
    inner = json.dumps({"password": "x" * 500, "name": "Ana"})
    assert Redactor().text(inner) == '{"password": "***", "name": "Ana"}'


def test_a_value_that_is_cut_off_is_blanked_to_the_end_of_the_text():
    assert Redactor().text('{"name": "Ana", "api_token": "0a1b2c') == '{"name": "Ana", "api_token": "***'


def test_headers_are_blanked_by_their_names_and_values(redactor):
    given_headers = {"Authorization": "raw", "X-Api-Key": "raw", "Link": f"</a?t={TOKEN}>", "Host": "x.example"}
    assert redactor.headers(given_headers) == {
        "Authorization": BLANK,
        "X-Api-Key": BLANK,
        "Link": f"</a?t={BLANK}>",
        "Host": "x.example",
    }


def test_structures_keep_their_shape(redactor):
    given_value = {
        "api_token": ["a", "b"],
        "token": 7,
        "list": [f"x{TOKEN}", (1, f"{TOKEN}y"), None],
        "bytes": TOKEN.encode(),
        "error": ValueError(f"no {TOKEN}"),
    }
    assert redactor.value(given_value) == {
        "api_token": BLANK,
        "token": 7,
        "list": [f"x{BLANK}", (1, f"{BLANK}y"), None],
        "bytes": BLANK.encode(),
        "error": f"ValueError('no {BLANK}')",
    }


def test_a_very_short_secret_is_blanked_by_its_key_alone():
    redactor = Redactor(["abc"])
    assert redactor.text("abc of it: ?api_token=abc") == f"abc of it: ?api_token={BLANK}"


def test_a_secret_within_a_longer_one_leaves_nothing_of_it():
    assert Redactor(["hunter", "hunter22"]).text("hunter22") == BLANK


def test_a_secret_learnt_later_is_blanked_too(redactor):
    redactor.learn(["brand-new-one"])
    assert redactor.text(f"{TOKEN} brand-new-one") == f"{BLANK} {BLANK}"


def test_several_threads_may_teach_at_once():
    redactor = Redactor()
    names = [f"secret-of-{number:02}" for number in range(40)]
    threads = [threading.Thread(target=redactor.learn, args=([name],)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert redactor.text(" ".join(names)) == " ".join([BLANK] * 40)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_known_as_header_parameter_and_json(key):
    assert names_a_secret(key.upper())
    assert names_a_secret(key.replace("-", "_"))
    value = base64.b64encode(b"anything").decode()
    assert value not in Redactor().text(f"?{key}={value}")
    assert value not in Redactor().text(f'{{"{key}": "{value}"}}')
