"""Scores against plain loops, and what must hold for every probability map."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skactiveml.pool import uncertainty_scores

from crosslabel.active.aggregation import by_class, expected_dice, foreground_aware
from crosslabel.active.uncertainty import PassStatistics, decided, margin, predictive_entropy


def probabilities(seed, shape=(2, 3, 4, 5), sharpness=2.0):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (sharpness * logits).softmax(dim=1)


def flat(maps):
    """(batch, outputs, *spatial) -> (samples, outputs)."""
    return maps.movedim(1, -1).reshape(-1, maps.shape[1]).numpy()


def test_entropy_and_margin_are_those_of_scikit_activeml():
    maps = probabilities(0)
    entropy = uncertainty_scores(flat(maps), method="entropy") / math.log(3)
    assert np.allclose(predictive_entropy(maps).flatten(), entropy)
    assert np.allclose(margin(maps).flatten(), uncertainty_scores(flat(maps), method="margin_sampling"))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_scores_lie_between_0_and_1_and_bald_never_exceeds_the_entropy(seed, sharpness):
    statistics = PassStatistics()
    for number in range(3):
        statistics.add(probabilities(seed + number, sharpness=sharpness))
    entropy = predictive_entropy(statistics.mean())
    for scores in (entropy, statistics.bald(), statistics.disagreement(), margin(statistics.mean())):
        assert (scores >= 0).all()
        assert (scores <= 1 + 1e-9).all()
    assert (statistics.bald() <= entropy + 1e-9).all()


def test_several_passes_are_summed_up_as_in_a_plain_loop():
    passes = [probabilities(seed) for seed in range(4)]
    statistics = PassStatistics()
    for one in passes:
        statistics.add(one)
    stack = np.stack([one.numpy() for one in passes])
    mean = stack.mean(axis=0)

    def entropy(p):
        return -(p * np.log(p)).sum(axis=1) / math.log(3)

    assert np.allclose(statistics.bald(), entropy(mean) - np.mean([entropy(p) for p in stack], axis=0))
    assert np.allclose(statistics.variance(), stack.var(axis=0).mean(axis=1))
    votes = stack.argmax(axis=2)
    assert np.allclose(statistics.disagreement(), (votes != mean.argmax(axis=1)).mean(axis=0))


def test_passes_that_agree_leave_nothing_to_learn():
    statistics = PassStatistics()
    for _ in range(3):
        statistics.add(probabilities(1))
    assert statistics.bald().abs().max() < 1e-12
    assert statistics.disagreement().max() == 0


def volume(edge, organ, doubt):
    """A background that is nearly sure, and an organ of ``organ`` voxels edge length of which the network is not."""
    maps = torch.zeros(2, edge, edge, edge)
    maps[0] = 0.98
    maps[1] = 0.02
    inside = (slice(None), slice(0, organ), slice(0, organ), slice(0, organ))
    maps[inside] = torch.tensor([doubt, 1 - doubt]).reshape(2, 1, 1, 1)
    return maps


def test_a_large_background_does_not_drown_a_small_organ():
    hard, easy = volume(40, 4, 0.45), volume(40, 4, 0.02)
    mean_over_all = [float(predictive_entropy(maps[None]).mean()) for maps in (hard, easy)]
    aware = [foreground_aware(predictive_entropy(maps[None])[0], maps) for maps in (hard, easy)]
    assert mean_over_all[0] / mean_over_all[1] < 1.1
    assert aware[0] / aware[1] > 5
    padded = volume(60, 4, 0.45)
    assert foreground_aware(predictive_entropy(padded[None])[0], padded) == pytest.approx(aware[0], rel=1e-5)


def test_each_structure_counts_the_same_whatever_its_size():
    maps = torch.zeros(3, 20, 20, 20)
    maps[0] = 1
    maps[:, :15] = torch.tensor([0.0, 1.0, 0.0]).reshape(3, 1, 1, 1)
    maps[:, 18:, 18:, 18:] = torch.tensor([0.0, 0.4, 0.6]).reshape(3, 1, 1, 1)
    entropy = predictive_entropy(maps[None])[0]
    small = -(0.4 * math.log(0.4) + 0.6 * math.log(0.6)) / math.log(3)
    classes = by_class(entropy, maps)
    assert classes[1] == pytest.approx(small)
    assert foreground_aware(entropy, maps) == pytest.approx((float(classes[0]) + small) / 2)


def test_where_no_structure_is_seen_the_most_uncertain_voxels_count():
    maps = torch.full((2, 10, 10, 10), 0.01)
    maps[0] = 0.99
    maps[:, 0, 0] = torch.tensor([0.95, 0.05]).reshape(2, 1)
    entropy = predictive_entropy(maps[None])[0]
    assert by_class(entropy, maps).isnan().all()
    assert foreground_aware(entropy, maps) == pytest.approx(float(entropy[0, 0].mean()))


def test_expected_dice_is_1_for_a_sure_answer_and_0_for_none():
    sure = torch.zeros(2, 6, 6)
    sure[0] = 1
    sure[:, :2] = torch.tensor([0.0, 1.0]).reshape(2, 1, 1)
    assert expected_dice(sure) == pytest.approx(1)
    nothing = torch.stack([torch.ones(6, 6), torch.zeros(6, 6)])
    assert expected_dice(nothing) == 0
    unsure = sure * 0.6 + 0.2
    assert 0 < expected_dice(unsure) < 1


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_the_decision_is_the_argmax(seed, outputs):
    maps = torch.rand((outputs, 3, 4, 5), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(decided(maps[None])[0], maps.argmax(dim=0))
    assert decided(torch.full((1, outputs, 2, 2), 1 / outputs)).max() == 0
