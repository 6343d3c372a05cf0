import socket

import pytest

from tests.connectors.kit.servers import Server, authority


@pytest.fixture
def server():
    """On 127.0.0.1, in plain HTTP."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def secure_server(tmp_path, monkeypatch):
    """On 127.0.0.1, with a certificate for vendor.example from an authority that the client trusts."""
    file, context = authority(tmp_path, "vendor.example")
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(file))
    server = Server(context)
    yield server
    server.stop()


class Names:
    """A name server: `known[host]` is a list of its answers, each a list of addresses; the last one stays."""

    def __init__(self):
        self.known = {}
        self.asked = []

    def resolve(self, host, port, family=0, type=0, proto=0, flags=0):
        if host not in self.known:
            return self.real(host, port, family, type, proto, flags)
        self.asked.append(host)
        answers = self.known[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6, type, 6, "", (each, port, 0, 0))
            if ":" in each
            else (socket.AF_INET, type, 6, "", (each, port))
            for each in addresses
        ]


@pytest.fixture
def names(monkeypatch):
    names = Names()
    names.real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", names.resolve)
    return names
