"""A vendor's answers without a vendor: queued by path, and the requests recorded.

transport.answers("opportunities", {"status": "success", …})     a JSON answer, once
transport.answers("opportunities", page_of)                      a function of the request, for ever
transport.asked("opportunities")                                 the requests that came to it
"""

import threading
from collections import defaultdict, deque

import orjson

from connectors.kit.transport import Response


def reply(body, *, status=200, content_type="application/json", **headers):
    """`body` as JSON, or as it is."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else orjson.dumps(body)
    return Response(status, {"content-type": content_type, **headers}, content)


def html(text="<html><body><h1>Login</h1></body></html>"):
    return reply(text, content_type="text/html; charset=utf-8")


class FakeTransport:
    """Of the answers queued for a path each is given once; a function answers for ever."""

    def __init__(self, default=None):
        self.sent = []
        self.default = default
        self._queued = defaultdict(deque)
        self._lock = threading.Lock()

    def answers(self, path, *replies):
        self._queued[path].extend(replies)

    def send(self, request, *, repeatable):
        with self._lock:
            self.sent.append(request)
            answer = self._next(request)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else reply(answer)

    def asked(self, path):
        return [request for request in self.sent if request.path == path]

    @property
    def paths(self):
        return [request.path for request in self.sent]

    def _next(self, request):
        queue = self._queued.get(request.path)
        if not queue:
            if self.default is None:
                raise AssertionError(f"Nobody expected {request.method} {request.path} {dict(request.query)}.")
            return self.default
        return queue[0] if callable(queue[0]) else queue.popleft()
