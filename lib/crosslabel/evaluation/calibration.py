"""Whether probabilities mean what they say."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers of similar confidence.

    Attributes:
        lower, upper: of the confidence, lower excluded.
        count: how many answers.
        confidence: their mean confidence; likewise ``accuracy``, the share that is right. NaN where there are none.
    """

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


def reliability(probabilities: np.ndarray, truths: np.ndarray, bins: int = 10) -> list[ReliabilityBin]:
    """The reliability diagram of answers by the confidence of their most probable class.

    Args:
        probabilities: (images, classes).
        truths: (images,) class indices.
        bins: of equal width.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truths
    edges = np.linspace(0, 1, bins + 1)
    found = []
    for lower, upper in itertools.pairwise(edges):
        inside = (confidence > lower) & (confidence <= upper)
        means = (confidence[inside].mean(), right[inside].mean()) if inside.any() else (np.nan, np.nan)
        found.append(ReliabilityBin(float(lower), float(upper), int(inside.sum()), float(means[0]), float(means[1])))
    return found


def expected_calibration_error(probabilities: np.ndarray, truths: np.ndarray, bins: int = 10) -> float:
    """Mean of |accuracy - confidence| over the bins, weighted by their answers (Naeini et al., AAAI 2015); 0 to 1."""
    gaps = [one.count * abs(one.accuracy - one.confidence) for one in reliability(probabilities, truths, bins) if one.count]
    return float(sum(gaps) / len(truths))
