"""Volumes and labels on disk, written by another library than the one that reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from CrossLabelLib.client.results import Label

LABELS = (Label("first", 2, "#ff0000"), Label("middle", 4, "#0000ff"), Label("second", 7, "#00ff00"))
VALUES = {label.name: label.value for label in LABELS}
SHAPE = (6, 7, 5)  # (k, j, i)


def labels_of(seed: int, values: tuple[int, ...] = (0, 0, 2, 7)) -> np.ndarray:
    """Scattered voxels (k, j, i): any shift, flip or exchange of axes shows."""
    return np.random.default_rng(seed).choice(np.array(values, np.uint8), size=SHAPE)


def write(array: np.ndarray, path: Path, direction: np.ndarray | None = None, spacing=(0.7, 0.8, 1.3)) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin((-31.5, 12.25, 80.0))
    image.SetDirection(np.eye(3).ravel() if direction is None else np.asarray(direction, float).ravel())
    sitk.WriteImage(image, str(path))
    return image


def same_grid(first: sitk.Image, second: sitk.Image) -> bool:
    return first.GetSize() == second.GetSize() and all(
        np.allclose(getattr(first, name)(), getattr(second, name)(), atol=1e-4)
        for name in ("GetSpacing", "GetOrigin", "GetDirection")
    )
