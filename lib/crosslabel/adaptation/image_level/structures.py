"""Every labelled structure given a brightness of its own, so that a network cannot rely on how one compares with another.

After Billot et al. 2023, "SynthSeg: Segmentation of Brain MRI Scans of any Contrast and Resolution without Retraining",
Medical Image Analysis (a random intensity for every label), and Su et al. 2023, "Rethinking Data Augmentation for
Single-source Domain Generalization in Medical Image Segmentation", AAAI (class-wise location and scale of a real image).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from crosslabel.adaptation.image_level.adapter import Unchanged
from crosslabel.adaptation.image_level.painting import repainted

_MOST_BLUR = 1
_MOST_CONTRAST = 1.5


class StructureRandomisation(Unchanged):
    """Moves the mean and the inner contrast of labelled structures of a patch, each on its own.

    A structure's values x become c (x - m) + n with m their mean, n drawn from the range of the patch and c from U(-1.5, 1.5).
    Its edge is sharp or blended with the neighbouring voxel.
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
            blur = int(rng.integers(_MOST_BLUR + 1))
            contrast = float(rng.uniform(-_MOST_CONTRAST, _MOST_CONTRAST))
            level = torch.as_tensor(rng.uniform(low, high, len(patch)))
            patch = repainted(patch, label == value, level, contrast, blur)
        return patch
