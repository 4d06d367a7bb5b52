from __future__ import annotations

import numpy as np
import pytest
import torch

from crosslabel.adaptation.image_level import StructureRandomisation, build_adapter
from tiny import segmentation_task

ALWAYS = StructureRandomisation(share=1.0)


def scene(channels: int = 1, axes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Two cubes that look alike in a background, with noise, and their labels 1 and 2."""
    shape = (24, *[20] * (axes - 1))
    label = torch.zeros(1, *shape)
    label[:, 2:10, 2:10] = 1
    label[:, 14:22, 2:10] = 2
    noise = torch.randn(channels, *shape, generator=torch.Generator().manual_seed(0))
    return (label > 0) * 0.5 + 0.05 * noise, label


def shrunk(mask: torch.Tensor) -> torch.Tensor:
    """Voxels that are further from the edge of a mask than the edge of a structure is blended."""
    pool = torch.nn.functional.max_pool3d if mask.ndim == 3 else torch.nn.functional.max_pool2d
    return pool((~mask).float()[None, None], 7, 1, 3)[0, 0] < 0.5


@pytest.mark.parametrize(("channels", "axes"), [(1, 3), (2, 3), (1, 2)])
def test_structures_that_look_alike_are_taken_apart_and_the_rest_stays(channels, axes):
    patch, label = scene(channels, axes)
    gaps = []
    for seed in range(20):
        changed = ALWAYS.patch(patch, np.random.default_rng(seed), label)
        assert changed.shape == patch.shape
        far = shrunk(label[0] == 0)
        assert torch.equal(changed[:, far], patch[:, far])
        gaps.append(abs(float(changed[0][shrunk(label[0] == 1)].mean() - changed[0][shrunk(label[0] == 2)].mean())))
    assert np.median(gaps) > 0.1


def test_the_inside_of_a_structure_is_an_affine_map_of_what_it_was():
    patch, label = scene()
    inside = shrunk(label[0] == 1)
    for seed in range(5):
        changed = ALWAYS.patch(patch, np.random.default_rng(seed), label)
        correlation = np.corrcoef(patch[0][inside], changed[0][inside])[0, 1]
        assert abs(correlation) == pytest.approx(1, abs=1e-3)
        low, high = np.quantile(patch, (0.02, 0.98))
        assert low - 0.1 <= changed[0][inside].mean() <= high + 0.1


def test_without_a_label_nothing_changes():
    patch, _ = scene()
    assert ALWAYS.patch(patch, np.random.default_rng(0)) is patch


def test_a_patch_of_background_stays_as_it_is():
    patch, label = scene()
    assert torch.equal(ALWAYS.patch(patch, np.random.default_rng(0), torch.zeros_like(label)), patch)


def test_the_same_generator_draws_the_same_look():
    patch, label = scene()
    first, again, other = (ALWAYS.patch(patch, np.random.default_rng(seed), label) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.01)


def test_a_chain_hands_the_label_on():
    patch, label = scene()
    chain = build_adapter("gin+structures", segmentation_task(), seed=0, share=1.0)
    with_label = chain.patch(patch, np.random.default_rng(1), label)
    assert not torch.equal(with_label, chain.patch(patch, np.random.default_rng(1)))
