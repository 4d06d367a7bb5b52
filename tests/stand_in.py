"""A small real HTTP server that answers what a test tells it to, well or badly."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass
class Answer:
    """What goes out; ``cut`` ends the connection after so many bytes of the body."""

    content: Any = None
    status: int = 200
    type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None

    @property
    def body(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


Reply = Callable[[Request], Answer]


class StandIn:
    """Routes by (method, path), and what was asked."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        self.url = url
        self.requests: list[Request] = []
        self._routes: dict[tuple[str, str], Reply] = {}
        self._stop = stop

    def on(self, method: str, path: str, reply: Reply | Answer | Any) -> None:
        """Answer with an ``Answer``, with the JSON of a value, or with what a function says."""
        if callable(reply):
            self._routes[method, path] = reply
        else:
            self._routes[method, path] = lambda request: reply if isinstance(reply, Answer) else Answer(reply)

    def asked(self, method: str, path: str) -> list[Request]:
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def wait(self, seconds: float) -> None:
        """Let a request wait, but not beyond the server's end."""
        self._stop.wait(seconds)

    def reply(self, request: Request) -> Answer:
        self.requests.append(request)
        route = self._routes.get((request.method, request.path))
        return route(request) if route else Answer({"detail": "There is nothing at this address."}, 404)


@contextmanager
def stand_in(tls: ssl.SSLContext | None = None) -> Iterator[StandIn]:
    """A server on a free port of this machine."""
    stop = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.told = StandIn(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", stop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.told
    finally:
        stop.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def _any(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        answer = self.server.told.reply(Request(self.command, parts.path, query, dict(self.headers), body))
        content = answer.body
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.type, "Content-Length": str(len(content)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: answer.cut])
        self.close_connection = True

    def __getattr__(self, name: str) -> Any:
        # The base class calls do_GET and its like.
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            # The client hung up, which some tests are about.
            self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""
