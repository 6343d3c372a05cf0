"""Which addresses a connection may call: those of the public internet, over https; this machine's own if allowed.

A name is resolved once, every address it has is looked at, and it is one of these that is connected to: a name server
that answers differently the second time gains nothing. Name and certificate stay those of the URL.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, NamedTuple, override
from urllib.parse import SplitResult, urlsplit

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from connectors.kit.errors import AddressRefused
from connectors.kit.patience import Patience, PlainSocket, SecureSocket

type Address = IPv4Address | IPv6Address

# IANA's registry of special-purpose IPv4 addresses, and what `is_global` of several Pythons lets through.
NOT_PUBLIC = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT; metadata of some clouds
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's own services, at a public address
            "169.254.0.0/16",  # link-local; metadata of most clouds
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",
        ),
    )
)
# Of IPv6 only what is given out as unicast is public: mapped, NAT64, local and multicast addresses stand elsewhere.
PUBLIC_6 = IPv6Network("2000::/3")
NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo, ORCHID and other protocols'
            "2001:db8::/32",
            "2002::/16",  # 6to4: holds an IPv4 address
            "3fff::/20",
        ),
    )
)

LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
NAME = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*", re.ASCII)
NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)
UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
HTTPS_PORT = 443
FIRST_FREE_PORT = 1024  # below it other services listen, which would have to make sense of what we send


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC)
    return address in PUBLIC_6 and not any(address in network for network in NOT_PUBLIC_6)


def is_loopback(address: Address) -> bool:
    """This very machine; an IPv4 address written as an IPv6 one is not taken for it."""
    return address in IPv4Network("127.0.0.0/8") if address.version == 4 else address == IPv6Address("::1")


def host_of(url: str) -> str:
    """In lower case, without brackets; "" for what has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def checked_url(url: str, *, allow_local: bool) -> str:
    """The address of a site, without a slash at its end. Raises AddressRefused, in words, for one we don't call.

    Whether a name leads to a public address shows when it is connected to.
    """
    parts = _split(url)
    if parts.scheme not in {"https", "http"} or (parts.scheme == "http" and not allow_local):
        raise AddressRefused(f"“{_told(url)}” is no address we call: it has to begin with https://.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("Login and password don't belong into an address: enter them as credentials.")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise AddressRefused(f"“{_told(url)}” ends in a query or a fragment: give the address alone.")
    host = parts.hostname or ""
    literal = _literal(host)
    if literal is not None:
        _refuse_unless_callable(literal, host, allow_local=allow_local, is_encrypted=parts.scheme == "https")
    _check_port(parts, is_local=allow_local and (literal is None or is_loopback(literal)))
    return url.rstrip("/")


def _split(url: str) -> SplitResult:
    if UNFIT.search(url):
        raise AddressRefused("An address holds no blanks, backslashes or control characters.")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise AddressRefused(f"“{_told(url)}” is no address: {error}.") from None
    return parts


def _told(url: str) -> str:
    """What of an address an error may show: no login, no query."""
    return re.sub(r"//[^/]*@", "//", url.partition("?")[0])[:200]


def _literal(host: str) -> Address | None:
    """The numeric address the host is written as; None for a name. Raises AddressRefused for what is neither.

    1.2.3.4 has one spelling: resolvers also take 0x1020304, 16909060, 01.02.03.04 and 1.2.772 for it.
    """
    try:
        return ip_address(host)
    except ValueError:
        pass
    if not NAME.fullmatch(host) or NUMBER.fullmatch(host.rpartition(".")[2]):
        raise AddressRefused(
            f"“{host[:200]}” is no host: give its name (beyond ASCII as xn--…) or its address as 203.0.113.7."
        )
    return None


def _check_port(parts: SplitResult, *, is_local: bool) -> None:
    port = parts.port
    if port is None or port == HTTPS_PORT or port >= FIRST_FREE_PORT or (is_local and port):
        return
    raise AddressRefused(f"Port {port} is another service's: {HTTPS_PORT}, or {FIRST_FREE_PORT} and above.")


def _refuse_unless_callable(address: Address, host: str, *, allow_local: bool, is_encrypted: bool) -> None:
    if allow_local and is_loopback(address):
        return
    if not is_public(address):
        which = host if host == str(address) else f"{host} ({address})"
        raise AddressRefused(f"{which} is not on the public internet: we don't call it.")
    if not is_encrypted:
        raise AddressRefused(f"{host} is another machine: we call it over https:// only.")


class Place(NamedTuple):
    """One of a host's addresses, as the resolver gave it."""

    family: int
    sockaddr: Any


class Guard:
    """Resolves hosts for a connection and lets no other address through. May be used by several threads."""

    def __init__(self, *, allow_local: bool) -> None:
        self.allow_local = allow_local

    def places(self, host: str, port: int, *, is_encrypted: bool) -> list[Place]:
        """All addresses of the host. One that we don't call is enough to refuse it (AddressRefused)."""
        literal = _literal(host.strip("[]").lower())
        found = socket.getaddrinfo(str(literal or host), port, type=socket.SOCK_STREAM)
        places = [Place(family, sockaddr) for family, _, _, _, sockaddr in found]
        for place in places:
            if place.family not in {socket.AF_INET, socket.AF_INET6}:
                raise AddressRefused(f"{host} is no internet address.")
            address = ip_address(str(place.sockaddr[0]))
            _refuse_unless_callable(address, host, allow_local=self.allow_local, is_encrypted=is_encrypted)
        return places


def _open(connection: HTTPConnection, guard: Guard, patience: Patience, *, is_encrypted: bool) -> socket.socket:
    """A socket to the first of the host's addresses that answers. Raises urllib3's errors, as its own method does."""
    host = connection.host
    try:
        places = guard.places(host, connection.port, is_encrypted=is_encrypted)
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from error
    except UnicodeError as error:
        raise NewConnectionError(connection, f"{host} is no host name") from error
    last: OSError = OSError("the name has no address")
    for place in places:
        opened = PlainSocket(place.family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.settimeout(min(float(connection.timeout or 0) or patience.left(), patience.left()))
            opened.connect(place.sockaddr)
        except OSError as error:
            opened.close()
            last = error
            continue
        return opened
    if isinstance(last, TimeoutError):
        raise ConnectTimeoutError(connection, f"{host}: no connection in time") from last
    raise NewConnectionError(connection, f"{host}: {last.strerror or last}") from last


def _pools(guard: Guard, patience: Patience) -> Mapping[str, type[HTTPConnectionPool]]:
    """Pools whose connections open their sockets through the guard; what is above the socket is urllib3's."""

    class Plain(HTTPConnection):
        @override
        def _new_conn(self) -> socket.socket:
            return _open(self, guard, patience, is_encrypted=False)

        @override
        def connect(self) -> None:
            super().connect()
            if isinstance(self.sock, PlainSocket):
                self.sock.patience = patience

    class Secure(HTTPSConnection):
        @override
        def _new_conn(self) -> socket.socket:
            return _open(self, guard, patience, is_encrypted=True)

        @override
        def connect(self) -> None:
            super().connect()
            if isinstance(self.sock, SecureSocket):
                self.sock.patience = patience

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _context() -> ssl.SSLContext:
    """Certificates and host names are always checked; TLS 1.2 or later."""
    context = create_urllib3_context()
    context.sslsocket_class = SecureSocket
    return context


class GuardedAdapter(HTTPAdapter):
    """Carries requests of one thread, by the guard's leave and within the patience. Through no proxy."""

    def __init__(self, guard: Guard, patience: Patience) -> None:
        self._guard = guard
        self._patience = patience
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    @override
    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        self.poolmanager = PoolManager(connections, maxsize=maxsize, block=block, ssl_context=_context(), **options)
        self.poolmanager.pool_classes_by_scheme = dict(_pools(self._guard, self._patience))

    @override
    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        raise AddressRefused("Vendors are called directly, through no proxy.")
