"""NIfTI through nibabel: sform or qform as stored, shears kept, scaling applied, 4-D as channels."""

from __future__ import annotations

import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from crosslabel.errors import ImageError
from crosslabel.images.header import Header, checked_grid, in_picture_order, voxels_in_picture_order

_DAMAGE = (
    ImageFileError,
    HeaderDataError,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    OverflowError,
    MemoryError,
    zlib.error,
)


def read_header(path: Path) -> Header:
    """Geometry of a NIfTI file, without its voxels.

    Raises:
        ImageError: not a NIfTI file, damaged, or without usable geometry.
    """
    return in_picture_order(_stored_header(_load(path), path.name))


def read(path: Path) -> tuple[np.ndarray, Header]:
    """Voxels (channels, *spatial) as stored, or scaled by slope and intercept; and the header.

    Raises:
        ImageError: as :func:`read_header`, or truncated.
    """
    stored = _load(path)
    header = _stored_header(stored, path.name)
    try:
        array = np.asarray(stored.dataobj)
    except _DAMAGE as error:
        raise _unreadable(path.name) from error
    return voxels_in_picture_order(_channels_first(array, header), header), in_picture_order(header)


def _channels_first(array: np.ndarray, header: Header) -> np.ndarray:
    if array.dtype.names:
        array = np.stack([array[component] for component in array.dtype.names], axis=-1)
    return np.moveaxis(array.reshape(*header.grid.shape, header.channels), -1, 0)


def _load(path: Path) -> nib.Nifti1Image:
    try:
        stored = nib.load(path)
    except _DAMAGE as error:
        raise _unreadable(path.name) from error
    # nibabel opens other formats by their content, whatever the suffix says.
    if not isinstance(stored, nib.Nifti1Image):
        raise _unreadable(path.name)
    return stored


def _stored_header(stored: nib.Nifti1Image, name: str) -> Header:
    shape = stored.shape
    # A fifth axis holds a vector's components (NIfTI-1, dim[5]); axes of size 1 in between are fillers.
    further = [size for size in shape[3:] if size != 1]
    components = stored.get_data_dtype().fields
    if len(further) > 1 or (further and components):
        raise ImageError(f"'{name}' has {len(shape)} axes: give one volume, or a 4-D file whose fourth axis is channels.")
    if stored.get_data_dtype().kind == "c":
        raise ImageError(f"'{name}' holds complex numbers: save their magnitude instead.")
    channels = len(components) if components else (further[0] if further else 1)
    return Header(grid=checked_grid(shape[:3], _affine(stored), name), channels=channels)


def _affine(stored: nib.Nifti1Image) -> np.ndarray:
    if int(stored.header["sform_code"]) == 0 and int(stored.header["qform_code"]) == 0:
        # Without either form nibabel and ITK guess differently; Slicer shows the study as ITK does.
        return np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.diag([*stored.header["pixdim"][1:4].astype(float), 1.0])
    return stored.affine


def _unreadable(name: str) -> ImageError:
    return ImageError(f"'{name}' is not a readable NIfTI file (damaged, empty or another format): export it again.")
