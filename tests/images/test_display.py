"""Where things of the body come to lie in a picture of a plane."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from crosslabel.images import as_viewed, fullest, windowed

_AXES = ("RL", "AP", "SI")
_PLANES = [
    first + second for one, two in itertools.permutations(_AXES, 2) for first in one for second in two
]  # fmt: skip


@pytest.mark.parametrize("directions", _PLANES)
def test_the_head_or_else_the_front_is_up_and_the_right_hand_or_else_the_front_on_the_left(directions):
    # Each pixel says which end of the body it lies nearest to: a coordinate that grows into the second letter of each axis.
    places = np.stack(np.meshgrid(np.arange(4.0), np.arange(5.0), indexing="ij"), axis=-1)
    lies = {}
    for axis, letter in enumerate(directions):
        ends = next(ends for ends in _AXES if letter in ends)
        lies[ends] = places[..., axis] if letter == ends[1] else -places[..., axis]

    shown = {ends: as_viewed(towards, directions) for ends, towards in lies.items()}

    vertical = "SI" if "SI" in shown else "AP"
    (horizontal,) = set(shown) - {vertical}
    assert (np.diff(shown[vertical], axis=0) == 1).all()
    assert (np.diff(shown[horizontal], axis=1) == 1).all()


def test_a_picture_stays_as_it_is():
    picture = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(as_viewed(picture, ""), picture)


def test_grey_values_reach_from_black_to_white_without_the_outermost_ones():
    grey = windowed(np.arange(1001.0))
    assert (grey.min(), grey.max()) == (0, 1)
    assert grey[500] == pytest.approx(0.5)
    assert (grey[:10] == 0).all()
    assert np.isfinite(windowed(np.full((3, 3), 7.0))).all()


def test_the_fullest_slice_is_the_middle_one_where_all_are_empty():
    weights = np.zeros((3, 3, 7))
    assert fullest(weights) == 3
    weights[1, 1, 5] = 1
    assert fullest(weights) == 5
