"""An end to networks that compute for too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from crosslabel.errors import CrossLabelError


class TookTooLongError(CrossLabelError):
    """An answer was not ready in time."""

    status = 503


class Deadline:
    """The time that the work of each thread has to be done by.

    A thread cannot be killed, but a sliding window calls its network for every few patches: there the work ends itself.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Work of this thread within the context has so many seconds."""
        self._of_thread.end = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._of_thread.end

    def watch(self, network: nn.Module) -> None:
        """End calls of a network once the time is over."""
        network.register_forward_pre_hook(self._check)

    def remaining(self) -> float:
        """Seconds, not below 0; without an end, for ever."""
        end = getattr(self._of_thread, "end", None)
        return float("inf") if end is None else max(0.0, end - time.monotonic())

    def _check(self, module: nn.Module, inputs: Any) -> None:
        if self.remaining() == 0:
            raise too_long()


def too_long() -> TookTooLongError:
    """The error for a client that waited in vain."""
    return TookTooLongError("The answer was not ready in time; try again when fewer people wait, or with a smaller image.")
