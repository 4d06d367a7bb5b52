from __future__ import annotations

import pytest
import torch
from monai.losses import DiceLoss, FocalLoss

from crosslabel.training.segmentation_loss import FOCAL_WEIGHT, SegmentationLoss


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    heads = [torch.randn(2, 3, 6, 5, 4, generator=generator) for _ in range(3)]
    return heads, torch.randint(0, 3, (2, 1, 6, 5, 4), generator=generator)


def test_certainty_has_a_slope_for_a_focal_exponent_below_one():
    logits = torch.tensor([[[100.0]], [[0.0]]])[None].requires_grad_()
    SegmentationLoss(gamma=0.5)([logits], torch.zeros(1, 1, 1, 1, dtype=torch.long))["focal"].backward()
    assert torch.isfinite(logits.grad).all()


def test_it_is_the_published_focal_and_dice_loss_of_every_head(batch):
    heads, labels = batch
    dice = DiceLoss(softmax=True, to_onehot_y=True, squared_pred=True, batch=True)
    focal = FocalLoss(gamma=2.0, use_softmax=True, to_onehot_y=True)
    ours = SegmentationLoss()(heads, labels)
    torch.testing.assert_close(ours["dice"], torch.stack([dice(head, labels) for head in heads]).mean())
    torch.testing.assert_close(ours["focal"], 10 * torch.stack([focal(head, labels) for head in heads]).mean())


def test_heads_count_as_much_as_their_weights_say(batch):
    heads, labels = batch
    single = [SegmentationLoss()([head], labels)["dice"] for head in heads]
    weighted = SegmentationLoss((2.0, 1.0))(heads, labels)["dice"]
    torch.testing.assert_close(weighted, (2 * single[0] + single[1]) / 3)


def test_voxels_that_are_not_believed_do_not_matter(batch):
    (head, *_), labels = batch
    keep = torch.ones_like(labels).float()
    keep[..., 2:] = 0
    other_head, other_labels = head.clone(), labels.clone()
    other_head[..., 2:] += 5
    other_labels[..., 2:] = 0
    for name in ("focal", "dice"):
        masked = SegmentationLoss()([head], labels, keep)[name]
        torch.testing.assert_close(masked, SegmentationLoss()([other_head], other_labels, keep)[name])
        torch.testing.assert_close(masked, SegmentationLoss()([head[..., :2]], labels[..., :2])[name])


def test_nothing_believed_is_no_loss_to_speak_of(batch):
    (head, *_), labels = batch
    loss = SegmentationLoss()([head], labels, torch.zeros_like(labels).float())
    assert float(sum(loss.values())) == pytest.approx(0, abs=1e-5)


def test_without_gamma_it_is_the_cross_entropy_over_the_number_of_outputs(batch):
    heads, labels = batch
    entropy = [torch.nn.functional.cross_entropy(head, labels[:, 0].long()) / head.shape[1] for head in heads]
    ours = SegmentationLoss(gamma=0)(heads, labels)["focal"]
    torch.testing.assert_close(ours, FOCAL_WEIGHT * torch.stack(entropy).mean())
