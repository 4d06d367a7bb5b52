"""Voxel grids: how a scan of the same patient may be laid out and stored."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel as nib
import numpy as np

from .shapes import rotation


@dataclass(frozen=True)
class Grid:
    """A voxel grid.

    Attributes:
        shape: voxels along I, J, K.
        affine: 4x4, voxel index to RAS+ world in mm.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray

    def points(self) -> np.ndarray:
        """World coordinates of all voxel centres, float32, shape (3, I, J, K), in mm."""
        i, j, k = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in self.shape), indexing="ij", sparse=True)
        m = self.affine.astype(np.float32)
        return np.stack([m[row, 0] * i + m[row, 1] * j + m[row, 2] * k + m[row, 3] for row in range(3)])

    def axis_of(self, world_axis: int) -> int:
        """The storage axis that runs most nearly along a world axis (0 right, 1 anterior, 2 superior)."""
        return int(np.argmax(np.abs(self.affine[world_axis, :3])))


def make_grid(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    centre: tuple[float, float, float] | np.ndarray,
    axcodes: str = "RAS",
    tilt: tuple[float, float, float] | np.ndarray = (0.0, 0.0, 0.0),
) -> Grid:
    """A grid around ``centre``.

    Args:
        shape: voxels along right, anterior and superior.
        spacing: mm along right, anterior and superior.
        centre: RAS+ world position of the middle of the grid in mm.
        axcodes: how it is stored, such as ``LPS`` or ``PIR``.
        tilt: degrees about the world axes; makes the grid oblique.
    """
    oriented = nib.orientations.axcodes2ornt(tuple(axcodes))
    world_axis = oriented[:, 0].astype(int)
    stored_shape = tuple(int(shape[axis]) for axis in world_axis)
    directions = np.zeros((3, 3))
    for stored, (axis, sign) in enumerate(oriented):
        directions[int(axis), stored] = sign * spacing[int(axis)]
    affine = np.eye(4)
    affine[:3, :3] = rotation(tilt) @ directions
    affine[:3, 3] = np.asarray(centre) - affine[:3, :3] @ ((np.array(stored_shape) - 1) / 2)
    return Grid(stored_shape, affine)
