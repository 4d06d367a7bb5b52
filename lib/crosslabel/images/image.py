"""A study in memory: voxels with their geometry and the acquisition they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crosslabel.images.grid import Grid
from crosslabel.images.modality import Modality
from crosslabel.images.naming import PICTURE_SUFFIXES, suffix_of


@dataclass(frozen=True, eq=False)
class Image:
    """One volume or 2-D image.

    Args:
        array: (channels, *grid.shape), float32. Volumes have the file's own index order (i, j, k); 2-D images
            that lie as pictures do (PNG, JPEG, 2-D DICOM, 2-D NRRD) have (rows, columns).
        grid: where the voxels lie.
        modality: None where nothing tells it.
        sequence: of an MR, such as ``T1``, ``T1c``, ``T2``, ``FLAIR``; None where nothing tells it.
        source: the file or folder that was read.
        evidence: where modality and sequence come from, such as ``DICOM header`` or ``file name``; empty if
            unknown.
        colours: (3, *grid.shape), uint8, of a picture that is not grey, whose luma (ITU-R BT.601) is the array.
    """

    array: np.ndarray
    grid: Grid
    modality: Modality | None = None
    sequence: str | None = None
    source: Path | None = None
    evidence: str = ""
    colours: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.array.shape[1:] != self.grid.shape:
            raise ValueError(f"array {self.array.shape} is not (channels, *{self.grid.shape})")

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return self.grid.dimension

    def in_channels(self, count: int) -> np.ndarray:
        """(channels, *grid.shape), float32: a picture in colours, or thrice in grey, where three channels are asked for."""
        if count == 3 and self.colours is not None:
            return self.colours.astype(np.float32)
        is_picture = self.source is not None and suffix_of(self.source) in PICTURE_SUFFIXES
        return np.repeat(self.array, 3, axis=0) if count == 3 and is_picture else self.array

    @property
    def channels(self) -> int:
        """Number of channels, such as the time points of a 4-D NIfTI."""
        return int(self.array.shape[0])


@dataclass(frozen=True)
class ImageSummary:
    """What the headers alone tell of a study: ``shape`` in voxels and ``spacing`` in mm per spatial axis."""

    dimension: int
    modality: Modality | None
    sequence: str | None
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    channels: int = 1
    evidence: str = ""
