"""Cells that a spreadsheet would run as a formula are written with a quote before them, and read without it.

Writing then reading gives every text back, also one that begins with such a quote itself.
"""

import re

DANGEROUS = "=+\\-@\t\r＝＋－＠"
_TO_PROTECT = re.compile(rf"'*[{DANGEROUS}]")
_PROTECTED = re.compile(rf"''*[{DANGEROUS}]")
_TEXT_AS_FORMULA = re.compile('="([^"]*)"')  # how programs keep a spreadsheet from making a number of a text


def protect(text: str) -> str:
    return "'" + text if _TO_PROTECT.match(text) else text


def unprotect(text: str) -> str:
    if found := _TEXT_AS_FORMULA.fullmatch(text):
        return found[1].strip()
    return unquoted(text)


def quoted(text: str) -> str:
    """For a cell that is text anyway, as in a workbook: only what would be read without a quote of its own gets one."""
    return "'" + text if _PROTECTED.match(text) else text


def unquoted(text: str) -> str:
    """A workbook may have been a CSV file of ours, whose quotes a spreadsheet keeps."""
    return text[1:] if _PROTECTED.match(text) else text
