"""What every reader tells of a file before its voxels are read, and the checks that all formats share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from crosslabel.errors import ImageError
from crosslabel.images.grid import Grid

# 8 GiB as float32: four times a whole-body CT of 512 x 512 x 2,000.
MAX_VOXELS = 2**31
_SMALLEST_SPACING_MM = 1e-6
_SMALLEST_DETERMINANT = 1e-4


@dataclass(frozen=True)
class Header:
    """Geometry and acquisition of a stored image.

    Args:
        grid: of the array as the reader gives it.
        channels: number of channels.
        tags: DICOM keywords and their text, as far as the file holds any; never anything that names a person.
    """

    grid: Grid
    channels: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)


def checked_grid(shape: tuple[int, ...], affine: np.ndarray, name: str) -> Grid:
    """A grid with voxels along each axis and an affine that can be inverted.

    Raises:
        ImageError: an axis without voxels, an unreasonable size, or a degenerate affine; says so of the file
            ``name``.
    """
    if len(shape) not in (2, 3):
        raise ImageError(f"'{name}' has {len(shape)} spatial axes: give a 2-D image or a 3-D volume.")
    if min(shape) < 1:
        size = " x ".join(map(str, shape))
        raise ImageError(f"'{name}' holds no voxels (its size is {size}): export it again.")
    if np.prod(shape, dtype=np.float64) > MAX_VOXELS:
        size = " x ".join(map(str, shape))
        raise ImageError(f"'{name}' claims {size} voxels, more than can be read: crop or downsample it.")
    return Grid(shape, _checked_affine(np.array(affine, dtype=np.float64), len(shape), name))


def _checked_affine(affine: np.ndarray, dimension: int, name: str) -> np.ndarray:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if dimension == 2 and np.isfinite(affine[:3, :2]).all():
        # The axis across a 2-D image is often left empty in files; any direction out of the plane serves.
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        if np.linalg.norm(normal) > 0 and not spacing[2] > _SMALLEST_SPACING_MM:
            affine[:3, 2] = normal / np.linalg.norm(normal)
            spacing[2] = 1.0
    usable = np.isfinite(affine).all() and spacing.min() > _SMALLEST_SPACING_MM
    if not usable or abs(np.linalg.det(affine[:3, :3] / spacing)) < _SMALLEST_DETERMINANT:
        raise ImageError(f"'{name}' has a degenerate affine (its axes span no space): export it again with its geometry.")
    return affine


def in_picture_order(header: Header) -> Header:
    """The header, with the grid of a stored picture (columns, rows) turned to (rows, columns)."""
    return replace(header, grid=header.grid.transposed()) if header.grid.is_stored_picture else header


def voxels_in_picture_order(array: np.ndarray, stored: Header) -> np.ndarray:
    """Voxels (channels, *stored.grid.shape), turned as :func:`in_picture_order` turns their header."""
    return np.swapaxes(array, 1, 2) if stored.grid.is_stored_picture else array


def check_voxels(array: np.ndarray, name: str) -> None:
    """Refuses voxels that are not numbers.

    Raises:
        ImageError: NaN or infinite voxels, with their count.
    """
    unusable = int(array.size - np.count_nonzero(np.isfinite(array)))
    if unusable:
        raise ImageError(
            f"'{name}' has {unusable} of {array.size} voxels that are NaN or infinite: replace them and save it again."
        )
