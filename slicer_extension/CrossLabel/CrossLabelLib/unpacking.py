"""Files of the server made ready in the background, so that the main thread only has to read voxels."""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from pathlib import Path

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.job import Job

_CHUNK = 4 * 2**20
_MOST_FILES = 20_000


def unpack(path: Path, job: Job) -> Path:
    """The image of a downloaded file; what is packed is unpacked beside it and removed.

    Args:
        path: a ``.nii.gz`` becomes a ``.nii``, a zip with a DICOM series a folder, anything else stays.
        job: cancels it.

    Raises:
        ServerError: the file is damaged.
    """
    name = path.name.lower()
    try:
        if name.endswith(".nii.gz"):
            return _gunzip(path, path.with_suffix(""), job)
        if name.endswith(".zip"):
            return _unzip(path, path.with_suffix(""), job)
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise ServerError(f"The server's file {path.name} is damaged: {error}; ask its administrator.", "bad answer") from error
    return path


def remove(path: Path) -> None:
    """Remove what :func:`unpack` returned."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _gunzip(path: Path, target: Path, job: Job) -> Path:
    with gzip.open(path, "rb") as source, target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            job.check()
            file.write(chunk)
    path.unlink()
    return target


def _unzip(path: Path, folder: Path, job: Job) -> Path:
    with zipfile.ZipFile(path) as archive:
        files = sorted((entry for entry in archive.infolist() if not entry.is_dir()), key=lambda entry: entry.filename)
        if not 0 < len(files) <= _MOST_FILES:
            raise ServerError(f"The series {path.name} holds {len(files)} files; ask the server's administrator.", "bad answer")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        # By number: names in an archive may point anywhere.
        for number, entry in enumerate(files):
            job.check()
            with archive.open(entry) as source, (folder / f"{number:06d}.dcm").open("wb") as file:
                shutil.copyfileobj(source, file)
    path.unlink()
    return folder
