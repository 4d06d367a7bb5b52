"""An id for every request: in the answer, in the log and in the audit log."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar

HEADER = "X-Request-ID"
_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def begin(given: str | None) -> str:
    """Set the id of the request in hand: the one that a proxy gave it, or a new one."""
    request_id = given if given and _GIVEN.fullmatch(given) else uuid.uuid4().hex
    _current.set(request_id)
    return request_id


def current() -> str:
    """Id of the request in hand, in its threads too; empty outside of one."""
    return _current.get()
