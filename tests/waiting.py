"""Waiting for what other threads and processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Many times what anything takes on a fast machine: a slow one must pass as well, and only a failure lasts so long.
PATIENCE = 300.0


def until(
    condition: Callable[[], T],
    what: str | Callable[[], str] = "it did not come true in time",
    seconds: float = PATIENCE,
    pause: Callable[[], object] = lambda: time.sleep(0.1),
) -> T:
    """What a condition comes to as soon as that is true.

    Args:
        condition: asked again and again.
        what: said when it stays false; called where it is only known then.
        seconds: how long to ask.
        pause: between two askings.

    Raises:
        AssertionError: it stayed false.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(what() if callable(what) else what)
        pause()
