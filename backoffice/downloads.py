"""Files we hand out: always saved, never opened by a browser on our pages, and kept by nobody in between."""

from typing import IO, Any

from django.http import FileResponse
from django.utils.http import content_disposition_header

CSV = "text/csv; charset=utf-8"


def attachment_headers(name: str, content_type: str = CSV) -> dict[str, str]:
    """For a text that is made while it is sent."""
    return {
        "Content-Type": content_type,
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }


def attachment(file: IO[Any], name: str, content_type: str) -> FileResponse:
    """For a file that is there, under this name; closed once it is sent."""
    response = FileResponse(file)
    for header, value in attachment_headers(name, content_type).items():
        response.headers[header] = value
    return response
