"""Which encoding a text file is written in: told by its mark, or decided from all of its bytes."""

import codecs
import re
from typing import Literal

from django.utils.translation import gettext

from backoffice.imports.faults import Refused
from backoffice.sizes import size_in_words

LONGEST_LINE_BYTES = 8 << 20

type OneByte = Literal["cp1252", "mac_roman", "cp850"]

# Letters of Western Europe that stand within words, before a small letter, and are nothing that stands there in the
# other two encodings:
# à…ÿ of Windows; á, é, è and ê of a Mac; é, í, ó, ú and ñ of MS-DOS. A Mac's ó, ñ and í are dashes and the apostrophe
# of Windows, but no word ends with these and a letter more: -ón, -ña, -ño, -ía, -ío.
_IN_WORDS: dict[OneByte, re.Pattern[bytes]] = {
    "cp1252": re.compile(rb"[A-Za-z][\xe0-\xf6\xf8-\xff](?=[a-z])"),
    "mac_roman": re.compile(
        rb"[A-Za-z][\x87\x8e-\x90](?=[a-z])"
        rb"|[a-z]\x97n(?![A-Za-z])|(?:[A-Za-z]{2}\x96|[a-z]{3}\x92|\x96\x92)[ao]s?(?![A-Za-z])"
    ),
    "cp850": re.compile(rb"[A-Za-z][\x82\xa1-\xa4](?=[a-z])"),
}
_NOT_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


class Text:
    """Checks a text file block by block. `encoding` is known once all of it went by."""

    def __init__(self, head: bytes) -> None:
        self.encoding = _marked(head)
        self._is_marked = bool(self.encoding)
        self.encoding = self.encoding or _unmarked_utf_16(head) or "utf-8"
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        self._one_byte: _OneByte | None = None
        self._well_formed = False
        self._has_line_feed = False
        self._since_line_end = 0

    def feed(self, block: bytes) -> None:
        self._has_line_feed = self._has_line_feed or b"\n" in block
        self._take(block, final=False)
        self._check_lines(block)

    def end(self) -> None:
        self._take(b"", final=True)
        if self._one_byte:
            self.encoding = self._one_byte.decided(self._has_line_feed)

    def _take(self, block: bytes, *, final: bool) -> None:
        if self._one_byte:
            self._one_byte.feed(block)
        else:
            self._decode(block, final)

    def _decode(self, block: bytes, final: bool) -> None:
        kept = self._decoder.getstate()[0]
        try:
            text = self._decoder.decode(block, final)
        except UnicodeDecodeError as error:
            if self._is_marked:
                raise Refused(
                    gettext("The file says it is %(encoding)s, but holds bytes that are not. Save it again as UTF-8.")
                    % {"encoding": self.encoding.upper()}
                ) from error
            self._turn_to_one_byte(kept + block)
            return
        if "\0" in text:
            raise Refused(gettext("The file holds NUL bytes: it is damaged or no text. Save it as UTF-8."))
        if not text.isascii():
            self._well_formed = True

    def _turn_to_one_byte(self, block: bytes) -> None:
        """Not UTF-8; unless nearly all of it is, which would then be read as gibberish."""
        guess = block.decode("utf-8", "replace")
        wrong = guess.count("\ufffd")
        right = sum(1 for character in guess if character > "\x7f") - wrong
        if right > wrong or self._well_formed:
            raise Refused(gettext("The file mixes UTF-8 with another encoding. Save it again as UTF-8."))
        self._one_byte = _OneByte()
        self._one_byte.feed(block)

    def _check_lines(self, block: bytes) -> None:
        end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        self._since_line_end = self._since_line_end + len(block) if end < 0 else len(block) - end
        if self._since_line_end > LONGEST_LINE_BYTES:
            raise Refused(
                gettext("The file has a line longer than %(most)s. Is it a CSV file?")
                % {"most": size_in_words(LONGEST_LINE_BYTES)}
            )


class _OneByte:
    """Windows-1252, unless the letters within the words of the whole file say otherwise."""

    def __init__(self) -> None:
        self._seen = dict.fromkeys(_IN_WORDS, 0)
        self._may_be_windows = True

    def feed(self, block: bytes) -> None:
        if b"\0" in block:
            raise Refused(gettext("The file holds NUL bytes: it is damaged or no text. Save it as UTF-8."))
        for encoding, letters in _IN_WORDS.items():
            self._seen[encoding] += len(letters.findall(block))
        self._may_be_windows = self._may_be_windows and not _NOT_WINDOWS.search(block)

    def decided(self, has_line_feed: bool) -> OneByte:
        found = max(self._seen, key=lambda encoding: self._seen[encoding])
        if not any(self._seen.values()) and not has_line_feed:
            return "mac_roman"  # lines ended so on no other system
        if found == "cp1252" and not self._may_be_windows:
            raise Refused(gettext("The file is neither UTF-8 nor Windows-1252 text. Save it as UTF-8."))
        return found


def _marked(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Refused(gettext("The file is written in UTF-32. Save it as UTF-8."))
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else ""


def _unmarked_utf_16(head: bytes) -> str:
    """A header begins with letters: every other byte of its first ones is nought."""
    low, high = head[0:8:2], head[1:8:2]
    if len(head) < 8 or b"\0" not in head[:8]:
        return ""
    if not any(high) and all(low):
        return "utf-16-le"
    return "utf-16-be" if not any(low) and all(high) else ""
