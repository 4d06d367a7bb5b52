from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from crosslabel.networks import DARUNet, MINDInput, all_heads, main_logits, mind_channels, mind_descriptor


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def naive_distances(image: torch.Tensor, radius: int, distance: int) -> list[torch.Tensor]:
    """Mean squared patch differences of a 2-D image, voxel by voxel, for the four pairs of neighbours around a corner."""
    height, width = image.shape

    def at(row: int, column: int) -> float:
        return image[min(max(row, 0), height - 1), min(max(column, 0), width - 1)].item()

    maps = []
    for p, q in [((-1, 0), (0, -1)), ((-1, 0), (0, 1)), ((1, 0), (0, -1)), ((1, 0), (0, 1))]:
        found = torch.zeros(height, width)
        for row in range(height):
            for column in range(width):
                squares = [
                    (at(row + distance * p[0] + i, column + distance * p[1] + j)
                     - at(row + distance * q[0] + i, column + distance * q[1] + j)) ** 2
                    for i in range(-radius, radius + 1) for j in range(-radius, radius + 1)
                ]  # fmt: skip
                found[row, column] = sum(squares) / len(squares)
        maps.append(found)
    return maps


@pytest.mark.parametrize(("radius", "distance"), [(1, 2), (0, 1), (2, 1)])
def test_a_2d_descriptor_is_that_of_a_plain_count(radius, distance):
    image = noise(9, 7)
    stacked = torch.stack(naive_distances(image, radius, distance))
    stacked = stacked - stacked.min(dim=0).values
    expected = torch.exp(-stacked / stacked.mean(dim=0))
    found = mind_descriptor(image[None, None], radius, distance)
    assert torch.allclose(found[0], expected, atol=1e-4)


@pytest.mark.parametrize(("shape", "channels"), [((2, 1, 8, 7, 6), 12), ((1, 3, 8, 7, 6), 36), ((2, 2, 9, 8), 8)])
def test_there_are_twelve_pairs_in_3d_and_four_in_2d_for_each_channel(shape, channels):
    found = mind_descriptor(noise(*shape))
    assert found.shape == (shape[0], channels, *shape[2:])
    assert channels == mind_channels(shape[1], len(shape) - 2)
    assert found.min() >= 0
    assert found.max() == 1


@pytest.mark.parametrize("change", [lambda x: -x, lambda x: 3 * x + 5, lambda x: 0.01 * x])
def test_linear_changes_of_grey_values_do_not_matter(change):
    image = noise(1, 1, 10, 9, 8)
    assert torch.allclose(mind_descriptor(change(image)), mind_descriptor(image), atol=1e-3)


def test_structure_does_matter():
    image = noise(1, 1, 10, 9, 8)
    assert not torch.allclose(mind_descriptor(image.flip(2)), mind_descriptor(image), atol=0.1)


def test_an_image_of_one_value_is_all_alike():
    assert torch.equal(mind_descriptor(torch.full((1, 1, 6, 6, 6), 3.0)), torch.ones(1, 12, 6, 6, 6))


@torch.no_grad()
def test_the_main_head_of_a_network_behind_it_is_the_first_of_all():
    network = MINDInput(DARUNet(2, in_channels=12, channels=(8, 16), strides=((2, 2, 2),))).eval()
    images = noise(1, 1, 8, 8, 8)
    assert torch.allclose(main_logits(network, images), all_heads(network, images)[0], atol=1e-5)


def test_a_network_behind_it_sees_descriptors_and_the_images_can_be_learnt_from():
    network = MINDInput(nn.Conv3d(12, 2, 1))
    images = noise(1, 1, 6, 6, 6)
    assert torch.equal(network(images), network.network(mind_descriptor(images)))
    network(images).sum().backward()
    assert math.isfinite(network.network.weight.grad.sum().item())
