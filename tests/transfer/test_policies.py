from __future__ import annotations

import pytest
import torch
from torch import nn

import tiny
from crosslabel.networks import build_network
from crosslabel.tasks.building import network_of
from crosslabel.transfer import policy_of
from crosslabel.transfer.blocks import blocks_of


def task(policy, **changes):
    return tiny.classification_task(
        network={"name": "torchvision.resnet18", "arguments": {"cut": "layer3"}}, transfer={"policy": policy}, **changes
    )


@pytest.fixture(scope="module")
def network():
    return network_of(task("full"))


def trained(network: nn.Module) -> set[str]:
    return {name.removeprefix("trunk.").partition(".")[0] for name, value in network.named_parameters() if value.requires_grad}


WHOLE = {"conv1", "bn1", "layer1", "layer2", "layer3", "head"}


@pytest.mark.parametrize(
    ("policy", "epoch", "expected"),
    [
        ("full", 0, WHOLE),
        ("head", 7, {"head"}),
        ({"name": "last_blocks", "blocks": 1}, 0, {"layer3", "head"}),
        ({"name": "last_blocks", "blocks": 2}, 0, {"layer2", "layer3", "head"}),
        ({"name": "last_blocks", "blocks": 9}, 0, WHOLE),
        ({"name": "gradual", "epochs_per_block": 2}, 1, {"head"}),
        ({"name": "gradual", "epochs_per_block": 2}, 2, {"layer3", "head"}),
        ({"name": "gradual", "epochs_per_block": 2}, 5, {"layer2", "layer3", "head"}),
        ({"name": "gradual", "epochs_per_block": 2}, 60, WHOLE),
        ("discriminative", 0, WHOLE),
        ("truncated", 0, WHOLE),
    ],
)
def test_a_policy_trains_exactly_its_blocks(network, policy, epoch, expected):
    network.train()
    policy_of(task(policy)).apply(network, epoch)
    assert trained(network) == expected


def test_frozen_blocks_keep_their_running_statistics_and_their_weights(network):
    network.train()
    policy_of(task("head")).apply(network, 0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(policy_of(task("head")).groups(network, 0.1), lr=0.1, weight_decay=0.1)
    network(torch.randn(4, 1, 32, 32)).sum().backward()
    optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"}


def test_discriminative_learning_rates_fall_by_the_same_factor_from_block_to_block(network):
    groups = policy_of(task({"name": "discriminative", "decay": 0.4})).groups(network, 1.0)
    assert [group["lr"] for group in groups] == pytest.approx([0.4**3, 0.4**2, 0.4, 1.0])


@pytest.mark.parametrize(
    ("name", "dimension", "count"),
    [
        ("torchvision.vgg11", 2, 6),
        ("torchvision.densenet121", 3, 5),
        ("DenseNet121", 2, 9),
        ("resnet10", 3, 6),
    ],
)
def test_every_parameter_is_in_exactly_one_group(name, dimension, count):
    with torch.device("meta"):
        network = build_network(name, {}, in_channels=1, out_channels=2, spatial_dims=dimension)
    assert len(blocks_of(network)) == count
    grouped = [id(value) for group in policy_of(task("full")).groups(network, 1.0) for value in group["params"]]
    assert sorted(grouped) == sorted(id(value) for value in network.parameters())
