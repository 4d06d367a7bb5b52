"""How unsure a network is, voxel by voxel, from one or several passes over the same images."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TINY = 1e-12


def predictive_entropy(probabilities: Tensor) -> Tensor:
    """Entropy over the outputs, divided by its largest value log K.

    H[p] = -sum_k p_k log p_k (Shannon 1948; as an acquisition function: Settles 2009, section 3.1).

    Args:
        probabilities: (batch, outputs, \\*spatial), summing to 1 over the outputs.

    Returns:
        (batch, \\*spatial), 0 to 1.
    """
    return -(probabilities * probabilities.clamp_min(_TINY).log()).sum(dim=1) / math.log(probabilities.shape[1])


def margin(probabilities: Tensor) -> Tensor:
    """1 minus the difference of the two largest probabilities (Scheffer et al. 2001), 0 to 1."""
    best, second = probabilities[:, 0], torch.zeros_like(probabilities[:, 0])
    for probability in probabilities.unbind(1)[1:]:
        second = torch.maximum(second, torch.minimum(best, probability))
        best = torch.maximum(best, probability)
    return 1 - (best - second)


def decided(probabilities: Tensor) -> Tensor:
    """The most probable output of each voxel, as ``argmax`` over the second axis, which PyTorch walks over slowly.

    Args:
        probabilities: (batch, outputs, \\*spatial).

    Returns:
        (batch, \\*spatial), int64.
    """
    best, index = probabilities[:, 0], torch.zeros_like(probabilities[:, 0], dtype=torch.long)
    for number, probability in enumerate(probabilities.unbind(1)[1:], start=1):
        index.masked_fill_(probability > best, number)
        best = torch.maximum(best, probability)
    return index


class PassStatistics:
    """What several passes say together, without keeping their maps.

    For T passes with probabilities p_t and their mean p: predictive entropy H[p]; mutual information between label and
    weights H[p] - mean_t H[p_t] (BALD: Houlsby et al. 2011, by dropout: Gal et al. 2017); variance mean_k var_t p_tk, as of
    an ensemble (Beluch et al. 2018); disagreement, the share of passes whose most probable output is not that of the mean
    (variation ratio: Freeman 1965).
    """

    def __init__(self) -> None:
        self._sum: Tensor | None = None
        self._squares: Tensor | None = None
        self._entropies: Tensor | None = None
        self._choices: list[Tensor] = []

    def add(self, probabilities: Tensor) -> None:
        """Take one pass, (batch, outputs, \\*spatial)."""
        self._choices.append(decided(probabilities).to(torch.uint8))
        entropy = predictive_entropy(probabilities)
        if self._sum is None:
            self._sum, self._squares, self._entropies = probabilities.clone(), probabilities.square(), entropy
            return
        self._sum += probabilities
        self._squares += probabilities.square()
        self._entropies += entropy

    @property
    def count(self) -> int:
        return len(self._choices)

    def mean(self) -> Tensor:
        """Mean probabilities, (batch, outputs, \\*spatial)."""
        return self._sum / self.count

    def bald(self) -> Tensor:
        """Mutual information, divided by log K; (batch, \\*spatial), 0 to 1."""
        return (predictive_entropy(self.mean()) - self._entropies / self.count).clamp_min(0)

    def variance(self) -> Tensor:
        """Variance over the passes, mean over the outputs; (batch, \\*spatial)."""
        return (self._squares / self.count - self.mean().square()).clamp_min(0).mean(dim=1)

    def disagreement(self) -> Tensor:
        """Share of passes that decide otherwise than their mean; (batch, \\*spatial), 0 to 1."""
        together = decided(self.mean())
        return torch.stack([(choice != together).float() for choice in self._choices]).mean(dim=0)
