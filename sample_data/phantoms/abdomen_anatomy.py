"""The upper abdomen of one made-up patient: which tissue lies where."""

from __future__ import annotations

from enum import IntEnum, auto

import numpy as np
from scipy import ndimage

from .canvas import Canvas
from .fields import SmoothField, tubes, warp
from .shapes import Ellipsoid, cylinder, rotation

LABELS = {"liver": 1, "right kidney": 2, "left kidney": 3, "spleen": 4}


class Tissue(IntEnum):
    """What a voxel of the abdomen may consist of."""

    AIR = 0
    FAT = auto()
    MUSCLE = auto()
    BONE = auto()
    MARROW = auto()
    LUNG = auto()
    BLOOD = auto()
    LIVER = auto()
    SPLEEN = auto()
    CORTEX = auto()
    MEDULLA = auto()
    FLUID = auto()
    WALL = auto()
    CONTENT = auto()
    PANCREAS = auto()
    TUMOUR = auto()
    GAS = auto()


class Abdomen:
    """One patient, drawn from ``rng`` when made; ``paint`` puts the same patient on any set of points.

    Coordinates are mm from the middle of the first lumbar vertebra's level: x to the right, y to the front, z upwards.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.seed = int(rng.integers(2**31))
        self.size = rng.uniform(0.95, 1.08)
        self.turn = rng.uniform(-6, 6, 3)
        self.fat = rng.uniform(8, 22)
        self.body = (rng.uniform(128, 140), rng.uniform(86, 100))
        self.liver_right = Ellipsoid((62, 6, 18), (68, 80, 74)).varied(rng, 5, 0.09, 8)
        self.liver_left = Ellipsoid((4, 36, 38), (66, 36, 32), (0, -12, 0)).varied(rng, 6, 0.14, 8)
        self.liver_edge = (rng.uniform(-68, -44), rng.uniform(0.1, 0.4))
        self.spleen = Ellipsoid((-84, -26, 30), (35, 48, 54), (15, 0, 0)).varied(rng, 5, 0.12, 10)
        self.right_kidney = Ellipsoid((58, -35, -22), (29, 27, 55), (8, -14, 0)).varied(rng, 5, 0.1, 8)
        self.left_kidney = Ellipsoid((-56, -33, -8), (29, 27, 56), (8, 14, 0)).varied(rng, 5, 0.1, 8)
        self.stomach = Ellipsoid((-46, 32, 26), (38, 34, 46), (0, 25, 0)).varied(rng, 9, 0.2, 18)
        self.gallbladder = Ellipsoid((46, 40, -14), (14, 17, 27), (25, 0, 0)).varied(rng, 7, 0.25, 20)
        self.heart = Ellipsoid((-24, 30, 98), (52, 44, 40)).varied(rng, 8, 0.1, 15)
        self.domes = [
            Ellipsoid((64, 0, -12), (76, 92, 88)).varied(rng, 5, 0.05, 0),
            Ellipsoid((-60, 0, -14), (72, 92, 80)).varied(rng, 5, 0.05, 0),
            Ellipsoid((0, 10, -12), (62, 80, 78)),
        ]
        self.gut_fill = rng.uniform(-0.1, 0.35)
        self.stomach_gas = rng.uniform(0.15, 0.7)

    def paint(self, world: np.ndarray, centre: np.ndarray) -> Canvas:
        """Tissues and labels at ``world`` (3, I, J, K) RAS+ in mm, for a patient who lies with the origin at ``centre``."""
        points = self._body_frame(world, centre)
        # A fresh generator for each painting: fields are drawn here, and must be the same on every grid.
        rng = np.random.default_rng(self.seed)
        soft = warp(points, rng, {70.0: 6.0, 28.0: 2.2})
        canvas = Canvas(world.shape[1:], Tissue.AIR)
        cavity = self._torso(canvas, warp(points, rng, {90.0: 3.0}), rng)
        self._gut(canvas, soft, cavity, rng)
        below = cavity & (np.min([dome(soft) for dome in self.domes], axis=0) < 1)
        self._chest(canvas, soft, cavity & ~below & (points[2] > 0))
        self._stomach(canvas, soft, below)
        kidneys = np.minimum(self.right_kidney(soft), self.left_kidney(soft))
        self._spleen(canvas, soft, below & (kidneys > 1.1), rng)
        self._liver(canvas, soft, below & (kidneys > 1.1), rng)
        self._spine(canvas, points)
        self._kidney(canvas, soft, self.right_kidney, LABELS["right kidney"], 1, rng)
        self._kidney(canvas, soft, self.left_kidney, LABELS["left kidney"], -1, rng)
        return canvas

    def _body_frame(self, world: np.ndarray, centre: np.ndarray) -> np.ndarray:
        m = (rotation(self.turn) / self.size).astype(np.float32)
        x, y, z = (world[axis] - np.float32(centre[axis]) for axis in range(3))
        return np.stack([m[row, 0] * x + m[row, 1] * y + m[row, 2] * z for row in range(3)])

    def _torso(self, canvas: Canvas, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Skin, fat, the muscles of the wall and the ribs; returns the mask of the cavity inside."""
        width, depth = self.body

        def ring(inset: float) -> np.ndarray:
            return cylinder(points, (0, 0), (width - inset, depth - inset), power=2.4) < 1

        canvas.paint(ring(0), Tissue.FAT)
        canvas.paint(ring(self.fat) & (SmoothField(rng, 26.0)(points) < 1.6), Tissue.MUSCLE)
        slope = points[2] + 0.45 * points[1] + 12 * np.abs(points[0]) / width
        ribs = ring(self.fat + 2.5) & ~ring(self.fat + 8.5) & (np.mod(slope, 27) < 10) & (slope > -25)
        canvas.paint(ribs, Tissue.BONE)
        cavity = ring(self.fat + 10) & (points[1] > -62 + 0.08 * np.abs(points[0]))
        canvas.paint(cavity, Tissue.FAT)
        return cavity

    def _gut(self, canvas: Canvas, points: np.ndarray, cavity: np.ndarray, rng: np.random.Generator) -> None:
        """Coils of bowel with fluid, stool and gas wherever no organ will cover them, and the pancreas."""
        coils = SmoothField(rng, 19.0)(points)
        inside = cavity & (points[1] > -32)
        canvas.paint(inside & (coils > -0.15 - self.gut_fill), Tissue.WALL)
        canvas.paint(inside & (coils > 0.25 - self.gut_fill), Tissue.CONTENT)
        canvas.paint(inside & (coils > 0.4) & (SmoothField(rng, 35.0)(points) + points[1] / 80 > 1.1), Tissue.GAS)
        bend = np.stack([points[0], points[1] + points[0] ** 2 / 180 - 8, points[2] - points[0] * -0.25 - 2])
        canvas.paint(Ellipsoid((-8, 0, 0), (62, 11, 14))(bend) + 0.15 * coils < 1, Tissue.PANCREAS)

    def _chest(self, canvas: Canvas, points: np.ndarray, chest: np.ndarray) -> None:
        canvas.paint(chest, Tissue.LUNG)
        heart = self.heart(points)
        canvas.paint(chest & (heart < 1.06), Tissue.MUSCLE)
        canvas.paint(chest & (heart < 0.8), Tissue.BLOOD)

    def _stomach(self, canvas: Canvas, points: np.ndarray, room: np.ndarray) -> None:
        level = self.stomach(points)
        canvas.paint(room & (level < 1), Tissue.WALL)
        canvas.paint(room & (level < 0.87), Tissue.CONTENT)
        front = self.stomach.centre[1] + self.stomach_gas * self.stomach.radii[1]
        canvas.paint(room & (level < 0.87) & (points[1] > front), Tissue.GAS)

    def _spleen(self, canvas: Canvas, points: np.ndarray, room: np.ndarray, rng: np.random.Generator) -> None:
        hilum = Ellipsoid(self.spleen.centre, (18, 24, 28)).moved((38, 14, 0))
        level = self.spleen(points)
        self._wrap(canvas, room & (level < 1.14))
        spleen = room & (level < 1) & (hilum(points) > 1)
        spleen = _largest(spleen)
        canvas.paint(spleen, Tissue.SPLEEN, LABELS["spleen"])
        canvas.inlay(spleen & tubes(points, rng, 30.0, 0.16), Tissue.BLOOD)

    def _liver(self, canvas: Canvas, points: np.ndarray, room: np.ndarray, rng: np.random.Generator) -> None:
        low, slope = self.liver_edge
        level = np.minimum(self.liver_right(points), self.liver_left(points))
        self._wrap(canvas, room & (level < 1.07) & (points[2] > low - 5 + slope * (70 - points[0])))
        liver = room & (level < 1) & (points[2] > low + slope * (70 - points[0])) & (canvas.label == 0)
        liver = _largest(liver)
        canvas.paint(liver, Tissue.LIVER, LABELS["liver"])
        canvas.inlay(liver & tubes(points, rng, 42.0, 0.17), Tissue.BLOOD)
        for _ in range(rng.integers(0, 5)):
            kind = Tissue.TUMOUR if rng.random() < 0.6 else Tissue.FLUID
            at = np.asarray(self.liver_right.centre) + rng.uniform(-45, 45, 3)
            canvas.inlay(liver & (Ellipsoid(tuple(at), tuple(rng.uniform(6, 17, 3)))(points) < 1), kind)
        bile = self.gallbladder(points)
        canvas.paint((bile < 1) & room, Tissue.WALL)
        canvas.paint((bile < 0.88) & room, Tissue.FLUID)

    def _wrap(self, canvas: Canvas, around: np.ndarray) -> None:
        """The thin layer of fat that keeps an organ apart from the gut and the muscles beside it."""
        soft = canvas.is_any(Tissue.WALL, Tissue.CONTENT, Tissue.GAS, Tissue.MUSCLE, Tissue.PANCREAS)
        canvas.paint(around & soft, Tissue.FAT)

    def _spine(self, canvas: Canvas, points: np.ndarray) -> None:
        """Vertebrae with discs, the muscles beside them, aorta and inferior vena cava."""
        for side in (-1, 1):
            canvas.paint(cylinder(points, (side * 34, -72), (27, 14)) < 1, Tissue.MUSCLE)
            psoas = cylinder(points, (side * (30 - 0.12 * points[2]), -42), (15, 15)) < 1
            canvas.paint(psoas & (points[2] < 15), Tissue.MUSCLE)
        body = cylinder(points, (0, -46), (23, 18), power=2.5)
        disc = np.mod(points[2] + 4, 33) < 7
        canvas.paint((body < 1) & disc, Tissue.WALL)
        canvas.paint((body < 1) & ~disc, Tissue.BONE)
        canvas.paint((body < 0.86) & ~disc, Tissue.MARROW)
        arch = cylinder(points, (0, -70), (17, 14))
        canvas.paint((arch < 1) | (cylinder(points, (0, -86), (4, 14)) < 1) & ~disc, Tissue.BONE)
        canvas.paint(arch < 0.65, Tissue.FLUID)
        canvas.paint(cylinder(points, (-9, -18), (11, 11)) < 1, Tissue.BLOOD)
        canvas.paint(cylinder(points, (19, -16), (13, 10)) < 1, Tissue.BLOOD)

    def _kidney(
        self,
        canvas: Canvas,
        points: np.ndarray,
        shape: Ellipsoid,
        label: int,
        side: int,
        rng: np.random.Generator,
    ) -> None:
        """Cortex around pyramids of medulla; the sinus, open towards the spine, holds fat and a little urine."""
        level = shape(points)
        sinus = Ellipsoid(shape.centre, (14, 9, 20)).moved((-side * 16, 4, 0))(points)
        kidney = (level < 1) & (sinus > 1)
        self._wrap(canvas, level < 1.12)
        canvas.paint(kidney, Tissue.CORTEX, label)
        canvas.inlay(kidney & (level < 0.72) & (SmoothField(rng, 13.0)(points) > -0.2), Tissue.MEDULLA)
        canvas.paint((level < 1) & (sinus < 0.45), Tissue.FLUID)
        if rng.random() < 0.35:
            at = np.asarray(shape.centre) + np.array([side * 12, rng.uniform(-8, 8), rng.uniform(-30, 30)])
            canvas.inlay(kidney & (Ellipsoid(tuple(at), tuple(rng.uniform(6, 12, 3)))(points) < 1), Tissue.FLUID)


def _largest(mask: np.ndarray) -> np.ndarray:
    """The largest connected part: what a kidney or the wall cuts off is no organ of its own."""
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == sizes.argmax()
