"""How a file comes in: hardly more of it is written down than may be taken, however much is sent."""

from typing import override

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler


class LimitedFileUploadHandler(TemporaryFileUploadHandler):
    """Django's, up to the limit. The rest is read and forgotten, so that whoever sends it can be answered.

    Such a file tells the size that was sent and holds more than the limit: whoever takes it sees that it is too large.
    """

    @override
    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start <= settings.UPLOAD_LIMIT_BYTES:
            super().receive_data_chunk(raw_data, start)
