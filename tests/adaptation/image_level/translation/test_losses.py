"""The losses against their formulas in plain steps, and who is moved by what."""

from __future__ import annotations

import pytest
import torch

from crosslabel.adaptation.image_level.translation.settings import TranslationSettings

TINY = TranslationSettings(width=4, blocks=1, style_steps=2, judge_steps=2, judge_scales=2)


def slices(size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand(2, 1, size, size, generator=generator) * 2 - 1 for _ in range(2))


def l1(x: torch.Tensor, y: torch.Tensor) -> float:
    return (x - y).abs().mean().item()


def squared(maps: list[torch.Tensor], wanted: float) -> float:
    return sum(((judgement - wanted) ** 2).mean().item() for judgement in maps)


@torch.no_grad()
def test_the_six_losses_of_the_multi_style_translator_have_their_weights():
    torch.manual_seed(0)
    training = TINY.multi_style(1)
    a, b = slices()
    net, judge = training.translator, training.judges
    content_a, content_b = net.content(a), net.content(b)
    style_a, style_b = net.style_a(a), net.style_b(b)
    ab, ba = net.decoder(content_a, style_b), net.decoder(content_b, style_a)
    aba, bab = net.decoder(net.content(ab), style_a), net.decoder(net.content(ba), style_b)
    expected = {
        "reconstruction": 10 * (l1(net.decoder(content_a, style_a), a) + l1(net.decoder(content_b, style_b), b)),
        "cycle": 10 * (l1(aba, a) + l1(bab, b)),
        "content": l1(net.content(ab), content_a) + l1(net.content(ba), content_b),
        "style": l1(net.style_b(ab), style_b) + l1(net.style_a(ba), style_a),
        "adversarial": squared(judge["a"](ba), 1) + squared(judge["b"](ab), 1),
        "content adversarial": squared(judge["content"](content_b), 1) + squared(judge["content"](content_a), 0),
        "discriminators": squared(judge["a"](a), 1) + squared(judge["a"](ba), 0)
        + squared(judge["b"](b), 1) + squared(judge["b"](ab), 0)
        + squared(judge["content"](content_a), 1) + squared(judge["content"](content_b), 0),
    }  # fmt: skip
    found = {name: loss.item() for name, loss in training(a, b).items()}
    assert found == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def test_the_losses_of_a_cyclegan_have_their_weights():
    torch.manual_seed(0)
    training = TINY.cycle(1)
    a, b = slices()
    to_a, to_b, judge = training.translator.to_a, training.translator.to_b, training.judges
    ab, ba = to_b(a), to_a(b)
    expected = {
        "cycle": 10 * (l1(to_a(ab), a) + l1(to_b(ba), b)),
        "identity": 5 * (l1(to_a(a), a) + l1(to_b(b), b)),
        "adversarial": squared(judge["a"](ba), 1) + squared(judge["b"](ab), 1),
        "discriminators": squared(judge["a"](a), 1)
        + squared(judge["a"](ba), 0)
        + squared(judge["b"](b), 1)
        + squared(judge["b"](ab), 0),
    }
    assert {name: loss.item() for name, loss in training(a, b).items()} == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["multi_style", "cycle"])
def test_each_loss_moves_its_own_side_only(kind):
    torch.manual_seed(0)
    training = getattr(TINY, kind)(1)
    for name, loss in training(*slices()).items():
        training.zero_grad()
        loss.backward(retain_graph=True)
        moved = {part for part, parameter in training.named_parameters() if parameter.grad is not None and parameter.grad.any()}
        side = "judges." if name == "discriminators" else "translator."
        assert moved
        assert all(part.startswith(side) for part in moved), name


def test_the_average_is_not_trained():
    training = TINY.multi_style(1)
    assert not any(parameter.requires_grad for parameter in training.average.parameters())


@pytest.mark.parametrize("kind", ["multi_style", "cycle"])
def test_half_precision_gives_nearly_the_same_losses_and_finite_gradients(kind):
    torch.manual_seed(0)
    training = getattr(TINY, kind)(1)
    # On the 1x1 maps that smaller slices end in, the CPU's bf16 convolution reads memory that nothing was written to.
    a, b = slices(64)
    exact = {name: loss.item() for name, loss in training(a, b).items()}
    with torch.autocast("cpu", torch.bfloat16):
        losses = training(a, b)
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(exact, rel=0.05, abs=0.02)
    torch.stack([loss.float() for loss in losses.values()]).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in training.parameters() if parameter.grad is not None)
