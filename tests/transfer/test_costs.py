from __future__ import annotations

import pytest
import torch
from torch import nn

import tiny
from crosslabel.networks import build_network
from crosslabel.tasks.building import network_of
from crosslabel.transfer import costs_of


def test_operations_are_counted_as_by_hand():
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 6 * 5, 3))
    assert costs_of(network, (2, 6, 5)).macs == 6 * 5 * 4 * (2 * 9) + 3 * 4 * 6 * 5


def test_resnet_18_costs_what_is_published():
    network = build_network("torchvision.resnet18", {}, in_channels=3, out_channels=1000, spatial_dims=2)
    costs = costs_of(network, (3, 224, 224))
    assert costs.parameters == 11_689_512
    assert costs.macs / 1e9 == pytest.approx(1.814, abs=0.001)
    assert costs.backbone_parameters == 11_689_512 - 513_000
    assert costs.latency_ms > 0


def test_measuring_changes_nothing_in_the_network():
    network = network_of(tiny.classification_task()).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    costs_of(network, (1, 32, 32))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
