"""Who looked at which image and changed what: one entry for each request that did."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import parse_qs

from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crosslabel.errors import CrossLabelError
from crosslabel.server.failures import failure
from crosslabel.server.route_table import RouteTable

_READ = ("GET", "HEAD", "OPTIONS")
# Reading these shows an image, a label, or what is known of one; reading anything else shows neither.
_READ_WITH_ENTRY = frozenset(
    {
        "/datastore/image",
        "/datastore/image/info",
        "/datastore/label",
        "/datastore/label/info",
        "/datastore/dataset",
        "/session/{session_id}",
        "/model/{model}",
        "/api/v1/labels",
        "/api/v1/labels/compare",
        "/api/v1/labels/{label_id:int}/file",
        "/api/v1/adaptation/{task}/report",
    }
)
_NO_ENTRY = frozenset({"/auth/token"})
_IMAGE_NAMES = ("image", "id", "label")


class Audit(Protocol):
    """Where entries go; :class:`crosslabel.store.audit.AuditLog` is one."""

    def write(self, who: str, what: str, *, task: str = "", image_id: str = "", request_id: str = "", **details: Any) -> None:
        """Append one entry, or raise a CrossLabelError where that is impossible."""


class Auditing:
    """ASGI middleware that writes the entry before the answer leaves: without an entry nothing is shown.

    A route that knows more than the address says puts ``task`` or ``image_id`` into the state's ``audited``.

    Args:
        app: the rest of the server.
        audit: where entries go.
        routes: of the server.
    """

    def __init__(self, app: ASGIApp, audit: Audit, routes: RouteTable) -> None:
        self.app = app
        self.audit = audit
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; a request that cannot be written down is answered with the reason."""
        if scope["type"] != "http" or not _is_audited(scope["method"], scope["state"]["template"]):
            await self.app(scope, receive, send)
            return
        state = scope["state"]
        audited: dict[str, str] = self._named(scope)
        state["audited"] = audited
        withheld = False

        async def send_after_entry(message: Message) -> None:
            nonlocal withheld
            if message["type"] == "http.response.start":
                try:
                    await run_in_threadpool(self._write, scope, audited, message["status"])
                except CrossLabelError as error:
                    withheld = True
                    await failure(error.status, str(error))(scope, receive, send)
            if not withheld:
                await send(message)

        try:
            await self.app(scope, receive, send_after_entry)
        except Exception:
            # What was changed before it failed is written down too.
            await run_in_threadpool(self._write, scope, audited, 500)
            raise

    def _named(self, scope: Scope) -> dict[str, str]:
        parameters = self.routes.parameters(scope["method"], scope["path"])
        query = parse_qs(scope["query_string"].decode("latin-1"))
        image = parameters.get("image") or next((query[name][0] for name in _IMAGE_NAMES if name in query), "")
        task = parameters.get("model") or parameters.get("task") or next(iter(query.get("task", [])), "")
        return {"task": task, "image_id": image}

    def _write(self, scope: Scope, audited: dict[str, str], status: int) -> None:
        state = scope["state"]
        self.audit.write(
            state["caller"].name,
            f"{scope['method']} {state['template']}",
            request_id=state["request_id"],
            status=status,
            **audited,
        )


def _is_audited(method: str, template: str | None) -> bool:
    if template is None or template in _NO_ENTRY:
        return False
    return template in _READ_WITH_ENTRY or method not in _READ
