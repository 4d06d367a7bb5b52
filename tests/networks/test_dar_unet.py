from __future__ import annotations

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crosslabel.networks import DARUNet

NARROW = (8, 8, 16)
STRIDES = ((1, 2, 2), (2, 2, 2))


def narrow_network(**changes) -> DARUNet:
    torch.manual_seed(0)
    return DARUNet(**({"num_classes": 3, "channels": NARROW, "strides": STRIDES} | changes)).eval()


def test_the_published_configuration_has_17_75_million_parameters():
    network = DARUNet(num_classes=5)
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 2) == 17.75


@pytest.mark.parametrize(
    ("channels", "strides"),
    [
        ((8,), ()),
        ((8, 16), ((2, 2, 1),)),
        ((8, 8, 16), ((1, 3, 2), (4, 1, 1))),
        ((8, 8, 8, 8), ((2, 2, 2), (1, 1, 1), (2, 1, 2))),
        ((4, 12, 20), STRIDES),
    ],
)
@torch.no_grad()
def test_any_depth_width_and_strides_give_a_fused_and_a_side_head_per_level_at_the_input_size(channels, strides):
    network = narrow_network(num_classes=4, in_channels=2, channels=channels, strides=strides)
    heads = network(torch.randn(2, 2, 7, 9, 11))
    assert [head.shape for head in heads] == [(2, 4, 7, 9, 11)] * (len(channels) + 1)


def test_lists_as_a_task_file_gives_them_are_accepted():
    network = DARUNet(num_classes=2, channels=[8, 16], strides=[[1, 2, 2]])
    assert network.channels == (8, 16)
    assert network.strides == ((1, 2, 2),)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(st.integers(1, 9), st.integers(1, 13), st.integers(1, 13)), st.integers(1, 2))
@torch.no_grad()
def test_any_size_equals_padding_and_cropping_explicitly(size, batch):
    network = narrow_network()
    x = torch.randn(batch, 1, *size)
    padded = network.pad(x)
    for ours, explicit in zip(network(x), network(padded), strict=True):
        torch.testing.assert_close(ours, network.crop(explicit, size), rtol=0, atol=0)


@given(st.tuples(*[st.integers(1, 40)] * 3))
@settings(max_examples=30, deadline=None)
def test_padding_repeats_the_last_voxels_up_to_the_next_multiple_of_the_strides(size):
    network = DARUNet(num_classes=2, channels=(8, 8, 8), strides=((1, 2, 3), (2, 2, 1)))
    x = torch.arange(math.prod(size), dtype=torch.float32).reshape(1, 1, *size)
    padded = network.pad(x)
    for axis, divisor in enumerate((2, 4, 3)):
        target = math.ceil(size[axis] / divisor) * divisor
        positions = torch.arange(target).clamp(max=size[axis] - 1)
        x = x.index_select(axis + 2, positions)
    assert torch.equal(padded, x)
    assert network.size_divisors == (2, 4, 3)


@torch.no_grad()
def test_cases_of_a_batch_do_not_mix_in_evaluation():
    network = narrow_network()
    x = torch.randn(2, 1, 3, 8, 8)
    for case in range(2):
        torch.testing.assert_close(network(x)[0][case], network(x[case : case + 1])[0][0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_predict_logits_is_the_fused_head():
    network = narrow_network()
    x = torch.randn(1, 1, 5, 7, 9)
    torch.testing.assert_close(network.predict_logits(x), network(x)[0], rtol=0, atol=0)


def test_the_loss_of_the_heads_reaches_every_parameter():
    network = narrow_network().train()
    loss = sum(head.square().mean() for head in network(torch.randn(2, 1, 4, 9, 10)))
    loss.backward()
    without = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert without == []


def test_a_few_steps_of_training_learn_to_tell_bright_from_dark():
    network = narrow_network(num_classes=2).train()
    target = (torch.arange(8) < 4).long().expand(2, 4, 8, 8)
    x = target[:, None] + 0.1 * torch.randn(2, 1, 4, 8, 8)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(10):
        loss = torch.nn.functional.cross_entropy(network(x)[0], target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("shape", [(1, 2, 4, 4, 4), (1, 4, 4, 4), (4, 4, 4)])
def test_an_input_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expects images of shape \(N, 1, D, H, W\)"):
        narrow_network()(torch.zeros(shape))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be 1 or more, not 0"),
        ({"in_channels": -1}, "in_channels must be 1 or more, not -1"),
        ({"channels": (), "strides": ()}, "channels must be one positive number for each level"),
        ({"channels": (8, 0, 8)}, "channels must be one positive number for each level"),
        ({"strides": ((2, 2, 2),)}, "strides must have 2 entries, one fewer than the channels, not 1"),
        ({"strides": ((2, 2), (2, 2))}, r"each of the strides must be three positive numbers, not \(2, 2\)"),
        ({"strides": ((2, 2, 0), (2, 2, 2))}, "each of the strides must be three positive numbers"),
    ],
)
def test_a_configuration_that_makes_no_network_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        narrow_network(**arguments)
