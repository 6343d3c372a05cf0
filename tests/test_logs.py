import json
import logging
import logging.config
from datetime import datetime

import pytest
import structlog

from backoffice import logs
from connectors.kit.redaction import Redactor

pytestmark = pytest.mark.unit


@pytest.fixture
def written(capsys):
    """What is written by a handler made from the configuration, for a machine or a person."""

    def write(work, *, as_json):
        made = logs.config("INFO", as_json=as_json)
        handler = logging.StreamHandler()
        options = dict(made["formatters"]["events"])
        handler.setFormatter(options.pop("()")(**options))
        logger = logging.getLogger("backoffice.tests.logs")
        logger.handlers, logger.propagate, level = [handler], False, logger.level
        logger.setLevel("INFO")
        try:
            work(structlog.get_logger("backoffice.tests.logs"), logger)
        finally:
            logger.handlers, logger.propagate = [], True
            logger.setLevel(level)
        return capsys.readouterr().err

    return write


def fail(events, _plain):
    password = "correct horse"
    try:
        raise ValueError("no such row") from None
    except ValueError:
        events.exception("it_failed", job=7, length=len(password))


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_values_of_variables(written, as_json):
    text = written(fail, as_json=as_json)
    assert "no such row" in text
    assert "Traceback" in text
    assert 'password = "correct horse"' not in text.replace("\\", "").split("events.exception")[-1]
    assert "'correct horse'" not in text


def test_each_event_is_a_line_of_json_where_a_machine_reads(written):
    text = written(lambda events, _: events.info("job_ended", job=7), as_json=True)
    line = json.loads(text)
    assert (line["event"], line["job"], line["level"]) == ("job_ended", 7, "info")


def test_libraries_write_the_same_lines(written):
    text = written(lambda _, plain: plain.warning("broker %s is away", "x"), as_json=True)
    assert json.loads(text)["event"] == "broker x is away"


TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


class Request:
    def __repr__(self):
        return f"<Request /x?api_token={TOKEN}>"


def fail_with_a_url(events, plain):
    """As requests does it: the whole URL stands in the text of its error."""
    try:
        try:
            raise OSError(f"Max retries exceeded with url: /opportunities?api_token={TOKEN}&page=2 (Caused by x)")
        except OSError as error:
            raise RuntimeError("the pull failed") from error
    except RuntimeError:
        events.exception("pull_failed", connection="tactile")
        plain.exception("it failed")


WITH_A_SECRET = {
    "traceback": fail_with_a_url,
    "event": lambda events, _: events.info(f"GET https://x.example/?api_token={TOKEN}"),
    "value": lambda events, _: events.info("called", url=f"https://x.example/?api_token={TOKEN}"),
    "userinfo": lambda events, _: events.info("called", url=f"https://ana:{TOKEN}@x.example/"),
    "header": lambda events, _: events.info("called", headers={"Authorization": TOKEN, "Host": "x.example"}),
    "key": lambda events, _: events.info("called", api_token=TOKEN),
    "nested": lambda events, _: events.info("called", tries=[({"login-token": TOKEN},)]),
    "bytes": lambda events, _: events.info("called", body=f'{{"password": "{TOKEN}"}}'.encode()),
    "error": lambda events, _: events.info("called", error=OSError(f"/x?api_token={TOKEN}")),
    "object": lambda events, _: events.info("called", request=Request()),
    "library": lambda _, plain: plain.warning('%s "%s %s HTTP/1.1" %s', "x", "GET", f"/x?api_token={TOKEN}", 200),
    "extra": lambda _, plain: plain.warning("called", extra={"url": f"/x?api_token={TOKEN}"}),
}


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("work", WITH_A_SECRET.values(), ids=WITH_A_SECRET)
def test_no_secret_of_a_vendor_stands_in_a_log(written, work, as_json):
    text = written(work, as_json=as_json)
    assert "***" in text
    assert TOKEN not in text


@pytest.mark.parametrize("as_json", [True, False])
def test_a_secret_a_connection_told_is_blanked_wherever_it_stands(written, as_json, monkeypatch):
    monkeypatch.setattr("connectors.kit.redaction.known", Redactor(["open-sesame"]))
    text = written(lambda events, _: events.info("he said open-sesame", job=7), as_json=as_json)
    assert "he said ***" in text
    assert "open-sesame" not in text


def test_what_is_no_secret_is_written_as_before(written):
    at = datetime(2026, 11, 22)
    text = written(
        lambda events, _: events.info("job_claimed", job=7, token=3, at=at, done=None, names=["a", 1.5]), as_json=True
    )
    line = json.loads(text)
    assert [line[name] for name in ("job", "token", "at", "done", "names")] == [7, 3, repr(at), None, ["a", 1.5]]
