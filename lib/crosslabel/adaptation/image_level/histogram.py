"""Histogram matching: the grey values of every source volume replaced so that they are distributed as the target's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from crosslabel.adaptation.image_level.adapter import Unchanged, Volume, Watch
from crosslabel.errors import DataError

_QUANTILES = np.linspace(0, 1, 257)


class HistogramMatching(Unchanged):
    """Maps each source volume's quantiles to the mean quantiles of the target volumes, channel by channel.

    The map is monotonic, so a structure that is brighter than its neighbour stays so: what this cannot mend is what a
    method of adaptation has to learn.
    """

    name = "histogram"

    def fit(self, source: Sequence[Volume], target: Sequence[Volume], folder: Path, watch: Watch) -> bool:
        if not target:
            raise DataError("There is no target image to match histograms to; give at least one.")
        total = 0.0
        for volume in target:
            if watch.cancelled():
                return False
            total = total + _quantiles(volume.read().tensor)
        self.target_ = total / len(target)
        self.volumes_ = len(target)
        return True

    def volume(self, id: str, volume: Tensor, epoch: int) -> Tensor:
        matched = [
            np.interp(channel.numpy(), *_strictly_increasing(own, wanted))
            for channel, own, wanted in zip(volume, _quantiles(volume), self.target_, strict=True)
        ]
        return torch.from_numpy(np.stack(matched).astype(np.float32))

    def facts(self) -> Mapping[str, float | int | str]:
        return {"volumes that histograms were matched to": self.volumes_}


def _quantiles(volume: Tensor) -> np.ndarray:
    """(channels, 257) values at equally spaced quantiles."""
    return np.stack([np.quantile(channel.numpy(), _QUANTILES) for channel in volume])


def _strictly_increasing(own: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One pair for each distinct value: a value that fills several quantiles, as air does, gets the mean of theirs."""
    values, inverse, counts = np.unique(own, return_inverse=True, return_counts=True)
    return values, np.bincount(inverse, weights=wanted) / counts
