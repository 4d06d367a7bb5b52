"""Heads that compare an image's features with those of examples: fitted once, stored as tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class ExampleHead(nn.Module):
    """A head that keeps examples; their number is known only once it is fitted.

    Attributes:
        examples: (examples, features), standardised.
        weights: (examples, classes), what each example says about the classes.
        center, scale: (features,), standardise the features: ``(features - center) / scale``.
    """

    examples: Tensor
    weights: Tensor
    center: Tensor
    scale: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("examples", torch.zeros(0, features))
        self.register_buffer("weights", torch.zeros(0, classes))
        self.register_buffer("center", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def resize(self, count: int) -> None:
        """Make room for so many examples, before the weights of a checkpoint are loaded."""
        self.examples = self.examples.new_zeros(count, self.examples.shape[1])
        self.weights = self.weights.new_zeros(count, self.weights.shape[1])

    def _distances(self, features: Tensor) -> Tensor:
        """Squared Euclidean distances (batch, examples)."""
        return torch.cdist((features - self.center) / self.scale, self.examples).square()


class KernelHead(ExampleHead):
    """Support vector machines with a radial basis function, one for each class against the rest.

    ``logit_c = b_c + sum_i w_ic exp(-gamma ||x - x_i||^2)``.
    """

    gamma: Tensor
    bias: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes)
        self.register_buffer("gamma", torch.ones(()))
        self.register_buffer("bias", torch.zeros(classes))

    def forward(self, features: Tensor) -> Tensor:
        """(batch, features) -> logits (batch, classes)."""
        return torch.exp(-self.gamma * self._distances(features)) @ self.weights + self.bias


class NeighbourHead(ExampleHead):
    """The k nearest neighbours' votes, smoothed: ``logit_c = log((votes_c + 1/2) / (k + classes/2))``.

    ``weights`` holds a one for each example's class. Votes are counts, which have no gradient; explanations are given that of
    votes of all examples, k in all, which fall with the squared distance over that of the k-th neighbour.
    """

    neighbours: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes)
        self.register_buffer("neighbours", torch.tensor(5))

    def forward(self, features: Tensor) -> Tensor:
        """(batch, features) -> logits (batch, classes)."""
        count = min(int(self.neighbours), len(self.examples))
        distances = self._distances(features)
        nearest = distances.topk(count, dim=1, largest=False)
        votes = self.weights[nearest.indices].sum(dim=1)
        if features.requires_grad:
            reach = nearest.values[:, -1:].detach().clamp(min=torch.finfo(distances.dtype).tiny)
            soft = count * (-distances / reach).softmax(dim=1) @ self.weights
            votes = votes + soft - soft.detach()
        return torch.log((votes + 0.5) / (count + votes.shape[1] / 2))


HEADS: dict[str, Callable[[int, int], nn.Module]] = {"linear": nn.Linear, "svm": KernelHead, "knn": NeighbourHead}
