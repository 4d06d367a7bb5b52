"""How good the model is on the images that nobody has labelled, and whether more labels would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DRAWS = 2000
_LEAST_PAIRS = 5
# A gain below this (Dice or balanced accuracy) is smaller than what readers differ by.
_WORTH_WHILE = 0.005


@dataclass(frozen=True)
class Estimate:
    """Mean Dice (accuracy of a classifier) to be expected on the unlabelled images.

    Attributes:
        value: the estimate.
        low, high: 95 % interval.
        on: what it rests on, in words.
    """

    value: float
    low: float
    high: float
    on: str


def estimate_rest(expected: Sequence[float], pairs: Sequence[tuple[float, float]], on: str, seed: int = 0) -> Estimate | None:
    """What the network expects of itself, corrected by how wrong it was where the truth is known.

    The correction is the mean of (true - expected) over the pairs. The interval is a bootstrap over pairs and images. It
    holds as far as the labelled images are like the others: where a strategy picks the hard ones first, the estimate
    is too low.

    Args:
        expected: the network's expected Dice for each unlabelled image.
        pairs: (expected, true) for images that the network has not learnt from.
        on: what the pairs are, in words.
        seed: of the bootstrap.

    Returns:
        None with fewer than five pairs, or no unlabelled image.
    """
    if len(pairs) < _LEAST_PAIRS or not len(expected):
        return None
    rng = np.random.default_rng(seed)
    ours = np.asarray(expected, float)
    errors = np.array([true - own for own, true in pairs], float)
    images = rng.choice(ours, (_DRAWS, len(ours)) if len(ours) <= 1000 else (_DRAWS, 1000)).mean(axis=1)
    corrections = rng.choice(errors, (_DRAWS, len(errors))).mean(axis=1)
    low, high = np.clip(np.quantile(images + corrections, (0.025, 0.975)), 0, 1)
    value = float(np.clip(ours.mean() + errors.mean(), 0, 1))
    return Estimate(value, float(low), float(high), on)


def gain_of(labels: int, history: Sequence[tuple[int, float]]) -> float | None:
    """What ``labels`` more labels would bring, by a power law through the last results.

    Error = a n^-b through all (labels, metric) points, by least squares on the logarithms (Hestness et al. 2017).

    Returns:
        None with fewer than three points of different numbers of labels.
    """
    points = [(n, 1 - value) for n, value in history if n > 0 and value < 1]
    if len({n for n, _ in points}) < 3:
        return None
    n, error = (np.log(np.array(column, float)) for column in zip(*points, strict=True))
    slope, offset = np.polyfit(n, error, 1)
    most = max(count for count, _ in points)
    after, before = (float(np.exp(offset + slope * np.log(count))) for count in (most + labels, most))
    return before - after


def advice(history: Sequence[tuple[int, float]], left: int, metric: str) -> str:
    """One or two sentences for the annotator: go on, or stop.

    Args:
        history: (labels, metric) of the promoted versions, oldest first.
        left: images without a label.
        metric: what was measured.
    """
    if left == 0:
        return "Every image is labelled; there is nothing left to do but to look at the results."
    if not history:
        return "No model has learnt from your labels yet; go on."
    ahead = min(10, left)
    gain = gain_of(ahead, history)
    if gain is None:
        return "Too early to say how much further labels would bring; go on."
    if gain < _WORTH_WHILE:
        return (
            f"{ahead} more labels would bring about {max(gain, 0):.3f} {metric}, which is less than readers differ by; "
            "you may stop, or label only what the model gets wrong."
        )
    return f"{ahead} more labels would bring about {gain:.3f} {metric}; go on."
