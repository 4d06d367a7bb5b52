"""The head of one made-up patient: which tissue lies where."""

from __future__ import annotations

from enum import IntEnum, auto

import numpy as np

from .canvas import Canvas
from .fields import SmoothField, warp
from .shapes import Ellipsoid, rotation

LABELS = {"whole tumour": 1}


class Tissue(IntEnum):
    """What a voxel of the head may consist of."""

    AIR = 0
    FAT = auto()
    MUSCLE = auto()
    BONE = auto()
    MARROW = auto()
    EYE = auto()
    CSF = auto()
    GREY = auto()
    WHITE = auto()
    VESSEL = auto()
    SINUS = auto()
    PLEXUS = auto()
    LESION = auto()
    OEDEMA = auto()
    RIM = auto()
    NECROSIS = auto()


PARENCHYMA = (Tissue.GREY, Tissue.WHITE, Tissue.LESION)
"""Healthy brain tissue, and what ageing leaves in it."""


class Head:
    """One patient, drawn from ``rng`` when made; ``paint`` puts the same patient on any set of points.

    Coordinates are mm from the middle of the brain: x to the right, y to the front, z upwards.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.seed = int(rng.integers(2**31))
        self.size = rng.uniform(0.94, 1.05)
        self.turn = rng.uniform((-10, -7, -10), (10, 7, 10))
        self.cerebrum = Ellipsoid((0, 0, 4), (61, 75, 51), power=2.2).varied(rng, 1, 0.03, 0)
        self.cerebellum = Ellipsoid((0, -40, -44), (45, 28, 23)).varied(rng, 2, 0.05, 3)
        self.brainstem = Ellipsoid((0, -14, -46), (11, 12, 36), (-14, 0, 0)).varied(rng, 1, 0.08, 3)
        self.skull = rng.uniform(4.5, 7.5)
        self.scalp = rng.uniform(4, 7.5)
        self.atrophy = rng.uniform(0, 1)
        swollen = 1 + 0.5 * self.atrophy
        self.ventricles = [
            part
            for side in (-1, 1)
            for part in (
                Ellipsoid((side * 10, 8, 11), (5 * swollen, 30, 7 * swollen), (8, 0, side * -9)).varied(rng, 1, 0.12, 4),
                Ellipsoid((side * 21, -28, 2), (6 * swollen, 17, 9 * swollen), (20, 0, side * 14)).varied(rng, 1, 0.12, 4),
            )
        ]
        self.third_ventricle = Ellipsoid((0, -2, -6), (1.5 + 1.5 * self.atrophy, 13, 10))
        self.fourth_ventricle = Ellipsoid((0, -30, -44), (7, 5, 9)).varied(rng, 1, 0.15, 5)
        self.plexus = [Ellipsoid((side * 22, -26, 3), (3, 8, 3.5)).varied(rng, 1, 0.2, 10) for side in (-1, 1)]
        self.nuclei = [
            part
            for side in (-1, 1)
            for part in (
                Ellipsoid((side * 11, -8, -2), (8, 15, 9)).varied(rng, 1, 0.08, 5),
                Ellipsoid((side * 23, 8, 0), (7, 17, 11), (0, 0, side * -8)).varied(rng, 1, 0.08, 5),
                Ellipsoid((side * 14, 20, 8), (5, 11, 9)).varied(rng, 1, 0.08, 5),
            )
        ]
        self.caps = rng.uniform(1.06, 1.06 + 0.4 * self.atrophy)
        self.lesions = [
            Ellipsoid((side * rng.uniform(22, 34), rng.uniform(-38, 40), rng.uniform(14, 32)), tuple(rng.uniform(2, 5.5, 3)))
            for side in rng.choice((-1, 1), size=int(rng.integers(0, 9)))
        ]
        self.vessels = rng.uniform(0.2, 0.32)

    def paint(self, world: np.ndarray, centre: np.ndarray) -> Canvas:
        """Tissues at ``world`` (3, I, J, K) RAS+ in mm, for a patient whose brain's middle lies at ``centre``; no label yet."""
        points = self.body_frame(world, centre)
        # A fresh generator for each painting: fields are drawn here, and must be the same on every grid.
        rng = np.random.default_rng(self.seed)
        soft = warp(points, rng, {45.0: 2.6})
        folds = SmoothField(rng, 8.0)(soft)
        patches = SmoothField(rng, 26.0)(soft)
        canvas = Canvas(world.shape[1:], Tissue.AIR)
        depth = self.depth(soft)
        self._shell(canvas, points, soft, depth, patches)
        self._cerebrum(canvas, soft, depth, folds)
        self._inside(canvas, soft, patches)
        self._behind(canvas, soft, folds)
        self._vessels(canvas, soft, depth, folds, patches)
        return canvas

    def body_frame(self, world: np.ndarray, centre: np.ndarray) -> np.ndarray:
        """The patient's own coordinates of RAS+ ``world`` (3, ...) in mm."""
        turn = (rotation(self.turn).T / self.size).astype(np.float32)
        x, y, z = (world[axis] - np.float32(centre[axis]) for axis in range(3))
        return np.stack([turn[row, 0] * x + turn[row, 1] * y + turn[row, 2] * z for row in range(3)])

    def depth(self, points: np.ndarray) -> np.ndarray:
        """About how many mm a point lies below the surface of the cerebrum, negative outside."""
        return (1 - self.cerebrum(points)) * np.float32(np.mean(self.cerebrum.radii))

    def _shell(self, canvas: Canvas, points: np.ndarray, soft: np.ndarray, depth: np.ndarray, patches: np.ndarray) -> None:
        """Scalp, face, skull and the CSF space that the brain then fills."""
        vault = np.minimum(-depth, 40 * (self.cerebellum(soft) - 1))
        # Below the temporal lobes the head goes on as face and neck, down to the edge of the field of view.
        face = Ellipsoid((0, 10, -58), (56, 70, 64), power=2.5)(points) + 0.03 * patches
        canvas.paint(((face < 1) & (points[2] < -10)) | (vault < self.skull + self.scalp + 3), Tissue.FAT)
        deep = (face < 0.9) & (points[2] < -22)
        canvas.paint(deep & (patches > -0.5), Tissue.MUSCLE)
        canvas.paint(deep & (np.abs(points[0]) < 14) & (points[1] > 22) & (patches > -0.1), Tissue.AIR)
        for side in (-1, 1):
            canvas.paint(Ellipsoid((side * 31, 56, -36), (18, 20, 17))(points) < 1, Tissue.FAT)
            canvas.paint(Ellipsoid((side * 31, 61, -36), (12, 12, 12))(points) < 1, Tissue.EYE)
        canvas.paint(vault < self.skull + 3, Tissue.BONE)
        canvas.paint((vault < self.skull + 1) & (vault > 5) & (points[2] > -25), Tissue.MARROW)
        canvas.paint(vault < 3, Tissue.CSF)

    def _cerebrum(self, canvas: Canvas, soft: np.ndarray, depth: np.ndarray, folds: np.ndarray) -> None:
        """Hemispheres: sulci of CSF where a field is near zero, cortex around them, white matter within."""
        midline = np.abs(soft[0])
        falx = (midline < 1.2) & ((soft[2] > 22) | (np.abs(soft[1]) > 42))
        brain = (depth > 0) & ~falx
        surface = np.where(midline < 12, np.minimum(depth, midline + np.where(soft[2] > 18, 0, 12)), depth)
        # The deeper, the narrower: sulci end about 18 mm below the surface.
        narrowing = np.clip(1 - surface / 20, 0, 1)
        sulcus = np.abs(folds) < (0.10 + 0.12 * self.atrophy) * narrowing
        canvas.paint(brain, Tissue.WHITE)
        canvas.paint(brain & ((surface < 3.5) | (np.abs(folds) < 0.9 * np.sqrt(narrowing))), Tissue.GREY)
        canvas.paint(brain & sulcus & (surface < 19), Tissue.CSF)

    def _inside(self, canvas: Canvas, soft: np.ndarray, patches: np.ndarray) -> None:
        """Deep grey matter, ventricles, and the bright spots that FLAIR shows in white matter without any tumour."""
        for nucleus in self.nuclei:
            canvas.paint(nucleus(soft) < 1, Tissue.GREY)
        level = np.min([part(soft) for part in self.ventricles], axis=0)
        white = canvas.is_any(Tissue.WHITE)
        ends = (np.abs(soft[1] - 2) > 18) & (level < self.caps + 0.08 * patches)
        spots = np.zeros_like(white)
        for lesion in self.lesions:
            spots |= lesion(soft) < 1 + 0.25 * patches
        canvas.paint(white & (ends | spots), Tissue.LESION)
        canvas.paint(level < 1, Tissue.CSF)
        canvas.paint(self.third_ventricle(soft) < 1, Tissue.CSF)
        for part in self.plexus:
            canvas.paint((part(soft) < 1) & (level < 1.05), Tissue.PLEXUS)

    def _behind(self, canvas: Canvas, soft: np.ndarray, folds: np.ndarray) -> None:
        """Cerebellum with its fine folia, brain stem, fourth ventricle; the cerebrum's CSF stays between them."""
        level = self.cerebellum(soft)
        # Folia are sheets, finer than any fold of the cerebrum.
        sheets = np.sin(soft[2] * 0.9 + 1.5 * folds)
        free = ~canvas.is_any(Tissue.GREY, Tissue.WHITE, Tissue.LESION)
        canvas.paint(free & (level < 1.03), Tissue.CSF)
        canvas.paint(free & (level < 0.97), Tissue.GREY)
        canvas.paint(free & (level < 0.80) & (sheets > 0), Tissue.WHITE)
        canvas.paint(free & (level < 0.45), Tissue.WHITE)
        stem = self.brainstem(soft)
        canvas.paint((stem < 1.4) & canvas.is_any(Tissue.BONE, Tissue.MUSCLE, Tissue.FAT, Tissue.AIR), Tissue.CSF)
        canvas.paint(stem < 1, Tissue.WHITE)
        canvas.paint(self.fourth_ventricle(soft) < 1, Tissue.CSF)

    def _vessels(self, canvas: Canvas, soft: np.ndarray, depth: np.ndarray, folds: np.ndarray, patches: np.ndarray) -> None:
        """Arteries and veins in the sulci and on the surface, and the large venous sinuses, all of which take up contrast."""
        tubes = folds**2 + patches**2 < self.vessels**2
        canvas.inlay(tubes & canvas.is_any(Tissue.CSF, Tissue.GREY) & (depth < 16), Tissue.VESSEL)
        canvas.inlay((np.hypot(soft[0], soft[1] - 4) < 2.6) & (soft[2] < -34) & (soft[2] > -60), Tissue.VESSEL)
        for side in (-1, 1):
            carotid = np.hypot(soft[0] - side * 13, soft[1] - 14) < 3
            canvas.inlay(carotid & (soft[2] < -32), Tissue.VESSEL)
            middle_cerebral = np.hypot(soft[2] + 22 - 0.15 * np.abs(soft[0]), soft[1] - 16) < 2.2
            canvas.inlay(middle_cerebral & (soft[0] * side > 6) & (depth > -3), Tissue.VESSEL)
        inner_table = (depth < 2.5) & (depth > -4.5)
        canvas.inlay(inner_table & (np.abs(soft[0]) < 4.5 + depth / 2) & ((soft[2] > 20) | (soft[1] < -40)), Tissue.SINUS)
        transverse = (np.abs(soft[2] + 22) < 4) & (soft[1] < -22) & (self.cerebellum(soft) > 0.9)
        canvas.inlay(transverse & inner_table, Tissue.SINUS)
