"""Curves that keep the order of grey values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crosslabel.adaptation.image_level import RandomCurves


@given(st.integers(0, 2**16), st.floats(0, 0.9), st.integers(1, 2))
@settings(max_examples=40, deadline=None)
def test_order_mean_and_deviation_of_every_channel_stay(seed, air, channels):
    patch = torch.randn(channels, 6, 7, 5, generator=torch.Generator().manual_seed(seed))
    patch[torch.rand(patch.shape, generator=torch.Generator().manual_seed(seed)) < air] = -3.0
    bent = RandomCurves(share=1.0).patch(patch, np.random.default_rng(seed))
    assert bent.shape == patch.shape
    assert bent.dtype == patch.dtype
    for before, after in zip(patch, bent, strict=True):
        assert float(after.flatten()[before.flatten().argsort()].diff().min()) > -1e-4
        assert float(after.mean()) == pytest.approx(float(before.mean()), abs=1e-3)
        assert float(after.std()) == pytest.approx(float(before.std()), abs=1e-3)


def test_contrasts_change_and_the_same_generator_draws_the_same():
    patch = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    first, again, other = (RandomCurves(share=1.0).patch(patch, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert float((first - patch).abs().max()) > 0.2
    assert float((first - other).abs().max()) > 0.2


def test_its_share_of_the_patches_is_changed():
    patch = torch.randn(1, 4, 4, 4)
    curves, rng = RandomCurves(share=0.3), np.random.default_rng(0)
    changed = sum(curves.patch(patch, rng) is not patch for _ in range(400))
    assert 90 < changed < 150


def test_a_patch_of_one_value_stays():
    patch = torch.full((1, 4, 4, 4), 2.0)
    assert torch.equal(RandomCurves(share=1.0).patch(patch, np.random.default_rng(0)), patch)
