"""Streams of random numbers that share no number, however alike the numbers are that they are drawn by."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers of one batch are drawn for.

    NumPy fills a seed up with zeros, so that ``(seed, epoch, draw)`` and ``(seed, epoch, draw, 0)`` are one stream: the numbers
    that choose the images would then choose the first one's changes, too, and a change would tell a class.
    """

    IMAGES = 1
    CHANGES = 2
    MIX = 3
    SLICES = 4
    CHANGES_OF_SLICES = 5
    LOOKS = 6


def stream(numbers: tuple[int, ...], purpose: Stream) -> np.random.Generator:
    """The generator of a batch that is known by numbers (seed, epoch, draw), for one purpose."""
    return np.random.default_rng((*numbers, int(purpose)))
