"""Supervised classification: cross-entropy on batches in which every class is drawn equally often."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from crosslabel.augmentation import basic_augmentation, seeded
from crosslabel.errors import DataError
from crosslabel.networks.heads import main_logits
from crosslabel.optimisation.objective import Objective
from crosslabel.tasks import TaskSpec
from crosslabel.training.prepared_cases import PreparedCases


class ClassificationObjective(Objective):
    """Cross-entropy; validation by balanced accuracy (the mean of the classes' sensitivities).

    Args:
        task: a classification task.
        training: labelled cases.
        validation: held-back cases.
        device: where the network is.

    Raises:
        DataError: the training cases show fewer than two classes.
    """

    metric = "balanced accuracy"

    def __init__(self, task: TaskSpec, training: PreparedCases, validation: PreparedCases, device: torch.device) -> None:
        self.task = task
        self.training = training
        self.validation = validation
        self.device = device
        self.augmentation = basic_augmentation(task)
        members: dict[str, list[int]] = defaultdict(list)
        for index, case in enumerate(training.cases):
            members[str(case.label)].append(index)
        if len(members) < 2:
            raise DataError(
                f"All {len(training)} images are labelled '{next(iter(members), 'nothing')}'; at least two classes are needed."
            )
        self.members = [members[name] for name in task.classes if name in members]

    def losses(self, network: nn.Module, epoch: int, draw: int) -> dict[str, torch.Tensor]:
        settings = self.task.training
        rng = np.random.default_rng([settings.seed, epoch, draw])
        images, classes = [], []
        for number in range(settings.batch_size):
            group = self.members[int(rng.integers(len(self.members)))]
            case = self.training[group[int(rng.integers(len(group)))]]
            drawn = seeded(self.augmentation, settings.seed, epoch, draw, number)({"image": case.image})
            images.append(torch.as_tensor(drawn["image"]).float())
            classes.append(case.truth)
        logits = main_logits(network, torch.stack(images).to(self.device)).float()
        return {"cross-entropy": F.cross_entropy(logits, torch.stack(classes).to(self.device))}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Accuracy, balanced accuracy and the sensitivity of each class."""
        hits: dict[str, list[bool]] = defaultdict(list)
        for index in range(len(self.validation)):
            case = self.validation[index]
            guess = int(main_logits(network, case.image[None].to(self.device)).argmax())
            hits[self.task.classes[int(case.truth)]].append(guess == int(case.truth))
        if not hits:
            return {}
        sensitivity = {name: float(np.mean(values)) for name, values in hits.items()}
        return {
            self.metric: float(np.mean(list(sensitivity.values()))),
            "accuracy": float(np.mean([hit for values in hits.values() for hit in values])),
            **{f"sensitivity {name}": value for name, value in sensitivity.items()},
        }
