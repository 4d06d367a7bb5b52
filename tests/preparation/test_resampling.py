from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from crosslabel.images import Grid
from crosslabel.preparation import resample, task_grid

ORIENTATIONS = st.sampled_from(["RAS", "LPS", "SRA", "PIR", "ASL", "SPL"])


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Flipped, permuted, oblique and anisotropic grids."""
    shape = tuple(draw(st.integers(4, 12)) for _ in range(3))
    spacing = [draw(st.floats(0.5, 6)) for _ in range(3)]
    axes = np.eye(3)[list(draw(st.permutations(range(3))))] * draw(st.sampled_from([1, -1]))
    tilt = Rotation.from_euler("xyz", [draw(st.floats(-25, 25)) for _ in range(3)], degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = tilt @ axes * spacing
    affine[:3, 3] = [draw(st.floats(-200, 200)) for _ in range(3)]
    return Grid(shape, affine)


@given(grids(), ORIENTATIONS, st.floats(0.7, 5))
@settings(max_examples=60, deadline=None)
def test_a_task_grid_has_the_orientation_and_spacing_asked_for_and_keeps_the_centre(grid, orientation, step):
    made = task_grid(grid, orientation, (step, 2 * step, 3 * step))

    assert "".join(nib.aff2axcodes(made.affine)) == orientation
    np.testing.assert_allclose(made.spacing, (step, 2 * step, 3 * step), rtol=1e-9)
    centre = grid.world((np.array(grid.shape) - 1) / 2)
    np.testing.assert_allclose(made.world((np.array(made.shape) - 1) / 2), centre, atol=1e-6)


@given(grids(), ORIENTATIONS)
@settings(max_examples=30, deadline=None)
def test_a_task_grid_covers_the_field_of_view_to_within_half_a_voxel(grid, orientation):
    step = np.array([1.5, 2.0, 3.0])
    made = task_grid(grid, orientation, step)

    extent = sorted(np.array(grid.shape) * grid.spacing)
    covered = np.array(made.shape) * made.spacing
    assert all(min(abs(extent - length)) <= max(step) for length in covered)


@given(grids(), ORIENTATIONS)
@settings(max_examples=30, deadline=None)
def test_reordering_axes_without_a_change_of_spacing_moves_every_voxel_to_its_own_place(grid, orientation):
    reordered = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(grid.affine), nib.orientations.axcodes2ornt(orientation)
    )
    spacing = np.empty(3)
    spacing[reordered[:, 0].astype(int)] = grid.spacing
    target = task_grid(grid, orientation, spacing)
    values = torch.arange(float(np.prod(grid.shape))).reshape(1, *grid.shape)

    moved = resample(values, grid, target, nearest=True)

    np.testing.assert_array_equal(moved[0], nib.orientations.apply_orientation(values[0].numpy(), reordered))


@given(grids(), ORIENTATIONS, st.floats(1, 4))
@settings(max_examples=30, deadline=None)
def test_a_field_linear_in_the_world_survives_the_way_there_and_back(grid, orientation, step):
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    field = torch.tensor(grid.world(index) @ [0.3, -0.2, 0.5])[None].float()
    target = task_grid(grid, orientation, (step, step, step))

    there = resample(field, grid, target)
    index = np.stack(np.meshgrid(*map(np.arange, target.shape), indexing="ij"), axis=-1)
    expected = target.world(index) @ [0.3, -0.2, 0.5]
    position = np.linalg.inv(grid.affine) @ np.vstack([target.world(index.reshape(-1, 3)).T, np.ones(index[..., 0].size)])
    inside = np.all((position[:3].T >= 0) & (np.array(grid.shape) - 1 >= position[:3].T), axis=1)
    np.testing.assert_allclose(there[0].numpy().ravel()[inside], expected.ravel()[inside], atol=2e-2)


def test_a_fixed_shape_is_centred_on_the_field_of_view():
    grid = Grid((20, 10, 8), np.diag([1.0, 2.0, 3.0, 1.0]))

    made = task_grid(grid, "RAS", (1.0, 1.0, 1.0), shape=(6, 40, 12))

    assert made.shape == (6, 40, 12)
    centre = grid.world(np.array([9.5, 4.5, 3.5]))
    np.testing.assert_allclose(made.world(np.array([2.5, 19.5, 5.5])), centre, atol=1e-9)


def test_outside_the_source_the_border_continues():
    source = Grid((4, 4, 4), np.eye(4))
    target = Grid((8, 4, 4), np.array([[1, 0, 0, -2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float))
    values = torch.arange(4.0).reshape(1, 4, 1, 1).expand(1, 4, 4, 4)

    moved = resample(values, source, target)

    assert moved[0, :, 0, 0].tolist() == pytest.approx([0, 0, 0, 1, 2, 3, 3, 3], abs=1e-5)
