"""Every labelled structure given a brightness of its own, so that a network cannot rely on how one compares with another.

After Billot et al. 2023, "SynthSeg: Segmentation of Brain MRI Scans of any Contrast and Resolution without Retraining",
Medical Image Analysis (a random intensity for every label), and Su et al. 2023, "Rethinking Data Augmentation for
Single-source Domain Generalization in Medical Image Segmentation", AAAI (class-wise location and scale of a real image).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from crosslabel.adaptation.image_level.adapter import Unchanged

_POOLING = {2: F.avg_pool2d, 3: F.avg_pool3d}
_MOST_BLUR = 1
_MOST_CONTRAST = 1.5


class StructureRandomisation(Unchanged):
    """Moves the mean and the inner contrast of labelled structures of a patch, each on its own.

    A structure's values x become c (x - m) + n with m their mean, n drawn from the range of the patch and c from U(-1.5, 1.5).
    Its edge is sharp or blended with the neighbouring voxel, as partial volume does, so that sharp borders do not give the
    label away.
    An intensity map such as GIN moves organs that look alike together; this one takes them apart.

    Args:
        share: of the structures in a patch that are changed.
    """

    name = "structures"

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def patch(self, patch: Tensor, rng: np.random.Generator, label: Tensor | None = None) -> Tensor:
        if label is None:
            return patch
        low, high = (float(np.quantile(patch.cpu().numpy(), q)) for q in (0.02, 0.98))
        for value in label.unique().tolist():
            if value == 0 or rng.random() >= self.share:
                continue
            inside = label == value
            blur = int(rng.integers(_MOST_BLUR + 1))
            contrast = float(rng.uniform(-_MOST_CONTRAST, _MOST_CONTRAST))
            weight = _blurred(inside.to(patch), blur)
            means = (patch * inside).flatten(1).sum(1) / inside.sum()
            wanted = torch.as_tensor(rng.uniform(low, high, len(patch))).to(patch)
            shape = (-1, *[1] * (patch.ndim - 1))
            moved = contrast * (patch - means.reshape(shape)) + wanted.reshape(shape)
            patch = weight * moved + (1 - weight) * patch
        return patch


def _blurred(mask: Tensor, times: int) -> Tensor:
    """A mask (1, \\*spatial) averaged with its neighbours a number of times."""
    axes = mask.ndim - 1
    for _ in range(times):
        mask = _POOLING[axes](mask[None], 3, stride=1, padding=1, count_include_pad=False)[0]
    return mask
