"""Quad attention against a direct formulation that transposes the features for every axis."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from crosslabel.networks import QuadAttention

SHAPES = [(2, 3, 4, 5, 6), (1, 16, 8, 9, 10), (1, 1, 3, 2, 7), (3, 8, 1, 5, 4)]


def attention_with_random_state(seed: int) -> QuadAttention:
    torch.manual_seed(seed)
    attention = QuadAttention().double()
    for gate in attention.gates:
        torch.nn.init.normal_(gate.norm.weight)
        torch.nn.init.normal_(gate.norm.bias)
        torch.nn.init.normal_(gate.norm.running_mean)
        torch.nn.init.uniform_(gate.norm.running_var, 0.5, 2)
    return attention


def transposing_attention(attention: QuadAttention, x: Tensor) -> Tensor:
    """Swap each axis with the channels, gate along the channels, swap back, and average."""
    total = torch.zeros_like(x)
    for axis, gate in enumerate(attention.gates, start=1):
        swapped = x.transpose(1, axis)
        pooled = torch.stack([swapped.max(1).values, swapped.mean(1)], dim=1)
        weight = torch.sigmoid(gate.norm(torch.nn.functional.conv3d(pooled, gate.convolution.weight, padding=3)))
        total = total + (swapped * weight).transpose(1, axis)
    return total / 4


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_output_equals_the_transposing_formulation(shape, training):
    attention = attention_with_random_state(0).train(training)
    x = torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(attention(x), transposing_attention(attention, x))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_gradients_equal_those_of_the_transposing_formulation(shape, training):
    attention = attention_with_random_state(1).train(training)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(shape, dtype=torch.float64)
    wanted = [x, *attention.parameters()]
    ours = torch.autograd.grad(attention(x), wanted, upstream)
    direct = torch.autograd.grad(transposing_attention(attention, x), wanted, upstream)
    for gradient, expected in zip(ours, direct, strict=True):
        torch.testing.assert_close(gradient, expected)


def test_gradients_equal_finite_differences():
    attention = attention_with_random_state(2)
    x = torch.randn(2, 2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(attention, x)


def test_running_statistics_move_by_one_hundredth_towards_the_batch():
    attention = attention_with_random_state(3)
    x = torch.randn(2, 4, 5, 6, 7, dtype=torch.float64)
    gate = attention.gates[0]
    before = gate.norm.running_mean.clone()
    pooled = torch.stack([x.max(1).values, x.mean(1)], dim=1)
    batch_mean = torch.nn.functional.conv3d(pooled, gate.convolution.weight, padding=3).mean()
    attention.train()(x)
    torch.testing.assert_close(gate.norm.running_mean, 0.99 * before + 0.01 * batch_mean)


def test_a_gradient_reaches_one_of_several_equal_maxima():
    attention = attention_with_random_state(4).eval()
    x = torch.ones(1, 2, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    direct = transposing_attention(attention, x)
    (expected,) = torch.autograd.grad(direct.sum(), x)
    (gradient,) = torch.autograd.grad(attention(x).sum(), x)
    torch.testing.assert_close(gradient.sum(), expected.sum())


def test_mixed_precision_trains_with_gradients_near_those_of_full_precision():
    attention = attention_with_random_state(5).float()
    x = torch.randn(1, 8, 6, 8, 8, requires_grad=True)
    (expected,) = torch.autograd.grad(attention(x).sum(), x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = attention(x)
    (gradient,) = torch.autograd.grad(output.sum(), x)
    assert output.dtype is torch.float32
    assert (gradient - expected).abs().mean() < 0.05 * expected.abs().mean()


def test_the_features_are_left_as_they_were():
    attention = attention_with_random_state(6)
    x = torch.randn(1, 4, 4, 4, 4, dtype=torch.float64)
    before = x.clone()
    attention(x)
    torch.testing.assert_close(x, before, rtol=0, atol=0)
