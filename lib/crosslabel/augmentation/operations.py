"""Changes of an image with stated parameters: deformations, and artefacts of MR and CT.

Each function takes an image (channels, \\*spatial), float32, in two or three dimensions, and parameters that are plain JSON
values; it draws nothing but what a seed among its parameters fixes, so a recorded change can be made again exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage


def elastic(image: np.ndarray, *, seed: int, magnitude: float, sigma: float) -> np.ndarray:
    """Random displacements, smoothed by a Gaussian (Simard et al., ICDAR 2003).

    Args:
        image: (channels, \\*spatial).
        seed: of the displacements.
        magnitude: their largest length, in voxels.
        sigma: of the Gaussian, in voxels.
    """
    rng = np.random.default_rng(seed)
    field = np.stack([ndimage.gaussian_filter(rng.uniform(-1, 1, image.shape[1:]), sigma) for _ in image.shape[1:]])
    return _warped(image, field, magnitude)


def bspline(image: np.ndarray, *, seed: int, magnitude: float, control_points: int) -> np.ndarray:
    """Free-form deformation by cubic B-splines on a lattice of control points (Rueckert et al., TMI 1999).

    Args:
        image: (channels, \\*spatial).
        seed: of the control points.
        magnitude: largest displacement, in voxels.
        control_points: along each axis; those at the border stay where they are.
    """
    rng = np.random.default_rng(seed)
    spatial = image.shape[1:]
    lattice = np.zeros((len(spatial), *[control_points] * len(spatial)))
    inner = (slice(None), *[slice(1, -1)] * len(spatial))
    lattice[inner] = rng.uniform(-1, 1, lattice[inner].shape)
    at = np.meshgrid(*(np.linspace(0, control_points - 1, size) for size in spatial), indexing="ij")
    # Without the filter that would make the spline pass through them, the points are its coefficients.
    field = np.stack([ndimage.map_coordinates(axis, at, order=3, prefilter=False, mode="nearest") for axis in lattice])
    return _warped(image, field, magnitude)


def bias_field(image: np.ndarray, *, coefficients: Sequence[float]) -> np.ndarray:
    """A smooth gain, as surface coils give: ``exp`` of a polynomial of degree 2 without its constant, times the image.

    Args:
        image: (channels, \\*spatial), of which the darkest value is taken for no signal.
        coefficients: of each axis, then of each product of two axes in order, on coordinates from -1 to 1.
    """
    axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in image.shape[1:]), indexing="ij")
    products = [axes[i] * axes[j] for i in range(len(axes)) for j in range(i, len(axes))]
    field = sum(weight * term for weight, term in zip(coefficients, [*axes, *products], strict=True))
    dark = image.min()
    return ((image - dark) * np.exp(field) + dark).astype(np.float32)


def ghosting(image: np.ndarray, *, axis: int, ghosts: int, intensity: float) -> np.ndarray:
    """Copies shifted along the phase-encoding axis, as periodic motion gives: every n-th line of k-space is weakened.

    Args:
        image: (channels, \\*spatial).
        axis: spatial axis of the phase encoding.
        ghosts: how many copies.
        intensity: 0 for none, 1 for lines that are lost.
    """
    lines = np.fft.fft(image, axis=axis + 1)
    weakened = [slice(None)] * image.ndim
    weakened[axis + 1] = slice(ghosts, None, ghosts)  # not the first line, which holds the mean
    lines[tuple(weakened)] *= 1 - intensity
    return np.fft.ifft(lines, axis=axis + 1).real.astype(np.float32)


def spike(image: np.ndarray, *, place: Sequence[float], intensity: float) -> np.ndarray:
    """Stripes all over the image, as one wrong value in k-space gives.

    Args:
        image: (channels, \\*spatial).
        place: of the value in k-space along each axis, -0.5 to 0.5 of the sampling frequency.
        intensity: of the stripes, as a share of the range of the image.
    """
    axes = np.meshgrid(*(np.arange(size) for size in image.shape[1:]), indexing="ij")
    phase = 2 * np.pi * sum(frequency * axis for frequency, axis in zip(place, axes, strict=True))
    return (image + intensity * np.ptp(image) * np.cos(phase)).astype(np.float32)


def rician_noise(image: np.ndarray, *, seed: int, deviation: float) -> np.ndarray:
    """Noise of magnitude images: ``sqrt((x + n1)^2 + n2^2)``, the darkest value being no signal.

    Args:
        image: (channels, \\*spatial).
        seed: of the noise.
        deviation: of both parts, as a share of the range of the image.
    """
    rng = np.random.default_rng(seed)
    dark = image.min()
    real, imaginary = (rng.normal(0, deviation * np.ptp(image), image.shape) for _ in range(2))
    return (np.hypot(image - dark + real, imaginary) + dark).astype(np.float32)


def rings(image: np.ndarray, *, seed: int, amplitude: float, width: float) -> np.ndarray:
    """Rings around the centre of rotation, as detector elements of another gain give; the same in all slices.

    Args:
        image: (channels, rows, columns[, slices]).
        seed: of the gain of each ring.
        amplitude: of the rings, as a share of the range of the image.
        width: of a ring, in voxels.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.meshgrid(*(np.arange(size) - (size - 1) / 2 for size in image.shape[1:3]), indexing="ij")
    radius = np.hypot(rows, columns) / width
    gains = rng.normal(0, amplitude * np.ptp(image), int(radius.max()) + 2)
    pattern = gains[radius.astype(int)]
    return (image + pattern.reshape(*pattern.shape, *[1] * (image.ndim - 3))).astype(np.float32)


def beam_hardening(image: np.ndarray, *, strength: float) -> np.ndarray:
    """Cupping: the inside of the body darkens towards its middle, for the beam that arrives there has become harder.

    Args:
        image: (channels, rows, columns[, slices]).
        strength: how much darker the middle is, as a share of the range of the image.
    """
    dark = image.min()
    body = image[0] > dark + 0.2 * np.ptp(image)
    depth = ndimage.distance_transform_edt(body if body.ndim == 2 else body.any(axis=2))
    cup = strength * np.ptp(image) * depth / max(float(depth.max()), 1.0)
    return (image - cup.reshape(*cup.shape, *[1] * (image.ndim - 3)) * body).astype(np.float32)


OPERATIONS: dict[str, Callable[..., np.ndarray]] = {
    operation.__name__: operation
    for operation in (elastic, bspline, bias_field, ghosting, spike, rician_noise, rings, beam_hardening)
}


def _warped(image: np.ndarray, field: np.ndarray, magnitude: float) -> np.ndarray:
    largest = np.linalg.norm(field, axis=0).max()
    field = field * (magnitude / largest) if largest > 0 else field
    at = np.indices(image.shape[1:]) + field
    return np.stack([ndimage.map_coordinates(channel, at, order=1, mode="nearest") for channel in image]).astype(np.float32)
