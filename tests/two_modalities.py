"""Tiny labelled CT volumes and MR volumes of the same structures with other grey values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from crosslabel.tasks import TaskSpec
from tiny import AFFINE, blobs, segmentation_task

PERCENTILES = {"rule": "percentile"}


def adaptation_task(**changes: Any) -> TaskSpec:
    """The tiny segmentation with CT as its source."""
    domains = {
        "target": {"name": "mr", "modality": "MR", "intensity": PERCENTILES},
        "sources": [{"name": "ct", "modality": "CT", "intensity": PERCENTILES}],
    }
    training = {"epochs": 4, "steps_per_epoch": 3, "validate_every": 2, "learning_rate": 0.01, "validation_share": 0}
    adaptation = {"warm_up": 0.5, "rounds": 2, "confidence": 0.4, "teacher_decay": 0.9, "least_images": 1}
    return segmentation_task(
        **{
            **changes,
            "domains": domains,
            "training": {**training, **changes.get("training", {})},
            "adaptation": {**adaptation, **changes.get("adaptation", {})},
        }
    )


def write_domain(folder: Path, modality: str, count: int, first_seed: int = 0, *, labels: bool = True) -> Path:
    """``count`` volumes in the Decathlon layout; on MR the second structure is dark."""
    (folder / "imagesTr").mkdir(parents=True, exist_ok=True)
    (folder / "labelsTr").mkdir(exist_ok=True)
    for number in range(first_seed, first_seed + count):
        image, label = blobs(number)
        if modality == "MR":
            image = image - 350.0 * (label == 7)
        name = f"{modality.lower()}_{number:02d}.nii.gz"
        nib.save(nib.Nifti1Image(image.astype(np.float32), AFFINE), folder / "imagesTr" / name)
        if labels:
            nib.save(nib.Nifti1Image(label, AFFINE), folder / "labelsTr" / name)
    return folder
