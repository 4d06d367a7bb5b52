from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from crosslabel.augmentation import Mix, draw_mix, mixed
from crosslabel.tasks import AugmentationSpec

SHAPE = (4, 1, 20, 16)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.arange(4.0).reshape(4, 1, 1, 1).expand(SHAPE).clone()
    return images, torch.eye(4)


def test_mixup_blends_images_and_targets_by_the_same_share():
    mix = draw_mix(AugmentationSpec(mixup=0.4), SHAPE, np.random.default_rng(1))
    images, targets = mixed(*batch(), mix)
    for index, partner in enumerate(mix.partners):
        assert images[index].unique().numel() == 1
        assert float(images[index, 0, 0, 0]) == pytest.approx(mix.share * index + (1 - mix.share) * partner, abs=1e-5)
        expected = mix.share * torch.eye(4)[index] + (1 - mix.share) * torch.eye(4)[partner]
        torch.testing.assert_close(targets[index], expected)


@pytest.mark.parametrize("shape", [SHAPE, (4, 1, 10, 12, 8)])
def test_cutmix_pastes_a_box_and_the_target_is_the_share_of_the_voxels(shape):
    images = torch.arange(4.0).reshape(4, *[1] * (len(shape) - 1)).expand(shape).clone()
    for number in range(20):
        mix = draw_mix(AugmentationSpec(cutmix=1.0), shape, np.random.default_rng(number))
        pasted, targets = mixed(images, torch.eye(4), mix)
        for index, partner in enumerate(mix.partners):
            if partner != index:
                own = float((pasted[index] == index).float().mean())
                assert float(targets[index, index]) == pytest.approx(own, abs=1e-5)
        assert float(targets.sum()) == pytest.approx(4)


def test_shares_follow_the_beta_distribution():
    rng = np.random.default_rng(0)
    shares = np.array([draw_mix(AugmentationSpec(mixup=2.0), SHAPE, rng).share for _ in range(600)])
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.std() == pytest.approx(np.sqrt(1 / 20), abs=0.02)


def test_a_record_replays_after_a_trip_through_json():
    mix = draw_mix(AugmentationSpec(cutmix=1.0), SHAPE, np.random.default_rng(5))
    content = json.loads(json.dumps(mix.as_dict()))
    read = Mix(tuple(content["partners"]), content["share"], tuple(map(tuple, content["box"])))
    for one, other in zip(mixed(*batch(), mix), mixed(*batch(), read), strict=True):
        torch.testing.assert_close(one, other)


def test_nothing_is_mixed_unless_it_is_asked_for():
    assert draw_mix(AugmentationSpec(), SHAPE, np.random.default_rng(1)) is None


def test_both_at_once_are_refused():
    with pytest.raises(ValidationError, match="mixup and cutmix exclude one another"):
        AugmentationSpec(mixup=0.2, cutmix=1.0)
