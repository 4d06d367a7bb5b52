"""How much work is in flight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crosslabel.server.failures import failure
from crosslabel.server.metrics import Metrics

# The monitoring has to be answered above all when everything else waits.
_ALWAYS = frozenset({"/health", "/metrics", "/auth/"})
_SECONDS_TO_WAIT = 120.0


@dataclass(frozen=True)
class Width:
    """How many requests are worked on, and how many may wait for that."""

    running: int
    waiting: int


# Together below the 40 threads that routes run in, so that none of them waits for another kind of work.
WIDTHS: Mapping[str, Width] = {
    "inference": Width(running=4, waiting=64),
    "upload": Width(running=6, waiting=64),
    "other": Width(running=24, waiting=512),
}


class Lane:
    """Requests of one kind; those that wait hold no thread.

    Args:
        name: of the kind.
        width: how many.
        metrics: where the numbers are noted.
    """

    def __init__(self, name: str, width: Width, metrics: Metrics) -> None:
        self.name = name
        self.width = width
        self.metrics = metrics
        self._free = anyio.Semaphore(width.running)
        self._running = self._waiting = 0

    async def enter(self, seconds: float) -> bool:
        """Wait for a place; false where too many wait already, or none became free in time."""
        try:
            self._free.acquire_nowait()
        except anyio.WouldBlock:
            if self._waiting >= self.width.waiting or not await self._wait(seconds):
                return False
        self._count(running=1)
        return True

    def leave(self) -> None:
        """Give the place to the next."""
        self._free.release()
        self._count(running=-1)

    async def _wait(self, seconds: float) -> bool:
        self._count(waiting=1)
        try:
            with anyio.move_on_after(seconds) as patience:
                await self._free.acquire()
        finally:
            self._count(waiting=-1)
        return not patience.cancelled_caught

    def _count(self, running: int = 0, waiting: int = 0) -> None:
        self._running += running
        self._waiting += waiting
        self.metrics.lane(self.name, self._running, self._waiting)


class Capacity:
    """ASGI middleware that answers 503 when there is more work than a ward makes.

    A place is free again when the answer begins: to send it to a slow client needs no thread.

    Args:
        app: the rest of the server.
        metrics: where the numbers are noted.
        widths: by kind.
        seconds: longest time to wait for a place.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        widths: Mapping[str, Width] = WIDTHS,
        seconds: float = _SECONDS_TO_WAIT,
    ) -> None:
        self.app = app
        self.seconds = seconds
        self.lanes = {name: Lane(name, width, metrics) for name, width in widths.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on when there is a place, or answer 503."""
        if scope["type"] != "http" or scope["state"]["template"] in _ALWAYS:
            await self.app(scope, receive, send)
            return
        lane = self.lanes[_kind(scope)]
        if not await lane.enter(self.seconds):
            answer = failure(503, "The server has more to do than it can; try again in a moment.", {"Retry-After": "10"})
            await answer(scope, receive, send)
            return
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                lane.leave()

        async def send_and_leave(message: Message) -> None:
            if message["type"] == "http.response.start":
                leave()
            await send(message)

        try:
            await self.app(scope, receive, send_and_leave)
        finally:
            leave()


def _kind(scope: Scope) -> str:
    if scope["method"] == "POST" and scope["state"]["template"] == "/infer/{model}":
        return "inference"
    return "upload" if scope["method"] == "PUT" else "other"
