"""Segmentation of a whole image by a sliding window."""

from __future__ import annotations

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from torch import nn

from crosslabel.images import Grid, Image
from crosslabel.inference.results import SegmentationResult
from crosslabel.networks.heads import main_logits
from crosslabel.preparation import Preparation
from crosslabel.tasks import TaskSpec


class SlidingWindow:
    """Class probabilities of a prepared image, blended from overlapping patches with Gaussian weights.

    Args:
        patch: size of a window in voxels.
        overlap: share of a window that its neighbour covers again.
        batch_size: windows per forward pass.
    """

    def __init__(self, patch: tuple[int, ...], overlap: float = 0.25, batch_size: int = 2) -> None:
        self.patch = patch
        self.overlap = overlap
        self.batch_size = batch_size

    @torch.inference_mode()
    def __call__(self, network: nn.Module, tensor: torch.Tensor) -> torch.Tensor:
        """(channels, \\*spatial) -> probabilities (outputs, \\*spatial), on the network's device."""
        device = next(network.parameters()).device
        logits = sliding_window_inference(
            tensor[None].to(device),
            roi_size=self.patch,
            sw_batch_size=self.batch_size,
            predictor=lambda windows: main_logits(network, windows),
            overlap=self.overlap,
            mode="gaussian",
            # A constant border far from the image's own values would look like a structure; its edge does not.
            padding_mode="replicate",
        )
        return logits[0].softmax(dim=0)


class Segmenter:
    """Predicts labels for one task with one network.

    Args:
        task: a segmentation task.
        network: with the task's weights, in evaluation mode.
        checkpoint: name of the weights, repeated in every result.
        demonstration: whether the weights have only seen generated images.
        window: how the image is walked over.
    """

    def __init__(
        self,
        task: TaskSpec,
        network: nn.Module,
        checkpoint: str,
        demonstration: bool,
        window: SlidingWindow | None = None,
    ) -> None:
        self.task = task
        self.network = network
        self.checkpoint = checkpoint
        self.demonstration = demonstration
        self.window = window or SlidingWindow(task.patch)
        self.preparation = Preparation(task)

    def predict(self, image: Image) -> SegmentationResult:
        """Segment one image; the label lies in exactly the image's grid.

        Raises:
            ImageError: the image does not fit the task.
            TaskError: its modality is unknown and matters.
        """
        prepared = self.preparation.forward(image)
        probabilities = self.preparation.inverse(self.window(self.network, prepared.tensor).cpu(), prepared)
        probability, index = probabilities.max(dim=0)
        indices = index.numpy().astype(np.uint8)
        return SegmentationResult(
            label=self.task.values_of(indices),
            grid=image.grid,
            volumes_ml=self._volumes(indices, image.grid),
            confidence=self._confidence(indices, probability.numpy()),
            checkpoint=self.checkpoint,
            demonstration=self.demonstration,
        )

    def _volumes(self, indices: np.ndarray, grid: Grid) -> dict[str, float]:
        if grid.dimension == 2:
            return {}
        counts = np.bincount(indices.ravel(), minlength=len(self.task.output_names))
        names = enumerate(self.task.output_names[1:], start=1)
        return {name: round(float(counts[index] * grid.voxel_volume_ml), 3) for index, name in names}

    def _confidence(self, indices: np.ndarray, probability: np.ndarray) -> dict[str, float | None]:
        confidence: dict[str, float | None] = {}
        for index, name in enumerate(self.task.output_names[1:], start=1):
            inside = probability[indices == index]
            confidence[name] = round(float(inside.mean()), 4) if inside.size else None
        return confidence
