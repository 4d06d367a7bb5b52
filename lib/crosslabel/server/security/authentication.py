"""Who asks, and whether they may: decided before a byte of the body is read."""

from __future__ import annotations

import base64
import binascii
import logging
from dataclasses import dataclass

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from crosslabel.server.failures import failure
from crosslabel.server.security.attempts import FailedAttempts
from crosslabel.server.security.requirements import OPEN, required_role
from crosslabel.server.security.roles import Role
from crosslabel.server.security.tokens import TokenStore

logger = logging.getLogger(__name__)

# Both: clients send what they hold, and a browser asks its user.
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="CrossLabel", Basic realm="CrossLabel", charset="UTF-8"'}


@dataclass(frozen=True)
class Caller:
    """Who asks: the name of their token, which stands in the audit log, and what they may do."""

    name: str
    role: Role


_LOCAL = Caller("local", Role.ADMINISTER)
_ANYONE = Caller("anyone", Role.ANNOTATE)


class LogIn:
    """Tells callers by their tokens.

    Args:
        tokens: who may; ``None`` lets everyone do everything, for a server that only its own machine reaches.
        attempts: the failures of each address.
    """

    def __init__(self, tokens: TokenStore | None, attempts: FailedAttempts) -> None:
        self.tokens = tokens
        self.attempts = attempts

    def caller(self, token: str) -> Caller | None:
        """Whose token it is; ``None`` if nobody's."""
        if self.tokens is None:
            return _LOCAL
        record = self.tokens.verify(token)
        return None if record is None else Caller(record.name, record.role)

    def refusal(self, address: str) -> JSONResponse:
        """The answer to a failed log-in from an address: 401, or 429 once there were too many."""
        if self.attempts.failed(address):
            return failure(429, "Too many failed log-ins from this address; wait a minute.", {"Retry-After": "60"})
        logger.warning("A log-in from %s failed.", address)
        return failure(401, "Log in with a valid token; 'crosslabel token add NAME --role annotate' makes one.", _CHALLENGE)


class Authentication:
    """ASGI middleware that sets ``caller`` in the request's state, or answers 401, 403 or 429.

    Args:
        app: the rest of the server.
        log_in: tells callers.
    """

    def __init__(self, app: ASGIApp, log_in: LogIn) -> None:
        self.app = app
        self.log_in = log_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._identify(scope)
        await (refused or self.app)(scope, receive, send)

    def _identify(self, scope: Scope) -> JSONResponse | None:
        template = scope["state"]["template"]
        if template in OPEN:
            scope["state"]["caller"] = _ANYONE
            return None
        caller = self.log_in.caller(credentials(Headers(scope=scope).get("authorization", "")))
        if caller is None:
            return self.log_in.refusal(scope["client"][0] if scope.get("client") else "")
        needed = required_role(scope["method"], template)
        if not caller.role.includes(needed):
            return failure(403, f"This needs the role '{needed.value}'; your token has '{caller.role.value}'.")
        scope["state"]["caller"] = caller
        return None


def credentials(header: str) -> str:
    """The token in an ``Authorization`` header: a bearer token, or the password of HTTP Basic; empty where there is none."""
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[2]
