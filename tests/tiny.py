"""Small tasks and volumes that several tests need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image as Picture

from crosslabel.tasks import TaskSpec

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])  # LPS storage order, as DICOM converters write it


def segmentation_task(**changes: Any) -> TaskSpec:
    """Two labels with values that are not contiguous, on 4 mm voxels, with a network of a few thousand weights."""
    return TaskSpec.model_validate(
        {
            "schema": 1,
            "name": "tiny_segmentation",
            "title": "Two blobs",
            "kind": "segmentation",
            "labels": [
                {"name": "first", "value": 2, "color": "#ff0000"},
                {"name": "second", "value": 7, "color": "#00ff00"},
            ],
            "domains": {"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "percentile"}}},
            "spacing": [4.0, 4.0, 4.0],
            "patch": [16, 16, 16],
            "network": {
                "name": "UNet",
                "arguments": {"channels": [4, 8], "strides": [2], "norm": "INSTANCE"},
            },
            "training": {"epochs": 2, "steps_per_epoch": 3, "validate_every": 1, "learning_rate": 0.01},
            **changes,
        }
    )


def classification_task(**changes: Any) -> TaskSpec:
    """Bright against dark pictures."""
    return TaskSpec.model_validate(
        {
            "schema": 1,
            "name": "tiny_classification",
            "title": "Bright or dark",
            "kind": "classification",
            "dimension": 2,
            "classes": ["bright", "dark"],
            "domains": {"target": {"name": "xray", "modality": "XR", "intensity": {"rule": "zscore"}}},
            "patch": [32, 32],
            "network": {"name": "resnet10", "arguments": {"widen_factor": 0.125}},
            "training": {"epochs": 2, "steps_per_epoch": 3, "batch_size": 4, "validate_every": 1},
            **changes,
        }
    )


def blobs(seed: int, shape: tuple[int, int, int] = (30, 28, 18)) -> tuple[np.ndarray, np.ndarray]:
    """A noisy volume with two brighter boxes, and its label with the values 2 and 7."""
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, np.uint8)
    x, y, z = (int(rng.integers(2, 5)) for _ in range(3))
    label[x : x + 8, y : y + 10, z : z + 8] = 2
    label[x + 12 : x + 20, y + 4 : y + 14, z : z + 8] = 7
    image = rng.normal(100, 10, shape) + 100.0 * (label == 2) + 200.0 * (label == 7)
    return image.astype(np.float32), label


def write_blobs(folder: Path, count: int) -> Path:
    """A data set of ``count`` volumes in the Decathlon layout, with MR in the names."""
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        image, label = blobs(seed)
        nib.save(nib.Nifti1Image(image, AFFINE), folder / "imagesTr" / f"mr_{seed:02d}.nii.gz")
        nib.save(nib.Nifti1Image(label, AFFINE), folder / "labelsTr" / f"mr_{seed:02d}.nii.gz")
    return folder


def write_pictures(folder: Path, count: int) -> Path:
    """Class folders ``bright`` and ``dark`` with ``count`` pictures each, told apart by which half is lit."""
    rng = np.random.default_rng(0)
    for name in ("bright", "dark"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture = rng.integers(0, 60, (40, 36)).astype(np.uint8)
            picture[:20] += np.uint8(150 if name == "bright" else 0)
            Picture.fromarray(picture).save(folder / name / f"{number}.png")
    return folder
