"""The main thread's event loop, as Qt has one."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable

from waiting import PATIENCE, until


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

    def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Turn until a condition holds; AssertionError when it does not in time."""
        until(condition, seconds=seconds, pause=self._turn_and_rest)

    def _turn_and_rest(self) -> None:
        self.turn()
        time.sleep(0.005)
