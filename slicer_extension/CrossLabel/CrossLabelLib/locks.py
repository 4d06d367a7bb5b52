"""A file that says whether the process that holds it still runs, on every system."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class OwnerLock:
    """Held until :meth:`release` or the end of the process, also one by a crash.

    Args:
        path: of the file, which is made.

    Raises:
        BlockingIOError, PermissionError: another process, or this one, holds it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        try:
            _lock(self._file.fileno())
        except OSError:
            self._file.close()
            raise

    def release(self) -> None:
        self._file.close()


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock."""
    try:
        OwnerLock(path).release()
    except OSError:
        return True
    return False
