from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from crosslabel.networks.memory_format import channels_last


@pytest.mark.parametrize(
    ("convolution", "batch", "order"),
    [
        (nn.Conv2d, (2, 3, 6, 5), torch.channels_last),
        (nn.Conv3d, (2, 3, 6, 5, 4), torch.channels_last_3d),
    ],
    ids=["2-D", "3-D"],
)
def test_a_network_answers_the_same_channels_last(convolution, batch, order):
    torch.manual_seed(0)
    network, images = nn.Sequential(convolution(3, 8, 3), nn.ReLU(), convolution(8, 2, 1)), torch.randn(batch)
    other = channels_last(copy.deepcopy(network))
    assert other[0].weight.is_contiguous(memory_format=order)
    assert not network[0].weight.is_contiguous(memory_format=order)
    torch.testing.assert_close(other(images), network(images))


def test_a_network_of_slices_and_volumes_keeps_its_parameters_and_their_optimiser():
    network = nn.ModuleList([nn.Conv2d(2, 4, 3), nn.Conv3d(2, 4, 3), nn.Linear(4, 2)])
    parameters, weights = list(network.parameters()), copy.deepcopy(network.state_dict())
    assert channels_last(network) is network
    assert all(mine is theirs for mine, theirs in zip(network.parameters(), parameters, strict=True))
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
