from __future__ import annotations

import numpy as np
import pytest
import torch

from crosslabel.adaptation.image_level import GIN

ALWAYS = GIN(share=1.0)


def edges(volume: torch.Tensor) -> torch.Tensor:
    return (volume[:, 1:] - volume[:, :-1]).abs()


@pytest.mark.parametrize("shape", [(1, 12, 10, 8), (2, 12, 10, 8), (1, 20, 16), (3, 20, 16)])
def test_a_patch_keeps_its_shape_mean_and_deviation_and_changes(shape):
    patch = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    changed = ALWAYS.patch(patch, np.random.default_rng(1))
    assert changed.shape == patch.shape
    assert changed.dtype == patch.dtype
    assert changed.mean().item() == pytest.approx(patch.mean().item(), abs=1e-4)
    assert changed.std().item() == pytest.approx(patch.std().item(), rel=1e-4)
    assert not torch.allclose(changed, patch, atol=0.01)


def test_the_same_generator_draws_the_same_look_and_another_one_another():
    patch = torch.randn(1, 8, 8, 8)
    first, again, other = (ALWAYS.patch(patch, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.01)


def test_structures_stay_where_they_are():
    """Two halves of one value each: away from their border everything stays constant, in every drawn look."""
    patch = torch.zeros(1, 40, 6, 6)
    patch[:, 20:] = 1.0
    for seed in range(20):
        steps = edges(ALWAYS.patch(patch, np.random.default_rng(seed))).amax(dim=(0, 2, 3))
        far = torch.cat((steps[: 19 - ALWAYS.layers], steps[20 + ALWAYS.layers :]))
        assert far.max() < 1e-5


def test_the_order_of_grey_values_is_turned_around_in_some_looks():
    patch = torch.zeros(1, 40, 6, 6)
    patch[:, 20:] = 1.0
    signs = set()
    for seed in range(30):
        changed = ALWAYS.patch(patch, np.random.default_rng(seed))
        signs.add(bool(changed[:, 30:].mean() > changed[:, :10].mean()))
    assert signs == {True, False}


def test_the_share_decides_how_many_patches_are_changed():
    patch = torch.randn(1, 4, 4, 4)
    rng = np.random.default_rng(0)
    changed = sum(not torch.equal(GIN(share=0.5).patch(patch, rng), patch) for _ in range(400))
    assert 160 < changed < 240


def test_an_empty_patch_stays_finite():
    assert torch.isfinite(ALWAYS.patch(torch.zeros(1, 6, 6, 6), np.random.default_rng(0))).all()
