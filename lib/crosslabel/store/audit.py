"""An append-only log of who saw and changed what, one JSON line each."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from crosslabel.files import make_folders, sync_folder
from crosslabel.store.errors import DiskFullError, in_sentences


class AuditLog:
    """One file for each day, ``YYYY-MM-DD.jsonl`` (UTC), to which several processes append.

    It holds ids of images, which are their file names, and nothing that an image's header says of a person.

    Args:
        folder: of the files; made with the first entry, for its owner only.
        clock: gives the time.
        sync: every entry is on the disk before :meth:`write` returns; a process that is killed loses none either way.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime], sync: bool = True) -> None:
        self.folder = folder
        self._clock = clock
        self._sync = sync

    def write(
        self,
        who: str,
        what: str,
        *,
        task: str = "",
        image_id: str = "",
        request_id: str = "",
        **details: Any,
    ) -> None:
        """Append one entry.

        Args:
            who: the user, or the part of the server that acted by itself.
            what: a verb and its object, such as ``read image``.
            task: name of the task concerned.
            image_id: image concerned.
            request_id: ties the entries of one request together.
            details: further JSON values.

        Raises:
            DiskFullError: there is no space; what is to be logged must then not happen.
        """
        now = self._clock()
        named = {"who": who, "what": what, "task": task, "image": image_id, "request": request_id, **details}
        entry = {"when": now.isoformat(), **{key: value for key, value in named.items() if value != ""}}
        line = (json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
        with in_sentences():
            self._append(self.folder / f"{now.date().isoformat()}.jsonl", line)

    def entries(self, day: date | None = None) -> Iterator[Mapping[str, Any]]:
        """All entries, or those of one day, in the order in which they were written."""
        files = sorted(self.folder.glob("*.jsonl")) if day is None else [self.folder / f"{day.isoformat()}.jsonl"]
        for file in files:
            if file.is_file():
                for line in file.read_bytes().splitlines():
                    entry = _entry(line)
                    if entry is not None:
                        yield entry

    def _append(self, file: Path, line: bytes) -> None:
        new = not file.exists()
        make_folders(self.folder)
        # One write to a file opened for appending never mixes with another process's.
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.write(handle, line) < len(line):
                # The next entry must not continue the torn one.
                os.write(handle, b"\n")
                raise DiskFullError("The disk is full, so the audit log cannot be kept; free some space and try again.")
            if self._sync:
                os.fsync(handle)
        finally:
            os.close(handle)
        if new and self._sync:
            sync_folder(self.folder)


def _entry(line: bytes) -> Mapping[str, Any] | None:
    """None for a line that was torn by a full disk or a loss of power."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
