"""The sandbox beside the back office: the vendors `manage.py up` brings along, on a port the data folder remembers."""

import http.client
from pathlib import Path

from backoffice.local.processes import write
from backoffice.local.valkey import free_port, is_free

HOST = "127.0.0.1"
SECONDS = 3


def file_in(home: Path) -> Path:
    """Where its worlds are kept."""
    return home / "sandbox.json"


def port_in(home: Path) -> int | None:
    """Where it answers, or did the last time."""
    try:
        return int((home / "sandbox-port").read_text())
    except (OSError, ValueError):
        return None


def choose_port(home: Path, *, beside: int) -> int:
    """The port of the last time; another one, remembered from now on, where somebody else has it."""
    port = port_in(home)
    if port and port != beside and is_free(port):
        return port
    port = free_port()
    while port == beside:
        port = free_port()
    write(home / "sandbox-port", str(port))
    return port


def address(port: int) -> str:
    return f"http://{HOST}:{port}"


def is_answering(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=SECONDS)
    try:
        connection.request("GET", "/_faults")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
