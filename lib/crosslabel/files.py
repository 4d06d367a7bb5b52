"""Files that are whole, and on the disk, when a function returns: for readers beside us and after a loss of power."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

_CHUNK = 2**20
_UNFINISHED = ".tmp-"
_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def replacing(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (same suffixes); on success it takes the place of ``path``, else it is removed.

    The temporary file is synced before it is renamed, so the new content is on disk before the old is given up. It is
    never open to more users than ``mode`` allows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_UNFINISHED, suffix=_suffixes(path), dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Remove what :func:`replacing` left of a file, beside it, in processes that were killed; nobody may be writing it."""
    # Eight characters, as tempfile draws them; the folder may be a person's, with files of others in it.
    for left in path.parent.glob(f"{_UNFINISHED}{'?' * 8}{_suffixes(path)}"):
        if left.is_file():
            left.unlink(missing_ok=True)


def _suffixes(path: Path) -> str:
    return "".join(path.suffixes[-2:])


def write_json(path: Path, content: Any, mode: int = 0o644) -> None:
    """Write JSON (UTF-8, indented) through :func:`replacing`."""
    with replacing(path, mode) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def copy_synced(source: Path, target: Path) -> str:
    """Copy a file to a name that is not taken, sync it, and give the SHA-256 of its bytes."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("xb") as writing:
        for chunk in _chunks(reading):
            digest.update(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as reading:
        for chunk in _chunks(reading):
            digest.update(chunk)
    return digest.hexdigest()


def content_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of all files of a folder and those below it."""
    if not path.is_dir():
        return sha256_of(path)
    files = sorted((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
    told = "".join(f"{name}\0{sha256_of(file)}\n" for name, file in files)
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()


def is_full_disk(error: BaseException) -> bool:
    """Also as PyTorch's writer of files says it, which hides the number of the error behind the failure that followed."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, OSError) and chain.errno in _DISK_IS_FULL:
            return True
        chain = chain.__context__
    return False


def make_folders(folder: Path) -> None:
    """Make a folder and those above it; each that is new is synced into its parent."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def rename_synced(source: Path, target: Path) -> None:
    """Move a synced file or folder into its place; the new name survives a loss of power."""
    make_folders(target.parent)
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Write a folder's list of names to the disk; Windows cannot, and keeps it by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _chunks(reading: BinaryIO) -> Iterator[bytes]:
    while chunk := reading.read(_CHUNK):
        yield chunk
