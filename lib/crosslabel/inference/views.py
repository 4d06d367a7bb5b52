"""Slightly changed versions of an image, to see how far an answer depends on what should not matter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

_SCALE, _SHIFT, _GAIN = 0.05, 0.06, 0.08


def changed_views(image: Tensor, count: int, flip_axes: Sequence[int], seed: int = 0) -> Tensor:
    """``count`` versions of an image, the same ones every time.

    Sizes change by up to 5 %, places by up to 3 % of the image, contrast by up to 8 %; every other view is mirrored along the
    axes that may be.

    Args:
        image: (channels, \\*spatial).
        count: number of versions.
        flip_axes: spatial axes along which a mirrored image means the same.
        seed: of the changes.

    Returns:
        (count, channels, \\*spatial).
    """
    if count == 0:
        return image.new_zeros(0, *image.shape)
    dimension = image.ndim - 1
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(count, 2 + dimension, generator=generator) * 2 - 1
    matrices = torch.zeros(count, dimension, dimension + 1)
    for axis in range(dimension):
        # affine_grid counts axes from the last one.
        matrices[:, axis, axis] = 1 + _SCALE * drawn[:, 0]
        if dimension - 1 - axis in flip_axes:
            matrices[1::2, axis, axis] *= -1
        matrices[:, axis, -1] = _SHIFT * drawn[:, 2 + axis]
    grid = F.affine_grid(matrices.to(image.device), [count, *image.shape], align_corners=False)
    moved = F.grid_sample(image.expand(count, *image.shape), grid, padding_mode="border", align_corners=False)
    gain = 1 + _GAIN * drawn[:, 1].to(image.device)
    return moved * gain.reshape(count, *[1] * image.ndim)


def normalised_entropy(probabilities: Tensor) -> float:
    """Entropy of (views, classes) probabilities, averaged over views first: 0 for certain, 1 for no idea."""
    mean = probabilities.mean(dim=0).clamp_min(1e-12)
    return float(-(mean * mean.log()).sum() / torch.log(torch.tensor(float(len(mean)))))
