"""A piece of work that reports how far it is and can be cancelled."""

from __future__ import annotations

import threading
from typing import Callable, Optional

from CrossLabelLib.client.errors import ServerError

OnProgress = Callable[[int, Optional[int]], None]


class Job:
    """Shared by whoever works in a thread and whoever waits for it.

    Args:
        on_progress: called with (done, total) by the thread that works; total is None where it is not known.
    """

    def __init__(self, on_progress: OnProgress | None = None) -> None:
        self._cancelled = threading.Event()
        self._on_progress = on_progress

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the work to end; whatever it still answers is dropped."""
        self._cancelled.set()

    def check(self) -> None:
        """Raises ServerError of kind ``cancelled`` once somebody cancelled."""
        if self.cancelled:
            raise ServerError("Cancelled.", "cancelled")

    def report(self, done: int, total: int | None = None) -> None:
        if self._on_progress is not None and not self.cancelled:
            self._on_progress(done, total)

    def sleep(self, seconds: float) -> None:
        """Wait; raises ServerError of kind ``cancelled`` at once when somebody cancels."""
        self._cancelled.wait(seconds)
        self.check()
