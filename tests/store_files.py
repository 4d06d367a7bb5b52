"""Small volumes on disk for the tests of the store."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np


def write_volume(path: Path, value: int = 0, shape: tuple[int, ...] = (6, 5, 4)) -> Path:
    """A NIfTI file whose voxels (2, 2, 3 mm) all have one value; folders above it are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.full(shape, value, np.int16), np.diag([-2.0, -2.0, 3.0, 1.0])), path)
    return path
