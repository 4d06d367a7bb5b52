from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosslabel.networks import plan_strides

spacings = st.lists(st.floats(0.1, 20), min_size=2, max_size=3)
levels = st.integers(0, 7)


def test_thick_slices_are_downsampled_only_after_the_plane_has_caught_up():
    assert plan_strides((4, 1, 1), 4) == ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2))


def test_the_coarse_axis_may_be_any_axis():
    assert plan_strides((1, 1, 2), 2) == ((2, 2, 1), (2, 2, 2))


def test_an_axis_below_twice_the_finest_counts_as_equal():
    assert plan_strides((1.99, 1, 1), 1) == ((2, 2, 2),)


def test_an_axis_whose_patch_is_used_up_is_kept():
    assert plan_strides((1, 1, 1), 3, patch_size=(8, 16, 64)) == ((2, 2, 2), (1, 2, 2), (1, 1, 2))


def test_an_axis_that_is_used_up_does_not_hold_back_coarser_ones():
    strides = plan_strides((1, 4, 4), 2, patch_size=(4, 64, 64))
    assert strides == ((1, 2, 2), (1, 2, 2))


@given(spacings, levels)
def test_every_level_of_an_unbounded_patch_downsamples_the_finest_axis(spacing, number):
    current = list(spacing)
    strides = plan_strides(spacing, number)
    assert len(strides) == number
    for stride in strides:
        assert stride[current.index(min(current))] == 2
        current = [size * step for size, step in zip(current, stride, strict=True)]


@given(spacings, levels)
def test_downsampling_never_makes_the_voxels_more_anisotropic_than_twofold_or_the_start(spacing, number):
    current = list(spacing)
    ratio = max(current) / min(current)
    for stride in plan_strides(spacing, number):
        current = [size * step for size, step in zip(current, stride, strict=True)]
        assert max(current) / min(current) <= max(ratio, 2) * (1 + 1e-9)


@given(spacings, levels, st.floats(0.1, 10))
def test_only_ratios_of_spacings_matter(spacing, number, exponent):
    factor = 2.0 ** round(exponent)  # exact in floating point, so that no ratio is rounded
    assert plan_strides([size * factor for size in spacing], number) == plan_strides(spacing, number)


@given(spacings, levels, st.data())
def test_reordering_the_axes_reorders_the_strides(spacing, number, data):
    order = data.draw(st.permutations(range(len(spacing))))
    strides = plan_strides(spacing, number)
    reordered = plan_strides([spacing[axis] for axis in order], number)
    assert reordered == tuple(tuple(stride[axis] for axis in order) for stride in strides)


@given(spacings, levels, st.data())
def test_a_patch_keeps_at_least_four_voxels_where_it_is_downsampled(spacing, number, data):
    patch = data.draw(st.lists(st.integers(1, 300), min_size=len(spacing), max_size=len(spacing)))
    strides = plan_strides(spacing, number, patch)
    for axis, size in enumerate(patch):
        total = math.prod(stride[axis] for stride in strides)
        assert total == 1 or size // total >= 4


@pytest.mark.parametrize("spacing", [(), (0, 1, 1), (1, -1, 1), (1, math.nan, 1), (1, 1, math.inf)])
def test_a_spacing_that_is_no_size_is_refused(spacing):
    with pytest.raises(ValueError, match="spacing must be positive numbers in mm"):
        plan_strides(spacing, 2)


@pytest.mark.parametrize("patch_size", [(8, 8), (8, 8, 0)])
def test_a_patch_that_does_not_fit_the_spacing_is_refused(patch_size):
    with pytest.raises(ValueError, match="patch_size must be 3 positive numbers of voxels"):
        plan_strides((1, 1, 1), 2, patch_size)


def test_a_negative_number_of_levels_is_refused():
    with pytest.raises(ValueError, match="levels must be 0 or more, not -1"):
        plan_strides((1, 1, 1), -1)
