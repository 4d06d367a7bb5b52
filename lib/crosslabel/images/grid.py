"""Where the voxels of an image lie in the patient."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from crosslabel.errors import ImageError

MM3_PER_ML = 1000.0

# ITK and Slicer put the pixel of a picture at row r and column c at LPS (c, r, 0), which is RAS (-c, -r, 0).
_PICTURE_AFFINE = np.array([[0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular lattice of voxels: its size and the map from voxel index to RAS millimetres.

    Args:
        shape: number of voxels along each of 2 or 3 spatial axes.
        affine: 4x4, takes homogeneous voxel indices (i, j, k, 1) to (R, A, S, 1) in mm; k is 0 for 2-D grids.
    """

    shape: tuple[int, ...]
    affine: np.ndarray

    def __post_init__(self) -> None:
        shape = tuple(int(size) for size in self.shape)
        affine = np.array(self.affine, dtype=np.float64)
        if len(shape) not in (2, 3) or affine.shape != (4, 4):
            raise ValueError(f"a grid has 2 or 3 axes and a 4x4 affine, not shape {shape} and affine {affine.shape}")
        affine.setflags(write=False)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    @classmethod
    def of_picture(cls, rows: int, columns: int) -> Grid:
        """The grid of a PNG or JPEG: axes (rows, columns), 1 mm pixels, placed where ITK places pictures."""
        return cls((rows, columns), _PICTURE_AFFINE)

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return len(self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance in mm between neighbouring voxels along each axis."""
        return tuple(float(step) for step in np.linalg.norm(self.affine[:3, : self.dimension], axis=0))

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in mL.

        Raises:
            ImageError: for a 2-D grid, whose pixels have an area only.
        """
        if self.dimension == 2:
            raise ImageError("A 2-D image has no volume: measure areas in it, or give the whole volume.")
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / MM3_PER_ML

    @property
    def is_picture(self) -> bool:
        """Whether the axes are a picture's (rows, columns): rows run posterior, columns left, exactly."""
        axes = self.affine[:3, :2]
        return self.dimension == 2 and axes[1, 0] < 0 and axes[0, 1] < 0 and np.count_nonzero(axes) == 2

    @property
    def is_stored_picture(self) -> bool:
        """Whether the axes are a picture's (columns, rows), the order in which ITK stores it."""
        return self.dimension == 2 and self.transposed().is_picture

    def world(self, index: np.ndarray) -> np.ndarray:
        """RAS positions in mm, (..., 3), of voxel indices (..., dimension)."""
        axes = self.affine[:3, : self.dimension]
        return np.asarray(index, dtype=np.float64) @ axes.T + self.affine[:3, 3]

    def transposed(self) -> Grid:
        """The 2-D grid with its two axes exchanged; every pixel keeps its place."""
        if self.dimension != 2:
            raise ValueError("only 2-D grids are transposed")
        return Grid(self.shape[::-1], self.affine[:, [1, 0, 2, 3]])

    def same_as(self, other: Grid, tolerance: float = 1e-3) -> bool:
        """Whether the shapes are equal and no corner voxel lies more than ``tolerance`` mm apart."""
        if self.shape != other.shape:
            return False
        corners = np.array(list(itertools.product(*((0, size - 1) for size in self.shape))))
        return float(np.linalg.norm(self.world(corners) - other.world(corners), axis=1).max()) <= tolerance

    def overlaps(self, other: Grid) -> bool:
        """Whether the boxes around the two fields of view, along the patient's axes, have a place in common."""
        mine, theirs = self._box(), other._box()
        return bool((mine[0] <= theirs[1]).all() and (theirs[0] <= mine[1]).all())

    def _box(self) -> tuple[np.ndarray, np.ndarray]:
        corners = np.array(list(itertools.product(*((-0.5, size - 0.5) for size in self.shape))))
        places = self.world(corners)
        return places.min(axis=0), places.max(axis=0)
