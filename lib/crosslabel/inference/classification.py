"""Classification of a whole image."""

from __future__ import annotations

import torch
from torch import nn

from crosslabel.images import Image
from crosslabel.inference.results import ClassificationResult, SliceWeight
from crosslabel.inference.trust import Descriptors, Trust, describe
from crosslabel.inference.views import changed_views, normalised_entropy
from crosslabel.networks import BackboneClassifier
from crosslabel.preparation import Preparation, Prepared, stored_axis, stored_positions
from crosslabel.tasks import TaskSpec
from crosslabel.tasks.decision import least_costly


class Classifier:
    """Predicts class probabilities for one task with one network.

    Args:
        task: a classification task.
        network: with the task's weights, in evaluation mode: (batch, channels, \\*patch) -> (batch, classes).
        checkpoint: name of the weights, repeated in every result.
        demonstration: whether the weights have only seen generated images.
        trust: what was learnt of the limits of its answers.
    """

    def __init__(
        self, task: TaskSpec, network: nn.Module, checkpoint: str, demonstration: bool, trust: Trust | None = None
    ) -> None:
        self.task = task
        self.network = network
        self.checkpoint = checkpoint
        self.demonstration = demonstration
        self.trust = trust or Trust()
        self.preparation = Preparation(task)

    @torch.inference_mode()
    def predict(self, image: Image) -> ClassificationResult:
        """Classify one image.

        Raises:
            ImageError: the image does not fit the task.
            TaskError: its modality is unknown and matters.
        """
        prepared = self.preparation.forward(image)
        views = changed_views(prepared.tensor, self.task.trust.views, self.task.training.flip_axes)
        found = self._describe(torch.cat([prepared.tensor[None], views]), count=1)
        probabilities = self.trust.probabilities(found.logits)
        (result,) = self._results([prepared], found)
        return result.with_uncertainty(normalised_entropy(probabilities))

    @torch.inference_mode()
    def predict_batch(self, prepared: list[Prepared]) -> list[ClassificationResult]:
        """Classify several prepared images at once; their uncertainty is that of one view."""
        return self._results(prepared, self._describe(torch.stack([one.tensor for one in prepared])))

    def _describe(self, batch: torch.Tensor, count: int | None = None) -> Descriptors:
        return describe(self.network, batch.to(next(self.network.parameters()).device), count)

    def _results(self, prepared: list[Prepared], found: Descriptors) -> list[ClassificationResult]:
        probabilities = self.trust.probabilities(found.logits).cpu()
        scores = self.trust.score(found)
        results = []
        for index, one in enumerate(prepared):
            by_name = dict(zip(self.task.classes, probabilities[index].tolist(), strict=True))
            score = None if scores is None else float(scores[index] / self.trust.threshold)
            results.append(
                ClassificationResult(
                    probabilities=by_name,
                    calibrated=self.trust.calibrated,
                    checkpoint=self.checkpoint,
                    demonstration=self.demonstration,
                    decision=least_costly(by_name, self.task.balance.costs),
                    uncertainty=normalised_entropy(probabilities[index][None]),
                    out_of_distribution_score=score,
                    slices=self._slices(one),
                )
            )
        return results

    def _slices(self, prepared: Prepared) -> tuple[SliceWeight, ...]:
        network = self.network
        if not isinstance(network, BackboneClassifier) or network.attention is None:
            return ()
        device = next(network.parameters()).device
        _, weights = network.features_and_weights(prepared.tensor[None].to(device))
        return slice_weights(weights[0].cpu(), prepared, network.slice_axis)


def slice_weights(weights: torch.Tensor, prepared: Prepared, axis: int) -> tuple[SliceWeight, ...]:
    """Attention on slices of the prepared volume as weights of the slices of the volume as it is stored.

    The stored axis is the one that runs most nearly along the prepared one; each weight goes to the nearest stored slice.

    Args:
        weights: (slices,) that sum to 1.
        prepared: the volume.
        axis: along which its slices were taken.
    """
    stored = stored_axis(prepared, axis)
    sums: dict[int, float] = {}
    for position, weight in zip(stored_positions(prepared, axis), weights.tolist(), strict=True):
        nearest = min(max(round(position), 0), prepared.source.shape[stored] - 1)
        sums[nearest] = sums.get(nearest, 0.0) + weight
    return tuple(SliceWeight(index, stored, round(weight, 5)) for index, weight in sorted(sums.items()))
