"""One door to all formats: a path in, an :class:`Image`, a label or a summary out."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from crosslabel.errors import ImageError, NotFoundError
from crosslabel.images import dicom, itk, nifti, picture
from crosslabel.images.detection import detect
from crosslabel.images.grid import Grid
from crosslabel.images.header import Header, check_voxels
from crosslabel.images.image import Image, ImageSummary
from crosslabel.images.modality import Modality
from crosslabel.images.naming import IMAGE_SUFFIXES, PICTURE_SUFFIXES, starts_as_dicom, suffix_of


class _Format(Protocol):
    """What each module of a format offers."""

    def read_header(self, path: Path) -> Header: ...

    def read(self, path: Path) -> tuple[np.ndarray, Header]: ...


_FORMATS: dict[str, _Format] = {
    **dict.fromkeys((".nii", ".nii.gz"), nifti),
    **dict.fromkeys((".nrrd", ".mha", ".mhd"), itk),
    **dict.fromkeys((".dcm", ".dicom", ".ima", ".zip"), dicom),
    **dict.fromkeys(PICTURE_SUFFIXES, picture),
}


def read_image(path: Path | str, *, modality: Modality | str | None = None, sequence: str | None = None) -> Image:
    """Reads a study: NIfTI, NRRD, MetaImage, DICOM (file, or folder or zip of one series), PNG or JPEG.

    Args:
        path: of the file or folder.
        modality: overrides what the study says of itself.
        sequence: likewise.

    Raises:
        NotFoundError: nothing lies there.
        ImageError: unknown format, damaged, empty, not finite, degenerate geometry, or several DICOM series.
    """
    path = Path(path)
    file_format = _format_of(path)
    stored, header = file_format.read(path)
    colours = None
    if file_format is picture and len(stored) > 1:
        colours, stored = stored, picture.luma(stored)
    array = np.ascontiguousarray(stored, dtype=np.float32)
    check_voxels(array, path.name)
    found = detect(path, header.tags, array).overridden(modality, sequence)
    return Image(array, header.grid, found.modality, found.sequence, path, found.evidence, colours)


def read_label(path: Path | str, *, dimension: int | None = None) -> tuple[np.ndarray, Grid]:
    """Reads label values (*spatial) as integers, and their grid; a palette PNG gives its indices.

    Args:
        path: of the file.
        dimension: 2 takes a volume of a single slice as a 2-D label, for Slicer saves so what is drawn on a
            picture.

    Raises:
        NotFoundError: nothing lies there.
        ImageError: as :func:`read_image`, several channels, or values that are not whole numbers.
    """
    path = Path(path)
    file_format = _format_of(path)
    stored, header = picture.read_indices(path) if file_format is picture else file_format.read(path)
    if header.channels != 1:
        raise ImageError(f"'{path.name}' has {header.channels} channels: give a label with one value per voxel.")
    values, grid = _whole_numbers(stored[0], path.name), header.grid
    if dimension == 2 and grid.dimension == 3 and grid.shape[2] == 1:
        values, grid = _as_plane(values, grid)
    return np.ascontiguousarray(values), grid


def _whole_numbers(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind in "ui":
        return values
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    check_voxels(values, name)
    rounded = np.rint(values)
    # A scaling slope kept as float32 leaves label values a little beside the whole number.
    if not np.allclose(values, rounded, rtol=0.0, atol=1e-3):
        raise ImageError(f"'{name}' holds values that are not whole numbers: give a label, not an image.")
    return rounded.astype(np.int32)


def describe_image(path: Path | str) -> ImageSummary:
    """What the headers tell of a study, without reading voxels (so Hounsfield units do not tell a CT).

    Raises:
        NotFoundError: nothing lies there.
        ImageError: unknown format, damaged header, or several DICOM series.
    """
    path = Path(path)
    header = _format_of(path).read_header(path)
    found = detect(path, header.tags)
    grid = header.grid
    return ImageSummary(
        grid.dimension,
        found.modality,
        found.sequence,
        grid.shape,
        grid.spacing,
        header.channels,
        found.evidence,
    )


def read_grid(path: Path | str) -> Grid:
    """Where the voxels of a study lie, without reading them.

    Raises:
        NotFoundError: nothing lies there.
        ImageError: as :func:`describe_image`.
    """
    path = Path(path)
    return _format_of(path).read_header(path).grid


def _format_of(path: Path) -> _Format:
    if not path.exists():
        raise NotFoundError(f"'{path.name}' does not exist: check the name.")
    if path.is_dir() or (not suffix_of(path) and starts_as_dicom(path)):
        return dicom
    if path.stat().st_size == 0:
        raise ImageError(f"'{path.name}' is empty: export or upload it again.")
    if not suffix_of(path):
        raise ImageError(f"'{path.name}' is in no known format: give {', '.join(IMAGE_SUFFIXES)} or a DICOM folder.")
    return _FORMATS[suffix_of(path)]


def _as_plane(values: np.ndarray, grid: Grid) -> tuple[np.ndarray, Grid]:
    plane = Grid(grid.shape[:2], grid.affine)
    return (values[..., 0].T, plane.transposed()) if plane.is_stored_picture else (values[..., 0], plane)
