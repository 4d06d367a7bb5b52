"""Grids that a task works on, and resampling between grids through their affines."""

from __future__ import annotations

from collections.abc import Sequence

import nibabel as nib
import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import SpatialResample

from crosslabel.images import Grid


def task_grid(grid: Grid, orientation: str, spacing: Sequence[float], shape: Sequence[int] | None = None) -> Grid:
    """The grid on which a task sees a volume: its axes reordered and flipped to ``orientation``, at ``spacing`` (mm).

    The field of view is kept and both grids share its centre; oblique volumes stay oblique (axes are permuted and flipped,
    never rotated), so that no voxel is interpolated more than the change of spacing demands.

    Args:
        grid: a volume's own grid.
        orientation: three letters, e.g. ``RAS``: the direction in which each axis of the result grows.
        spacing: voxel size of the result in mm, by axis of ``orientation``.
        shape: shape of the result in voxels, centred on the field of view; what covers the field of view if ``None``.
    """
    transform = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(grid.affine), nib.orientations.axcodes2ornt(orientation)
    )
    affine = grid.affine @ nib.orientations.inv_ornt_aff(transform, grid.shape)
    source_shape = np.empty(3)
    for source_axis, (axis, _) in enumerate(transform):
        source_shape[int(axis)] = grid.shape[source_axis]
    scale = np.asarray(spacing, float) / np.linalg.norm(affine[:3, :3], axis=0)
    new_shape = np.maximum(1, np.round(source_shape / scale)) if shape is None else np.asarray(shape)
    step = np.diag([*scale, 1.0])
    step[:3, 3] = (source_shape - 1) / 2 - scale * (new_shape - 1) / 2
    return Grid(tuple(int(n) for n in new_shape), affine @ step)


def resample(maps: torch.Tensor, source: Grid, target: Grid, *, nearest: bool = False) -> torch.Tensor:
    """Resample maps from one grid onto another in world coordinates.

    Args:
        maps: (channels, \\*source.shape).
        source: where the maps lie.
        target: where they are wanted; outside the source the border value continues.
        nearest: take the nearest voxel (labels) instead of interpolating linearly.

    Returns:
        (channels, \\*target.shape), float32.
    """
    sampler = SpatialResample(
        mode="nearest" if nearest else "bilinear",
        padding_mode="border",
        align_corners=False,
        dtype=torch.float32,
    )
    located = MetaTensor(maps.float(), affine=torch.tensor(source.affine, dtype=torch.float64))
    moved = sampler(located, dst_affine=torch.tensor(target.affine, dtype=torch.float64), spatial_size=target.shape)
    return moved.as_tensor()
