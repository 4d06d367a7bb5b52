"""A slice of a head in head-aligned coordinates: a view, its tissues and where a tumour may sit in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .textures import smooth_texture

SIZE = 128


@dataclass(frozen=True)
class View:
    """One way to slice a head.

    Coordinates: the cerebrum's outline has radius 1 along its longer axis; u runs to the right of the picture, v downwards.

    Attributes:
        brain: radii of the brain's outline along u and v.
        sella: where the pituitary gland lies, if the slice goes through it.
        ventricles: (u, v, radius u, radius v) of the dark fluid spaces.
        base: v below which the skull base and the face begin; above 1 where the slice does not reach them.
        mirrored: left and right of the picture are the two sides of the head.
    """

    brain: tuple[float, float]
    sella: tuple[float, float] | None
    ventricles: tuple[tuple[float, float, float, float], ...]
    base: float
    mirrored: bool


VIEWS = {
    "axial": View(
        brain=(0.80, 1.0),
        sella=None,
        ventricles=((-0.15, -0.18, 0.07, 0.34), (0.15, -0.18, 0.07, 0.34), (-0.27, 0.28, 0.07, 0.2), (0.27, 0.28, 0.07, 0.2)),
        base=9.0,
        mirrored=True,
    ),
    "low axial": View(
        brain=(0.80, 0.98),
        sella=(0.0, -0.22),
        ventricles=((0.0, 0.08, 0.16, 0.05), (0.0, 0.5, 0.08, 0.06)),
        base=9.0,
        mirrored=True,
    ),
    "coronal": View(
        brain=(1.0, 0.86),
        sella=(0.0, 0.62),
        ventricles=((-0.13, -0.1, 0.09, 0.15), (0.13, -0.1, 0.09, 0.15), (0.0, 0.14, 0.03, 0.12)),
        base=0.66,
        mirrored=True,
    ),
    "sagittal": View(
        brain=(1.0, 0.82),
        sella=(-0.22, 0.52),
        ventricles=((-0.02, -0.06, 0.4, 0.08), (0.32, 0.5, 0.07, 0.09)),
        base=0.56,
        mirrored=False,
    ),
}


class Slice:
    """One head in one view, drawn from ``rng``.

    Attributes:
        image: float32 (128, 128), signal relative to an enhanced venous sinus.
        u, v: head-aligned coordinates of every pixel.
        inside: how far inside the brain a pixel lies: 0 at its outline, 1 in the middle, negative outside.
        brain: mask of grey and white matter.
    """

    def __init__(self, view: View, rng: np.random.Generator) -> None:
        self.view = view
        self._place(rng)
        self.folds = smooth_texture(rng, SIZE, 3.0)
        self.patches = smooth_texture(rng, SIZE, 9.0)
        self.inside = 1 - np.hypot(self.u / view.brain[0], self.v / view.brain[1]) + 0.02 * self.patches
        self.base = self.v > view.base + 0.03 * self.patches
        self.image = np.zeros((SIZE, SIZE), np.float32)
        self._skull(rng)
        self.brain = (self.inside > 0.02) & ~self.base
        self._brain(rng)
        self._enhancing(rng)

    def _place(self, rng: np.random.Generator) -> None:
        """Pose and crop: the head is turned, shifted, and may be cut off at the border."""
        angle = np.radians(rng.uniform(-18, 18))
        scale = rng.uniform(42, 56)
        row, column = np.mgrid[:SIZE, :SIZE].astype(np.float32) - (SIZE - 1) / 2
        x, y = column - rng.uniform(-8, 8), row - rng.uniform(-8, 8)
        stretch = rng.uniform(0.94, 1.06)
        self.u = ((np.cos(angle) * x + np.sin(angle) * y) / (scale * stretch)).astype(np.float32)
        self.v = ((-np.sin(angle) * x + np.cos(angle) * y) * stretch / scale).astype(np.float32)
        self.u += 0.03 * smooth_texture(rng, SIZE, 14.0)
        self.v += 0.03 * smooth_texture(rng, SIZE, 14.0)

    def _skull(self, rng: np.random.Generator) -> None:
        bone, scalp = rng.uniform(0.06, 0.11), rng.uniform(0.05, 0.1)
        face = self.base & (np.abs(self.u) < 0.75) & (self.v < 1.6)
        head = (self.inside > -bone - scalp) | face
        self.image[head] = rng.uniform(0.55, 1.0)
        self.image[face & (self.patches > -0.6)] = 0.36
        # Nasal mucosa takes up contrast as a tumour does, around sinuses full of air.
        nose = face & (np.abs(self.u + (0 if self.view.mirrored else 0.5)) < 0.25) & (self.v > self.view.base + 0.16)
        self.image[nose] = np.where(np.abs(self.folds[nose]) < 0.5, rng.uniform(0.5, 0.95), 0.04)
        self.image[(self.inside > -bone) & ~self.base] = rng.uniform(0.05, 0.14)
        self.image[(self.inside > 0) & ~self.base] = 0.16

    def _brain(self, rng: np.random.Generator) -> None:
        grey, white = rng.uniform(0.36, 0.44), rng.uniform(0.46, 0.54)
        self.image[self.brain] = white
        near_surface = np.clip(1 - self.inside / 0.3, 0, 1)
        self.image[self.brain & (np.abs(self.folds) < 0.8 * near_surface)] = grey
        self.image[self.brain & (np.abs(self.folds) < 0.22 * near_surface)] = 0.18
        if self.view.mirrored:
            self.image[self.brain & (np.abs(self.u) < 0.015) & (self.inside < 0.5)] = 0.2
        swollen = rng.uniform(0.7, 1.5)
        for u, v, radius_u, radius_v in self.view.ventricles:
            fluid = np.hypot((self.u - u) / (radius_u * swollen), (self.v - v) / (radius_v * swollen)) < 1
            self.image[fluid & self.brain] = rng.uniform(0.12, 0.2)

    def _enhancing(self, rng: np.random.Generator) -> None:
        """What is bright in every contrast-enhanced slice: vessels, venous sinuses, choroid plexus, a normal gland."""
        vessels = np.hypot(self.folds, self.patches) < rng.uniform(0.12, 0.3)
        self.image[vessels & (self.inside > 0) & (self.inside < 0.4) & ~self.base] = rng.uniform(0.75, 1.0)
        for sinus in ((0, -self.view.brain[1]), (rng.choice((-1, 1)) * 0.6 * self.view.brain[0], 0.8 * self.view.brain[1])):
            radius = rng.uniform(0.05, 0.1)
            self.image[(np.hypot(self.u - sinus[0], self.v - sinus[1]) < radius) & (self.inside > -0.06)] = rng.uniform(0.8, 1)
        for u, v, radius_u, radius_v in self.view.ventricles[-2:]:
            plexus = np.hypot(self.u - u, self.v - v) < rng.uniform(0.1, 0.9) * min(radius_u, radius_v)
            self.image[plexus] = rng.uniform(0.6, 0.95)
        if self.view.sella:
            gland = np.hypot((self.u - self.view.sella[0]) / 1.3, self.v - self.view.sella[1])
            self.image[gland < rng.uniform(0.025, 0.05)] = rng.uniform(0.6, 0.85)
            for side in (-1, 1) if self.view.mirrored else ():
                carotid = np.hypot(self.u - side * 0.17, self.v - self.view.sella[1])
                self.image[carotid < rng.uniform(0.03, 0.05)] = rng.uniform(0.7, 1)
