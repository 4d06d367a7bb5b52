from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crosslabel.evaluation import Presence, measure_agreement

shapes = st.one_of(hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6))
steps = st.sampled_from([0.5, 0.8, 1.0, 3.0])


@st.composite
def mask_pairs(draw):
    shape = draw(shapes)
    pair = [draw(hnp.arrays(bool, shape)) for _ in range(2)]
    return pair[0], pair[1], [draw(steps) for _ in shape]


def surface_mm(mask: np.ndarray, spacing) -> np.ndarray:
    """Positions of the voxels of a mask that have a face neighbour outside of it, one voxel at a time."""
    points = []
    for index in itertools.product(*map(range, mask.shape)):
        if mask[index]:
            neighbours = [
                tuple(position + (step if axis == moved else 0) for axis, position in enumerate(index))
                for moved in range(mask.ndim)
                for step in (-1, 1)
            ]
            inside = [
                all(0 <= p < size for p, size in zip(neighbour, mask.shape, strict=True)) and mask[neighbour]
                for neighbour in neighbours
            ]
            if not all(inside):
                points.append(np.multiply(index, spacing))
    return np.array(points, dtype=float)


def directed_mm(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.array([min(np.linalg.norm(point - target) for target in other) for point in one])


@settings(max_examples=60, deadline=None)
@given(mask_pairs())
def test_scores_equal_those_computed_voxel_by_voxel(pair):
    prediction, reference, spacing = pair
    assume(prediction.any() and reference.any())

    agreement = measure_agreement(prediction, reference, spacing)

    overlap = sum(bool(p and r) for p, r in zip(prediction.flat, reference.flat, strict=True))
    assert agreement.dice == pytest.approx(2 * overlap / (prediction.sum() + reference.sum()))
    ours, theirs = surface_mm(prediction, spacing), surface_mm(reference, spacing)
    there, back = directed_mm(ours, theirs), directed_mm(theirs, ours)
    assert agreement.assd_mm == pytest.approx(np.concatenate([there, back]).mean(), rel=1e-5, abs=1e-6)
    expected = max(np.percentile(there, 95), np.percentile(back, 95))
    assert agreement.hd95_mm == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert agreement.presence is Presence.BOTH


def test_distances_follow_the_spacing_of_the_axis_along_which_a_structure_moved():
    reference = np.zeros((9, 9, 9), bool)
    reference[4, 4, 4] = True

    along_k = measure_agreement(np.roll(reference, 2, axis=2), reference, (1.0, 1.0, 2.5))
    along_i = measure_agreement(np.roll(reference, 2, axis=0), reference, (1.0, 1.0, 2.5))

    assert (along_k.assd_mm, along_k.hd95_mm) == (5.0, 5.0)
    assert (along_i.assd_mm, along_i.hd95_mm) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("predicted", "referenced", "dice", "presence"),
    [
        (False, False, 1.0, Presence.NEITHER),
        (True, False, 0.0, Presence.PREDICTION_ONLY),
        (False, True, 0.0, Presence.REFERENCE_ONLY),
    ],
)
def test_an_empty_structure_has_a_defined_dice_and_no_distance(predicted, referenced, dice, presence):
    agreement = measure_agreement(np.full((3, 4), predicted), np.full((3, 4), referenced), (1.0, 1.0))

    assert agreement.dice == dice
    assert agreement.presence is presence
    assert math.isnan(agreement.assd_mm)
    assert math.isnan(agreement.hd95_mm)
