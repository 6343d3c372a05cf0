"""A vendor in the same process: what a connector sends is answered by a facade, without a network."""

import io
from typing import override
from urllib.parse import parse_qsl, urlsplit

from connectors.kit.errors import Unavailable, Uncertain
from connectors.kit.facades import Call, Door, Facade
from connectors.kit.transport import Request, Response, Transport


class FacadeTransport(Transport):
    """Sends to `facade`, in front of the stores behind `door`; `sent` keeps the requests, in order.

    Where a test needs a network that fails, `before` and `after` may raise: `after` once the work is done and its
    answer is lost.
    """

    def __init__(self, facade: Facade, door: Door) -> None:
        self.facade = facade
        self.door = door
        self.sent: list[Request] = []

    @override
    def send(self, request: Request, *, repeatable: bool) -> Response:
        self.sent.append(request)
        self.before(request)
        reply = self.facade.answer(call_of(request, self.facade.most_bytes), self.door)
        self.after(request)
        if reply.status == 429 or (reply.status >= 500 and repeatable):
            raise Unavailable(f"{self.facade.vendor} answered {reply.status}.", status=reply.status)
        if reply.status >= 500:
            raise Uncertain(f"{self.facade.vendor} answered {reply.status}.", status=reply.status)
        headers = {"content-type": reply.content_type, **{name.lower(): text for name, text in reply.headers.items()}}
        return Response(reply.status, headers, reply.body)

    def before(self, request: Request) -> None:
        """Called before the vendor hears of it."""

    def after(self, request: Request) -> None:
        """Called when the vendor is done and its answer is on its way."""


def call_of(request: Request, most_bytes: int) -> Call:
    """The request as it would come in at the other end."""
    target = urlsplit(request.target)
    content, content_type = request.content
    headers = {name.lower(): value for name, value in request.headers.items()}
    if content_type:
        headers["content-type"] = content_type
    return Call(
        method=request.method.upper(),
        path=target.path.lstrip("/"),
        query=parse_qsl(target.query, keep_blank_values=True),
        headers=headers,
        stream=io.BytesIO(content),
        most_bytes=most_bytes,
    )
