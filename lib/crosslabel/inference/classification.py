"""Classification of a whole image."""

from __future__ import annotations

import torch
from torch import nn

from crosslabel.images import Image
from crosslabel.inference.results import ClassificationResult
from crosslabel.networks.heads import main_logits
from crosslabel.preparation import Preparation
from crosslabel.tasks import TaskSpec


class Classifier:
    """Predicts class probabilities for one task with one network.

    Args:
        task: a classification task.
        network: with the task's weights, in evaluation mode: (batch, channels, \\*patch) -> (batch, classes).
        checkpoint: name of the weights, repeated in every result.
        demonstration: whether the weights have only seen generated images.
    """

    def __init__(self, task: TaskSpec, network: nn.Module, checkpoint: str, demonstration: bool) -> None:
        self.task = task
        self.network = network
        self.checkpoint = checkpoint
        self.demonstration = demonstration
        self.preparation = Preparation(task)

    @torch.inference_mode()
    def predict(self, image: Image) -> ClassificationResult:
        """Classify one image.

        Raises:
            ImageError: the image does not fit the task.
            TaskError: its modality is unknown and matters.
        """
        prepared = self.preparation.forward(image)
        device = next(self.network.parameters()).device
        probabilities = main_logits(self.network, prepared.tensor[None].to(device))[0].softmax(dim=0).tolist()
        return ClassificationResult(
            probabilities=dict(zip(self.task.classes, probabilities, strict=True)),
            calibrated=False,
            checkpoint=self.checkpoint,
            demonstration=self.demonstration,
        )
