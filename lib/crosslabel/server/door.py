"""Uploads are read and checked before they count."""

from __future__ import annotations

from pathlib import Path

from crosslabel.errors import ImageError
from crosslabel.images import describe_image, read_image
from crosslabel.images.deidentification import deidentify, identifying_tags
from crosslabel.images.naming import suffix_of
from crosslabel.server.settings import IdentityPolicy, Settings

_DICOM = (".dcm", ".dicom", ".ima", ".zip")


def check_size(path: Path, settings: Settings) -> None:
    """Refuse by its header what would not fit into memory.

    Raises:
        ImageError: too many voxels, or unreadable.
    """
    summary = describe_image(path)
    voxels = summary.channels
    for size in summary.shape:
        voxels *= size
    if voxels > settings.max_upload_voxels:
        raise ImageError(
            f"The image has {voxels / 1e6:.0f} million voxels and this server takes {settings.max_upload_voxels / 1e6:.0f} "
            "million: crop it, or lower its resolution."
        )


def admit(path: Path, settings: Settings) -> list[str]:
    """Check an image that is going to be kept, and take its patient's identity away where the server is set so.

    Returns:
        What the person who sent it should know.

    Raises:
        ImageError: unreadable, too large, or it names a patient and the server refuses that.
    """
    check_size(path, settings)
    read_image(path)
    if not _is_dicom(path):
        return []
    if settings.identities is IdentityPolicy.REMOVE:
        deidentify(path, path)
        return []
    tags = identifying_tags(path)
    if not tags:
        return []
    sentence = f"The DICOM files say who the patient is ({', '.join(tags)}): send de-identified ones."
    if settings.identities is IdentityPolicy.REFUSE:
        raise ImageError(sentence)
    return [sentence]


def _is_dicom(path: Path) -> bool:
    return path.is_dir() or suffix_of(path) in _DICOM
