"""What a file is by its content, whatever it is called."""

import codecs
import re
from pathlib import PurePath
from typing import Literal

from django.utils.translation import gettext

from backoffice.imports.faults import Refused

type Format = Literal["csv", "xlsx"]

_SIGNATURES = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"(\xb5/\xfd", "zstd"),
    (b"%PDF", "pdf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"PAR1", "parquet"),
    (b"SQLite format 3", "sqlite"),
    (b"{\\rtf", "rich text"),
    (b"BEGIN:VCARD", "vCard"),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|table|\?xml|!--)", re.IGNORECASE)
_JSON = re.compile(rb'\s*(?:\{\s*"|\[\s*[\[{"])')
_OPEN_DOCUMENT = b"mimetypeapplication/vnd.oasis.opendocument"


def format_of(head: bytes, name: str) -> Format:
    """By content; a name that says otherwise is refused rather than believed."""
    found = _found(head)
    says_workbook = PurePath(name).suffix.lower() in {".xlsx", ".xlsm"}
    if found == "zip" and says_workbook:
        return "xlsx"
    if found == "text" and not says_workbook:
        return "csv"
    raise Refused(_not_what_it_says(found))


def _found(head: bytes) -> str:
    if _OPEN_DOCUMENT in head[:200]:
        return "ods"
    text = head.removeprefix(codecs.BOM_UTF8)
    if _MARKUP.match(text):
        return "html"
    if _JSON.match(text):
        return "json"
    return next((kind for signature, kind in _SIGNATURES if text.startswith(signature)), "text")


def _not_what_it_says(found: str) -> str:
    match found:
        case "text":
            return gettext("The file is named as a workbook, but it holds plain text. Name it .csv, then upload it.")
        case "zip":
            return gettext(
                "The file is a ZIP archive or an Excel workbook, not a CSV. Unpack it, or name a workbook .xlsx."
            )
        case "gzip" | "bzip2" | "xz" | "7z" | "rar" | "zstd":
            return gettext("The file is compressed (%(kind)s). Unpack it, and upload the CSV or XLSX inside.") % {
                "kind": found
            }
        case "pdf":
            return gettext("The file is a PDF. Save the table as CSV or XLSX, and upload that.")
        case "html":
            return gettext("The file is a web page (HTML or XML). Save the table as CSV or XLSX, and upload that.")
        case "json":
            return gettext("The file is JSON. Save the table as CSV or XLSX, and upload that.")
        case "xls":
            return gettext("The file is an old Excel workbook (.xls) or is protected. Save it as .xlsx or CSV.")
        case "ods":
            return gettext("The file is an OpenDocument sheet (.ods). Save it as .xlsx or CSV.")
        case _:
            return gettext("The file is neither CSV nor XLSX (%(kind)s).") % {"kind": found}
