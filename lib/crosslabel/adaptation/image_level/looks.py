"""Structures painted as they are known to look on the target domain.

Which of two tissues is brighter is often all that is known of a modality without labels, and anybody who reads it knows
that: oedema is bright on FLAIR, bone on CT. Images of any contrast have to be learnt from only where nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from crosslabel.adaptation.image_level.adapter import Unchanged
from crosslabel.adaptation.image_level.painting import mean_within, repainted, surroundings

# Voxels around a structure that it is compared with.
_REACH = 4
_MOST_BLUR = 1
_MOST_CONTRAST = 1.5


class KnownLooks(Unchanged):
    """Makes structures brighter or darker than what surrounds them, by an amount that is drawn; inner contrast changes too.

    With m the mean of the voxels within 4 voxels of a structure and s the deviation of the patch, the structure's mean
    becomes m + s h or m - s h with h drawn from U(least, most), and its inner contrast is multiplied by c from U(-1.5, 1.5).
    To be applied last, since randomised styles would undo it.

    Args:
        looks: 1 for brighter and -1 for darker, by output channel; other structures stay as they are.
        least, most: difference of brightness, in standard deviations of the patch.
    """

    name = "looks"

    def __init__(self, looks: Mapping[int, int], least: float = 1.5, most: float = 3.0) -> None:
        self.looks = dict(looks)
        self.least = least
        self.most = most

    def patch(self, patch: Tensor, rng: np.random.Generator, label: Tensor | None = None) -> Tensor:
        if label is None:
            return patch
        for value, sign in self.looks.items():
            inside = label == value
            if not inside.any() or inside.all():
                continue
            around = mean_within(patch, surroundings(inside, _REACH))
            height = torch.as_tensor(rng.uniform(self.least, self.most, len(patch))).to(patch)
            level = around + sign * height * patch.flatten(1).std(1)
            contrast, blur = float(rng.uniform(-_MOST_CONTRAST, _MOST_CONTRAST)), int(rng.integers(_MOST_BLUR + 1))
            patch = repainted(patch, inside, level, contrast, blur)
        return patch
