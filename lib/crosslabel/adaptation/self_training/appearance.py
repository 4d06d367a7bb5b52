"""What an image's own grey values say of a prediction on it.

Wells et al. 1996, "Adaptive segmentation of MRI data", IEEE Transactions on Medical Imaging; Van Leemput et al. 1999,
"Automated model-based tissue classification of MR images of the brain", ibid.: expectation maximisation with an atlas as
prior and a Markov random field for neighbours. Here the prior is a network's prediction.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional as F

_POOL = {2: (F.avg_pool2d, F.max_pool2d), 3: (F.avg_pool3d, F.max_pool3d)}
_BINS = 40
# Width of the Parzen window, in bins.
_WINDOW = 1.5
_OUTLIERS = 0.005
# Fewer voxels have no histogram worth the name.
_FEWEST = 20
_TINY = 1e-3


class AppearanceModel:
    """Moves the borders of a prediction to where the image's grey values change.

    A network that has never seen a modality's labels knows better where a structure is than where it ends: it puts its core
    right and its border anywhere. In one image a structure has grey values of its own. With p_k the network's probability of
    output k at a voxel, g its grey value and h_k the histogram of g over the voxels that are surely k, the posterior is

        q_k = p_k^a h_k(g) exp(b s_k) / sum over j of the same,

    where s_k is the mean of q_k over the neighbours (one mean-field step of a Potts model). Histograms and posterior are found
    in turns, starting from p. Two things keep it from wandering off: the histogram of a structure is that of its core, the
    surer half, in which a border that is still wrong has no part, and that of the background is taken near the structures,
    where the border has to be found.

    Args:
        trust: a, of the network's probabilities; 0 would go by grey values alone.
        smoothness: b.
        core: share of a structure's voxels, the surest first, that its histogram is of.
        reach: voxels around the structures in which the background's histogram is taken.
        turns: of histograms and posterior.
    """

    def __init__(
        self, *, trust: float = 0.7, smoothness: float = 6.0, core: float = 0.5, reach: int = 6, turns: int = 5
    ) -> None:
        self.trust = trust
        self.smoothness = smoothness
        self.core = core
        self.reach = reach
        self.turns = turns

    def posterior(self, image: Tensor, probabilities: Tensor) -> Tensor:
        """The prediction in the light of the image.

        Args:
            image: (channels, \\*spatial), as the network sees it; channels count as independent.
            probabilities: (K, \\*spatial), the background first.

        Returns:
            (K, \\*spatial), summing to 1.
        """
        levels = [_levels(channel) for channel in image]
        prior = probabilities.clamp_min(_TINY) ** self.trust
        found = probabilities
        for _ in range(self.turns):
            evidence = prior * self._likelihoods(levels, found, prior)
            found = evidence / evidence.sum(dim=0)
            evidence = evidence * (self.smoothness * _around(found)).exp()
            found = evidence / evidence.sum(dim=0)
        return found

    def _likelihoods(self, levels: list[Tensor], found: Tensor, prior: Tensor) -> Tensor:
        """(K, \\*spatial), up to a factor by voxel; that of an output without a histogram leaves its probability as it is."""
        confidence, label = found.max(dim=0)
        result, unknown = torch.ones_like(found), []
        for index in range(len(found)):
            there = label == index
            if index == 0:
                there &= self._near(label > 0)
            if there.sum() < _FEWEST:
                unknown.append(index)
                continue
            if index > 0:
                there &= confidence >= torch.quantile(_thinned(confidence[there]), 1 - self.core)
            for channel in levels:
                result[index] *= _histogram(channel[there])[channel]
        if unknown:
            weights = prior.clone()
            weights[unknown] = 0
            result[unknown] = (weights * result).sum(dim=0) / weights.sum(dim=0).clamp_min(_TINY)
        return result

    def _near(self, structures: Tensor) -> Tensor:
        _, highest = _POOL[structures.ndim]
        near = structures[None, None].float()
        # In steps, which costs less than one wide window.
        for _ in range(self.reach):
            near = highest(near, 3, stride=1, padding=1)
        return near[0, 0] > 0


def _levels(channel: Tensor) -> Tensor:
    """The bin of every voxel, between the image's own extremes."""
    values = channel.cpu().float()
    low, high = np.quantile(_thinned(values.flatten()).numpy(), (_OUTLIERS, 1 - _OUTLIERS))
    scaled = (values - float(low)) / max(float(high - low), 1e-6)
    return (scaled * (_BINS - 1)).clamp(0, _BINS - 1).long()


def _histogram(levels: Tensor) -> Tensor:
    """Parzen estimate of the bins' probabilities, (bins,)."""
    counts = torch.bincount(levels, minlength=_BINS).double().numpy()
    smooth = gaussian_filter1d(counts, _WINDOW, mode="constant") + _TINY * counts.sum() / _BINS
    return torch.from_numpy(smooth / smooth.sum()).float()


def _around(maps: Tensor) -> Tensor:
    """Mean of each map over a voxel and its neighbours."""
    mean, _ = _POOL[maps.ndim - 1]
    return mean(maps[None], 3, stride=1, padding=1, count_include_pad=False)[0]


def _thinned(values: Tensor, most: int = 100_000) -> Tensor:
    return values[:: max(1, len(values) // most)]
