"""What a request may look like before anything in it is believed."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crosslabel.errors import CrossLabelError
from crosslabel.server import strict_json
from crosslabel.server.failures import failure

_MAX_TARGET_BYTES = 8192
_MAX_TEXT_BYTES = 2**20
# A client that sends nothing for so long has gone, and would keep its place in the queue.
_IDLE_SECONDS = 60.0
_CONTROL = frozenset(range(32)) | {127}
# The stock client repeats the length of its last upload when it asks for something without sending a body.
_WITH_BODY = ("POST", "PUT", "PATCH")
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class MessageLimits:
    """ASGI middleware that bounds the address, the size of the body, its nesting and the time between its parts.

    What a header declares too large is refused before the body is read; what lies about its size, when it passes the limit.

    Args:
        app: the rest of the server.
        max_upload_bytes: for multipart bodies; others hold JSON or a short form, at most 1 MiB.
        idle_seconds: longest silence of a client that has not sent everything.
    """

    def __init__(self, app: ASGIApp, max_upload_bytes: int, idle_seconds: float = _IDLE_SECONDS) -> None:
        self.app = app
        self.max_upload_bytes = max_upload_bytes
        self.idle_seconds = idle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 400, 408, 413 or 414."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            _check_target(scope)
            if scope["method"] in _WITH_BODY:
                receive = await self._bounded(Headers(scope=scope), receive)
        except HTTPException as error:
            await failure(error.status_code, error.detail)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _bounded(self, headers: Headers, receive: Receive) -> Receive:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        limit = self.max_upload_bytes if kind == _FORMS[0] else _MAX_TEXT_BYTES
        if int(headers.get("content-length", "0")) > limit:
            raise _too_large(limit)
        counted = _Counted(receive, limit, self.idle_seconds)
        if kind in _FORMS:
            return counted
        return await _checked_json(counted)


class _Counted:
    """The body's parts, as long as they come and stay within the limit."""

    def __init__(self, receive: Receive, limit: int, idle_seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._bytes = 0
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            with anyio.fail_after(self._idle_seconds):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The upload stalled; check the network and send it again.") from None
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._limit:
            raise _too_large(self._limit)
        self._complete = not message.get("more_body", False)
        return message


async def _checked_json(receive: Receive) -> Receive:
    """Read a body that is no form, which is JSON or wrong, and give it on as one message."""
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(parts)
    if body:
        try:
            strict_json.parse(body.decode("utf-8"), "The request's body")
        except UnicodeDecodeError:
            raise HTTPException(400, "The request's body is not UTF-8; send JSON.") from None
        except CrossLabelError as error:
            raise HTTPException(400, str(error)) from None
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _check_target(scope: Scope) -> None:
    target = (scope.get("raw_path") or b"") + b"?" + scope["query_string"]
    if len(target) > _MAX_TARGET_BYTES:
        raise HTTPException(414, f"The address is longer than {_MAX_TARGET_BYTES} bytes; shorten it.")
    if _CONTROL.intersection(unquote_to_bytes(target)):
        raise HTTPException(400, "The address holds control characters, which no name here has; remove them.")


def _too_large(limit: int) -> HTTPException:
    size = f"{limit / 1e9:g} GB" if limit >= 1e9 else f"{limit / 2**20:.3g} MiB"
    return HTTPException(413, f"The request's body is larger than {size}, which is the most that this server takes here.")
