"""How often each axis is downsampled, derived from the voxel size.

Slices of a scan are often several times thicker than the pixels in them. Downsampling both alike would make
features that see much further across slices than within them, and leave few slices in a patch. The rule is
that of nnU-Net (Isensee et al. 2021, "nnU-Net: a self-configuring method for deep learning-based biomedical
image segmentation", Nature Methods).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# An axis is left alone while its spacing is at least this many times the finest one.
COARSE_RATIO = 2.0
# Halving an axis of a patch must leave this many voxels, the least that a 3x3x3 convolution sees more of than
# its padding.
SMALLEST_EXTENT = 4


def plan_strides(spacing: Sequence[float], levels: int, patch_size: Sequence[int] | None = None) -> tuple[tuple[int, ...], ...]:
    """The stride of each downsampling, for every axis.

    At each level an axis has stride 2 where its current spacing is below ``COARSE_RATIO`` times the finest
    current one and, if a patch is given, halving leaves it at least ``SMALLEST_EXTENT`` voxels; otherwise 1.
    Axes whose patch has no more voxels to give do not count for the finest spacing. A stride of 2 doubles the
    axis's spacing for the next level.

    For example, spacing (4, 1, 1) mm gives (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2), ...

    Args:
        spacing: voxel size in mm, in the order of the axes of the tensors.
        levels: how many downsamplings the network has.
        patch_size: voxels of a training patch along each axis.

    Raises:
        ValueError: for a spacing or patch size that is not positive and finite, or lengths that differ.
    """
    if len(spacing) == 0 or not all(math.isfinite(size) and size > 0 for size in spacing):
        raise ValueError(f"spacing must be positive numbers in mm, one for each axis, not {tuple(spacing)}.")
    if patch_size is not None and (len(patch_size) != len(spacing) or min(patch_size) < 1):
        raise ValueError(f"patch_size must be {len(spacing)} positive numbers of voxels, not {tuple(patch_size)}.")
    if levels < 0:
        raise ValueError(f"levels must be 0 or more, not {levels}.")
    current = [float(size) for size in spacing]
    extent = [float("inf")] * len(current) if patch_size is None else [float(size) for size in patch_size]
    strides = []
    for _ in range(levels):
        divisible = [size >= 2 * SMALLEST_EXTENT for size in extent]
        finest = min((size for size, able in zip(current, divisible, strict=True) if able), default=math.inf)
        stride = tuple(2 if able and size < COARSE_RATIO * finest else 1 for size, able in zip(current, divisible, strict=True))
        current = [size * step for size, step in zip(current, stride, strict=True)]
        extent = [size / step for size, step in zip(extent, stride, strict=True)]
        strides.append(stride)
    return tuple(strides)
