"""Supervised classification: batches drawn by class, the task's loss and policy, validation by balanced accuracy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from crosslabel.augmentation import Augmentation, Change, Mix, Stream, draw_mix, mixed, stream
from crosslabel.errors import DataError
from crosslabel.evaluation.classes import Answers, accuracy, balanced_accuracy, macro_auroc
from crosslabel.networks.heads import main_logits
from crosslabel.optimisation.objective import Objective
from crosslabel.tasks import TaskSpec
from crosslabel.training.image_domain import ImageDomain, SameDomain
from crosslabel.training.labelled_slices import LabelledSlices
from crosslabel.training.prepared_cases import PreparedCases
from crosslabel.transfer import ClassLoss, class_probabilities, policy_of

_VALIDATION_BATCH = 16
# Of the loss of slices that have a class, beside that of whole volumes, which is what is asked for.
_WEIGHT_OF_SLICES = 0.5


class ClassificationObjective(Objective):
    """The task's loss on batches drawn by its sampling; validation by balanced accuracy.

    Slices of training volumes that have a class of their own teach beside the volumes (:class:`LabelledSlices`).

    Args:
        task: a classification task.
        training: labelled cases.
        validation: held-back cases.
        device: where the network is.
        domain: where the images come from that the network is trained for.

    Raises:
        DataError: the training cases show fewer than two classes.
    """

    metric = "balanced accuracy"

    def __init__(
        self,
        task: TaskSpec,
        training: PreparedCases,
        validation: PreparedCases,
        device: torch.device,
        domain: ImageDomain | None = None,
    ) -> None:
        self.task = task
        self.training = training
        self.validation = validation
        self.device = device
        self.domain = domain or SameDomain()
        self.augmentation = Augmentation(task)
        self.policy = policy_of(task)
        self.slices = LabelledSlices(task, training)
        members: dict[str, list[int]] = defaultdict(list)
        for index, case in enumerate(training.cases):
            members[str(case.label)].append(index)
        if len(members) < 2:
            raise DataError(
                f"All {len(training)} images are labelled '{next(iter(members), 'nothing')}'; at least two classes are needed."
            )
        self.members = [members[name] for name in task.classes]
        counts = [len(group) for group in self.members]
        self.likelihood = class_probabilities(counts, task.balance)
        self.loss = ClassLoss(task.balance, self.likelihood)
        self.slice_loss = ClassLoss(task.balance, self.slices.likelihood())

    def losses(self, network: nn.Module, epoch: int, draw: int) -> dict[str, torch.Tensor]:
        # In every step, because the loop switches the whole network to training at the start of an epoch.
        self.policy.apply(network, epoch)
        images, targets = self._batch(epoch, draw)
        logits = main_logits(network, images.to(self.device)).float()
        found = {self.loss.name: self.loss(logits, targets.to(self.device))}
        if len(self.slices):
            images, targets = self.slices.batch(self.task.training.seed, epoch, draw)
            logits = main_logits(network, images.to(self.device)).float()
            found["slices"] = _WEIGHT_OF_SLICES * self.slice_loss(logits, targets.to(self.device))
        return found

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Balanced accuracy, accuracy, AUROC and the sensitivity of each class that is shown."""
        if not len(self.validation):
            return {}
        logits = torch.cat([main_logits(network, images).float().cpu() for images in self._validation_batches()])
        truths = np.array([int(self.validation[index].truth) for index in range(len(self.validation))])
        probabilities = logits.softmax(dim=1).numpy()
        ids = tuple(case.id for case in self.validation.cases)
        answers = Answers(self.task.classes, ids, truths, probabilities, probabilities.argmax(axis=1), ids)
        found = {self.metric: balanced_accuracy(answers), "accuracy": accuracy(answers), "AUROC": macro_auroc(answers)}
        for index in sorted(set(truths.tolist())):
            right = answers.decisions[truths == index] == index
            found[f"sensitivity {self.task.classes[index]}"] = float(right.mean())
        return {name: value for name, value in found.items() if not np.isnan(value)}

    def _batch(self, epoch: int, draw: int) -> tuple[torch.Tensor, torch.Tensor]:
        indices, changes, mix = self.drawn(epoch, draw)
        cases = [self.training[index] for index in indices]
        rng = stream((self.task.training.seed, epoch, draw), Stream.LOOKS)
        looks = [self.domain.look(case, epoch, rng) for case in cases]
        images = torch.stack([self.augmentation.apply(look, one) for look, one in zip(looks, changes, strict=True)])
        targets = F.one_hot(torch.stack([case.truth for case in cases]), len(self.task.classes)).float()
        return (images, targets) if mix is None else mixed(images, targets, mix)

    def drawn(self, epoch: int, draw: int) -> tuple[list[int], list[list[Change]], Mix | None]:
        """The record of a batch: indices of its training cases, what is done to each image, and how they are mixed."""
        settings = self.task.training
        numbers = (settings.seed, epoch, draw)
        rng = stream(numbers, Stream.IMAGES)
        indices = []
        for _ in range(settings.batch_size):
            group = self.members[int(rng.choice(len(self.members), p=self.likelihood))]
            indices.append(group[int(rng.integers(len(group)))])
        changes = [self.augmentation.draw(*numbers, Stream.CHANGES, number) for number in range(settings.batch_size)]
        shape = (len(indices), self.task.channels, *self.task.patch)
        return indices, changes, draw_mix(self.task.augmentation, shape, stream(numbers, Stream.MIX))

    def _validation_batches(self) -> Iterator[torch.Tensor]:
        count = len(self.validation)
        for start in range(0, count, _VALIDATION_BATCH):
            batch = [
                self.domain.placed(self.validation[index]) for index in range(start, min(count, start + _VALIDATION_BATCH))
            ]
            yield torch.stack(batch).to(self.device)
