"""Smooth random fields in world coordinates, so that the same anatomy can be put on any grid."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


class SmoothField:
    """A random scalar field over a cube of mm, with mean 0 and standard deviation about 1.

    Normal values on a lattice, interpolated by quadratic B-splines. The interpolation alone would leave a smaller deviation
    between the knots, hence the factor.

    Args:
        rng: where the values come from.
        correlation: distance between knots in mm.
        extent: half the edge of the cube in mm; points outside see it mirrored.
    """

    def __init__(self, rng: np.random.Generator, correlation: float, extent: float = 220.0) -> None:
        self.correlation = correlation
        knots = int(np.ceil(2 * extent / correlation)) + 1
        self.values = rng.standard_normal((knots, knots, knots)).astype(np.float32)
        self.origin = -extent

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values at ``points``, shape (3, ...) in mm. Returns float32 of shape (...)."""
        at = (points - self.origin) / self.correlation
        # Without the prefilter the splines approximate rather than interpolate: smoother, and no ringing at the knots.
        return 1.9 * ndimage.map_coordinates(self.values, at, order=2, mode="mirror", prefilter=False)


def warp(points: np.ndarray, rng: np.random.Generator, scales: dict[float, float]) -> np.ndarray:
    """Displaces ``points`` (3, ...) smoothly; ``scales`` maps the correlation length in mm to the amplitude in mm."""
    moved = points.copy()
    for correlation, amplitude in scales.items():
        for axis in range(3):
            moved[axis] += amplitude * SmoothField(rng, correlation)(points)
    return moved


def tubes(points: np.ndarray, rng: np.random.Generator, correlation: float, width: float) -> np.ndarray:
    """A mask of branching tubes: where two smooth fields are both near zero lies a curve, thickened by ``width``."""
    first, second = SmoothField(rng, correlation), SmoothField(rng, correlation)
    return first(points) ** 2 + second(points) ** 2 < width**2
