"""The same voxels in another order: axes exchanged or reversed, as readers do that keep to one handedness."""

from __future__ import annotations

import numpy as np

from crosslabel.images.grid import Grid


def in_order_of(array: np.ndarray, grid: Grid, wanted: Grid) -> np.ndarray | None:
    """An array in the order of the axes of another grid that has the same voxels; no value is changed or interpolated.

    3D Slicer, for one, reads a left-handed volume right-handed and reverses its slices; a label that is saved from there
    lies voxel for voxel on the image that it was drawn on, in another order.

    Args:
        array: (\\*grid.shape).
        grid: where its voxels lie.
        wanted: 3-D grid to bring it into.

    Returns:
        (\\*wanted.shape), or ``None`` where the two grids do not have the same voxels (within a thousandth of a millimetre).
    """
    if grid.same_as(wanted):
        return array
    if grid.dimension != 3 or wanted.dimension != 3:
        return None
    steps = np.linalg.solve(wanted.affine[:3, :3], grid.affine[:3, :3])
    # Of which of the array's axes each wanted axis is made, and whether it runs the other way.
    axes = np.abs(steps).argmax(axis=1)
    if len(set(axes.tolist())) < 3:
        return None
    turned = array.transpose(axes)
    affine = grid.affine[:, [*axes, 3]].copy()
    for axis in range(3):
        if steps[axis, axes[axis]] < 0:
            turned = np.flip(turned, axis)
            affine[:, 3] += affine[:, axis] * (turned.shape[axis] - 1)
            affine[:, axis] *= -1
    return turned if Grid(turned.shape, affine).same_as(wanted) else None
