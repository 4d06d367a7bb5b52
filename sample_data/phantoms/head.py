"""Head phantoms: contrast-enhanced T1 and FLAIR of one patient, voxel by voxel, with the whole tumour labelled."""

from __future__ import annotations

import numpy as np

from . import artefacts
from .canvas import Canvas
from .case import Case
from .fields import SmoothField
from .grids import Grid, make_grid
from .head_anatomy import LABELS, Head, Tissue
from .head_contrast import SEQUENCES, contrast
from .head_tumour import Tumour
from .seeds import stream

SHAPE = (80, 96, 72)
"""Voxels along right, anterior and superior."""

ORIENTATIONS = ("RAS", "RAS", "LPS")


def make_pair(seed: int, tumour: bool = True) -> dict[str, Case]:
    """Makes the T1c and the FLAIR of one patient on one grid of about 2 mm.

    Args:
        seed: same seed, same case. See ``seeds`` for which to train on.
        tumour: without it the same patient is healthy, and the label is empty.

    Returns:
        The case of each sequence, by its name (``T1c``, ``FLAIR``).
    """
    grid, canvas = make_anatomy(seed, tumour)
    points = grid.points()
    texture = SmoothField(stream(seed, 20, 2), 12.0)(points)
    return {
        sequence: Case(
            _acquire(canvas.tissue, points, texture, sequence, stream(seed, 20, 3, number)),
            canvas.label,
            grid.affine,
            seed,
            "MR",
            sequence,
            dict(LABELS),
        )
        for number, sequence in enumerate(SEQUENCES)
    }


def make_anatomy(seed: int, tumour: bool = True) -> tuple[Grid, Canvas]:
    """The grid and the tissues (``head_anatomy.Tissue``) behind :func:`make_pair`."""
    head = Head(stream(seed, 20, 0))
    rng = stream(seed, 20, 1)
    centre = rng.uniform(-60, 60, 3)
    spacing = rng.uniform(1.98, 2.12)
    at = centre + rng.uniform((-4, -5, -10), (4, 5, -4))
    tilt = rng.uniform(-5, 5, 3) if rng.random() < 0.25 else np.zeros(3)
    grid = make_grid(SHAPE, (spacing, spacing, spacing), at, str(rng.choice(ORIENTATIONS)), tilt)
    points = grid.points()
    canvas = head.paint(points, centre)
    if tumour:
        Tumour(stream(seed, 20, 4)).paint(canvas, head, points, centre)
    return grid, canvas


def _acquire(
    tissue: np.ndarray, points: np.ndarray, texture: np.ndarray, sequence: str, rng: np.random.Generator
) -> np.ndarray:
    image = contrast(sequence, rng)[tissue] * (1 + rng.uniform(0.02, 0.05) * texture)
    # Spongy bone and the face are mottled, the brain is not.
    image *= np.where(np.isin(tissue, (Tissue.MUSCLE, Tissue.MARROW)), 1 + 0.15 * texture, 1)
    image = artefacts.blur(image, rng.uniform(0.35, 0.6))
    image *= artefacts.bias_field(points, rng, rng.uniform(0.05, 0.12))
    image = artefacts.rician(image, rng, rng.uniform(0.012, 0.03))
    return np.clip(np.rint(image * rng.uniform(200, 700)), 0, 32767).astype(np.int16)
