"""Smooth random textures for pictures."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def smooth_texture(rng: np.random.Generator, size: int, sigma: float) -> np.ndarray:
    """Normal noise smoothed by ``sigma`` pixels; float32 (size, size), mean 0, standard deviation 1."""
    # Three box filters make a bell at a price that does not grow with sigma.
    width = max(3, round(2 * sigma))
    noise = rng.standard_normal((size, size), dtype=np.float32)
    for _ in range(3):
        noise = ndimage.uniform_filter(noise, width, mode="wrap")
    return (noise - noise.mean()) / noise.std()
