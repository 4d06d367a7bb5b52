"""One structure of a patch given another brightness and contrast."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_AVERAGE = {2: F.avg_pool2d, 3: F.avg_pool3d}
_GREATEST = {2: F.max_pool2d, 3: F.max_pool3d}


def repainted(patch: Tensor, inside: Tensor, level: Tensor, contrast: float, blur: int) -> Tensor:
    """Values x in a structure become c (x - m) + n, with m their mean; outside nothing changes.

    Args:
        patch: (channels, \\*spatial).
        inside: (1, \\*spatial) booleans, somewhere true.
        level: n, (channels,).
        contrast: c.
        blur: voxels over which the edge is blended with what is outside, as partial volume does, so that sharp borders do
            not give the structure away.
    """
    weight = _blurred(inside.to(patch), blur)
    moved = contrast * (patch - _column(mean_within(patch, inside), patch)) + _column(level, patch)
    return weight * moved + (1 - weight) * patch


def mean_within(patch: Tensor, inside: Tensor) -> Tensor:
    """Mean of each channel of (channels, \\*spatial) where (1, \\*spatial) is true: (channels,)."""
    return (patch * inside).flatten(1).sum(1) / inside.sum()


def surroundings(inside: Tensor, reach: int) -> Tensor:
    """(1, \\*spatial) booleans: voxels outside that lie within so many voxels, along every axis, of one inside."""
    near = _GREATEST[inside.ndim - 1](inside.float()[None], 2 * reach + 1, stride=1, padding=reach)[0]
    return (near > 0) & ~inside


def _blurred(mask: Tensor, times: int) -> Tensor:
    """A mask (1, \\*spatial) averaged with its neighbours a number of times."""
    for _ in range(times):
        mask = _AVERAGE[mask.ndim - 1](mask[None], 3, stride=1, padding=1, count_include_pad=False)[0]
    return mask


def _column(values: Tensor, patch: Tensor) -> Tensor:
    return torch.as_tensor(values).to(patch).reshape(-1, *[1] * (patch.ndim - 1))
