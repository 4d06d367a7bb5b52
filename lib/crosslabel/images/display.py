"""Planes of images as people look at them."""

from __future__ import annotations

import numpy as np

# Into which an axis grows, downwards and to the right, in viewers of medical images: the patient's head (else front) is up,
# and the right hand (else the front) on the left.
_DOWN, _RIGHTWARDS = "IP", "LP"


def as_viewed(plane: np.ndarray, directions: str) -> np.ndarray:
    """A plane of a volume as viewers show it, rows first.

    Args:
        plane: (first axis, second axis, ...).
        directions: into which its first two axes grow, as ``RA``; empty for a picture, whose axes are rows and columns.

    Returns:
        (rows, columns, ...): superior or else anterior up; the patient's right, or else anterior, on the left.
    """
    if not directions:
        return plane
    vertical = next(index for letters in ("SI", "AP") for index, letter in enumerate(directions) if letter in letters)
    if vertical == 1:
        plane, directions = plane.swapaxes(0, 1), directions[::-1]
    if directions[0] not in _DOWN:
        plane = plane[::-1]
    return plane if directions[1] in _RIGHTWARDS else plane[:, ::-1]


def windowed(grey: np.ndarray) -> np.ndarray:
    """Grey values from the 1st percentile (0, black) to the 99th (1, white)."""
    low, high = np.percentile(grey, [1, 99])
    return np.clip((grey - low) / max(high - low, 1e-6), 0, 1)


def fullest(weights: np.ndarray) -> int:
    """Number of the slice along the last axis of a volume with the largest sum; the middle one where all are alike empty."""
    sums = weights.sum(axis=(0, 1))
    return int(sums.argmax()) if sums.any() else weights.shape[2] // 2
