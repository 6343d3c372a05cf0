"""The size of a file as people read it: the same words on every page and in every refusal."""

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext


def size_in_words(size_bytes: int) -> str:
    """ "200 MB", "1.5 MB": Django's units, of 1,024 each, without decimals that say nothing."""
    megabytes, rest = divmod(size_bytes, 1 << 20)
    if rest or not megabytes:
        return str(filesizeformat(size_bytes))
    return gettext("%(number)d MB") % {"number": megabytes}
