"""Intensity rules of a domain: how voxel values become network input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from crosslabel.tasks import IntensityRule, PercentileRule, WindowRule, ZScoreRule

# Whole numbers of a range up to this are counted, which takes a tenth of the time that ordering them takes.
_COUNTABLE = 1 << 16
# Share of an image that surroundings of one value take up at least; noise hardly repeats its darkest value so often.
_LEAST_REMOVED = 0.1


def scale_intensity(array: np.ndarray, rule: IntensityRule) -> np.ndarray:
    """Apply a domain's intensity rule to each channel on its own.

    Args:
        array: (channels, \\*spatial), the stored values (HU for CT).
        rule: the domain's rule.

    Returns:
        float32 array of the same shape; a channel of one constant value becomes zero.
    """
    return np.stack([_scale(rule, channel) for channel in array])


def percentiles(values: np.ndarray, wanted: Sequence[float]) -> list[float]:
    """Percentiles with linear interpolation between neighbours, as :func:`numpy.percentile` gives them.

    Args:
        values: of any shape, not empty; whole numbers, such as stored voxels, are counted instead of ordered.
        wanted: 0 to 100 each.
    """
    counted = _counted(values)
    if counted is None:
        return [float(value) for value in np.percentile(values, wanted)]
    lowest, up_to = counted
    places = np.asarray(wanted) / 100 * (values.size - 1)
    before, after = (np.searchsorted(up_to, rounded(places), side="right") for rounded in (np.floor, np.ceil))
    return [float(value) for value in lowest + before + (after - before) * (places - np.floor(places))]


def _counted(values: np.ndarray) -> tuple[int, np.ndarray] | None:
    """The smallest value, and how many values there are up to each whole number from it; None for others than whole ones."""
    lowest, highest = float(values.min()), float(values.max())
    # Also false for values that are not numbers.
    if not highest - lowest < min(_COUNTABLE, values.size):
        return None
    steps = (values - values.dtype.type(lowest)).astype(np.int64)
    if not np.array_equal(steps + lowest, values):
        return None
    return int(lowest), np.bincount(steps.ravel()).cumsum()


@singledispatch
def _scale(rule: IntensityRule, channel: np.ndarray) -> np.ndarray:
    raise TypeError(f"No scaling is written for the intensity rule {type(rule).__name__}.")


@_scale.register
def _(rule: WindowRule, channel: np.ndarray) -> np.ndarray:
    return _to_unit_range(channel.astype(np.float32), rule.lower, rule.upper)


@_scale.register
def _(rule: PercentileRule, channel: np.ndarray) -> np.ndarray:
    lower, upper = percentiles(channel, [rule.lower, rule.upper])
    return _to_unit_range(channel.astype(np.float32), lower, upper)


@_scale.register
def _(rule: ZScoreRule, channel: np.ndarray) -> np.ndarray:
    channel = channel.astype(np.float32)
    inside = ~_removed(channel) if rule.nonzero else np.ones(channel.shape, bool)
    if not inside.any():
        return np.zeros_like(channel)
    # float64 sums: raw intensities of some scanners reach 1e6, where float32 loses the variance.
    mean, deviation = channel[inside].mean(dtype=np.float64), channel[inside].std(dtype=np.float64)
    if deviation == 0:
        return np.zeros_like(channel)
    return np.where(inside, (channel - mean) / deviation, 0).astype(np.float32)


def _removed(channel: np.ndarray) -> np.ndarray:
    """Where the surroundings were removed: voxels of 0, and of the darkest value where that fills much of the image.

    Whoever standardised an image before may have moved its empty surroundings away from 0.
    """
    darkest = channel == channel.min()
    empty = channel == 0
    return empty | darkest if darkest.mean() >= _LEAST_REMOVED else empty


def _to_unit_range(channel: np.ndarray, lower: float, upper: float) -> np.ndarray:
    if upper <= lower:
        return np.zeros_like(channel)
    return (np.clip(channel, lower, upper) - lower) * (2 / (upper - lower)) - 1
