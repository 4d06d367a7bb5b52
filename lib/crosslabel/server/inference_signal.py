"""An inference is waited for by a person and a training is not: the one tells the other, between processes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_FILE = "inference.running"
# No inference is let run longer.
_STALE_SECONDS = 600.0


class InferenceSignal:
    """Raised while any image is inferred.

    Args:
        folder: that server and trainers share.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self._lock = threading.Lock()
        self._running = 0

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        """Hold trainers at their next step until the context ends."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def forget(self) -> None:
        """Lower what a server that was killed in the middle of an inference left raised; for the start of a server."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)

    def is_raised(self) -> bool:
        """Whether an inference runs now, in whichever process."""
        try:
            return time.time() - self._file.stat().st_mtime < _STALE_SECONDS
        except OSError:
            return False

    def _count(self, change: int) -> None:
        with self._lock:
            self._running += change
            # A signal that cannot be given, on a full disk for instance, costs speed and nothing else.
            with contextlib.suppress(OSError):
                if self._running == 0:
                    self._file.unlink(missing_ok=True)
                elif self._running == change:
                    self._file.parent.mkdir(parents=True, exist_ok=True)
                    self._file.touch()
