"""The outermost layer of the server: every request has an id and an end, whatever happens inside."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crosslabel.server import request_ids
from crosslabel.server.failures import defect
from crosslabel.server.metrics import Metrics
from crosslabel.server.route_table import RouteTable

access_log = logging.getLogger("crosslabel.access")


class RequestContext:
    """ASGI middleware that sets ``request_id`` and ``template`` in the request's state, measures and logs.

    The log holds the route's pattern and never the address itself, which may name an image.

    Args:
        app: the rest of the server.
        routes: of the server.
        metrics: where requests are counted.
    """

    def __init__(self, app: ASGIApp, routes: RouteTable, metrics: Metrics) -> None:
        self.app = app
        self.routes = routes
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; an exception that comes back is answered as a defect."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        request_id = request_ids.begin(Headers(scope=scope).get(request_ids.HEADER))
        template = self.routes.template(scope["method"], scope["path"])
        state = scope.setdefault("state", {})
        state["request_id"], state["template"] = request_id, template

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[request_ids.HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:
            answer = defect(scope["method"], template, error)
            if status:
                # Half an answer cannot be taken back; an error ends the connection so that the client notices.
                raise
            await answer(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            self.metrics.request(scope["method"], template, status, seconds)
            caller = state.get("caller")
            access_log.info(
                "%s %s %s",
                scope["method"],
                template,
                status,
                extra={
                    "method": scope["method"],
                    "route": template,
                    "status": status,
                    "milliseconds": round(1000 * seconds, 1),
                    "caller": caller and caller.name,
                },
            )
