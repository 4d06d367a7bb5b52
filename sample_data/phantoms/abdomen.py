"""Abdominal phantoms: CT-like in HU and MR-like in arbitrary units, labelled liver, kidneys and spleen."""

from __future__ import annotations

import numpy as np

from . import artefacts
from .abdomen_anatomy import LABELS, Abdomen, Tissue
from .abdomen_contrast import ct_contrast, mr_contrast
from .case import Case
from .fields import SmoothField
from .grids import Grid, make_grid
from .seeds import stream

MODALITIES = ("CT", "MR")

EXTENT = (300.0, 236.0, 180.0)
"""Field of view in mm: right-left, front-back, top-bottom."""

ORIENTATIONS = {"CT": ("RAS", "LPS", "LPS", "LAS"), "MR": ("RAS", "LPS", "LAS", "PSR")}


def make_case(seed: int, modality: str, paired: bool = False) -> Case:
    """Makes one abdominal phantom.

    Args:
        seed: same seed, same case. See ``seeds`` for which to train on.
        modality: ``CT`` or ``MR``.
        paired: patient and grid then depend on the seed alone, so that the CT and the MR of one seed show the same patient
            voxel by voxel. Otherwise a CT and an MR always show different patients.

    Raises:
        ValueError: for another modality.
    """
    if modality not in MODALITIES:
        raise ValueError(f"modality {modality!r} is unknown: choose one of {', '.join(MODALITIES)}.")
    which = MODALITIES.index(modality)
    patient = 9 if paired else which
    rng = stream(seed, patient, 0)
    body = Abdomen(rng)
    centre = rng.uniform((-12, -12, -300), (12, 12, 300))
    grid = _grid(stream(seed, patient, 1), "CT" if paired else modality, centre)
    points = grid.points()
    canvas = body.paint(points, centre)
    rng = stream(seed, which, 2)
    local = points - centre.astype(np.float32)[:, None, None, None]
    if modality == "CT":
        sequence, image = "", _ct(canvas.tissue, local, rng)
    else:
        sequence, image = _mr(canvas.tissue, local, rng)
    return Case(image, canvas.label, grid.affine, seed, modality, sequence, dict(LABELS))


def _grid(rng: np.random.Generator, modality: str, centre: np.ndarray) -> Grid:
    in_plane = rng.uniform(2.8, 3.3)
    through = rng.uniform(4.5, 5.5) if modality == "CT" else rng.uniform(5.0, 7.0)
    spacing = (in_plane, in_plane, through)
    shape = tuple(round(extent / step) for extent, step in zip(EXTENT, spacing, strict=True))
    tilt = rng.uniform(-8, 8, 3) if rng.random() < 0.25 else np.zeros(3)
    at = centre + rng.uniform((-4, -4, -8), (4, 4, 8))
    return make_grid(shape, spacing, at, str(rng.choice(ORIENTATIONS[modality])), tilt)


def _ct(tissue: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    solid = (tissue != Tissue.AIR) & (tissue != Tissue.GAS)
    texture = rng.uniform(3, 9) * SmoothField(rng, 14.0)(points)
    spongy = 60 * SmoothField(rng, 8.0)(points) * np.isin(tissue, (Tissue.LUNG, Tissue.MARROW, Tissue.BONE))
    image = artefacts.blur(ct_contrast(rng)[tissue] + solid * texture + spongy, rng.uniform(0.35, 0.55))
    image += artefacts.ct_noise(image.shape, rng, rng.uniform(8, 18))
    return np.clip(np.rint(image), -1024, 1500).astype(np.int16)


def _mr(tissue: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    sequence, contrast = mr_contrast(rng)
    texture = 1 + rng.uniform(0.02, 0.05) * SmoothField(rng, 14.0)(points)
    image = artefacts.blur(contrast[tissue] * texture, rng.uniform(0.35, 0.55))
    image *= artefacts.bias_field(points, rng, rng.uniform(0.06, 0.16))
    image = artefacts.rician(image, rng, rng.uniform(0.015, 0.035))
    return sequence, np.clip(np.rint(image * rng.uniform(300, 1500)), 0, 32767).astype(np.int16)
