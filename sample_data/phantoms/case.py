"""One phantom: an image, its label and where both lie in the world."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np


@dataclass(frozen=True)
class Case:
    """A phantom volume.

    Attributes:
        image: int16, shape (I, J, K); HU for CT, arbitrary units for MR.
        label: uint8, same shape, 0 is background.
        affine: 4x4, voxel index to RAS+ world in mm.
        seed: the seed that made it.
        modality: ``CT`` or ``MR``.
        sequence: MR sequence (``T1``, ``T2``, ``T1c``, ``FLAIR``), empty for CT.
        labels: name to value of what ``label`` holds.
    """

    image: np.ndarray
    label: np.ndarray
    affine: np.ndarray
    seed: int
    modality: str
    sequence: str = ""
    labels: dict[str, int] = field(default_factory=dict)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in mm along I, J, K."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    def volume_ml(self, value: int) -> float:
        """Volume of one label value in mL."""
        return float((self.label == value).sum() * abs(np.linalg.det(self.affine[:3, :3])) / 1000)

    def world(self, value: int) -> np.ndarray:
        """Centre of gravity of one label value, RAS+ in mm, shape (3,)."""
        return self.affine[:3, :3] @ np.argwhere(self.label == value).mean(axis=0) + self.affine[:3, 3]

    def sidecar(self) -> dict[str, object]:
        """What the JSON file beside the image says, in BIDS's terms where it has them."""
        said: dict[str, object] = {"Modality": self.modality}
        if self.sequence:
            said |= {"SeriesDescription": self.sequence, "sequence": self.sequence}
        return said | {"phantom": {"seed": self.seed}}

    def save_image(self, path: Path) -> None:
        """Writes ``path`` (``.nii.gz``) and the sidecar beside it."""
        write_nifti(self.image, self.affine, path)
        sidecar = path.with_name(path.name.removesuffix(".nii.gz") + ".json")
        sidecar.write_text(json.dumps(self.sidecar(), indent=2) + "\n", encoding="utf-8")

    def save_label(self, path: Path) -> None:
        """Writes the label to ``path`` (``.nii.gz``)."""
        write_nifti(self.label, self.affine, path)


def write_nifti(array: np.ndarray, affine: np.ndarray, path: Path) -> None:
    """Writes a gzipped NIfTI whose bytes depend on nothing but its arguments (no time stamp, no file name)."""
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with (
        partial.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as zipped,
    ):
        zipped.write(image.to_bytes())
    partial.replace(path)
