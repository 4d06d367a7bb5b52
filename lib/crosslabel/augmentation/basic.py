"""Ordinary augmentation: small changes of pose and intensity that any scanner or patient might show."""

from __future__ import annotations

from math import radians

import numpy as np
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandBiasFieldd,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandShiftIntensityd,
)

from crosslabel.tasks import TaskSpec


def basic_augmentation(task: TaskSpec) -> Compose:
    """Random transforms of ``{"image": (C, ...), "label": (1, ...)}`` patches; set their random state with :func:`seeded`.

    Poses change by up to 10 degrees and 10 %, intensities (which the task's rule has brought near [-1, 1]) by a smooth
    field, contrast, brightness, noise and blur. Axes are flipped only where the task allows it, because a flip turns a left
    kidney into a right one. Classification has no label map, so keys that are absent are passed over.
    """
    keys, image = ["image", "label"], ["image"]
    angle = radians(10)
    affine = RandAffined(
        keys,
        prob=0.5,
        rotate_range=[angle] * (3 if task.dimension == 3 else 1),
        scale_range=[0.1] * task.dimension,
        translate_range=[0.05 * size for size in task.patch],
        mode=["bilinear", "nearest"],
        padding_mode="border",
        allow_missing_keys=True,
    )
    flips = [RandFlipd(keys, prob=0.5, spatial_axis=axis, allow_missing_keys=True) for axis in task.training.flip_axes]
    return Compose(
        [
            *flips,
            affine,
            RandGaussianSmoothd(image, prob=0.15, sigma_x=(0.3, 1.0), sigma_y=(0.3, 1.0), sigma_z=(0.3, 1.0)),
            RandBiasFieldd(image, prob=0.2, degree=2, coeff_range=(0.0, 0.15)),
            RandAdjustContrastd(image, prob=0.3, gamma=(0.7, 1.5)),
            RandScaleIntensityd(image, prob=0.5, factors=0.15),
            RandShiftIntensityd(image, prob=0.5, offsets=0.15),
            RandGaussianNoised(image, prob=0.3, std=0.08),
        ]
    )


def seeded(transform: Compose, *numbers: int) -> Compose:
    """The same transform with its random state set from numbers (seed, epoch, step, ...), so that a draw can be replayed."""
    # One state for all: a state of its own for each, as Compose would set, takes longer to make than small patches to change.
    state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(numbers)))
    for each in transform.transforms:
        each.set_random_state(state=state)
    return transform
