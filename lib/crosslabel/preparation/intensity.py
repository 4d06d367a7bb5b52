"""Intensity rules of a domain: how voxel values become network input."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from crosslabel.tasks import IntensityRule, PercentileRule, WindowRule, ZScoreRule


def scale_intensity(array: np.ndarray, rule: IntensityRule) -> np.ndarray:
    """Apply a domain's intensity rule to each channel on its own.

    Args:
        array: (channels, \\*spatial), the stored values (HU for CT).
        rule: the domain's rule.

    Returns:
        float32 array of the same shape; a channel of one constant value becomes zero.
    """
    return np.stack([_scale(rule, channel.astype(np.float32)) for channel in array])


@singledispatch
def _scale(rule: IntensityRule, channel: np.ndarray) -> np.ndarray:
    raise TypeError(f"No scaling is written for the intensity rule {type(rule).__name__}.")


@_scale.register
def _(rule: WindowRule, channel: np.ndarray) -> np.ndarray:
    return _to_unit_range(channel, rule.lower, rule.upper)


@_scale.register
def _(rule: PercentileRule, channel: np.ndarray) -> np.ndarray:
    lower, upper = np.percentile(channel, [rule.lower, rule.upper])
    return _to_unit_range(channel, float(lower), float(upper))


@_scale.register
def _(rule: ZScoreRule, channel: np.ndarray) -> np.ndarray:
    inside = channel != 0 if rule.nonzero else np.ones(channel.shape, bool)
    if not inside.any():
        return np.zeros_like(channel)
    # float64 sums: raw intensities of some scanners reach 1e6, where float32 loses the variance.
    mean, deviation = channel[inside].mean(dtype=np.float64), channel[inside].std(dtype=np.float64)
    if deviation == 0:
        return np.zeros_like(channel)
    return np.where(inside, (channel - mean) / deviation, 0).astype(np.float32)


def _to_unit_range(channel: np.ndarray, lower: float, upper: float) -> np.ndarray:
    if upper <= lower:
        return np.zeros_like(channel)
    return (np.clip(channel, lower, upper) - lower) * (2 / (upper - lower)) - 1
