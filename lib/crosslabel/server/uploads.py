"""Uploaded files, for as long as a request lasts."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import UploadFile

from crosslabel.errors import CrossLabelError, ImageError
from crosslabel.server import strict_json

TAG_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
DEVICE_PATTERN = r"^(auto|cpu|mps|cuda(:\d{1,2})?)$"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 _.+=@,()-]{0,199}")


@contextmanager
def received(upload: UploadFile, suffixes: Sequence[str]) -> Iterator[Path]:
    """Yield the path of an uploaded file under a name of our own; file and folder are gone afterwards.

    Args:
        upload: from a multipart request.
        suffixes: what its name may end in.

    Raises:
        ImageError: it ends in something else.
    """
    given = (upload.filename or "").lower()
    suffix = next((suffix for suffix in sorted(suffixes, key=len, reverse=True) if given.endswith(suffix)), None)
    if suffix is None:
        raise ImageError(f"The uploaded file must end in {', '.join(suffixes)}.")
    with tempfile.TemporaryDirectory(prefix="crosslabel-upload-") as folder:
        path = Path(folder, f"upload{suffix}")
        with path.open("wb") as file:
            shutil.copyfileobj(upload.file, file)
        yield path


@contextmanager
def received_slices(uploads: Sequence[UploadFile]) -> Iterator[Path]:
    """Yield a folder of the uploaded files under numbers for names, to be read as a DICOM series."""
    with tempfile.TemporaryDirectory(prefix="crosslabel-upload-") as folder:
        path = Path(folder, "upload")
        path.mkdir()
        for number, upload in enumerate(uploads):
            with (path / f"{number:06d}.dcm").open("wb") as file:
                shutil.copyfileobj(upload.file, file)
        yield path


def plain_name(name: str, what: str) -> str:
    """A name that can become a file name anywhere.

    Raises:
        CrossLabelError: it holds separators, starts with a dot, is empty or very long.
    """
    if not _PLAIN_NAME.fullmatch(name):
        raise CrossLabelError(
            f"The {what} holds letters, digits, spaces and _.+=@,()- only, and starts with a letter or digit."
        )
    return name


def json_object(text: str | None, field: str) -> dict[str, Any]:
    """The JSON object in a form field; an empty field is an empty object.

    Raises:
        CrossLabelError: it is not a JSON object.
    """
    content = strict_json.parse(text, f"The field '{field}'") if text else {}
    if not isinstance(content, dict):
        raise CrossLabelError(f'The field \'{field}\' has to be a JSON object such as {{"modality": "MR"}}.')
    return content
