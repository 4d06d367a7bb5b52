from __future__ import annotations

import pytest
import torch

from crosslabel.networks import ContentDiscriminator, MultiScaleDiscriminator, judged_as


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (64, 64), (150, 130)])
def test_slices_of_any_size_are_judged_at_every_scale(size):
    judgements = MultiScaleDiscriminator(channels=2, width=4, steps=3, scales=3)(torch.randn(2, 2, *size))
    assert len(judgements) == 3
    assert all(judgement.shape[:2] == (2, 1) and torch.isfinite(judgement).all() for judgement in judgements)


def test_the_published_discriminator_halves_five_times_at_each_of_three_scales():
    judgements = MultiScaleDiscriminator(width=4)(torch.randn(1, 1, 256, 512))
    assert [tuple(judgement.shape[2:]) for judgement in judgements] == [(8, 16), (4, 8), (2, 4)]


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (16, 16), (128, 96)])
def test_content_of_any_size_is_judged(size):
    (judgement,) = ContentDiscriminator(width=8)(torch.randn(2, 8, *size))
    assert judgement.shape[:2] == (2, 1)
    assert torch.isfinite(judgement).all()


def test_the_loss_is_the_mean_squared_distance_of_each_scale_added_up():
    judgements = [torch.tensor([[[[0.0, 2.0]]]]), torch.tensor([[[[1.0]]]])]
    assert judged_as(judgements, 1).item() == pytest.approx(1.0 + 0.0)
    assert judged_as(judgements, 0).item() == pytest.approx(2.0 + 1.0)


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda: MultiScaleDiscriminator(width=4, steps=2, scales=2), (4, 1, 16, 16)),
        (lambda: ContentDiscriminator(width=4, steps=2), (4, 4, 8, 8)),
    ],
)
def test_it_learns_to_tell_stripes_from_noise(build, shape):
    torch.manual_seed(0)
    network = build()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    noise, stripes = torch.randn(shape), torch.zeros(shape)
    stripes[..., ::2] = 1
    for _ in range(150):
        optimizer.zero_grad()
        (judged_as(network(noise), 1) + judged_as(network(stripes), 0)).backward()
        optimizer.step()
    for real, made in zip(network(noise), network(stripes), strict=True):
        assert real.mean() > 0.7
        assert made.mean() < 0.3
