"""Who teaches: labelled source images, pseudo-labelled target images, labelled target images."""

from __future__ import annotations

import math
from enum import Enum

_MOST_OF_PSEUDO = 2.0
# So many pseudo-labelled images count as much as the source.
_IMAGES_AS_SOURCE = 4
# Everything without a label of the target counts beside one labelled image as so many more.
_OTHERS_BESIDE_ONE = 2.0
_GOLDEN = (math.sqrt(5) - 1) / 2


class Teaching(str, Enum):
    """Where a training patch comes from."""

    SOURCE = "source"
    PSEUDO = "pseudo-labelled target"
    LABELLED = "labelled target"


def mixture(labelled: int, unlabelled_share: float, *, pseudo: int) -> dict[Teaching, float]:
    """The share of patches of each kind.

    With k labelled target images and u the share of target images that are not labelled, the weights are k squared for the
    labelled ones and 2 u for the source and the pseudo-labels together, then scaled to sum to 1. Nothing else is as right as
    a label, but one or two alone are learnt by heart; the more there are, the less is left for the others to teach, and what
    they teach costs a network steps that labels would use better. With all images labelled it is ordinary fine-tuning. Of the
    others, n pseudo-labels have min(2, n / 4) times the part of the source: they look as what is to be segmented, but where
    one is wrong it is wrong each time, so that few count for little.

    Args:
        labelled: k, labelled target images to learn from.
        unlabelled_share: u, 0 to 1; not 0 where k is.
        pseudo: n, the images whose pseudo-labels teach; 0 before there are any.
    """
    others = _OTHERS_BESIDE_ONE * unlabelled_share
    pseudo_for_source = min(_MOST_OF_PSEUDO, pseudo / _IMAGES_AS_SOURCE)
    weights = {
        Teaching.LABELLED: float(labelled**2),
        Teaching.SOURCE: others / (1 + pseudo_for_source),
        Teaching.PSEUDO: others * pseudo_for_source / (1 + pseudo_for_source),
    }
    total = sum(weights.values())
    return {kind: weight / total for kind, weight in weights.items()}


def labels_lead(labelled: int, unlabelled_share: float) -> bool:
    """Whether labelled target images have at least half of the patches; arguments as of :func:`mixture`."""
    return labelled**2 >= _OTHERS_BESIDE_ONE * unlabelled_share


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
