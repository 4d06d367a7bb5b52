"""Supervised segmentation: Dice and focal loss on patches around labelled voxels."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from torch import nn

from crosslabel.augmentation import basic_augmentation, seeded
from crosslabel.inference import SlidingWindow
from crosslabel.networks.heads import all_heads
from crosslabel.optimisation.objective import Objective
from crosslabel.tasks import TaskSpec
from crosslabel.training.patches import draw_patch
from crosslabel.training.prepared_cases import PreparedCases
from crosslabel.training.segmentation_loss import SegmentationLoss


class SegmentationObjective(Objective):
    """Focal + Dice loss on every head, see :class:`SegmentationLoss`.

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
        self.loss = SegmentationLoss(task.training.head_weights, task.training.focal_gamma)

    def losses(self, network: nn.Module, epoch: int, draw: int) -> dict[str, torch.Tensor]:
        images, labels = self._batch(epoch, draw)
        return self.loss(all_heads(network, images), labels)

    def validate(self, network: nn.Module) -> dict[str, float]:
        return dice_by_label(self.task, self.window, network, self.validation)

    def _batch(self, epoch: int, draw: int) -> tuple[torch.Tensor, torch.Tensor]:
        settings = self.task.training
        patches = []
        for number in range(settings.batch_size):
            rng = np.random.default_rng([settings.seed, epoch, draw, number])
            case = self.training[int(rng.integers(len(self.training)))]
            image, label = draw_patch(
                (case.image, case.truth), case.foreground, self.task.patch, settings.foreground_share, rng
            )
            drawn = seeded(self.augmentation, settings.seed, epoch, draw, number)({"image": image, "label": label})
            patches.append((torch.as_tensor(drawn["image"]), torch.as_tensor(drawn["label"])))
        images = torch.stack([image for image, _ in patches]).float().to(self.device)
        return images, torch.stack([label for _, label in patches]).long().to(self.device)


def dice_by_label(task: TaskSpec, window: SlidingWindow, network: nn.Module, cases: PreparedCases) -> dict[str, float]:
    """Dice by label over the labelled cases that show it, and their mean, on the prepared grid; empty for no cases."""
    by_label: dict[str, list[float]] = defaultdict(list)
    for index in range(len(cases)):
        case = cases[index]
        predicted = window(network, case.image).argmax(dim=0).cpu()
        for value, name in enumerate(task.output_names):
            truth, guess = case.truth[0] == value, predicted == value
            if value != 0 and truth.any():
                overlap = 2 * (truth & guess).sum() / (truth.sum() + guess.sum())
                by_label[name].append(float(overlap))
    means = {f"dice {name}": float(np.mean(values)) for name, values in by_label.items()}
    return {"dice": float(np.mean(list(means.values()))), **means} if means else {}
