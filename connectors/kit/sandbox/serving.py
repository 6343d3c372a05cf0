"""The sandbox over HTTP: a WSGI application, and a server of threads for it."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import IO, Any, cast, override
from urllib.parse import parse_qsl, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec

from connectors.kit import registry
from connectors.kit.facades import Call, Facade, Reply
from connectors.kit.memory import World
from connectors.kit.sandbox import page
from connectors.kit.sandbox.faults import Fault, Faults, Lost, spoiled
from connectors.kit.sandbox.worlds import Worlds

HANG_UP = "sandbox.hang_up"  # how our own server cuts a connection
MOST_OF_A_FORM = 1024 * 1024
MOST_LEFT_UNREAD = 256 * 1024 * 1024


class Bounded:
    """A request's body, which ends where its length says."""

    def __init__(self, stream: IO[bytes], length: int) -> None:
        self.stream = stream
        self.left = length

    def read(self, size: int = -1) -> bytes:
        wanted = self.left if size < 0 else min(size, self.left)
        piece = self.stream.read(wanted) if wanted else b""
        self.left = self.left - len(piece) if piece else 0
        return piece

    def drain(self) -> None:
        """Whoever still sends can't hear an answer."""
        size = 0
        while size < MOST_LEFT_UNREAD and (piece := self.read(64 * 1024)):
            size += len(piece)


def application(worlds: Worlds, faults: Faults | None = None) -> WSGIApplication:
    """What has changed is in the file before it is answered."""
    faults = faults or Faults()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        call, body = call_of(environ)
        try:
            reply = answer(call, worlds, faults)
        except Lost:
            return cut(environ, start_response)
        finally:
            worlds.save()
            body.drain()
        sent = b"" if call.method == "HEAD" else reply.body
        headers = [("Content-Length", str(len(reply.body))), *reply.headers.items()]
        if reply.content_type:
            headers.insert(0, ("Content-Type", reply.content_type))
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [sent]

    return app


def call_of(environ: WSGIEnvironment) -> tuple[Call, Bounded]:
    length = environ.get("CONTENT_LENGTH") or ""
    known = int(length) if length.isascii() and length.isdigit() else 0
    if not length and environ.get("wsgi.input_terminated"):
        known = MOST_LEFT_UNREAD  # its server ends it where it ends
    body = Bounded(environ["wsgi.input"], known)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
    query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    call = Call(environ["REQUEST_METHOD"], path.lstrip("/"), query, headers, cast(IO[bytes], body))
    return call, body


def answer(call: Call, worlds: Worlds, faults: Faults) -> Reply:
    name, _, rest = call.path.partition("/")
    if name == "_faults":
        return told(call, faults)
    if name in {"", "_worlds"}:
        if call.method == "POST" and not is_from_here(call):
            return text(403, "This form was not sent from here.")
        call.most_bytes = MOST_OF_A_FORM
        return page.answer(call, worlds, rest)
    world = worlds.get(name)
    facade = registry.facade(world.vendor) if world else None
    if world is None or facade is None:
        return text(404, f"There is no world “{name}” here.")
    call.path = rest
    return as_vendor(call, world, facade, faults)


def as_vendor(call: Call, world: World, facade: Facade, faults: Faults) -> Reply:
    call.most_bytes = facade.most_bytes

    def work() -> Reply:
        return facade.answer(call, world.door)

    fault = faults.take(world.name, call.method, call.path)
    return spoiled(fault, work) if fault else work()


def told(call: Call, faults: Faults) -> Reply:
    """`POST /_faults` with a Fault adds one, GET lists what is to come, DELETE forgets it."""
    if call.method == "POST":
        try:
            faults.add(msgspec.json.decode(call.body, type=Fault))
        except msgspec.DecodeError as error:
            return text(400, f"No fault: {error}")
    elif call.method == "DELETE":
        faults.clear()
    return Reply(msgspec.json.encode({"faults": faults.all()}))


def is_from_here(call: Call) -> bool:
    """A form of another site's says where it comes from."""
    origin = call.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == call.headers.get("host", "")


def text(status: int, words: str) -> Reply:
    return Reply(words.encode(), status, "text/plain; charset=utf-8")


def cut(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Another server than ours is told a length that doesn't come."""
    hang_up: Callable[[], None] | None = environ.get(HANG_UP)
    if hang_up is not None:
        hang_up()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "64")])
    return breaking()


def breaking() -> Iterator[bytes]:
    yield b"{"
    raise BrokenPipeError


class Handler(WSGIRequestHandler):
    timeout = 60

    @override
    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ[HANG_UP] = self.hang_up
        return environ

    def hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    @override
    def address_string(self) -> str:
        return str(self.client_address[0])

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Secrets stand in some vendors' addresses."""


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


def serve(app: WSGIApplication, port: int = 0, host: str = "127.0.0.1") -> Server:
    """A server that answers in a thread of its own until `shutdown`; of port 0 the system chooses one."""
    server = Server((host, port), Handler)
    server.set_app(app)
    threading.Thread(target=server.serve_forever, args=(0.02,), name="sandbox", daemon=True).start()
    return server
