"""Labels and maps on disk, in the geometry of the image that they belong to."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import PIL.Image
import SimpleITK as sitk

from crosslabel.errors import ImageError
from crosslabel.images.grid import Grid
from crosslabel.images.itk import LPS_TO_RAS
from crosslabel.images.naming import suffix_of

# The first that holds all values is used; few viewers open 64-bit integers.
_LABEL_TYPES = (np.uint8, np.int16, np.uint16, np.int32)
_MILLIMETRES_AND_SECONDS = 10
_SCANNER_ANATOMICAL = 1


def write_label(array: np.ndarray, grid: Grid, path: Path | str) -> None:
    """Writes label values in exactly ``grid``, in the smallest integer type that holds them.

    The file appears whole or not at all. Pictures (rows, columns) are stored columns first in NIfTI, NRRD and
    MetaImage, as ITK stores them, so that every viewer lays the label over its picture.

    Args:
        array: integers or booleans, (*grid.shape).
        path: ends in .nii, .nii.gz, .nrrd, .mha, or for pictures .png; its folder is made where missing.

    Raises:
        ImageError: another suffix, another shape, values beyond 32 bits, or a geometry that the format cannot
            hold.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "bui":
        raise ImageError(f"A label holds whole numbers, not {array.dtype}: round it or take the largest class first.")
    _write(_smallest(array), grid, Path(path), {**_VOLUME_WRITERS, ".png": _write_png})


def write_map(array: np.ndarray, grid: Grid, path: Path | str) -> None:
    """Writes a map of numbers, such as a heat map or a probability, as float32 in exactly ``grid``.

    Args:
        array: (*grid.shape).
        path: ends in .nii, .nii.gz, .nrrd or .mha.

    Raises:
        ImageError: another suffix, another shape, or a geometry that the format cannot hold.
    """
    _write(np.asarray(array, dtype=np.float32), grid, Path(path), _VOLUME_WRITERS)


def _write(array: np.ndarray, grid: Grid, path: Path, writers: dict[str, Callable[[np.ndarray, Grid, Path], None]]) -> None:
    if array.shape != grid.shape:
        raise ImageError(f"An array of {array.shape} does not fit an image of {grid.shape}: give one value per voxel.")
    suffix = suffix_of(path)
    if suffix not in writers:
        raise ImageError(f"'{path.name}' cannot be written: use a name that ends in {', '.join(writers)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}{suffix}")
    try:
        writers[suffix](array, grid, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _smallest(labels: np.ndarray) -> np.ndarray:
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    for candidate in _LABEL_TYPES:
        limits = np.iinfo(candidate)
        if limits.min <= low and high <= limits.max:
            return labels.astype(candidate)
    raise ImageError(f"Label values from {low} to {high} do not fit 32 bits: renumber the labels.")


def _as_stored(array: np.ndarray, grid: Grid) -> tuple[np.ndarray, Grid]:
    return (array.T, grid.transposed()) if grid.is_picture else (array, grid)


def _write_nifti(array: np.ndarray, grid: Grid, path: Path) -> None:
    array, grid = _as_stored(array, grid)
    image = nib.Nifti1Image(array, grid.affine)
    image.set_sform(grid.affine, code=_SCANNER_ANATOMICAL)
    if _is_orthogonal(grid.affine):
        # Readers that look at one form only then agree; a shear does not fit into a qform.
        image.set_qform(grid.affine, code=_SCANNER_ANATOMICAL)
    image.header["xyzt_units"] = _MILLIMETRES_AND_SECONDS
    nib.save(image, path)


def _is_orthogonal(affine: np.ndarray) -> bool:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(axes.T @ axes, np.eye(3), atol=1e-5))


def _write_itk(array: np.ndarray, grid: Grid, path: Path) -> None:
    array, grid = _as_stored(array, grid)
    lps = LPS_TO_RAS @ grid.affine
    dimension = grid.dimension
    if dimension == 2 and np.any(np.abs(lps[2, [0, 1, 3]]) > 1e-6):
        raise ImageError(f"A 2-D image that lies obliquely does not fit into {path.suffix}: write .nii.gz instead.")
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.T))
    image.SetSpacing(grid.spacing)
    image.SetOrigin(lps[:dimension, 3].tolist())
    image.SetDirection((lps[:dimension, :dimension] / np.asarray(grid.spacing)).ravel().tolist())
    sitk.WriteImage(image, str(path), useCompression=True)


def _write_png(array: np.ndarray, grid: Grid, path: Path) -> None:
    if not (grid.is_picture and grid.same_as(Grid.of_picture(*grid.shape))):
        raise ImageError("A PNG keeps no geometry and fits labels of PNG and JPEG pictures only: write .nii.gz instead.")
    if array.dtype not in (np.uint8, np.uint16):
        raise ImageError("A PNG holds label values from 0 to 65535: write .nii.gz instead.")
    PIL.Image.fromarray(array).save(path)


_VOLUME_WRITERS: dict[str, Callable[[np.ndarray, Grid, Path], None]] = {
    ".nii.gz": _write_nifti,
    ".nii": _write_nifti,
    ".nrrd": _write_itk,
    ".mha": _write_itk,
}
