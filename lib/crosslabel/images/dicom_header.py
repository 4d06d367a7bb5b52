"""What CrossLabel needs of a DICOM file's header, and nothing that names a person."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from crosslabel.errors import ImageError
from crosslabel.images.header_budget import Metered
from crosslabel.images.modality import Modality, UnknownModalityError

_TEXTS = ("Modality", "SeriesDescription", "ProtocolName", "ContrastBolusAgent")
_KEYWORDS = (
    *_TEXTS,
    "SeriesInstanceUID",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "SliceThickness",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_MARK_END = 132
DAMAGE = (
    InvalidDicomError,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    NotImplementedError,
    struct.error,
)
_PROJECTIONS = (Modality.XR, Modality.MG, Modality.US)


@dataclass(frozen=True, eq=False)
class Plane:
    """Where one frame lies: LPS, mm.

    Args:
        position: (3,) centre of the first pixel (Image Position, PS3.3 C.7.6.2).
        columns_direction: (3,) along which the column index grows.
        rows_direction: (3,) along which the row index grows.
        spacing: (2,) between rows, between columns.
        thickness: of the slice, used only where there is a single one.
    """

    position: np.ndarray
    columns_direction: np.ndarray
    rows_direction: np.ndarray
    spacing: np.ndarray
    thickness: float


@dataclass(frozen=True, eq=False)
class Instance:
    """One file with pixels: ``planes`` holds one per frame, or none where frames have no place in space."""

    index: int
    series: str
    tags: dict[str, str]
    rows: int
    columns: int
    frames: int
    planes: tuple[Plane, ...]
    pixel_spacing: tuple[float, float]


def read_instance(stream: BinaryIO | Metered, index: int, name: str) -> Instance | None:
    """The header of file number ``index`` of study ``name``; None for what is not DICOM or has no pixels.

    Raises:
        ImageError: DICOM that is damaged, or whose header is out of bounds. To leave it out would silently shorten the series.
    """
    if stream.read(_MARK_END)[-4:] != b"DICM":
        return None
    stream.seek(0)
    try:
        dataset = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=list(_KEYWORDS))
        rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
        if not rows or not columns:
            return None
        frames = int(dataset.get("NumberOfFrames") or 1)
        tags = {keyword: _text(dataset, keyword) for keyword in _TEXTS}
        planes = () if frames == 1 and _is_projection(tags["Modality"]) else tuple(_planes(dataset))
        spacing = _numbers(dataset, "PixelSpacing", 2)
        spacing = _numbers(dataset, "ImagerPixelSpacing", 2) if spacing is None else spacing
    except DAMAGE as error:
        raise ImageError(f"'{name}' holds a damaged DICOM file: export the study again.") from error
    return Instance(
        index=index,
        series=_text(dataset, "SeriesInstanceUID"),
        tags=tags,
        rows=rows,
        columns=columns,
        frames=frames,
        planes=planes if len(planes) == frames else (),
        pixel_spacing=(1.0, 1.0) if spacing is None else (float(spacing[0]), float(spacing[1])),
    )


def _planes(dataset: Dataset) -> Iterator[Plane]:
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    if not per_frame:
        plane = _plane(dataset, dataset, dataset)
        if plane is not None:
            yield plane
        return
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for frame in per_frame:
        position, orientation, measures = (
            (frame.get(macro) or shared.get(macro) or [Dataset()])[0]
            for macro in ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
        )
        plane = _plane(position, orientation, measures)
        if plane is not None:
            yield plane


def _plane(position: Dataset, orientation: Dataset, measures: Dataset) -> Plane | None:
    origin = _numbers(position, "ImagePositionPatient", 3)
    directions = _numbers(orientation, "ImageOrientationPatient", 6)
    spacing = _numbers(measures, "PixelSpacing", 2)
    if origin is None or directions is None or spacing is None:
        return None
    thickness = _numbers(measures, "SliceThickness", 1)
    # A row runs along the first triple, so that is where the column index grows (PS3.3 C.7.6.2.1.1).
    return Plane(origin, directions[:3], directions[3:], spacing, 1.0 if thickness is None else float(thickness[0]))


def _numbers(dataset: Dataset, keyword: str, count: int) -> np.ndarray | None:
    value = dataset.get(keyword)
    values = np.atleast_1d(np.asarray([] if value is None or value == "" else value, dtype=np.float64))
    return values if values.size == count else None


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip()


def _is_projection(modality: str) -> bool:
    try:
        return Modality.parse(modality) in _PROJECTIONS
    except UnknownModalityError:
        return False
