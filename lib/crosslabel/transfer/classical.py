"""Classical classifiers on deep features, fitted by scikit-learn and kept as tensors (Deepak & Ameer, 2019)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from crosslabel.networks.example_heads import ExampleHead, KernelHead, NeighbourHead

# A class that training never showed is never answered.
_NEVER = -30.0


def fit_classical_head(
    classifier: Literal["logistic", "svm", "knn"], features: Tensor, classes: Tensor, count: int, seed: int = 0
) -> nn.Module:
    """A head that maps features to logits.

    Features are standardised; classes weigh alike, however many images they have (the neighbours' votes do not).

    Args:
        classifier: logistic regression, support vector machines (radial basis function, one against the rest), or the 5
            nearest neighbours.
        features: (images, features).
        classes: (images,) class indices, at least two different ones.
        count: number of classes of the task.
        seed: of the solver.

    Returns:
        A module (batch, features) -> (batch, count), of tensors only.
    """
    center, scale = features.mean(dim=0), features.std(dim=0, correction=0)
    scale = torch.where(scale > 1e-6, scale, torch.ones_like(scale))
    standardised = (features - center) / scale
    if classifier == "logistic":
        return _logistic(standardised.numpy(), classes.numpy(), count, center, scale, seed)
    head = _FITTED[classifier](standardised, classes, count)
    head.center, head.scale = center, scale
    return head


def _logistic(features: np.ndarray, classes: np.ndarray, count: int, center: Tensor, scale: Tensor, seed: int) -> nn.Linear:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000, random_state=seed).fit(features, classes)
    rows, offsets = fitted.coef_, fitted.intercept_
    if len(rows) == 1:
        # Of two classes only the difference of the logits is fitted.
        rows, offsets = np.concatenate([-rows / 2, rows / 2]), np.concatenate([-offsets / 2, offsets / 2])
    head = nn.Linear(features.shape[1], count)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.fill_(_NEVER)
        for row, offset, index in zip(rows, offsets, fitted.classes_, strict=True):
            # The standardisation becomes part of the layer: w (x - c) / s + b.
            weight = torch.from_numpy(row).float() / scale
            head.weight[index] = weight
            head.bias[index] = float(offset) - float(weight @ center)
    return head


def _svm(features: Tensor, classes: Tensor, count: int) -> KernelHead:
    from sklearn.svm import SVC

    head = KernelHead(features.shape[1], count)
    gamma = 1.0 / features.shape[1]
    weights, bias = torch.zeros(len(features), count), torch.full((count,), _NEVER)
    for index in classes.unique().tolist():
        fitted = SVC(C=1.0, gamma=gamma, class_weight="balanced").fit(features.numpy(), (classes == index).numpy())
        weights[fitted.support_, index] = torch.from_numpy(fitted.dual_coef_[0]).float()
        bias[index] = float(fitted.intercept_[0])
    used = (weights != 0).any(dim=1)
    head.examples, head.weights = features[used].clone(), weights[used].clone()
    head.gamma, head.bias = torch.tensor(gamma), bias
    return head


def _neighbours(features: Tensor, classes: Tensor, count: int) -> NeighbourHead:
    head = NeighbourHead(features.shape[1], count)
    head.examples = features.clone()
    head.weights = torch.nn.functional.one_hot(classes.long(), count).float()
    return head


_FITTED: dict[str, Callable[[Tensor, Tensor, int], ExampleHead]] = {"svm": _svm, "knn": _neighbours}
