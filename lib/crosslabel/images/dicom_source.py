"""Where DICOM files lie: a single file, a folder, or a zip that is never unpacked by the names inside it."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from crosslabel.errors import ImageError

MAX_MEMBERS = 20_000
MAX_UNPACKED_BYTES = 8 * 2**30
_ENCRYPTED_FLAG = 0x1


class DicomSource(Protocol):
    """Files that may be DICOM, told apart by their number."""

    def __len__(self) -> int: ...

    def open(self, index: int) -> BinaryIO:
        """A stream of one file."""

    def on_disk(self, indices: Sequence[int]) -> AbstractContextManager[list[Path]]:
        """Within this context these files lie on disk; gives their paths in the same order."""


class FolderSource:
    """The visible files of a folder and the folders in it, or a single file."""

    def __init__(self, path: Path) -> None:
        self._files = [path] if path.is_file() else sorted(_visible_files(path))

    def __len__(self) -> int:
        return len(self._files)

    def open(self, index: int) -> BinaryIO:
        return self._files[index].open("rb")

    @contextmanager
    def on_disk(self, indices: Sequence[int]) -> Iterator[list[Path]]:
        yield [self._files[index] for index in indices]


class ZipSource:
    """The files in a zip.

    Files reach the disk under numbers, in a temporary folder that goes with the context, so that no name in
    the archive can lead outside it. ``zipfile`` never reads more of a member than the size declared for it,
    so the sum of these bounds what is unpacked.

    Raises:
        ImageError: not a zip, locked with a password, or more files or bytes than a series may have.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive = archive
        self._members = [member for member in archive.infolist() if _is_visible_member(member)]
        if any(member.flag_bits & _ENCRYPTED_FLAG for member in self._members):
            raise ImageError(f"'{name}' is locked with a password: give a zip without one.")
        size = sum(member.file_size for member in self._members)
        if len(self._members) > MAX_MEMBERS or size > MAX_UNPACKED_BYTES:
            raise ImageError(
                f"'{name}' would unpack to {len(self._members)} files and {size / 2**30:.1f} GiB: "
                f"give one series, at most {MAX_MEMBERS} files and {MAX_UNPACKED_BYTES / 2**30:.0f} GiB."
            )

    def __len__(self) -> int:
        return len(self._members)

    def open(self, index: int) -> BinaryIO:
        return self._archive.open(self._members[index])

    @contextmanager
    def on_disk(self, indices: Sequence[int]) -> Iterator[list[Path]]:
        with tempfile.TemporaryDirectory(prefix="crosslabel-") as folder:
            files = []
            for index in indices:
                files.append(Path(folder) / f"{index:06d}.dcm")
                with self.open(index) as packed, files[-1].open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
            yield files


@contextmanager
def opened_source(path: Path) -> Iterator[DicomSource]:
    """The files of a path: a zip by its suffix, else a folder or a single file.

    Raises:
        ImageError: as :class:`ZipSource`, or a zip that is damaged.
    """
    if path.suffix.lower() != ".zip" or path.is_dir():
        yield FolderSource(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield ZipSource(archive, path.name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise ImageError(f"'{path.name}' is not a readable zip (damaged, empty or another format): pack it again.") from error


def _visible_files(folder: Path) -> Iterator[Path]:
    # os.walk does not follow links to folders, which may form a loop.
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent) / name for name in files if not name.startswith("."))


def _is_visible_member(member: zipfile.ZipInfo) -> bool:
    parts = member.filename.split("/")
    hidden = any(part.startswith(".") and part.strip(".") for part in parts)
    return not (member.is_dir() or hidden or parts[0] == "__MACOSX")
