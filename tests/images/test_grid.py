import itertools

import numpy as np
import pytest

from crosslabel.errors import ImageError
from crosslabel.images import Grid

OBLIQUE = np.array([[0.0, -3.0, 0.0, 10.0], [2.0, 0.0, 0.0, -5.0], [0.0, 0.0, 4.0, 1.0], [0.0, 0.0, 0.0, 1.0]])


def test_spacing_is_the_distance_between_neighbouring_voxels():
    grid = Grid((4, 5, 6), OBLIQUE)
    for axis, step in enumerate(np.eye(3)):
        assert grid.spacing[axis] == pytest.approx(np.linalg.norm(grid.world(step) - grid.world(np.zeros(3))))


def test_a_voxel_has_the_volume_that_its_edges_span():
    assert Grid((4, 5, 6), OBLIQUE).voxel_volume_ml == pytest.approx(2 * 3 * 4 / 1000)


def test_a_two_dimensional_grid_has_no_volume():
    with pytest.raises(ImageError, match="2-D image has no volume: measure areas"):
        _ = Grid.of_picture(3, 4).voxel_volume_ml


def test_grids_are_the_same_only_where_every_corner_is():
    grid = Grid((101, 5, 6), OBLIQUE)
    turned = OBLIQUE.copy()
    turned[0, 0] += 1e-4  # 0.01 mm at the far end, though the entry differs by less than the tolerance
    assert grid.same_as(Grid((101, 5, 6), OBLIQUE.copy()))
    assert not grid.same_as(Grid((101, 5, 6), turned))
    assert grid.same_as(Grid((101, 5, 6), turned), tolerance=0.02)
    assert not grid.same_as(Grid((101, 5, 7), OBLIQUE))


def test_the_affine_cannot_be_changed_behind_the_grid():
    affine = OBLIQUE.copy()
    grid = Grid((4, 5, 6), affine)
    affine[0, 3] = 99
    assert grid.affine[0, 3] == 10
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 3] = 99


def test_transposing_keeps_every_pixel_in_its_place():
    grid = Grid((4, 5), OBLIQUE)
    for row, column in itertools.product(range(4), range(5)):
        np.testing.assert_allclose(grid.transposed().world([column, row]), grid.world([row, column]))


def test_a_grid_of_four_axes_is_refused():
    with pytest.raises(ValueError, match="2 or 3 axes"):
        Grid((1, 2, 3, 4), np.eye(4))
