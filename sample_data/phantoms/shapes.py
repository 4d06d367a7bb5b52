"""Base shapes as functions of position in mm; 1 on the surface, below 1 inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def rotation(angles: tuple[float, float, float] | np.ndarray) -> np.ndarray:
    """Rotation matrix for angles in degrees about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid, or with ``power`` above 2 a box with rounded edges.

    Attributes:
        centre: mm.
        radii: mm.
        angles: degrees about x, y, z.
        power: exponent of the super-ellipsoid.
    """

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    power: float = 2.0

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Level at ``points`` (3, ...): 1 on the surface, proportional to the distance from the centre along each ray."""
        turn = rotation(self.angles).T / np.array(self.radii)[:, None]
        local = np.abs(_apply(turn, points, self.centre))
        if self.power == 2.0:
            return np.sqrt((local**2).sum(axis=0))
        return (local**self.power).sum(axis=0) ** (1 / self.power)

    def varied(self, rng: np.random.Generator, shift: float, scale: float, turn: float) -> Ellipsoid:
        """Another individual: shifted by up to ``shift`` mm, radii changed up to ``scale``, turned up to ``turn`` degrees."""
        return Ellipsoid(
            tuple(np.asarray(self.centre) + rng.uniform(-shift, shift, 3)),
            tuple(np.asarray(self.radii) * rng.uniform(1 - scale, 1 + scale) * rng.uniform(1 - scale / 2, 1 + scale / 2, 3)),
            tuple(np.asarray(self.angles) + rng.uniform(-turn, turn, 3)),
            self.power,
        )

    def moved(self, by: tuple[float, float, float] | np.ndarray) -> Ellipsoid:
        """The same shape ``by`` mm further."""
        return Ellipsoid(tuple(np.asarray(self.centre) + by), self.radii, self.angles, self.power)


def cylinder(points: np.ndarray, centre: tuple[float, float], radii: tuple[float, float], power: float = 2.0) -> np.ndarray:
    """Level of an endless cylinder along z: centre and radii in mm in the x, y plane."""
    x = np.abs(points[0] - centre[0]) / radii[0]
    y = np.abs(points[1] - centre[1]) / radii[1]
    return (x**power + y**power) ** (1 / power)


def _apply(matrix: np.ndarray, points: np.ndarray, centre: tuple[float, float, float]) -> np.ndarray:
    """matrix @ (points - centre), written out so that no BLAS decides the last bit."""
    x, y, z = (points[axis] - np.float32(centre[axis]) for axis in range(3))
    m = matrix.astype(np.float32)
    return np.stack([m[row, 0] * x + m[row, 1] * y + m[row, 2] * z for row in range(3)])
