from __future__ import annotations

import pytest
import torch

from crosslabel.networks import CycleGAN


@pytest.mark.parametrize("size", [(16, 16), (33, 18), (5, 50)])
@torch.no_grad()
def test_slices_of_any_size_keep_it_and_stay_in_range(size):
    network = CycleGAN(channels=2, width=4, blocks=1)
    source = torch.randn(3, 2, *size)
    style = network.target_style(source)
    assert style.shape == (3, network.style_size) == (3, 0)
    translated = network.translate(source, style)
    assert translated.shape == source.shape
    assert translated.abs().max() <= 1


@torch.no_grad()
def test_the_two_directions_are_networks_of_their_own():
    network = CycleGAN(width=4, blocks=1)
    x = torch.randn(1, 1, 16, 16)
    assert torch.equal(network.translate(x, network.target_style(x)), network.to_b(x))
    assert not torch.allclose(network.to_a(x), network.to_b(x), atol=1e-4)
