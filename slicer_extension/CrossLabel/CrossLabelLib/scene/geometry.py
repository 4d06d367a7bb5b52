"""Where voxels lie: matrices from voxel indices (i, j, k) to RAS mm, and the grid that an image had when it was loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from CrossLabelLib.client.errors import ServerError

_ATTRIBUTE = "CrossLabel.Grid"
# Of a voxel: files with 32-bit geometry are off by less.
_TOLERANCE = 1e-2


@dataclass(frozen=True, eq=False)
class Grid:
    """Numbers of voxels along i, j and k, and the 4x4 matrix from voxel indices to RAS mm."""

    dimensions: tuple[int, int, int]
    matrix: np.ndarray

    def onto(self, other: Grid) -> np.ndarray | None:
        """The matrix from our voxel indices to those of another grid, if both have the same voxels, else None.

        Axes may be flipped or exchanged, as readers of one file do; the entries are whole numbers then.
        """
        corner = np.array([*(size - 1 for size in self.dimensions), 1.0])
        matrix = np.linalg.solve(other.matrix, self.matrix)
        whole = np.rint(matrix)
        ends = np.array([(matrix - whole) @ point for point in (np.array([0, 0, 0, 1.0]), corner)])
        if not np.all(np.abs(ends) < _TOLERANCE) or not np.allclose(np.abs(whole[:3, :3]).sum(axis=0), 1):
            return None
        last = whole @ corner
        reached = np.sort([whole[:3, 3], last[:3]], axis=0)
        exact = np.array_equal(reached[0], np.zeros(3)) and np.array_equal(reached[1] + 1, other.dimensions)
        return whole if exact else None


def to_numpy(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def to_vtk(matrix: np.ndarray) -> vtk.vtkMatrix4x4:
    result = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            result.SetElement(row, column, float(matrix[row, column]))
    return result


def grid_of(volume: slicer.vtkMRMLVolumeNode) -> Grid:
    """Where a volume lies now, without the transform that it may be under."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    image = volume.GetImageData()
    if image is None or not image.GetNumberOfPoints():
        raise ServerError("The volume holds no voxels; load the case again.", "refused")
    return Grid(tuple(image.GetDimensions()), to_numpy(matrix))


@dataclass(frozen=True, eq=False)
class Kept:
    """The grid that an image had in the scene when it was loaded; ``flipped``: its file counts k the other way round."""

    grid: Grid
    flipped: bool

    @property
    def file_matrix(self) -> np.ndarray:
        """From the file's voxel indices to RAS mm."""
        if not self.flipped:
            return self.grid.matrix
        flip = np.diag([1.0, 1.0, -1.0, 1.0])
        flip[2, 3] = self.grid.dimensions[2] - 1
        return self.grid.matrix @ flip


def remember(volume: slicer.vtkMRMLVolumeNode, *, flipped: bool = False) -> None:
    """Keep a volume's grid with it, before anybody moves it: labels are sent in this one."""
    grid = grid_of(volume)
    kept = {"dimensions": grid.dimensions, "matrix": grid.matrix.tolist(), "flipped": flipped}
    volume.SetAttribute(_ATTRIBUTE, json.dumps(kept))


def remembered(volume: slicer.vtkMRMLVolumeNode) -> Kept:
    """The grid that a volume was loaded with; its present one if it was never kept.

    Raises:
        ServerError: the volume has another number of voxels now.
    """
    text = volume.GetAttribute(_ATTRIBUTE)
    present = grid_of(volume)
    if not text:
        return Kept(present, False)
    kept = json.loads(text)
    grid = Grid(tuple(kept["dimensions"]), np.array(kept["matrix"]))
    if grid.dimensions != present.dimensions:
        raise ServerError(
            "The image was cropped or resampled since it was loaded, so nothing fits its voxels any more; open the case again.",
            "refused",
        )
    return Kept(grid, bool(kept["flipped"]))


def between(source: slicer.vtkMRMLTransformableNode, target: slicer.vtkMRMLTransformableNode) -> np.ndarray:
    """The matrix from one node's coordinates to another's, by the transforms that they are under.

    Raises:
        ServerError: one of them is warped.
    """
    first, second = source.GetParentTransformNode(), target.GetParentTransformNode()
    if first is second:
        return np.eye(4)
    matrix = vtk.vtkMatrix4x4()
    if not slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(first, second, matrix):
        raise ServerError(
            "The image or the segmentation is under a warp, which has no exact voxels; take it off before you send.", "refused"
        )
    return to_numpy(matrix)
