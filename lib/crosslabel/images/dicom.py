"""DICOM: headers through pydicom, voxels through SimpleITK (GDCM), which knows the compressed syntaxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from crosslabel.errors import ImageError
from crosslabel.images.dicom_header import read_instance
from crosslabel.images.dicom_series import Series, series_of
from crosslabel.images.dicom_source import DicomSource, opened_source
from crosslabel.images.header import Header, voxels_in_picture_order
from crosslabel.images.header_budget import HeaderBudget


def read_header(path: Path) -> Header:
    """Geometry and tags of the series in a file, folder or zip, without voxels; a zip is not unpacked.

    Raises:
        ImageError: no DICOM, several series, slices missing, or an unsafe zip.
    """
    with opened_source(path) as source:
        return _series(source, path.name).header


def read(path: Path) -> tuple[np.ndarray, Header]:
    """Voxels (1, *spatial) as float32, rescaled (CT: Hounsfield units); and the header.

    GDCM turns colours into luma and MONOCHROME1 into MONOCHROME2, so that bone is bright in every radiograph.
    Images with a position in space are volumes, with the slices in the order of their position; a single
    radiograph, mammogram or ultrasound frame is 2-D.

    Raises:
        ImageError: as :func:`read_header`, or pixel data that cannot be decoded.
    """
    with opened_source(path) as source:
        series = _series(source, path.name)
        with source.on_disk(series.files) as files:
            array = _voxels(files, series, path.name)
    return array, series.header


def _series(source: DicomSource, name: str) -> Series:
    instances, budget = [], HeaderBudget(name)
    for index in range(len(source)):
        with source.open(index) as stream:
            instance = read_instance(budget.metered(stream), index, name)
        if instance is not None:
            instances.append(instance)
    return series_of(instances, name)


def _voxels(files: list[Path], series: Series, name: str) -> np.ndarray:
    reader: sitk.ImageSeriesReader | sitk.ImageFileReader
    if len(files) > 1:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames([str(file) for file in files])
    else:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(files[0]))
    reader.SetImageIO("GDCMImageIO")
    # The slices of a PET differ in their rescale slope: they must not take the first one's integer type.
    reader.SetOutputPixelType(sitk.sitkFloat32)
    try:
        stored = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise ImageError(
            f"The pixels of '{name}' cannot be decoded (damaged or an unusual compression): export it again."
        ) from error
    if len(files) == 1:
        stored = stored[list(series.frames)]
    array = stored.transpose(2, 1, 0).reshape(1, *series.stored.grid.shape)
    return voxels_in_picture_order(array, series.stored)
