"""Which seeds may be trained on and which are kept for scoring."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

TRAINING_SEEDS = range(10_000)
"""Seeds for training, tuning and the committed samples."""

SCORING_SEEDS = range(10_000, 1_000_000)
"""Seeds for figures that are reported. Nothing is ever trained or tuned on them."""


def require_training(seeds: Iterable[int]) -> list[int]:
    """Returns ``seeds`` as a list.

    Raises:
        ValueError: if one of them is kept for scoring (or is in neither range).
    """
    return _require(seeds, TRAINING_SEEDS, "training")


def require_scoring(seeds: Iterable[int]) -> list[int]:
    """Returns ``seeds`` as a list.

    Raises:
        ValueError: if one of them may have been trained on (or is in neither range).
    """
    return _require(seeds, SCORING_SEEDS, "scoring")


def stream(seed: int, *keys: int) -> np.random.Generator:
    """An independent generator for each (seed, keys), so that a draw added to one part leaves all other parts as they were."""
    return np.random.default_rng([seed, *keys])


def _require(seeds: Iterable[int], allowed: range, purpose: str) -> list[int]:
    wanted = list(seeds)
    outside = [seed for seed in wanted if seed not in allowed]
    if outside:
        raise ValueError(f"seeds {outside} are not {purpose} seeds: choose from {allowed.start} to {allowed.stop - 1}.")
    return wanted
