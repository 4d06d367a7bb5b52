"""Files on their way into the store, and what is left of those whose process died."""

from __future__ import annotations

import contextlib
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, select

from crosslabel.files import copy_synced, make_folders, rename_synced
from crosslabel.store import schema
from crosslabel.store.database import Database
from crosslabel.store.errors import StoreError, in_sentences
from crosslabel.store.folders import Folders

_LOCK = "lock"
_INTENT = ".goes-to"


class StagedFile:
    """A synced copy of a file; it counts once the transaction that named its place is committed.

    Attributes:
        path: the copy, under a name that nobody looks at.
        sha256: of its bytes.
    """

    def __init__(self, path: Path, sha256: str, folders: Folders) -> None:
        self.path = path
        self.sha256 = sha256
        self._folders = folders

    @property
    def intent(self) -> Path:
        """Names the place while it is not known whether the database came to know it."""
        return self.path.with_name(self.path.name + _INTENT)

    def move_to(self, place: Path) -> None:
        """Take the place; to be called within a writing transaction that names it to the database.

        A file that lies there was left by a killed process, for versions that the database knows have other names.
        """
        self.intent.write_text(self._folders.relative(place), encoding="utf-8")
        rename_synced(self.path, place)


class Staging:
    """A folder of this process for files that are not yet where they belong.

    The folder is locked while its process lives, however that ends; one without an owner was left by a killed process,
    and holds all that there is to clean away: copies, and the places of files that may have missed the database.
    """

    def __init__(self, folders: Folders, database: Database) -> None:
        self._folders = folders
        self._database = database
        self._mine: Path | None = None
        self._lock: FileLock | None = None
        self._guard = threading.Lock()

    def new_path(self) -> Path:
        """A path for one new file or folder."""
        with self._guard:
            if self._mine is None:
                self._mine = self._locked_folder()
            return self._mine / uuid.uuid4().hex

    @contextmanager
    def copy_of(self, source: Path) -> Iterator[StagedFile]:
        """Within this context a synced copy exists; afterwards it has its place in the database, or is gone.

        Raises:
            StoreError: the copy cannot be written.
        """
        path = self.new_path()
        with in_sentences():
            try:
                staged = StagedFile(path, copy_synced(source, path), self._folders)
                yield staged
                staged.intent.unlink(missing_ok=True)
            except BaseException:
                # A database that cannot be asked leaves the question to the next start.
                with contextlib.suppress(StoreError):
                    self._settle(path.with_name(path.name + _INTENT))
                raise
            finally:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder: nothing is left to be cleaned."""
        with self._guard:
            if self._mine is not None and self._lock is not None:
                shutil.rmtree(self._mine, ignore_errors=True)
                self._lock.release()
                self._mine = self._lock = None

    def clean(self) -> int:
        """Remove what killed processes left behind; gives the number of those processes."""
        if not self._folders.staging.is_dir():
            return 0
        # Folders are made under the same lock, so none is met before its owner has locked it.
        with self._database.writing() as connection:
            left = [folder for folder in self._folders.staging.iterdir() if folder != self._mine and _without_owner(folder)]
            for folder in left:
                for intent in folder.glob(f"*{_INTENT}"):
                    self._remove_unless_known(intent, connection)
                shutil.rmtree(folder)
        return len(left)

    def _settle(self, intent: Path) -> None:
        if intent.exists():
            with self._database.writing() as connection:
                self._remove_unless_known(intent, connection)
            intent.unlink()

    def _remove_unless_known(self, intent: Path, connection: Connection) -> None:
        relative = intent.read_text(encoding="utf-8")
        known = connection.scalar(select(schema.labels.c.id).where(schema.labels.c.path == relative).limit(1))
        # Empty where the process was killed while it wrote the intent, and so before it moved anything.
        if relative and known is None:
            self._folders.absolute(relative).unlink(missing_ok=True)

    def _locked_folder(self) -> Path:
        folder = self._folders.staging / uuid.uuid4().hex
        with self._database.writing():
            make_folders(folder)
            self._lock = FileLock(folder / _LOCK, thread_local=False)
            self._lock.acquire(timeout=0)
        return folder


def _without_owner(folder: Path) -> bool:
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True
