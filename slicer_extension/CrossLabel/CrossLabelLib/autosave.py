"""Unsaved work in files, found again after a crash."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from CrossLabelLib.locks import OwnerLock, is_held

_LOCK, _DESCRIPTION, _SUFFIX = "owner.lock", "work.json", ".seg.nrrd"


@dataclass(frozen=True)
class Work:
    """Whose segmentation it is.

    Attributes:
        server: address.
        task, case: the server's names.
        checkpoint: whose proposal is corrected; empty where there was none.
        comment: that was typed.
        saved: seconds since 1970 when it was kept; 0 before.
        file: with the segmentation; empty before.
    """

    server: str
    task: str
    case: str
    checkpoint: str = ""
    comment: str = ""
    saved: float = 0.0
    file: str = ""


class Autosave:
    """Keeps the newest state of one case's segmentation; each running Slicer has a folder of its own.

    Args:
        folder: where all of them lie. Nothing is made before something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder
        self._own = folder / uuid.uuid4().hex
        self._lock: OwnerLock | None = None

    def keep(self, work: Work, write: Callable[[Path], None]) -> Work:
        """Keep a segmentation; the one before stays until the new one is whole.

        Args:
            work: whose it is.
            write: writes the segmentation to a file.

        Raises:
            OSError: the folder cannot be written.
        """
        self._open()
        # A new name each time: description and segmentation then never belong to different moments.
        file = self._own / f"{uuid.uuid4().hex}{_SUFFIX}"
        kept = replace(work, saved=time.time(), file=file.name)
        try:
            write(file)
            _write(self._own / _DESCRIPTION, kept)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        for old in self._own.glob(f"*{_SUFFIX}"):
            if old != file:
                old.unlink()
        return replace(kept, file=str(file))

    def drop(self) -> None:
        """Forget our own work: it was sent, or thrown away."""
        if self._lock is not None:
            (self._own / _DESCRIPTION).unlink(missing_ok=True)
            for old in self._own.glob(f"*{_SUFFIX}"):
                old.unlink()

    def close(self) -> None:
        """End; what is still kept is found again by the next one."""
        if self._lock is None:
            return
        self._lock.release()
        self._lock = None
        if not (self._own / _DESCRIPTION).exists():
            shutil.rmtree(self._own, ignore_errors=True)

    def set_aside(self) -> None:
        """Leave what is kept to :meth:`lost`, and begin anew."""
        self.close()
        self._own = self._root / uuid.uuid4().hex

    def lost(self) -> list[Work]:
        """Work of those that ended without sending it, the newest first; their ``file`` is a whole path."""
        found = []
        for folder in self._root.glob("*/") if self._root.is_dir() else ():
            description = folder / _DESCRIPTION
            if folder == self._own or not description.exists() or is_held(folder / _LOCK):
                continue
            with contextlib.suppress(ValueError, TypeError, OSError):
                work = Work(**json.loads(description.read_text("utf-8")))
                file = folder / Path(work.file).name
                if file.is_file():
                    found.append(replace(work, file=str(file)))
        return sorted(found, key=lambda work: -work.saved)

    def forget(self, work: Work) -> None:
        """Remove lost work for good, once it is back in the scene and kept anew, or nobody wants it."""
        folder = Path(work.file).parent
        if folder.parent == self._root and folder != self._own:
            shutil.rmtree(folder, ignore_errors=True)

    def _open(self) -> None:
        if self._lock is None:
            self._root.mkdir(parents=True, exist_ok=True)
            # Nobody else on the computer may look at patients' images.
            self._own.mkdir(mode=0o700, exist_ok=True)
            self._lock = OwnerLock(self._own / _LOCK)


def _write(path: Path, work: Work) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(asdict(work)), encoding="utf-8")
    partial.replace(path)
