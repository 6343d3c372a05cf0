"""A connection's address is written by a person and may come from anywhere: no way leads to what is not public."""

import socket
from ipaddress import ip_address

import pytest

from connectors.kit.addresses import Guard, checked_url, host_of, is_loopback, is_public
from connectors.kit.errors import AddressRefused, Unavailable
from connectors.kit.http import HttpTransport
from connectors.kit.transport import Request
from tests.connectors.kit.servers import answer

pytestmark = [pytest.mark.unit]

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:20::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_on_the_public_internet_is_not_called(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_on_the_public_internet_may_be_called(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", False), ("10.0.0.1", False)],
)
def test_this_machine_is_known_by_its_own_addresses_only(address, expected):
    assert is_loopback(ip_address(address)) is expected


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_that_leads_to_it_is_refused(names, address):
    names.known["vendor.example"] = [[address]]
    with pytest.raises(AddressRefused, match=r"vendor\.example .* is not on the public internet"):
        Guard(allow_local=False).places("vendor.example", 443, is_encrypted=True)


@pytest.mark.parametrize("address", sorted({*NOT_PUBLIC} - {"127.0.0.1", "127.1.2.3", "::1"}))
def test_nothing_but_this_machine_is_let_through_where_local_addresses_are_allowed(names, address):
    names.known["vendor.example"] = [[address]]
    with pytest.raises(AddressRefused):
        Guard(allow_local=True).places("vendor.example", 443, is_encrypted=True)


@pytest.mark.parametrize("others", [["10.0.0.5"], ["::1"], ["64:ff9b::808:808"], ["0.0.0.0"]])
def test_one_private_address_among_several_is_enough_to_refuse(names, others):
    for addresses in ([*others, "8.8.8.8"], ["8.8.8.8", *others]):
        names.known["vendor.example"] = [addresses]
        with pytest.raises(AddressRefused):
            Guard(allow_local=False).places("vendor.example", 443, is_encrypted=True)


def test_all_public_addresses_of_a_name_are_there_to_be_tried(names):
    names.known["vendor.example"] = [["8.8.8.8", "2606:4700:4700::1111"]]
    places = Guard(allow_local=False).places("vendor.example", 443, is_encrypted=True)
    assert [place.sockaddr[0] for place in places] == ["8.8.8.8", "2606:4700:4700::1111"]


def test_a_socket_that_is_none_of_the_internet_is_refused(names, monkeypatch):
    found = [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/run/docker.sock")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(AddressRefused):
        Guard(allow_local=True).places("vendor.example", 443, is_encrypted=True)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",  # 127.0.0.1 as one number
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "127.1",
        "127.0.1",
        "010.0.0.1",
        "167772161",  # 10.0.0.1
        "8.8.8.0x8",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "127.0.0.1.",
        "vendor.123",
        "vendor..example",
        "-vendor.example",
        "vendor.example.",
        "１２７.0.0.1",
        "vendör.example",
        "①②⑦.0.0.1",
        "vendor%2eexample",
        "vendor.example,10.0.0.1",
        "",
        "[",
        "a" * 64 + ".example",
        ".".join(["abcdefgh"] * 30),
    ],
)
@pytest.mark.parametrize("allow_local", [True, False])
def test_other_ways_to_write_a_host_are_refused(host, allow_local):
    with pytest.raises(AddressRefused):
        checked_url(f"https://{host}/api", allow_local=allow_local)


@pytest.mark.parametrize("host", [*NOT_PUBLIC])
def test_a_numeric_address_is_refused_before_anything_is_called(host):
    written = f"[{host}]" if ":" in host else host
    with pytest.raises(AddressRefused):
        checked_url(f"https://{written}/api", allow_local=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://vendor.example",
        "ftp://vendor.example",
        "file:///etc/passwd",
        "gopher://vendor.example",
        "//vendor.example",
        "vendor.example",
        "",
        "https://",
        "https:///path",
        "https:vendor.example",
        "https://ana:secret@vendor.example",
        "https://ana@vendor.example",
        "https://@vendor.example",
        "https://good.example\\@evil.example",
        "https://good.example @evil.example",
        "https://vendor.example\t/",
        "https://vendor.example\r\nHost: x",
        "\thttps://vendor.example",
        "https://vendor.example\x00.evil.example",
        "https://vendor.example?api_token=abc",
        "https://vendor.example/#top",
        "https://vendor.example/?",
        "https://vendor.example:0",
        "https://vendor.example:22",
        "https://vendor.example:25",
        "https://vendor.example:80",
        "https://vendor.example:65536",
        "https://vendor.example:-1",
        "https://vendor.example:https",
        "https://[::1",
        "https://[vendor.example]",
    ],
)
def test_a_url_that_is_not_a_sites_is_refused_in_words(url):
    with pytest.raises(AddressRefused) as refused:
        checked_url(url, allow_local=False)
    assert str(refused.value).endswith(".")
    assert "secret" not in str(refused.value)
    assert "abc" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://site.vendor.example", "https://site.vendor.example"),
        ("https://Site.Vendor.example/", "https://Site.Vendor.example"),
        ("https://vendor.example:443/facade/x/", "https://vendor.example:443/facade/x"),
        ("https://vendor.example:8443", "https://vendor.example:8443"),
        ("https://xn--vendr-jua.example/a_b", "https://xn--vendr-jua.example/a_b"),
        ("https://8.8.8.8", "https://8.8.8.8"),
        ("https://[2606:4700:4700::1111]:8443/x", "https://[2606:4700:4700::1111]:8443/x"),
    ],
)
def test_a_site_of_the_public_internet_is_taken(url, expected):
    assert checked_url(url, allow_local=False) == expected


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/x", "http://[::1]:80", "http://localhost:81", "https://127.0.0.1"]
)
def test_this_machine_is_called_only_where_local_addresses_are_allowed(url):
    assert checked_url(url, allow_local=True) == url
    if "localhost" not in url or url.startswith("http:"):
        with pytest.raises(AddressRefused):
            checked_url(url, allow_local=False)


def test_plain_http_reaches_no_other_machine_even_where_local_addresses_are_allowed(names):
    names.known["vendor.example"] = [["8.8.8.8"]]
    with pytest.raises(AddressRefused, match="https://"):
        HttpTransport("http://vendor.example", allow_local=True).send(Request("GET", "x"), repeatable=True)
    with pytest.raises(AddressRefused, match="https://"):
        checked_url("http://8.8.8.8", allow_local=True)


def test_localhost_by_name_is_refused_when_it_is_called(server):
    transport = HttpTransport(f"https://localhost:{server.port}", allow_local=False)
    with pytest.raises(AddressRefused):
        transport.send(Request("GET", "x"), repeatable=True)
    assert server.accepted == 0


def test_a_local_host_that_is_not_allowed_is_never_connected_to(names, server):
    names.known["vendor.example"] = [["127.0.0.1"]]
    transport = HttpTransport(f"https://vendor.example:{server.port}", allow_local=False)
    with pytest.raises(AddressRefused, match="not on the public internet"):
        transport.send(Request("POST", "x"), repeatable=False)
    assert server.accepted == 0


def test_a_name_is_resolved_once_and_its_second_answer_gains_nothing(names, server):
    names.known["vendor.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    server.answers = [answer(b'{"ok":1}')]
    transport = HttpTransport(f"http://vendor.example:{server.port}", allow_local=True)
    assert transport.send(Request("GET", "x"), repeatable=True).json() == {"ok": 1}
    assert names.asked == ["vendor.example"]
    assert server.accepted == 1


def test_a_name_that_turns_private_later_is_refused_at_the_next_connection(names, server):
    names.known["vendor.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    server.answers = [answer(b"{}", Connection="close")]
    transport = HttpTransport(f"http://vendor.example:{server.port}", allow_local=True)
    transport.send(Request("GET", "x"), repeatable=True)
    with pytest.raises(AddressRefused):
        transport.send(Request("GET", "x"), repeatable=True)


def test_the_host_header_and_the_certificate_are_those_of_the_name(names, secure_server):
    names.known["vendor.example"] = [["127.0.0.1"]]
    transport = HttpTransport(f"https://vendor.example:{secure_server.port}", allow_local=True)
    assert transport.send(Request("GET", "x"), repeatable=True).status == 200
    assert secure_server.names == ["vendor.example"]
    assert f"\r\nHost: vendor.example:{secure_server.port}" in secure_server.requests[0]


def test_a_certificate_for_another_name_is_not_taken(names, secure_server):
    names.known["other.example"] = [["127.0.0.1"]]
    transport = HttpTransport(f"https://other.example:{secure_server.port}", allow_local=True)
    with pytest.raises(Unavailable, match="no safe connection to other"):
        transport.send(Request("GET", "x?api_token=abc"), repeatable=True)
    assert secure_server.requests == []


def test_a_certificate_of_an_unknown_authority_is_not_taken(names, secure_server, monkeypatch):
    import certifi

    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", certifi.where())
    names.known["vendor.example"] = [["127.0.0.1"]]
    transport = HttpTransport(f"https://vendor.example:{secure_server.port}", allow_local=True)
    with pytest.raises(Unavailable, match="no safe connection"):
        transport.send(Request("GET", "x"), repeatable=True)
    assert secure_server.requests == []


def test_the_second_address_is_tried_when_the_first_takes_no_connection(names, server):
    names.known["vendor.example"] = [["127.0.0.2", "127.0.0.1"]]
    transport = HttpTransport(f"http://vendor.example:{server.port}", allow_local=True)
    assert transport.send(Request("GET", "x"), repeatable=True).status == 200


def test_proxies_of_the_environment_are_not_used(server, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert HttpTransport(server.url, allow_local=True).send(Request("GET", "x"), repeatable=True).status == 200


def test_credentials_of_a_netrc_file_are_not_sent(server, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ana password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    HttpTransport(server.url, allow_local=True).send(Request("GET", "x"), repeatable=True)
    assert "authorization" not in server.requests[0].lower()


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://Vendor.example:8443/x", "vendor.example"), ("http://[::1]:80", "::1"), ("http://[x", "")],
)
def test_the_host_of_an_address(url, host):
    assert host_of(url) == host
