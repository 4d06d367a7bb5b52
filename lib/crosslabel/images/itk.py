"""NRRD and MetaImage through SimpleITK, with ITK's LPS geometry turned into RAS."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from crosslabel.errors import ImageError
from crosslabel.images.header import Header, checked_grid, in_picture_order, voxels_in_picture_order

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_LONGEST_HEADER_BYTES = 2**20
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_META_DATA_FILE = re.compile(rb"^\s*ElementDataFile\s*[=:]\s*(.*?)\s*$", re.MULTILINE)
_NRRD_DATA_FILE = re.compile(rb"^\s*data ?file:\s*(.*?)\s*$", re.MULTILINE | re.IGNORECASE)
_COMPLEX = (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64)
_IMAGE_IO = {".nrrd": "NrrdImageIO", ".mha": "MetaImageIO", ".mhd": "MetaImageIO"}


def read_header(path: Path) -> Header:
    """Geometry of an NRRD or MetaImage file, without its voxels.

    Raises:
        ImageError: another format, damaged, or voxels in a file outside the folder.
    """
    return in_picture_order(_stored_header(_opened(path), path.name))


def read(path: Path) -> tuple[np.ndarray, Header]:
    """Voxels (channels, *spatial) in the type they are stored in, and the header.

    Raises:
        ImageError: as :func:`read_header`, or truncated.
    """
    reader = _opened(path)
    header = _stored_header(reader, path.name)
    try:
        stored = reader.Execute()
    except RuntimeError as error:
        raise _unreadable(path.name) from error
    array = sitk.GetArrayFromImage(stored)
    if stored.GetNumberOfComponentsPerPixel() == 1:
        array = array[..., np.newaxis]
    # NumPy sees (t, k, j, i, component): reversed, the components and the fourth axis are the channels.
    array = array.transpose(array.ndim - 1, *reversed(range(array.ndim - 1)))
    if stored.GetDimension() == 4:
        array = np.moveaxis(array, -1, 1)
    array = array.reshape(header.channels, *header.grid.shape)
    return voxels_in_picture_order(array, header), in_picture_order(header)


def affine_of(origin: np.ndarray, directions: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """The 4x4 RAS affine of an LPS geometry of 2 or 3 axes, whose cosines are columns of ``directions``."""
    dimension = len(spacing)
    lps = np.eye(4)
    lps[:dimension, :dimension] = np.asarray(directions) * np.asarray(spacing)
    lps[:dimension, 3] = origin
    return LPS_TO_RAS @ lps


def _opened(path: Path) -> sitk.ImageFileReader:
    _check_data_file(path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(_IMAGE_IO[path.suffix.lower()])
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path.name) from error
    return reader


def _check_data_file(path: Path) -> None:
    """A header may send the reader to any file of the machine: only the file or its neighbour is read."""
    with path.open("rb") as stream:
        head = stream.read(_LONGEST_HEADER_BYTES)
    if path.suffix.lower() == ".nrrd":
        header_end = _BLANK_LINE.search(head)
        found = _NRRD_DATA_FILE.search(head if header_end is None else head[: header_end.end()])
        if found is None and header_end is not None:
            return
    else:
        found = _META_DATA_FILE.search(head)
    if found is None:
        raise _unreadable(path.name)
    target = found.group(1).decode("utf-8", "replace")
    is_neighbour = Path(target).name == target and not target.startswith("LIST") and (path.parent / target).is_file()
    if target != "LOCAL" and not is_neighbour:
        raise ImageError(f"'{path.name}' keeps its voxels in a file that is not beside it: save it as one .mha or .nrrd.")


def _stored_header(reader: sitk.ImageFileReader, name: str) -> Header:
    size = reader.GetSize()
    channels = reader.GetNumberOfComponents()
    if reader.GetDimension() > 4:
        raise ImageError(f"'{name}' has {len(size)} axes: give one volume, or a 4-D file whose fourth axis is channels.")
    if reader.GetPixelID() in _COMPLEX:
        raise ImageError(f"'{name}' holds complex numbers: save their magnitude instead.")
    kept = min(len(size), 3)
    directions = np.reshape(reader.GetDirection(), (len(size), len(size)))[:kept, :kept]
    affine = affine_of(reader.GetOrigin()[:kept], directions, reader.GetSpacing()[:kept])
    return Header(grid=checked_grid(size[:kept], affine, name), channels=channels * int(np.prod(size[3:], dtype=int)))


def _unreadable(name: str) -> ImageError:
    kind = "NRRD" if name.lower().endswith(".nrrd") else "MetaImage"
    return ImageError(f"'{name}' is not a readable {kind} file (damaged, empty or another format): export it again.")
