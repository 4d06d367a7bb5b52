from __future__ import annotations

import numpy as np
import pytest
import torch

from crosslabel.adaptation.selection import Consistency, style_views
from crosslabel.adaptation.self_training import VolumePrior
from crosslabel.inference import Opinions
from two_modalities import adaptation_task


def opinions(*votes: np.ndarray) -> Opinions:
    mean = np.stack([np.mean([vote == index for vote in votes], axis=0) for index in range(2)])
    return Opinions(torch.from_numpy(mean.astype(np.float32)), np.stack(votes).astype(np.uint8))


def box(first: int, last: int) -> np.ndarray:
    vote = np.zeros((8, 8), np.uint8)
    vote[first:last, 2:6] = 1
    return vote


@pytest.fixture
def prior():
    seen = VolumePrior(("organ",))
    seen.see([16.0])
    return seen


def test_it_is_the_mean_dice_over_pairs_of_views(prior):
    consistency = Consistency(prior)
    consistency.see(opinions(box(0, 4), box(0, 4), box(2, 6)), 1.0)
    # Pairs: equal 1, and twice 2 * 8 / (16 + 16).
    assert consistency.metrics() == pytest.approx({"consistency": (1 + 0.5 + 0.5) / 3, "consistency organ": 2 / 3})


def test_a_network_that_finds_nothing_anywhere_does_not_win(prior):
    consistency = Consistency(prior)
    consistency.see(opinions(box(0, 0), box(0, 0)), 1.0)
    assert consistency.metrics()["consistency"] == 0


def test_an_implausible_volume_counts_as_nothing(prior):
    consistency = Consistency(prior)
    consistency.see(opinions(box(0, 8), box(0, 8)), 10.0)
    assert consistency.metrics()["consistency"] == 0


def test_a_structure_that_may_be_absent_is_not_judged_where_it_is():
    prior = VolumePrior(("organ",))
    prior.see([16.0])
    prior.see([0.0])
    consistency = Consistency(prior)
    consistency.see(opinions(box(0, 0), box(0, 0)), 1.0)
    assert consistency.metrics() == {}


def test_styles_are_the_same_at_every_call():
    image = torch.rand(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    first, second = style_views(adaptation_task(), seed=3), style_views(adaptation_task(), seed=3)
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one.apply(image), other.apply(image))
    assert not torch.allclose(first[-1].apply(image), first[-2].apply(image))
