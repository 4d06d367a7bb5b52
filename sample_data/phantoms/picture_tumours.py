"""The three tumours that a picture may show, each painted over a slice."""

from __future__ import annotations

import numpy as np

from .picture_anatomy import SIZE, Slice
from .textures import smooth_texture


def paint_glioma(head: Slice, rng: np.random.Generator) -> np.ndarray:
    """Within the brain: dark necrosis, an irregular enhancing ring, slightly dark oedema. Returns the mask of ring and core."""
    reach = rng.uniform(0.2, 0.34)
    at = _inside_brain(head, rng, margin=0.7 * reach)
    distance = np.hypot(head.u - at[0], head.v - at[1]) * (1 + 0.22 * smooth_texture(rng, SIZE, 5.0))
    room = head.inside > 0.03
    oedema = room & (distance < reach * rng.uniform(1.2, 1.9)) & (head.image < 0.7)
    head.image[oedema] = np.minimum(head.image[oedema], rng.uniform(0.32, 0.4))
    mass = room & ~head.base & (distance < reach)
    head.image[mass] = rng.uniform(0.62, 0.95)
    core = reach - rng.uniform(0.06, 0.1)
    uneven = distance + 0.03 * smooth_texture(rng, SIZE, 4.0)
    head.image[mass & (uneven < core)] = rng.uniform(0.18, 0.34)
    return mass


def paint_meningioma(head: Slice, rng: np.random.Generator) -> np.ndarray:
    """Outside the brain, broad against the inner table of the skull, evenly bright, with a dural tail. Returns its mask."""
    # Not at the base, where it could pass for a pituitary tumour.
    angle = rng.uniform(0, 2 * np.pi)
    while np.sin(angle) * head.view.brain[1] > head.view.base - 0.35:
        angle = rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(0.16, 0.32)
    depth = 1 - 0.6 * radius
    at = (depth * head.view.brain[0] * np.cos(angle), depth * head.view.brain[1] * np.sin(angle))
    distance = np.hypot(head.u - at[0], head.v - at[1]) * (1 + 0.05 * smooth_texture(rng, SIZE, 8.0))
    room = (head.inside > 0) & ~head.base
    pressed = room & (distance < radius * rng.uniform(1.05, 1.4))
    head.image[pressed] = np.minimum(head.image[pressed], rng.uniform(0.2, 0.42))
    bright = rng.uniform(0.68, 0.95)
    head.image[room & (head.inside < 0.035) & (distance < 1.9 * radius)] = bright
    mass = room & (distance < radius)
    head.image[mass] = bright
    return mass


def paint_pituitary_tumour(head: Slice, rng: np.random.Generator) -> np.ndarray:
    """In the midline at the base, small and bright, growing upwards out of the sella. Returns its mask."""
    if head.view.sella is None:
        raise ValueError("this view does not go through the sella")
    width, height = rng.uniform(0.09, 0.17), rng.uniform(0.1, 0.19)
    u = head.u - head.view.sella[0] - rng.uniform(-0.02, 0.02)
    v = head.v - head.view.sella[1] + 0.5 * height
    distance = np.hypot(u / width, v / height) * (1 + 0.08 * smooth_texture(rng, SIZE, 5.0))
    mass = distance < 1
    # Larger ones push up a rim of dark fluid of the suprasellar cistern.
    head.image[(distance < 1.25) & ~head.base] = 0.18
    head.image[mass] = rng.uniform(0.62, 0.92)
    return mass


PAINTERS = {
    "glioma_tumor": paint_glioma,
    "meningioma_tumor": paint_meningioma,
    "pituitary_tumor": paint_pituitary_tumour,
}


def _inside_brain(head: Slice, rng: np.random.Generator, margin: float) -> tuple[float, float]:
    """A random place whose distance from the brain's outline is at least ``margin``, and which is not at the base."""
    places = np.argwhere((head.inside > margin) & head.brain & (head.v < head.view.base - 0.3))
    row, column = places[rng.integers(len(places))]
    return float(head.u[row, column]), float(head.v[row, column])
