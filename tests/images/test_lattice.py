"""The same voxels in another order come back in the wanted order, each value at its place in the patient."""

import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosslabel.images import Grid, in_order_of

ORDERS = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))


def oblique(rng: np.random.Generator, shape: tuple[int, ...]) -> Grid:
    """A grid with any orthogonal directions, of either handedness, spacing and origin."""
    directions, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = directions * rng.uniform(0.3, 5.0, 3)
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    return Grid(shape, affine)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    order=st.sampled_from(ORDERS),
)
def test_any_order_of_the_axes_is_undone_exactly(seed, shape, order):
    rng = np.random.default_rng(seed)
    wanted, array = oblique(rng, shape), rng.integers(0, 100, shape)
    # nibabel is the oracle: it reorders an image and says where the voxels lie then.
    orientation = np.array([[axis, flip] for axis, flip in zip(*order, strict=True)])
    other = nib.Nifti1Image(array.astype(np.int16), wanted.affine).as_reoriented(orientation)
    found = in_order_of(np.asarray(other.dataobj), Grid(other.shape, other.affine), wanted)
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    "change",
    [
        lambda affine: affine + np.array([[0, 0, 0, 0.5], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
        lambda affine: affine @ np.diag([1.01, 1, 1, 1]),
        lambda affine: affine @ np.diag([0.5, 1, 1, 1]),
    ],
    ids=["moved", "stretched", "finer"],
)
def test_other_voxels_are_not_taken_for_the_same(change):
    wanted = oblique(np.random.default_rng(0), (8, 6, 4))
    assert in_order_of(np.zeros((8, 6, 4)), Grid((8, 6, 4), change(wanted.affine)), wanted) is None


def test_a_smaller_grid_is_not_the_same():
    wanted = oblique(np.random.default_rng(0), (8, 6, 4))
    assert in_order_of(np.zeros((8, 6, 3)), Grid((8, 6, 3), wanted.affine), wanted) is None
