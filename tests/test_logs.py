import json
import logging
import logging.config

import pytest
import structlog

from backoffice import logs

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
