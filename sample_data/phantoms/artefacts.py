"""What a scanner adds to an image: blur, noise, uneven sensitivity."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .fields import SmoothField


def blur(image: np.ndarray, voxels: float) -> np.ndarray:
    """The point spread of the scanner, which also makes partial volume at every border."""
    return ndimage.gaussian_filter(image, voxels, mode="nearest")


def ct_noise(shape: tuple[int, ...], rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Noise in HU: reconstruction kernels correlate it between neighbours in a slice."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 0.6)
    return sigma * noise / noise.std()


def bias_field(points: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Smooth multiplicative sensitivity of the MR receive coil, about 1 on average; ``strength`` is its log deviation."""
    return np.exp(strength * SmoothField(rng, correlation=140.0, extent=280.0)(points)).astype(np.float32)


def rician(image: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Magnitude MR noise: the modulus of a complex signal with normal noise in both channels (Gudbjartsson & Patz 1995)."""
    real = image + sigma * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(image.shape, dtype=np.float32)
    return np.sqrt(real**2 + imaginary**2)
