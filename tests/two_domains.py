"""Small volumes of two domains, as an adapter is given them."""

from __future__ import annotations

import numpy as np
import torch

from crosslabel.adaptation.image_level import Volume
from crosslabel.images import Grid
from crosslabel.preparation import Prepared
from tiny import AFFINE, segmentation_task

SHAPE = (24, 20, 12)


def scene(seed: int, *, inverted: bool = False, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    """(1, \\*shape) in [-1, 1]: a body with an organ that is brighter than it, or darker if ``inverted``."""
    rng = np.random.default_rng(seed)
    axes = np.stack(np.meshgrid(*[np.linspace(-1, 1, size) for size in shape], indexing="ij"))
    centre = rng.uniform(-0.3, 0.3, len(shape))
    body = (axes**2).sum(0) < 0.9
    organ = ((axes - centre.reshape(-1, *[1] * len(shape))) ** 2).sum(0) < 0.15
    grey = np.where(organ, 0.6, np.where(body, -0.1, -1.0))
    if inverted:
        grey = np.where(organ, -0.5, np.where(body, 0.5, -1.0))
    return torch.from_numpy(np.clip(grey + rng.normal(0, 0.03, shape), -1, 1).astype(np.float32))[None]


def volumes(count: int, *, inverted: bool = False, first_seed: int = 0) -> list[Volume]:
    task = segmentation_task()

    def prepared(seed: int) -> Prepared:
        grid = Grid(SHAPE, AFFINE)
        return Prepared(scene(seed, inverted=inverted), grid, grid, task.domains.target)

    domain = "target" if inverted else "source"
    seeds = range(first_seed, first_seed + count)
    return [Volume(f"{domain}_{seed}", lambda seed=seed: prepared(seed), lambda seed=seed: str(seed)) for seed in seeds]
