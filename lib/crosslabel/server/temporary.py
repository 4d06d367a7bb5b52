"""One temporary folder for a server, gone when it ends and cleaned away when it was killed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

_PREFIX = "crosslabel-server-"
_NAME = re.compile(rf"{_PREFIX}(\d+)-")


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[Path]:
    """Everything that this process writes to a temporary place lies in a folder of its own, readable by its user alone.

    Folders of servers that were killed are removed first.
    """
    _remove_left_behind(Path(tempfile.gettempdir()))
    outside = tempfile.tempdir
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{psutil.Process().pid}-"))
    tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = outside
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left_behind(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        found = _NAME.match(folder.name)
        # A folder of our own number is that of a server before us: in a container all of them have the same.
        if found and (int(found.group(1)) == os.getpid() or not psutil.pid_exists(int(found.group(1)))):
            # Another user's folder stays: it cannot be removed.
            shutil.rmtree(folder, ignore_errors=True)
