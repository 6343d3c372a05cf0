"""No more of a file is written down than may be taken, however much is sent."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from backoffice.imports.arriving import LimitedFileUploadHandler

pytestmark = pytest.mark.unit

CHUNK = 64 * 1024
LIMIT = 1 << 20


@pytest.fixture(autouse=True)
def _limit(settings):
    settings.UPLOAD_LIMIT_BYTES = LIMIT


def received(chunks):
    handler = LimitedFileUploadHandler()
    handler.new_file("file", "large.csv", "text/csv", None)
    for number in range(chunks):
        handler.receive_data_chunk(b"x" * CHUNK, number * CHUNK)
    return handler.file_complete(chunks * CHUNK)


def test_a_file_within_the_limit_arrives_whole():
    with received(16) as file:
        assert (file.size, len(file.read())) == (LIMIT, LIMIT)


def test_of_a_file_beyond_the_limit_little_more_is_written_than_the_limit():
    with received(100) as file:
        assert file.size == 100 * CHUNK
        assert LIMIT < len(file.read()) <= LIMIT + CHUNK


def test_every_larger_file_of_a_request_comes_in_this_way():
    sent = {"kind": "opportunities", "file": SimpleUploadedFile("large.csv", b"x" * (3 * LIMIT))}
    with RequestFactory().post("/", sent).FILES["file"] as file:
        assert file.size == 3 * LIMIT
        assert len(file.read()) <= LIMIT + CHUNK
