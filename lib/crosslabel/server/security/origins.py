"""Pages of other sites that use a browser to reach the server from inside."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from crosslabel.server.failures import failure
from crosslabel.server.security.exposure import is_loopback

_SAFE = ("GET", "HEAD", "OPTIONS")


class OriginGuard:
    """ASGI middleware that refuses what a foreign page makes a browser send.

    A browser adds log-ins that it remembers, and reaches a server that listens on its own machine only. Its same-origin
    policy hides the answers and not the effects, and a name that a foreign site points at 127.0.0.1 gets round it.

    Args:
        app: the rest of the server.
        origins: sites whose pages may change something.
        loopback_only: refuse names of other machines, where no token guards the server.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str], loopback_only: bool) -> None:
        self.app = app
        self.origins = origins
        self.loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 403."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            problem = self._problem(scope["method"], headers.get("host", ""), headers.get("origin"))
            if problem:
                await failure(403, problem)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _problem(self, method: str, host: str, origin: str | None) -> str | None:
        if self.loopback_only and not is_loopback(_hostname(f"//{host}")):
            return (
                "This server answers its own machine only and was asked under another name; "
                "behind a proxy, start it with --require-token."
            )
        if origin is None or method in _SAFE or origin in self.origins or _netloc(origin) == host:
            return None
        return "A page of another site may not change anything here; list the site in MONAI_LABEL_CORS_ORIGINS to allow it."


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
