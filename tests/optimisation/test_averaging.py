from __future__ import annotations

import pytest
import torch
from torch import nn

from crosslabel.optimisation import MovingAverage


def test_weights_follow_by_the_decay_which_grows_to_its_end():
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = MovingAverage(network, decay=0.3)
    nn.init.ones_(network.weight)
    expected = 0.0
    for count in range(8):
        average.update(network)
        decay = min(0.3, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay)
        assert average.network.weight.item() == pytest.approx(expected, rel=1e-5)


def test_buffers_are_copied_and_nothing_is_trained():
    network = nn.BatchNorm1d(2)
    average = MovingAverage(network)
    network(torch.randn(8, 2))
    average.update(network)
    assert torch.equal(average.network.running_mean, network.running_mean)
    assert not any(parameter.requires_grad for parameter in average.parameters())


def test_an_average_that_was_saved_goes_on_as_it_would_have():
    network = nn.Linear(2, 2)
    going_on, saved = MovingAverage(network), MovingAverage(network)
    for _ in range(3):
        going_on.update(network)
    saved.load_state_dict(going_on.state_dict())
    nn.init.ones_(network.weight)
    for average in (going_on, saved):
        average.update(network)
    assert torch.equal(going_on.network.weight, saved.network.weight)
