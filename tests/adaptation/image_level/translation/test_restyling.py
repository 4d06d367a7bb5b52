from __future__ import annotations

import pytest
import torch

from crosslabel.adaptation.image_level.translation.restyling import restyle, through_plane_jump
from crosslabel.networks import MultiStyleTranslator

CPU = torch.device("cpu")


def body(slices: int = 12) -> torch.Tensor:
    """A block of two tissues with a little noise, in air."""
    generator = torch.Generator().manual_seed(0)
    volume = torch.full((slices, 1, 24, 24), -1.0)
    volume[:, :, 4:20, 4:20] = 0.0
    volume[:, :, 8:14, 8:14] = 0.5
    return volume + 0.005 * torch.randn(volume.shape, generator=generator)


def test_slices_are_translated_one_by_one_with_one_style():
    torch.manual_seed(0)
    network = MultiStyleTranslator(width=4, blocks=1, style_steps=2).eval()
    slices, code = body(19), torch.randn(1, 8)
    made = restyle(network, slices, code, CPU)
    assert made.shape == slices.shape
    for number in (0, 7, 8, 18):
        with torch.no_grad():
            alone = network.translate(slices[number : number + 1], code)
        assert torch.allclose(made[number], alone[0], atol=1e-5)


def test_the_jump_is_that_of_a_plain_count():
    source, made = body(4), torch.rand(4, 1, 24, 24)
    through, across = [], []
    for values, neighbours in ((through, (1, 0)), (across, (0, 1))):
        step, side = neighbours
        for s in range(4 - step):
            for row in range(24):
                for column in range(24 - side):
                    here, there = source[s, 0, row, column], source[s + step, 0, row, column + side]
                    if abs(here - there) < 0.06 and here > source.min() + 0.03:
                        values.append(abs(made[s, 0, row, column] - made[s + step, 0, row, column + side]).item())
    assert through_plane_jump(source, made) == pytest.approx(
        (sum(through) / len(through)) / (sum(across) / len(across)), rel=1e-4
    )


def test_a_volume_whose_slices_flicker_jumps_and_one_that_keeps_its_look_does_not():
    source = body()
    assert through_plane_jump(source, -source) == pytest.approx(1, abs=0.1)
    flicker = torch.tensor([1.0, 0.6] * 6)[:, None, None, None]
    assert through_plane_jump(source, flicker * (source + 0.5)) > 10


def test_a_single_slice_and_an_empty_volume_have_nothing_to_compare():
    assert through_plane_jump(body(1), body(1)) == 1
    assert through_plane_jump(torch.zeros(3, 1, 8, 8), torch.rand(3, 1, 8, 8)) == 1
