"""One archive that holds all that the store knows, checked when it is written and before it is restored."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from crosslabel.errors import NotFoundError
from crosslabel.files import rename_synced, replacing, sha256_of
from crosslabel.store.errors import ConflictError, StoreError, in_sentences
from crosslabel.store.folders import LABELS, Folders
from crosslabel.store.store import DATABASE_FILE, Store

_FORMAT = "crosslabel backup 1"
_MANIFEST = "manifest.json"
_AUDIT = "audit"
_CHUNK = 2**20


def backup(store: Store, archive: Path) -> None:
    """Write database, labels and audit log into a zip, while the store is in use; it appears when it is checked.

    Images and checkpoints are not part of it: they change little, are large, and are files to be copied.

    Raises:
        StoreError: the database is on PostgreSQL, or a label file is damaged or gone.
        DiskFullError: there is no space for the archive.
    """
    file = store.database.sqlite_file
    if file is None:
        raise StoreError("The database is on PostgreSQL: back it up with pg_dump, and copy the folder 'labels' after it.")
    with in_sentences(), tempfile.TemporaryDirectory(dir=store.folders.own) as folder, replacing(archive) as temporary:
        # The database first: every label that this copy names is on the disk, for label files never change.
        copy = Path(folder) / DATABASE_FILE
        _copy_database(file, copy)
        audit = Path(folder) / _AUDIT
        # Likewise: lines are added to today's file by every request.
        shutil.copytree(store.folders.audit, audit) if store.folders.audit.is_dir() else audit.mkdir()
        members = dict(_members(store.folders, copy, audit))
        manifest = {"format": _FORMAT, "files": {name: sha256_of(path) for name, path in members.items()}}
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as packed:
            for name, path in members.items():
                packed.write(path, name)
            packed.writestr(_MANIFEST, json.dumps(manifest, indent=2))
        check_backup(temporary)


def check_backup(archive: Path) -> None:
    """Read an archive through.

    Raises:
        NotFoundError: there is no such file.
        StoreError: it is damaged, incomplete, or no backup.
    """
    with in_sentences(), tempfile.TemporaryDirectory() as folder, _opened(archive) as packed:
        _extract_checked(packed, Path(folder), keep_all=False)


def restore(archive: Path, studies: Path) -> int:
    """Put a backup into a studies folder that has no store yet; gives the number of files restored.

    Everything is unpacked and checked before the first file is put in its place, and the database comes last.

    Raises:
        NotFoundError: archive or folder do not exist.
        ConflictError: the folder has a store, or another label where one would go.
        StoreError: the archive is damaged, incomplete, or no backup.
    """
    if not studies.is_dir():
        raise NotFoundError(f"The studies folder '{studies}' does not exist; make it or check its name.")
    folders = Folders(studies.resolve())
    database = folders.own / DATABASE_FILE
    if database.exists():
        raise ConflictError("This studies folder has a store already; move its folder '.crosslabel' away to restore over it.")
    with in_sentences():
        folders.make_own()
        with tempfile.TemporaryDirectory(dir=folders.own) as unpacked, _opened(archive) as packed:
            names = _extract_checked(packed, Path(unpacked), keep_all=True)
            places = {name: _place(folders, name) for name in names}
            _refuse_other_content(Path(unpacked), places)
            # A log without its database would be replayed into the restored one.
            for rest in folders.own.glob(f"{DATABASE_FILE}-*"):
                rest.unlink()
            for name, place in sorted(places.items(), key=lambda item: item[1] == database):
                rename_synced(Path(unpacked) / name, place)
    return len(places)


def _copy_database(file: Path, copy: Path) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def _members(folders: Folders, database: Path, audit: Path) -> Iterator[tuple[str, Path]]:
    yield DATABASE_FILE, database
    for relative in _label_paths(database):
        yield relative, folders.absolute(relative)
    for path in sorted(audit.glob("*.jsonl")):
        yield f"{_AUDIT}/{path.name}", path


def _label_paths(database: Path) -> Mapping[str, str]:
    """SHA-256 of the label files that a copy of the database names, by path."""
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT path, sha256 FROM labels WHERE path IS NOT NULL ORDER BY path"))


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    if not archive.is_file():
        raise NotFoundError(f"The backup '{archive}' does not exist; check its name.")
    try:
        with zipfile.ZipFile(archive) as packed:
            yield packed
    except (zipfile.BadZipFile, EOFError, KeyError) as error:
        raise _damaged() from error


def _extract_checked(packed: zipfile.ZipFile, folder: Path, *, keep_all: bool) -> list[str]:
    """Read what the manifest names, and nothing else; into ``folder``, where only the database is kept if not all is."""
    expected = _manifest(packed)
    for name, sha256 in expected.items():
        target = folder / name if keep_all or name == DATABASE_FILE else folder / "read"
        target.parent.mkdir(parents=True, exist_ok=True)
        if _unpack(packed, name, target) != sha256:
            raise _damaged()
    database = folder / DATABASE_FILE
    with closing(sqlite3.connect(database)) as connection:
        healthy = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    if not healthy or any(expected.get(path) != sha256 for path, sha256 in _label_paths(database).items()):
        raise _damaged()
    return list(expected)


def _manifest(packed: zipfile.ZipFile) -> dict[str, str]:
    try:
        manifest: Any = json.loads(packed.read(_MANIFEST))
        files = manifest["files"] if manifest["format"] == _FORMAT else {}
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError("This zip is no backup of CrossLabel; give one that 'crosslabel backup' wrote.") from error
    if DATABASE_FILE not in files or not all(_is_expected(name) for name in files):
        raise StoreError("This zip is no backup of CrossLabel; give one that 'crosslabel backup' wrote.")
    return files


def _is_expected(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if name == DATABASE_FILE:
        return True
    return len(parts) > 1 and parts[0] in (LABELS, _AUDIT) and not any(part in ("..", "/") or "\\" in part for part in parts)


def _unpack(packed: zipfile.ZipFile, name: str, target: Path) -> str:
    digest = hashlib.sha256()
    with packed.open(name) as reading, target.open("wb") as writing:
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest()


def _place(folders: Folders, name: str) -> Path:
    return folders.own / name if name == DATABASE_FILE or name.startswith(f"{_AUDIT}/") else folders.absolute(name)


def _refuse_other_content(unpacked: Path, places: Mapping[str, Path]) -> None:
    for name, place in places.items():
        if place.exists() and sha256_of(place) != sha256_of(unpacked / name):
            raise ConflictError(f"'{place.name}' lies in the folder with other content; move 'labels' and '.crosslabel' away.")


def _damaged() -> StoreError:
    return StoreError("The backup is damaged or incomplete; use an older one.")
