"""Outlines lie on the border of what they show, and nowhere else."""

import numpy as np
import pytest
from scipy import ndimage

from crosslabel.report import Outline, outlined

RED, GREEN = (255, 0, 0), (0, 255, 0)


@pytest.fixture
def disc():
    rows, columns = np.indices((48, 40))
    return np.hypot(rows - 24, columns - 18) < 12


def drawn(picture, color):
    return (picture == np.array(color)).all(axis=2)


def test_a_slice_without_outlines_is_its_grey_values_enlarged():
    grey = np.linspace(0, 1, 48 * 40).reshape(48, 40)
    picture = outlined(grey, [Outline(np.zeros((48, 40), bool), "#ff0000")])
    assert picture.shape == (48 * 7, 40 * 7, 3)
    assert (picture[..., 0] == picture[..., 1]).all()
    np.testing.assert_allclose(picture[3::7, 3::7, 0] / 255, grey, atol=0.005)


def test_a_line_runs_along_the_border(disc):
    line = drawn(outlined(np.zeros(disc.shape), [Outline(disc, "#ff0000")]), RED)
    # One ring: what it encloses is apart from what lies outside.
    assert ndimage.label(~line)[1] == 2
    rows, columns = np.nonzero(line)
    radii = np.hypot((rows + 0.5) / 7 - 24.5, (columns + 0.5) / 7 - 18.5)
    assert (np.abs(radii - 12) < 1).all()


def test_a_dashed_line_has_gaps_and_a_later_line_lies_over_an_earlier_one(disc):
    both = outlined(np.zeros(disc.shape), [Outline(disc, "#ff0000"), Outline(disc, "#00ff00", dashed=True)])
    alone = drawn(outlined(np.zeros(disc.shape), [Outline(disc, "#ff0000")]), RED)
    green = drawn(both, GREEN)
    assert ndimage.label(green, np.ones((3, 3)))[1] > 10
    assert (drawn(both, RED) | green == alone).all()
