"""Agreement of one structure in a prediction and in a reference."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from monai.metrics import compute_average_surface_distance, compute_dice, compute_hausdorff_distance


class Presence(str, Enum):
    """Where a structure has voxels; distances exist for ``BOTH`` alone."""

    BOTH = "both"
    REFERENCE_ONLY = "reference only"
    PREDICTION_ONLY = "prediction only"
    NEITHER = "neither"


@dataclass(frozen=True)
class Agreement:
    """Scores of one structure in one case.

    Attributes:
        dice: 2|P∩R| / (|P|+|R|), 0 to 1. A structure that neither has is rightly left out and scores 1.
        assd_mm: average symmetric surface distance, the mean over the voxels of both surfaces of the distance
            to the other surface; NaN unless both have the structure: there is no distance to nothing.
        hd95_mm: the larger of the two directed 95th percentiles of these distances; NaN likewise.
        presence: which of the two have the structure, so that a reader sees why a distance is missing.
    """

    dice: float
    assd_mm: float
    hd95_mm: float
    presence: Presence


def measure_agreement(prediction: np.ndarray, reference: np.ndarray, spacing: Sequence[float]) -> Agreement:
    """Compare two masks on one grid.

    Args:
        prediction: booleans, 2-D or 3-D.
        reference: booleans of the same shape.
        spacing: voxel size along each axis in mm; the axes are taken to be perpendicular.
    """
    presence = _presence(bool(prediction.any()), bool(reference.any()))
    if presence is not Presence.BOTH:
        return Agreement(1.0 if presence is Presence.NEITHER else 0.0, math.nan, math.nan, presence)
    ours, theirs = (torch.from_numpy(_cropped(mask, prediction | reference))[None, None] for mask in (prediction, reference))
    millimetres = [float(step) for step in spacing]
    with warnings.catch_warnings():
        # MONAI warns of an argument that its own functions hand on.
        warnings.filterwarnings("ignore", "monai.metrics.utils get_mask_edges", FutureWarning)
        assd = compute_average_surface_distance(ours, theirs, include_background=True, symmetric=True, spacing=millimetres)
        hd95 = compute_hausdorff_distance(ours, theirs, include_background=True, percentile=95, spacing=millimetres)
    dice = compute_dice(ours.double(), theirs.double(), include_background=True)
    return Agreement(dice.item(), assd.item(), hd95.item(), presence)


def _presence(predicted: bool, referenced: bool) -> Presence:
    if predicted and referenced:
        return Presence.BOTH
    if predicted:
        return Presence.PREDICTION_ONLY
    return Presence.REFERENCE_ONLY if referenced else Presence.NEITHER


def _cropped(mask: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The bounding box of the region: a small organ in a large volume then costs little."""
    box = tuple(slice(int(used.min()), int(used.max()) + 1) for used in (np.unique(indices) for indices in np.nonzero(region)))
    return np.ascontiguousarray(mask[box])
