"""Patches of prepared cases, more often around labelled voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional as F


def draw_patch(
    maps: Sequence[torch.Tensor],
    foreground: Mapping[int, np.ndarray],
    size: tuple[int, ...],
    foreground_share: float,
    rng: np.random.Generator,
) -> list[torch.Tensor]:
    """The same patch of several maps; with probability ``foreground_share`` it is centred on a voxel of a random label.

    Args:
        maps: (channels, \\*spatial) on one grid.
        foreground: flat indices of (some of) the voxels of each label that occurs.
        size: voxels along each axis; where the maps are smaller, their border is continued.
        foreground_share: 0 to 1.
        rng: draws.
    """
    shape = tuple(maps[0].shape[1:])
    if foreground and rng.random() < foreground_share:
        voxels = foreground[int(rng.choice(sorted(foreground)))]
        centre = np.unravel_index(int(rng.choice(voxels)), shape)
    else:
        centre = tuple(int(rng.integers(length)) for length in shape)
    starts = [
        int(np.clip(middle - wanted // 2, 0, max(0, length - wanted)))
        for middle, wanted, length in zip(centre, size, shape, strict=True)
    ]
    window = (slice(None), *(slice(start, start + wanted) for start, wanted in zip(starts, size, strict=True)))
    return [_pad(one[window].float(), size) for one in maps]


def foreground_voxels(label: np.ndarray, most: int = 10_000) -> dict[int, np.ndarray]:
    """Up to ``most`` voxels of each label but the background, evenly spread, to centre patches on."""
    flat = label.ravel()
    found = {int(index): np.flatnonzero(flat == index) for index in np.unique(flat) if index != 0}
    return {index: voxels[:: max(1, len(voxels) // most)] for index, voxels in found.items()}


def _pad(patch: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """Continue the border of a patch that is smaller than ``size``."""
    missing = [wanted - length for wanted, length in zip(size, patch.shape[1:], strict=True)]
    if not any(missing):
        return patch
    before_after = [amount for gap in reversed(missing) for amount in (gap // 2, gap - gap // 2)]
    return F.pad(patch[None], before_after, mode="replicate")[0]
