"""The multi-style translator; published checkpoints are written by an independent network with the original names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from crosslabel.errors import CheckpointError
from crosslabel.networks import MultiStyleTranslator
from networks.published_translator_reference import published_parts


def narrow(**changes) -> MultiStyleTranslator:
    torch.manual_seed(0)
    return MultiStyleTranslator(**{"width": 4, "blocks": 1, "style_steps": 3, **changes}).eval()


def checkpoint(path: Path, **changes) -> Path:
    torch.save({name: part.state_dict() for name, part in published_parts(0).items()} | changes, path)
    return path


@torch.no_grad()
def test_a_published_translator_gives_the_same_slices_and_styles(tmp_path):
    parts = published_parts(3)
    path = tmp_path / "enc_0040.pt"
    torch.save({name: part.state_dict() for name, part in parts.items()} | {"dis_a": {}}, path)
    ours = MultiStyleTranslator.from_published(path)
    source, target = torch.rand(1, 1, 64, 96) * 2 - 1, torch.rand(1, 1, 96, 64) * 2 - 1
    style = parts["enc_s_b"](target)
    assert torch.allclose(ours.target_style(target), style, atol=1e-4, rtol=1e-4)
    assert torch.allclose(ours.style_a(source), parts["enc_s_a"](source), atol=1e-4, rtol=1e-4)
    expected = parts["dec"](parts["enc_c"](source), style)
    assert (ours.translate(source, style) - expected).abs().max() < 2e-4
    assert not any(module.training for module in ours.modules())


def test_a_checkpoint_without_a_part_is_refused_by_name(tmp_path):
    with pytest.raises(CheckpointError, match="does not hold a state_dict under the key 'enc_s_b'"):
        MultiStyleTranslator.from_published(checkpoint(tmp_path / "x.pt", enc_s_b=3))


def test_a_checkpoint_of_another_width_is_refused_with_both_shapes(tmp_path):
    state = published_parts(0)["dec"].state_dict() | {"main.14.weight": torch.zeros(1, 16, 7, 7)}
    with pytest.raises(CheckpointError, match=r"main\.14\.weight has shape \(1, 16, 7, 7\), not \(1, 32, 7, 7\)"):
        MultiStyleTranslator.from_published(checkpoint(tmp_path / "x.pt", dec=state))


def test_an_unknown_parameter_is_refused_by_name(tmp_path):
    state = published_parts(0)["enc_c"].state_dict() | {"main.13.conv1.weight": torch.zeros(2)}
    with pytest.raises(CheckpointError, match=r"unknown parameter main\.13\.conv1\.weight"):
        MultiStyleTranslator.from_published(checkpoint(tmp_path / "x.pt", enc_c=state))


@pytest.mark.parametrize("size", [(16, 16), (33, 18), (5, 50), (64, 63)])
@pytest.mark.parametrize("content_steps", [1, 2, 3])
@torch.no_grad()
def test_slices_of_any_size_keep_it_and_stay_in_range(size, content_steps):
    network = narrow(channels=2, content_steps=content_steps)
    source = torch.rand(3, 2, *size) * 2 - 1
    translated = network.translate(source, torch.randn(3, 8))
    assert translated.shape == source.shape
    assert translated.abs().max() <= 1
    assert network.target_style(source).shape == (3, 8)


@torch.no_grad()
def test_a_style_encoder_without_normalisation_sees_contrast_that_the_published_one_does_not():
    image = torch.rand(1, 1, 32, 32)
    for style_norm, sees in ((True, False), (False, True)):
        network = narrow(style_norm=style_norm)
        code, stronger = network.target_style(image), network.target_style(4 * image)
        assert ((code - stronger).abs().max() > 0.1 * code.abs().max()).item() is sees


@torch.no_grad()
def test_each_slice_of_a_batch_gets_its_own_style():
    network = narrow()
    source, styles = torch.rand(2, 1, 16, 20), torch.randn(2, 8)
    together = network.translate(source, styles)
    for number in range(2):
        alone = network.translate(source[number : number + 1], styles[number : number + 1])
        assert torch.allclose(together[number], alone[0], atol=1e-5)
    swapped = network.translate(source[:1], styles[1:])
    assert not torch.allclose(swapped[0], together[0], atol=1e-3)
