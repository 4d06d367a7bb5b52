"""Label-free selection by structure-wise consistency under changes of style.

A network that has learnt the target's structures finds them again when the image's look changes. For a structure l in an
image x with views v (moved, darker, brighter, and styles drawn by GIN),

    c_l(x) = [volume of l in x is plausible] * mean over pairs (v, w) of Dice(S_l(v), S_l(w)),

and the criterion is the mean over images of each label and then over labels. It is the structure-wise Dice agreement of
Roy et al. 2019 (Bayesian QuickNAT, NeuroImage 195), which they show to follow the true Dice without labels, over styles
instead of dropout; consistency under changes as a validator of adaptation is surveyed by Musgrave et al. 2022 ("Benchmarking
validation methods for unsupervised domain adaptation"). Agreement alone is won by a network that finds nothing anywhere:
a structure that is absent although all labelled images have it counts as 0.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import torch

from crosslabel.adaptation.image_level import GIN, ImageAdapter, RandomCurves
from crosslabel.adaptation.self_training.volume_prior import VolumePrior
from crosslabel.inference import Intensity, Opinions, View, standard_views
from crosslabel.tasks import TaskSpec

METRIC = "consistency"


def style_views(task: TaskSpec, styles: int = 2, seed: int = 0) -> tuple[View, ...]:
    """The views of test-time augmentation and some styles, the same at every call.

    Styles are drawn by GIN, or as curves where the look of a structure is known and must not be turned round.
    """
    look: ImageAdapter = RandomCurves(share=1.0) if task.looks else GIN(share=1.0)
    drawn = (Intensity(_Style(look, seed, number)) for number in range(styles))
    return (*standard_views(task), *drawn)


class _Style:
    """One draw of a random look."""

    def __init__(self, look: ImageAdapter, seed: int, number: int) -> None:
        self.seed, self.number = seed, number
        self.look = look

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        return self.look.patch(tensor, np.random.default_rng([self.seed, self.number]))


class Consistency:
    """Gathers the criterion over the images of a validation.

    Args:
        prior: plausible volumes, and the names of the structures.
    """

    def __init__(self, prior: VolumePrior) -> None:
        self.prior = prior
        self._by_label: dict[str, list[float]] = defaultdict(list)

    def see(self, opinions: Opinions, voxel_volume: float) -> None:
        """Take one image into account.

        Args:
            opinions: of the network on :func:`style_views` of the image.
            voxel_volume: in the unit of the prior.
        """
        sizes = np.bincount(opinions.indices.ravel(), minlength=len(self.prior.names) + 1)
        for index, name in enumerate(self.prior.names, start=1):
            agreement = opinions.agreement(index)
            if agreement is None and self.prior.is_plausible(name, 0.0):
                continue
            plausible = self.prior.is_plausible(name, float(sizes[index] * voxel_volume))
            self._by_label[name].append((agreement or 0.0) * plausible)

    def metrics(self) -> dict[str, float]:
        """The criterion under :data:`METRIC`, and its parts by label; empty where no structure could be judged."""
        by_label = {f"{METRIC} {name}": float(np.mean(self._by_label[name])) for name in self._by_label}
        if not by_label:
            return {}
        mean = math.fsum(by_label.values()) / len(by_label)
        return {METRIC: mean, **by_label}
