"""The vendors there are: each connector app registers its own when Django starts."""

from connectors.kit.contract import Connector
from connectors.kit.facades import Facade


class UnknownVendor(LookupError):
    """Its text lists the vendors there are."""


_connectors: dict[str, type[Connector]] = {}
_facades: dict[str, Facade] = {}


def register(connector: type[Connector], facade: Facade | None = None) -> None:
    """Make a vendor known under its name. Doing it again changes nothing; two of one name are a TypeError."""
    known = _connectors.setdefault(connector.vendor, connector)
    if known is not connector:
        raise TypeError(f"Two connectors are called {connector.vendor}: {known} and {connector}.")
    if facade is not None:
        _facades[connector.vendor] = facade


def connector(vendor: str) -> type[Connector]:
    try:
        return _connectors[vendor]
    except KeyError:
        known = ", ".join(sorted(_connectors)) or "none"
        raise UnknownVendor(f"There is no vendor “{vendor}”. There are: {known}.") from None


def facade(vendor: str) -> Facade | None:
    """The vendor's protocol from the server's side; None for one without."""
    return _facades.get(vendor)


def vendors() -> list[type[Connector]]:
    return sorted(_connectors.values(), key=lambda each: each.label)
