"""What a pull did, and what went wrong at the vendor's, in words for people."""

from collections.abc import Mapping

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.changes.registry import model_of
from connectors.kit.contract import Stream
from connectors.kit.errors import (
    AddressRefused,
    ConnectorError,
    LoginFailed,
    Misconfigured,
    Refused,
    Unavailable,
    Unreadable,
)

FIGURES = {
    "new": gettext_lazy("%(number)s new"),
    "updated": gettext_lazy("%(number)s updated"),
    "unchanged": gettext_lazy("%(number)s unchanged"),
    "archived": gettext_lazy("%(number)s archived"),
    "set_aside": gettext_lazy("%(number)s set aside"),
    "mentioned": gettext_lazy("%(number)s known by being mentioned only"),
    "conflicts": gettext_lazy("%(number)s new conflicts"),
}


def plural(kind: str) -> str:
    """What people call records of a kind."""
    return str(model_of(kind)._meta.verbose_name_plural)


def of_a_stream(stream: Stream, counts: Mapping[str, int]) -> str:
    """Such as "Opportunities: 3 new, 112 unchanged."."""
    told = [str(text) % {"number": counts[word]} for word, text in FIGURES.items() if counts.get(word)]
    figures = ", ".join(told) or _("nothing changed")
    return _("%(records)s: %(figures)s.") % {"records": capfirst(plural(stream.kinds[0])), "figures": figures}


def trouble(vendor: str, error: ConnectorError) -> str:
    """What is wrong, and what there is to do about it."""
    about = {"vendor": vendor, "error": str(error).rstrip(".")}
    match error:
        case LoginFailed():
            return _("%(vendor)s does not accept the credentials: %(error)s. Enter them anew.") % about
        case AddressRefused():
            return _("The address of %(vendor)s is none we call: %(error)s. Correct it.") % about
        case Misconfigured():
            return _("%(vendor)s can't be called as the connection is set up: %(error)s.") % about
        case Unavailable():
            return _("%(vendor)s does not answer: %(error)s. It is tried again by itself.") % about
        case Refused():
            return _("%(vendor)s refuses to be read: %(error)s.") % about
        case Unreadable():
            return _("%(vendor)s answered what is not its protocol: %(error)s. It is tried again by itself.") % about
    return _("%(vendor)s: %(error)s.") % about


def shows_nothing(vendor: str, kind: str, total: int) -> str:
    return ngettext(
        "%(vendor)s shows no %(records)s any more, where there was %(total)d. Nothing was archived."
        " If that is right, allow 100 %% to vanish at once in the connection, and pull everything again.",
        "%(vendor)s shows no %(records)s any more, where there were %(total)d. Nothing was archived."
        " If that is right, allow 100 %% to vanish at once in the connection, and pull everything again.",
        total,
    ) % {"vendor": vendor, "records": plural(kind), "total": total}


def too_many_gone(vendor: str, kind: str, total: int, most_percent: int) -> str:
    return _(
        "More than %(most)d %% of the %(total)d %(records)s are gone at %(vendor)s. Nothing was archived."
        " If that is right, allow more to vanish at once in the connection, and pull everything again."
    ) % {"most": most_percent, "total": total, "records": plural(kind), "vendor": vendor}
