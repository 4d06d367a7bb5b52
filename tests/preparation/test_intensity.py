from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crosslabel.preparation import scale_intensity
from crosslabel.preparation.intensity import percentiles
from crosslabel.tasks import PercentileRule, WindowRule, ZScoreRule


def test_a_window_maps_its_bounds_to_minus_one_and_one_and_clips_beyond():
    array = np.array([[[-1000.0, -160.0, 40.0, 240.0, 3000.0]]])

    scaled = scale_intensity(array, WindowRule(rule="window", lower=-160, upper=240))

    np.testing.assert_allclose(scaled[0, 0], [-1, -1, 0, 1, 1], atol=1e-6)
    assert scaled.dtype == np.float32


def test_percentiles_are_taken_channel_by_channel():
    rng = np.random.default_rng(0)
    array = rng.normal(size=(2, 9, 9, 9)) * np.array([1, 500])[:, None, None, None]

    scaled = scale_intensity(array, PercentileRule(rule="percentile", lower=10, upper=90))

    for channel in range(2):
        lower, upper = np.percentile(array[channel], [10, 90])
        expected = np.clip((array[channel] - lower) / (upper - lower), 0, 1) * 2 - 1
        np.testing.assert_allclose(scaled[channel], expected, atol=1e-5)


def test_a_z_score_over_the_nonzero_voxels_leaves_the_background_at_zero():
    array = np.zeros((1, 4, 4, 4))
    array[0, :2] = np.random.default_rng(1).normal(1e6, 3e4, (2, 4, 4))

    scaled = scale_intensity(array, ZScoreRule(rule="zscore", nonzero=True))

    assert not scaled[0, 2:].any()
    assert scaled[0, :2].mean() == pytest.approx(0, abs=1e-4)
    assert scaled[0, :2].std() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, -3.6), (0.5, -2.0), (4.0, 60.0)])
def test_surroundings_that_an_earlier_standardisation_moved_from_zero_do_not_count(scale, offset):
    """A brain whose air is the darkest value, wherever that is, looks the same as one whose air is zero."""
    rng = np.random.default_rng(2)
    brain = rng.normal(1000, 200, (6, 8, 8)).clip(300)
    stored = np.concatenate([np.zeros_like(brain), brain])[None]
    moved = stored / 200 * scale + offset
    rule = ZScoreRule(rule="zscore", nonzero=True)
    np.testing.assert_allclose(scale_intensity(moved, rule), scale_intensity(stored, rule), atol=1e-3)


def test_a_darkest_value_that_is_rare_is_tissue():
    array = np.random.default_rng(3).normal(50, 5, (1, 6, 8, 8))
    array[0, 0, :4] = array.min()
    scaled = scale_intensity(array, ZScoreRule(rule="zscore", nonzero=True))
    np.testing.assert_allclose(scaled, (array - array.mean()) / array.std(), atol=1e-4)


@pytest.mark.parametrize(
    "rule",
    [
        WindowRule(rule="window", lower=0, upper=1),
        PercentileRule(rule="percentile", lower=0.5, upper=99.5),
        ZScoreRule(rule="zscore"),
        ZScoreRule(rule="zscore", nonzero=True),
    ],
)
@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_image_of_one_value_gives_finite_numbers(rule, value):
    assert np.isfinite(scale_intensity(np.full((1, 3, 3, 3), value), rule)).all()


@given(
    values=arrays(st.sampled_from([np.uint8, np.int16, np.uint16, np.int32]), st.integers(1, 300)),
    wanted=st.lists(st.floats(0, 100), min_size=1, max_size=4),
)
def test_percentiles_of_stored_voxels_are_numpys(values, wanted):
    np.testing.assert_allclose(percentiles(values, wanted), np.percentile(values.astype(float), wanted), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_percentiles_of_many_voxels_are_numpys(kind):
    values = np.random.default_rng(0).normal(100, 30, (40, 30, 20)).clip(0, 255).astype(kind)
    np.testing.assert_allclose(percentiles(values, [0, 0.5, 50, 99.5, 100]), np.percentile(values, [0, 0.5, 50, 99.5, 100]))
