"""Looks of an image that keep the order of its grey values."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from crosslabel.adaptation.image_level.adapter import Unchanged

_KNOTS = 8


class RandomCurves(Unchanged):
    """Sends grey values through a rising curve that is drawn anew: contrasts change, but what is brighter stays so.

    Where it matters which of two tissues is brighter, this takes the place of :class:`GIN`, whose networks turn that round
    as often as not. The curve runs through the patch's 0, 1/7, ... 7/7 quantiles, and rises between them by shares of the
    whole range that are drawn from a flat Dirichlet distribution; mean and deviation of the patch are kept.

    Args:
        share: of patches that are changed.
    """

    name = "curves"

    def __init__(self, share: float = 0.9) -> None:
        self.share = share

    def patch(self, patch: Tensor, rng: np.random.Generator, label: Tensor | None = None) -> Tensor:
        if rng.random() >= self.share:
            return patch
        return torch.stack([_bent(channel, rng.dirichlet(np.ones(_KNOTS - 1))) for channel in patch])


def _bent(channel: Tensor, rises: np.ndarray) -> Tensor:
    values = channel.cpu().numpy()
    # Equal quantiles, as of a patch that is mostly air, are one knot, to which what is drawn for them adds up.
    knots, first = np.unique(np.quantile(values, np.linspace(0, 1, _KNOTS)), return_index=True)
    if len(knots) < 2:
        return channel
    heights = np.concatenate([[0.0], np.cumsum(rises)])[[*first[1:] - 1, _KNOTS - 1]]
    bent = np.interp(values, knots, heights)
    deviation = bent.std()
    if deviation == 0:
        return channel
    bent = (bent - bent.mean()) / deviation * values.std() + values.mean()
    return torch.as_tensor(bent).to(channel)
