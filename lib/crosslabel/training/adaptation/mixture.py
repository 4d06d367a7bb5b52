"""Who teaches: labelled source images, pseudo-labelled target images, labelled target images."""

from __future__ import annotations

import math
from enum import Enum

_MOST_OF_PSEUDO = 2.0
# So many pseudo-labelled images count as much as the source.
_IMAGES_AS_SOURCE = 4
_GOLDEN = (math.sqrt(5) - 1) / 2


class Teaching(str, Enum):
    """Where a training patch comes from."""

    SOURCE = "source"
    PSEUDO = "pseudo-labelled target"
    LABELLED = "labelled target"


def mixture(labelled_share: float, *, pseudo: int) -> dict[Teaching, float]:
    """The share of patches of each kind.

    With f the labelled share of the target images, the weights are 1 - f for the source, min(2, n / 4) (1 - f) for n
    pseudo-labels (which look as what is to be segmented, but where one is wrong it is wrong each time, so that few count
    for little) and sqrt(f) for labelled target images, then scaled to sum to 1. Few labels count for much, because nothing
    else is as right; with all of them it is ordinary fine-tuning, and on the way nothing jumps.

    Args:
        labelled_share: f, 0 to 1.
        pseudo: n, the images whose pseudo-labels teach; 0 before there are any.
    """
    weights = {
        Teaching.LABELLED: math.sqrt(labelled_share),
        Teaching.SOURCE: 1 - labelled_share,
        Teaching.PSEUDO: min(_MOST_OF_PSEUDO, pseudo / _IMAGES_AS_SOURCE) * (1 - labelled_share),
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
