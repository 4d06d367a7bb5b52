"""Which files and folders in the studies folder are images."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from crosslabel.errors import NotFoundError
from crosslabel.images import image_id_of, is_image_path
from crosslabel.images.naming import starts_as_dicom, suffix_of
from crosslabel.store.folders import LABELS, Folders

SERIES, FILE = "series", "file"
# Beside images these are common and never images; opening each to see would double the time of a scan.
_NEVER_IMAGES = (".json", ".csv", ".tsv", ".txt", ".md", ".yaml", ".yml", ".raw", ".bval", ".bvec")
_INDEX_OF_A_DISC = "DICOMDIR"
_FILES_TRIED = 8


@dataclass(frozen=True)
class Found:
    """A file or series that may be an image.

    Attributes:
        path: relative to the studies folder, with ``/``.
        kind: ``FILE`` or ``SERIES``.
        size: bytes of all its files and its sidecar.
        mtime_ns: of the newest of them.
    """

    path: str
    kind: str
    size: int
    mtime_ns: int


@dataclass
class Walk:
    """A walk through the studies folder.

    Attributes:
        skipped: what was left out and why, by path.
        unread: folders that could not be listed; what lies below them is neither found nor gone.
    """

    folders: Folders
    known: frozenset[str] = frozenset()
    skipped: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Found]:
        """All images, folder by folder in the order of their names.

        Raises:
            OSError: the studies folder itself cannot be listed.
        """
        os.scandir(self.folders.studies).close()
        yield from self._below(self.folders.studies)

    def _below(self, folder: Path) -> Iterator[Found]:
        entries = self._entries(folder)
        is_series = folder != self.folders.studies and self._holds_series(folder, entries)
        if is_series:
            yield _series(self.folders, folder)
        files = {entry.name: entry for entry in entries if not entry.is_dir()}
        for name in sorted(files):
            path = folder / name
            if self._is_candidate(path) and not (is_series and _may_be_slice(path)):
                found = self._file(path, files)
                if found is not None:
                    yield found
        for entry in entries:
            if entry.is_dir() and not (folder == self.folders.studies and entry.name == LABELS):
                yield from self._below(folder / entry.name)

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """What may be looked at: nothing hidden, no unspeakable names, no links to folders or out of the studies."""
        kept = []
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            self.unread.append(self.folders.relative(folder))
            self._skip(folder, f"cannot be listed ({error.strerror})")
            return []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = folder / entry.name
            if not _speakable(entry.name):
                self._skip(path, "its name is not valid text; rename it")
            elif entry.is_symlink() and entry.is_dir():
                self._skip(path, "is a link to a folder; mount it or copy it instead")
            elif entry.is_symlink() and not (self.folders.holds(path) and path.exists()):
                self._skip(path, "is a link that leads nowhere or out of the studies folder; copy the file instead")
            else:
                kept.append(entry)
        return kept

    def _skip(self, path: Path, reason: str) -> None:
        self.skipped[self.folders.relative(path).encode("utf-8", "backslashreplace").decode()] = reason

    def _holds_series(self, folder: Path, entries: list[os.DirEntry[str]]) -> bool:
        files = [folder / e.name for e in entries if not e.is_dir() and _may_be_slice(Path(e.name))]
        if self.folders.relative(folder) in self.known:
            return bool(files)
        return any(starts_as_dicom(path) for path in files[:_FILES_TRIED])

    def _is_candidate(self, path: Path) -> bool:
        if path.suffix.lower() in _NEVER_IMAGES or path.name == _INDEX_OF_A_DISC:
            return False
        return self.folders.relative(path) in self.known or is_image_path(path)

    def _file(self, path: Path, siblings: dict[str, os.DirEntry[str]]) -> Found | None:
        sidecar = siblings.get(f"{image_id_of(path)}.json")
        return _found(self.folders, path, [entry.stat for entry in (siblings[path.name], sidecar) if entry is not None])


def found_at(folders: Folders, path: Path) -> Found:
    """What a walk would find at the path of an image that has just been put there.

    Raises:
        NotFoundError: nothing lies there.
    """
    if path.is_dir():
        return _series(folders, path)
    sidecar = path.with_name(f"{image_id_of(path)}.json")
    found = _found(folders, path, [path.stat, *([sidecar.stat] if sidecar.is_file() else [])])
    if found is None:
        raise NotFoundError(f"The file '{path.name}' was removed meanwhile; add it again.")
    return found


def _found(folders: Folders, path: Path, stats: Iterable[Callable[[], os.stat_result]]) -> Found | None:
    """None where a file was removed under way."""
    try:
        results = [stat() for stat in stats]
    except FileNotFoundError:
        return None
    size, mtime = sum(result.st_size for result in results), max(result.st_mtime_ns for result in results)
    return Found(folders.relative(path), FILE, size, mtime)


def _series(folders: Folders, folder: Path) -> Found:
    size = mtime = 0
    # The reader takes the files of the folders in it for slices, too.
    for parent, below, files in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                stat = os.stat(os.path.join(parent, name))  # noqa: PTH116, PTH118 - a series has hundreds of slices
                size, mtime = size + stat.st_size, max(mtime, stat.st_mtime_ns)
    return Found(folders.relative(folder), SERIES, size, mtime)


def _may_be_slice(path: Path) -> bool:
    if path.name == _INDEX_OF_A_DISC or path.suffix.lower() in _NEVER_IMAGES:
        return False
    return suffix_of(path) in ("", ".dcm", ".dicom", ".ima")


def _speakable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
