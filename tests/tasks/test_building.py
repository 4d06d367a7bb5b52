from __future__ import annotations

import torch

from crosslabel.networks import MINDInput
from crosslabel.tasks.building import network_arguments, network_of
from tiny import segmentation_task


def task_with(**network):
    return segmentation_task(network={**segmentation_task().network.model_dump(), **network})


def test_a_network_sees_the_image_unless_the_task_says_descriptors():
    assert not isinstance(network_of(task_with()), MINDInput)
    assert network_arguments(task_with())["in_channels"] == 1


def test_a_network_on_mind_takes_the_same_images_and_gives_the_same_outputs():
    network = network_of(task_with(input="mind"))
    assert isinstance(network, MINDInput)
    assert network_arguments(task_with(input="mind"))["in_channels"] == 12
    assert network(torch.randn(1, 1, 16, 16, 16)).shape == (1, 3, 16, 16, 16)
