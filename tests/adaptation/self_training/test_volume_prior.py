"""Plausible volumes of structures."""

from __future__ import annotations

import pytest

from crosslabel.adaptation.self_training import VolumePrior


def prior(*volumes: float) -> VolumePrior:
    made = VolumePrior(("organ",), margin=2.0)
    for volume in volumes:
        made.see([volume])
    return made


@pytest.mark.parametrize(("count", "factor"), [(1, 8.0), (2, 4.0), (4, 2.0**1.5), (200, 2.0**1.01)])
def test_the_fewer_images_were_seen_the_wider_is_the_range(count, factor):
    made = prior(*[10.0] * (count - 1), 20.0)
    low, high = made.range("organ")
    assert low == pytest.approx((10.0 if count > 1 else 20.0) / factor)
    assert high == pytest.approx(20.0 * factor)
    assert made.is_plausible("organ", low)
    assert not made.is_plausible("organ", 1.01 * high)


def test_as_long_as_nothing_was_seen_anything_goes():
    assert prior().is_plausible("organ", 1e9)


def test_an_image_may_lack_what_a_labelled_one_lacks():
    assert prior(10.0, 0.0).is_plausible("organ", 0.0)
    assert not prior(10.0, 5.0).is_plausible("organ", 0.0)
    assert prior(0.0, 0.0).range("organ") == (0.0, 0.0)
