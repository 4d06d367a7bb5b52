"""Structures painted as they are known to look."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from crosslabel.adaptation.image_level import Chain, KnownLooks, build_adapter
from crosslabel.adaptation.selection import style_views
from crosslabel.inference import standard_views
from two_modalities import adaptation_task

LABELS = [
    {"name": "first", "value": 2, "color": "#ff0000", "looks": {"mr": "brighter"}},
    {"name": "second", "value": 7, "color": "#00ff00", "looks": {"ct": "brighter"}},
]


def scene(axes: int, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two structures in noise, one of which is darker and one brighter than it."""
    label = torch.zeros(1, *[24] * axes)
    label[:, 3:10, 3:10] = 1
    label[:, 15:21, 14:20] = 2
    noise = torch.randn(channels, *label.shape[1:], generator=torch.Generator().manual_seed(1))
    return noise - 3 * (label == 1) + 3 * (label == 2), label


@pytest.mark.parametrize(("axes", "channels"), [(3, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_structure_differs_from_its_surroundings_in_the_known_direction(axes, channels, sign):
    patch, label = scene(axes, channels)
    inside = (label == 1)[0].numpy()
    around = ndimage.binary_dilation(inside, np.ones([3] * axes), iterations=4) & ~inside
    heights = []
    for seed in range(20):
        changed = KnownLooks({1: sign}).patch(patch, np.random.default_rng(seed), label)
        core = ndimage.binary_erosion(inside, iterations=2)
        for before, after in zip(patch.numpy(), changed.numpy(), strict=True):
            height = sign * (after[core].mean() - before[around].mean()) / before.std(ddof=1)
            # The mean of the core is the structure's to within what its noise leaves.
            assert 1.4 < height < 3.1
            heights.append(height)
            far = ~ndimage.binary_dilation(inside, np.ones([3] * axes), iterations=1)
            assert np.array_equal(after[far], before[far])
    assert max(heights) - min(heights) > 1


def test_what_has_no_known_look_or_no_surroundings_stays():
    patch, label = scene(3, 1)
    looks, rng = KnownLooks({1: 1}), np.random.default_rng
    assert looks.patch(patch, rng(0)) is patch
    assert torch.equal(looks.patch(patch, rng(0), torch.ones_like(label)), patch)
    assert torch.equal(looks.patch(patch, rng(0), torch.zeros_like(label)), patch)
    first, again, other = (looks.patch(patch, rng(seed), label) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_target_domain_says_which_look_counts():
    task = adaptation_task(labels=LABELS)
    assert task.looks == {1: 1}
    chain = build_adapter("structures+gin+looks", task, seed=0)
    assert isinstance(chain, Chain)
    assert chain.adapters[-1].looks == {1: 1}
    assert build_adapter("looks", adaptation_task(), seed=0).looks == {}


def test_no_view_turns_a_known_look_round():
    image, label = scene(3, 1)
    image = image + 6 * (label == 1) - 3 * (label == 2)
    task = adaptation_task(labels=LABELS)
    differences = []
    for seed in range(10):
        views = style_views(task, styles=3, seed=seed)
        assert len(views) == len(standard_views(task)) + 3
        for view in views[-3:]:
            seen = view.apply(image)
            differences.append(float(seen[label == 1].mean() - seen[label == 0].mean()))
    assert min(differences) > 0
    assert max(differences) - min(differences) > 0.1
