"""Who teaches: labelled source images, pseudo-labelled target images, labelled target images."""

from __future__ import annotations

import math
from enum import Enum

_GOLDEN = (math.sqrt(5) - 1) / 2


class Teaching(str, Enum):
    """Where a training patch comes from."""

    SOURCE = "source"
    PSEUDO = "pseudo-labelled target"
    LABELLED = "labelled target"


def mixture(labelled_share: float, *, pseudo: bool) -> dict[Teaching, float]:
    """The share of patches of each kind.

    With f the labelled share of the target images, the weights are 1 - f for the source, 2 (1 - f) for pseudo-labels (once
    there are any; they look as what is to be segmented) and sqrt(f) for labelled target images, then scaled to sum to 1. Few
    labels count for much, because nothing else is as right; with all of them it is ordinary fine-tuning, and on the way
    nothing jumps.

    Args:
        labelled_share: f, 0 to 1.
        pseudo: whether there are pseudo-labels.
    """
    weights = {
        Teaching.LABELLED: math.sqrt(labelled_share),
        Teaching.SOURCE: 1 - labelled_share,
        Teaching.PSEUDO: 2 * (1 - labelled_share) if pseudo else 0.0,
    }
    total = sum(weights.values())
    return {kind: weight / total for kind, weight in weights.items()}


def kind_of_patch(shares: dict[Teaching, float], number: int) -> Teaching:
    """The kind of the patch with a running number: evenly spread (a golden-ratio sequence) instead of drawn by chance."""
    place = math.fmod(0.5 + number * _GOLDEN, 1.0)
    last = next(iter(shares))
    for kind, share in shares.items():
        if share == 0:
            continue
        last = kind
        if place < share:
            return kind
        place -= share
    return last
