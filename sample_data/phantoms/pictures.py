"""Small pictures for classification: contrast-enhanced MR slices of heads with one of three kinds of tumour, or none."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .artefacts import rician
from .picture_anatomy import SIZE, VIEWS, Slice
from .picture_tumours import PAINTERS
from .seeds import stream
from .textures import smooth_texture

KINDS = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")


def make_picture(seed: int, kind: str) -> np.ndarray:
    """Makes one slice.

    Args:
        seed: same seed and kind, same picture. See ``seeds`` for which to train on.
        kind: one of ``KINDS``.

    Returns:
        uint8, shape (128, 128), row 0 on top.

    Raises:
        ValueError: for another kind.
    """
    return make_picture_and_mask(seed, kind)[0]


def make_picture_and_mask(seed: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`make_picture`, with the mask (bool, 128 x 128) of the tumour itself, without oedema."""
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is unknown: choose one of {', '.join(KINDS)}.")
    rng = stream(seed, 30, KINDS.index(kind))
    # The sella is in three of four views; every kind is shown in all views in which it can be seen.
    names = [name for name, view in VIEWS.items() if kind != "pituitary_tumor" or view.sella]
    head = Slice(VIEWS[str(rng.choice(names))], rng)
    mask = PAINTERS[kind](head, rng) if kind in PAINTERS else np.zeros((SIZE, SIZE), bool)
    return _acquire(head.image, rng), mask


def _acquire(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image = image * (1 + rng.uniform(0.02, 0.05) * smooth_texture(rng, SIZE, 2.0))
    image = ndimage.gaussian_filter(image, rng.uniform(0.4, 0.9))
    image *= np.exp(rng.uniform(0.03, 0.12) * smooth_texture(rng, SIZE, 30.0))
    image = rician(image, rng, rng.uniform(0.01, 0.035))
    window = np.clip(image / rng.uniform(0.8, 1.05), 0, 1) ** rng.uniform(0.8, 1.25)
    return np.rint(255 * window).astype(np.uint8)
