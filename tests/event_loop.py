"""The main thread's event loop, as Qt has one."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable


class EventLoop:
    """Calls functions later, in the thread that turns it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def later(self, milliseconds: int, call: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, (time.monotonic() + milliseconds / 1000, next(self._numbers), call))

    def turn(self) -> None:
        """Call what is due."""
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            heapq.heappop(self._waiting)[2]()

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Turn until a condition holds; AssertionError when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            self.turn()
            time.sleep(0.005)
