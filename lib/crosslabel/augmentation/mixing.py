"""Batches whose images are mixtures of two, and whose targets are, too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor

from crosslabel.tasks import AugmentationSpec


@dataclass(frozen=True)
class Mix:
    """How a batch is mixed.

    Attributes:
        partners: for each image, the index of the one that is mixed in.
        share: of the image itself, 0 to 1; the rest is its partner's.
        box: (start, stop) along each axis of what is taken from the partner (CutMix); ``None`` blends everything (mixup).
    """

    partners: tuple[int, ...]
    share: float
    box: tuple[tuple[int, int], ...] | None

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def draw_mix(settings: AugmentationSpec, shape: tuple[int, ...], rng: np.random.Generator) -> Mix | None:
    """How a batch (images, channels, \\*spatial) is mixed; ``None`` where nothing is.

    mixup (Zhang et al., ICLR 2018): the share is drawn from Beta(alpha, alpha). CutMix (Yun et al., ICCV 2019): so is the
    share of the voxels outside of a box at a random place, which is exact up to the border of the image.
    """
    alpha = settings.mixup or settings.cutmix
    if alpha == 0:
        return None
    partners = tuple(int(index) for index in rng.permutation(shape[0]))
    share = float(rng.beta(alpha, alpha))
    if settings.mixup:
        return Mix(partners, share, None)
    spatial = shape[2:]
    side = (1 - share) ** (1 / len(spatial))
    box = []
    for size in spatial:
        middle, half = int(rng.integers(size)), side * size / 2
        box.append((max(0, round(middle - half)), min(size, round(middle + half))))
    covered = float(np.prod([(stop - start) / size for (start, stop), size in zip(box, spatial, strict=True)]))
    return Mix(partners, 1 - covered, tuple(box))


def mixed(images: Tensor, targets: Tensor, mix: Mix) -> tuple[Tensor, Tensor]:
    """Mix images (N, channels, \\*spatial) and targets (N, classes)."""
    others = list(mix.partners)
    blended = mix.share * targets + (1 - mix.share) * targets[others]
    if mix.box is None:
        return mix.share * images + (1 - mix.share) * images[others], blended
    window = (slice(None), slice(None), *(slice(start, stop) for start, stop in mix.box))
    pasted = images.clone()
    pasted[window] = images[others][window]
    return pasted, blended
