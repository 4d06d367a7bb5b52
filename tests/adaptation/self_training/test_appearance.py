from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

from crosslabel.adaptation.self_training import AppearanceModel

SHAPES = {2: (40, 44), 3: (26, 28, 24)}


def scene(dimension: int, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    """An image (1, \\*spatial) of a bright and a dark block on grey, and their label."""
    shape = SHAPES[dimension]
    label = np.zeros(shape, int)
    label[tuple(slice(5, 5 + size // 3) for size in shape)] = 1
    label[tuple(slice(size // 2 + 3, -4) for size in shape)] = 2
    values = np.choose(label, (0.0, 1.0, -1.0)) + np.random.default_rng(seed).normal(0, 0.15, shape)
    return torch.from_numpy(values[None].astype(np.float32)), label


def roughly(label: np.ndarray, shift: int = 2, blur: float = 1.5) -> torch.Tensor:
    """Probabilities of a network that knows where the structures are, and puts their borders elsewhere."""
    moved = np.roll(label, shift, axis=0)
    maps = np.stack([gaussian_filter((moved == index).astype(float), blur) for index in range(3)])
    return torch.from_numpy((maps / maps.sum(axis=0)).astype(np.float32))


def dice(label: torch.Tensor, truth: np.ndarray) -> float:
    found = [
        2 * ((label.numpy() == index) & (truth == index)).sum() / ((label.numpy() == index).sum() + (truth == index).sum())
        for index in (1, 2)
    ]
    return float(np.mean(found))


@pytest.mark.parametrize("dimension", [2, 3])
def test_borders_move_to_where_grey_values_change(dimension):
    image, truth = scene(dimension)
    before = roughly(truth)
    after = AppearanceModel().posterior(image, before)
    assert dice(before.argmax(dim=0), truth) < 0.85
    assert dice(after.argmax(dim=0), truth) > 0.97
    torch.testing.assert_close(after.sum(dim=0), torch.ones(truth.shape))


def test_it_does_not_matter_which_structure_is_bright():
    image, truth = scene(3)
    model, before = AppearanceModel(), roughly(truth)
    label = model.posterior(image, before).argmax(dim=0)
    inverse = model.posterior(-3 * image + 7, before).argmax(dim=0)
    assert (label == inverse).float().mean() > 0.995


def test_where_grey_values_say_nothing_the_prediction_stays():
    _, truth = scene(3)
    before = roughly(truth)
    noise = torch.from_numpy(np.random.default_rng(1).normal(size=(1, *truth.shape)).astype(np.float32))
    for image in (torch.zeros(1, *truth.shape), noise):
        after = AppearanceModel().posterior(image, before).argmax(dim=0)
        # Smoothness alone moves a border by less than a voxel.
        assert (after != before.argmax(dim=0)).float().mean() < 0.02


def test_a_structure_that_the_network_does_not_see_is_not_invented():
    image, truth = scene(3)
    before = roughly(truth)
    before = torch.stack([before[0] + before[2], before[1], torch.zeros_like(before[2])])
    after = AppearanceModel().posterior(image, before)
    assert not (after.argmax(dim=0) == 2).any()


def test_a_structure_of_a_few_voxels_is_left_to_the_network():
    image, truth = scene(3)
    tiny = np.where(truth == 1, 1, 0)
    tiny[20, 20, 20] = 2
    before = F.one_hot(torch.from_numpy(tiny), 3).permute(3, 0, 1, 2).float() * 0.9 + 1 / 30
    after = AppearanceModel(smoothness=0.0).posterior(image, before).argmax(dim=0)
    assert after[20, 20, 20] == 2


def test_channels_add_what_they_know():
    first, truth = scene(3, seed=0)
    second, _ = scene(3, seed=1)
    # Each channel tells one structure only.
    one = torch.where(torch.from_numpy(truth)[None] == 1, first, torch.full_like(first, 0.0))
    two = torch.where(torch.from_numpy(truth)[None] == 2, second, torch.full_like(second, 0.0))
    before, model = roughly(truth), AppearanceModel()
    both = dice(model.posterior(torch.cat([one, two]), before).argmax(dim=0), truth)
    assert both > max(dice(model.posterior(single, before).argmax(dim=0), truth) for single in (one, two))
    assert both > 0.95


def test_one_turn_is_bayes_rule_with_the_histograms_of_the_cores():
    image, truth = scene(2)
    before = roughly(truth)
    after = AppearanceModel(trust=1.0, smoothness=0.0, core=1.0, reach=100, turns=1).posterior(image, before)
    assert (after.argmax(dim=0) != before.argmax(dim=0)).any()
    # Naively: voxel by voxel, with the share of its label's voxels that have nearly its grey value.
    values, label = image[0].numpy(), before.argmax(dim=0).numpy()
    low, high = np.quantile(values, (0.005, 0.995))
    bins = (np.clip((values - low) / (high - low) * 39, 0, 39)).astype(int)
    centers = np.arange(40)
    window = np.exp(-0.5 * ((centers[:, None] - centers[None]) / 1.5) ** 2)
    likelihood = np.empty((3, *values.shape))
    for index in range(3):
        counts = np.array([(bins[label == index] == level).sum() for level in range(40)], float)
        smooth = window @ counts / (1.5 * np.sqrt(2 * np.pi)) + 1e-3 * counts.sum() / 40
        likelihood[index] = (smooth / smooth.sum())[bins]
    expected = np.clip(before.numpy(), 1e-3, None) * likelihood
    expected /= expected.sum(axis=0)
    np.testing.assert_allclose(after.numpy(), expected, atol=2e-3)


def test_neither_the_image_nor_the_prediction_is_changed():
    image, truth = scene(2)
    before = roughly(truth)
    kept = image.clone(), before.clone()
    AppearanceModel().posterior(image, before)
    assert torch.equal(image, kept[0])
    assert torch.equal(before, kept[1])
