"""Supervised segmentation: Dice and focal loss on patches around labelled voxels."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from monai.losses import DiceLoss, FocalLoss
from torch import nn
from torch.nn import functional as F

from crosslabel.augmentation import basic_augmentation, seeded
from crosslabel.inference import SlidingWindow
from crosslabel.networks.heads import all_heads
from crosslabel.tasks import TaskSpec
from crosslabel.training.prepared_cases import PreparedCase, PreparedCases


class SegmentationObjective:
    """Focal + Dice loss on every head, as Yao et al. 2022 (10 * focal(gamma 2) + Dice), averaged over heads.

    Args:
        task: a segmentation task.
        training: labelled cases to draw patches from.
        validation: held-back cases.
        device: where the network is.
    """

    metric = "dice"

    def __init__(self, task: TaskSpec, training: PreparedCases, validation: PreparedCases, device: torch.device) -> None:
        self.task = task
        self.training = training
        self.validation = validation
        self.device = device
        self.augmentation = basic_augmentation(task)
        self.window = SlidingWindow(task.patch)
        self.dice = DiceLoss(softmax=True, to_onehot_y=True, squared_pred=True, batch=True)
        self.focal = FocalLoss(gamma=2.0, use_softmax=True, to_onehot_y=True)

    def losses(self, network: nn.Module, epoch: int, step: int) -> dict[str, torch.Tensor]:
        images, labels = self._batch(epoch, step)
        heads = [head.float() for head in all_heads(network, images)]
        focal = torch.stack([self.focal(head, labels) for head in heads]).mean()
        dice = torch.stack([self.dice(head, labels) for head in heads]).mean()
        return {"focal": 10 * focal, "dice": dice}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Dice by label over the held-back cases that show it, and their mean, on the prepared grid."""
        by_label: dict[str, list[float]] = defaultdict(list)
        for index in range(len(self.validation)):
            case = self.validation[index]
            predicted = self.window(network, case.image).argmax(dim=0).cpu()
            for value, name in enumerate(self.task.output_names):
                truth, guess = case.label[0] == value, predicted == value
                if value != 0 and truth.any():
                    overlap = 2 * (truth & guess).sum() / (truth.sum() + guess.sum())
                    by_label[name].append(float(overlap))
        means = {f"dice {name}": float(np.mean(values)) for name, values in by_label.items()}
        return {"dice": float(np.mean(list(means.values()))), **means} if means else {}

    def _batch(self, epoch: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        settings = self.task.training
        patches = []
        for number in range(settings.batch_size):
            rng = np.random.default_rng([settings.seed, epoch, step, number])
            case = self.training[int(rng.integers(len(self.training)))]
            image, label = _patch(case, self.task.patch, settings.foreground_share, rng)
            drawn = seeded(self.augmentation, settings.seed, epoch, step, number)({"image": image, "label": label})
            patches.append((torch.as_tensor(drawn["image"]), torch.as_tensor(drawn["label"])))
        images = torch.stack([image for image, _ in patches]).float().to(self.device)
        return images, torch.stack([label for _, label in patches]).long().to(self.device)


def _patch(
    case: PreparedCase, size: tuple[int, ...], foreground_share: float, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """A patch of image and label; with probability ``foreground_share`` it is centred on a voxel of a random label."""
    shape = case.image.shape[1:]
    if case.foreground and rng.random() < foreground_share:
        voxels = case.foreground[int(rng.choice(sorted(case.foreground)))]
        centre = np.unravel_index(int(rng.choice(voxels)), shape)
    else:
        centre = tuple(int(rng.integers(length)) for length in shape)
    starts = [
        int(np.clip(middle - wanted // 2, 0, max(0, length - wanted)))
        for middle, wanted, length in zip(centre, size, shape, strict=True)
    ]
    window = (
        slice(None),
        *(slice(start, start + wanted) for start, wanted in zip(starts, size, strict=True)),
    )
    return _pad(case.image[window], size), _pad(case.label[window].float(), size)


def _pad(patch: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """Continue the border of a patch that is smaller than ``size``."""
    missing = [wanted - length for wanted, length in zip(size, patch.shape[1:], strict=True)]
    if not any(missing):
        return patch
    before_after = [amount for gap in reversed(missing) for amount in (gap // 2, gap - gap // 2)]
    return F.pad(patch[None], before_after, mode="replicate")[0]
