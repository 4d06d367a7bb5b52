"""What file names say: suffixes, the id of a study, and which paths are studies at all."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

PICTURE_SUFFIXES = (".png", ".jpeg", ".jpg")
# The longest come first, so that ".nii.gz" is found before a plain suffix.
IMAGE_SUFFIXES = (
    ".nii.gz",
    ".nii",
    ".nrrd",
    ".mha",
    ".mhd",
    ".dcm",
    ".dicom",
    ".ima",
    ".zip",
    *PICTURE_SUFFIXES,
)
# What Slicer calls a saved segmentation.
_SEGMENTATION_SUFFIX = ".seg.nrrd"
_PREAMBLE_BYTES = 128
_FILES_TRIED_PER_FOLDER = 8


def suffix_of(path: Path | str) -> str:
    """The lower-case image suffix of a path, ``.nii.gz`` as one; empty where it has none that is known."""
    name = Path(path).name.lower()
    return next((suffix for suffix in IMAGE_SUFFIXES if name.endswith(suffix)), "")


def image_id_of(path: Path | str) -> str:
    """The name of a study without its image suffix: ``a.nii.gz`` is ``a``; folders keep their name."""
    name = Path(path).name
    return name[: len(name) - len(suffix_of(name))]


def is_image_path(path: Path | str) -> bool:
    """Whether a path is a study: an image file, or a folder that directly holds a DICOM file.

    Hidden files, the ``._x`` companions that macOS leaves, sidecars and Slicer's segmentations are not. A
    file without a known suffix counts where its content is DICOM.
    """
    path = Path(path)
    name = path.name.lower()
    if name.startswith(".") or name.endswith(_SEGMENTATION_SUFFIX):
        return False
    if path.is_dir():
        files = (child for child in path.iterdir() if not child.name.startswith(".") and child.is_file())
        return any(starts_as_dicom(child) for child in islice(files, _FILES_TRIED_PER_FOLDER))
    if suffix_of(name):
        return path.is_file()
    return path.is_file() and starts_as_dicom(path)


def starts_as_dicom(path: Path) -> bool:
    """Whether a file has DICOM's mark behind the preamble of 128 bytes (DICOM PS3.10, 7.1)."""
    try:
        with path.open("rb") as stream:
            return stream.read(_PREAMBLE_BYTES + 4)[_PREAMBLE_BYTES:] == b"DICM"
    except OSError:
        return False
