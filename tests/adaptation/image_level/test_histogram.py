from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.exposure import match_histograms

from crosslabel.adaptation.image_level import HistogramMatching, Volume, Watch
from crosslabel.errors import DataError
from crosslabel.images import Grid
from crosslabel.preparation import Prepared
from tiny import AFFINE, segmentation_task


def volume_of(tensor: torch.Tensor) -> Volume:
    grid = Grid(tuple(tensor.shape[1:]), AFFINE)
    return Volume("target", lambda: Prepared(tensor, grid, grid, segmentation_task().domains.target), lambda: "")


def noise(seed: int, low: float, high: float) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(low, high, (1, 20, 20, 20)).astype(np.float32))


def fitted(target: list[torch.Tensor], folder) -> HistogramMatching:
    adapter = HistogramMatching()
    assert adapter.fit([], [volume_of(tensor) for tensor in target], folder, Watch())
    return adapter


def test_one_target_gives_the_matching_of_scikit_image(tmp_path):
    source, target = noise(0, -1, 1) ** 3, noise(1, 0, 5) ** 2
    matched = fitted([target], tmp_path).volume("x", source, epoch=0)
    expected = match_histograms(source[0].numpy(), target[0].numpy())
    assert np.abs(matched[0].numpy() - expected).max() < 0.1  # of a range of 25: 257 quantiles against 8000


def test_several_targets_give_the_mean_of_their_quantiles(tmp_path):
    matched = fitted([noise(0, 0, 1), noise(1, 4, 5)], tmp_path).volume("x", noise(2, -7, 9), epoch=0)
    assert matched.min().item() == pytest.approx(2, abs=0.01)
    assert matched.max().item() == pytest.approx(3, abs=0.01)


def test_the_order_of_grey_values_never_changes(tmp_path):
    source = noise(0, -1, 1)
    matched = fitted([noise(1, -3, 3) ** 3], tmp_path).volume("x", source, epoch=0)
    assert (np.diff(matched.flatten()[source.flatten().argsort()].numpy()) >= -1e-6).all()


def test_air_that_fills_half_of_a_volume_stays_one_value(tmp_path):
    source = torch.cat((torch.full((1, 10, 8, 8), -1.0), torch.rand(1, 10, 8, 8)), dim=1)
    matched = fitted([noise(1, 0, 1)], tmp_path).volume("x", source, epoch=0)
    assert matched[:, :10].unique().numel() == 1
    assert matched[:, 10:].min() >= matched[:, :10].max()


def test_without_a_target_it_says_what_is_needed(tmp_path):
    with pytest.raises(DataError, match="give at least one"):
        HistogramMatching().fit([], [], tmp_path, Watch())


def test_a_cancelled_fit_says_so(tmp_path):
    assert not HistogramMatching().fit([], [volume_of(noise(0, 0, 1))], tmp_path, Watch(cancelled=lambda: True))
