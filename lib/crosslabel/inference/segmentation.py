"""Segmentation of a whole image by a sliding window."""

from __future__ import annotations

import numpy as np
from torch import nn

from crosslabel.images import Grid, Image
from crosslabel.inference.augmentation import Opinions, ask, standard_views
from crosslabel.inference.components import largest_components
from crosslabel.inference.results import SegmentationResult
from crosslabel.inference.window import SlidingWindow
from crosslabel.preparation import Preparation, Prepared
from crosslabel.tasks import TaskSpec


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

    def predict(self, image: Image, *, augment: bool = False) -> SegmentationResult:
        """Segment one image; the label lies in exactly the image's grid.

        Args:
            image: to segment.
            augment: predict several views (:func:`standard_views`) and average them: takes as many times longer, and adds
                the quality and the uncertainty to the result.

        Raises:
            ImageError: the image does not fit the task.
            TaskError: its modality is unknown and matters.
        """
        prepared = self.preparation.forward(image)
        views = standard_views(self.task)[: None if augment else 1]
        opinions = ask(self.network, prepared.tensor, self.window, views)
        probability, index = self.preparation.inverse(opinions.mean, prepared).max(dim=0)
        indices = index.numpy().astype(np.uint8)
        indices[largest_components(indices, self.task.single_indices)] = 0
        return SegmentationResult(
            label=self.task.values_of(indices),
            grid=image.grid,
            volumes_ml=self._volumes(indices, image.grid),
            confidence=self._confidence(indices, probability.numpy()),
            checkpoint=self.checkpoint,
            demonstration=self.demonstration,
            quality=self._quality(opinions) if augment else None,
            uncertainty=self._uncertainty(opinions, prepared) if augment else None,
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

    def _quality(self, opinions: Opinions) -> dict[str, float | None]:
        quality: dict[str, float | None] = {}
        for index, name in enumerate(self.task.output_names[1:], start=1):
            agreement = opinions.agreement(index)
            quality[name] = None if agreement is None else round(agreement, 4)
        return quality

    def _uncertainty(self, opinions: Opinions, prepared: Prepared) -> np.ndarray:
        return self.preparation.inverse(opinions.uncertainty(), prepared)[0].clamp(0, 1).numpy()
