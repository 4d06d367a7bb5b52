"""What goes on in the background beside the requests: the index follows the folder, and the stock layout the store."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from crosslabel.errors import CrossLabelError
from crosslabel.store import Store
from crosslabel.store.stock_export import export_stock_layout
from crosslabel.store.stock_import import import_stock_layout
from crosslabel.tasks import TaskSpec

logger = logging.getLogger(__name__)

_TICK = 0.25
_SCAN_EVERY = 5.0
_EXPORT_AFTER = 1.0
# Scans and exports of large folders take at most this part of the time.
_SHARE = 0.05


class Upkeep:
    """Scans the folder, imports what MONAI Label left there, and writes the final labels in its layout after changes.

    Args:
        store: of the studies.
        tasks: the served tasks by name.
        follow: look again and again for files that were added, changed or removed.
        export: write MONAI Label's layout.
    """

    def __init__(self, store: Store, tasks: Mapping[str, TaskSpec], *, follow: bool, export: bool) -> None:
        self._store = store
        self._tasks = tasks
        self._follow = follow
        self._export = export
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._scanned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self.progress = (0, 0)

    @property
    def scanning(self) -> bool:
        """Whether the first scan still goes on, so that images may be missing."""
        return self._thread.is_alive() and not self._scanned.is_set()

    def start(self, patience: float) -> None:
        """Begin; waits at most ``patience`` seconds for the first scan, so that a small folder is complete at once."""
        self._thread.start()
        self._scanned.wait(patience)

    def changed(self) -> None:
        """Note that labels or images are other than those that were exported."""
        self._changed.set()

    def close(self) -> None:
        """End, and write what has changed."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._changed.is_set():
            self._write()

    def _run(self) -> None:
        last = _timed(self._scan)
        _timed(self._import)
        self._scanned.set()
        self._changed.set()
        next_scan, next_export = _after(last, _SCAN_EVERY), 0.0
        while not self._closing.wait(_TICK):
            if self._follow and time.monotonic() >= next_scan:
                next_scan = _after(_timed(self._scan), _SCAN_EVERY)
            if self._changed.is_set() and time.monotonic() >= next_export:
                next_export = _after(_timed(self._write), _EXPORT_AFTER)

    def _scan(self) -> None:
        report = self._store.scan(self._note, self._closing.is_set)
        if report.added or report.changed or report.missing:
            self._changed.set()

    def _note(self, done: int, total: int) -> None:
        self.progress = (done, total)

    def _import(self) -> None:
        for name, reason in import_stock_layout(self._store, self._tasks).left.items():
            logger.warning("The label %s was not imported: %s", name, reason)

    def _write(self) -> None:
        # Before the export: what changes while it is written is exported next time.
        self._changed.clear()
        try:
            if self._export:
                export_stock_layout(self._store)
        except Exception:
            self._changed.set()
            raise


def _timed(work: Callable[[], None]) -> float:
    """Seconds that it took; what the disk or a broken folder refuses is tried again later."""
    start = time.monotonic()
    try:
        work()
    except (CrossLabelError, OSError) as error:
        logger.warning("%s", error)
    except Exception:
        # Whatever is odd in the folder, scanning and exporting go on.
        logger.exception("Looking after the studies")
    return time.monotonic() - start


def _after(seconds: float, least: float) -> float:
    return time.monotonic() + max(least, seconds / _SHARE)
