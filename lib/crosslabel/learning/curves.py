"""Comparing strategies over budgets and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from crosslabel.learning.simulation import Replay


def area_under_curve(labels: Sequence[int], values: Sequence[float]) -> float:
    """Mean of the metric over the budgets, by the trapezoid rule on the numbers of labels: 0 to 1.

    The value itself where there is one budget only.
    """
    if len(labels) == 1:
        return float(values[0])
    x, y = np.asarray(labels, float), np.asarray(values, float)
    return float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum() / (x[-1] - x[0]))


def area(replay: Replay) -> float:
    """:func:`area_under_curve` of a replay."""
    return area_under_curve([point.labels for point in replay.points], [point.height for point in replay.points])


@dataclass(frozen=True)
class Comparison:
    """One strategy against another, seed by seed.

    Attributes:
        first, second: the strategies.
        difference: mean over the seeds of (first - second).
        low, high: 95 % interval of it, of Student's t; None with a single seed.
        p: of the paired t test, corrected for the number of comparisons (Holm 1979); None with a single seed.
        seeds: number of seeds that both have.
    """

    first: str
    second: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    seeds: int


def compare(replays: Sequence[Replay]) -> list[Comparison]:
    """All pairs of strategies with a seed in common, by the areas under their curves, paired by seed."""
    areas: dict[str, dict[int, float]] = {}
    for replay in replays:
        areas.setdefault(replay.strategy, {})[replay.seed] = area(replay)
    names = list(areas)
    found = [
        _compared(first, second, areas[first], areas[second])
        for number, first in enumerate(names)
        for second in names[number + 1 :]
        if areas[first].keys() & areas[second].keys()
    ]
    return _holm(found)


def paired_interval(differences: Sequence[float]) -> tuple[float, float, float, float]:
    """(mean, low, high, p) of two or more differences between pairs: Student's 95 % interval and paired t test."""
    values = np.asarray(differences, float)
    mean = float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    if error == 0:
        return mean, mean, mean, 1.0 if mean == 0 else 0.0
    reach = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return mean, mean - reach, mean + reach, float(2 * stats.t.sf(abs(mean / error), len(values) - 1))


def _compared(first: str, second: str, ours: dict[int, float], theirs: dict[int, float]) -> Comparison:
    seeds = sorted(ours.keys() & theirs.keys())
    differences = [ours[seed] - theirs[seed] for seed in seeds]
    if len(differences) < 2:
        return Comparison(first, second, differences[0], None, None, None, len(seeds))
    return Comparison(first, second, *paired_interval(differences), len(seeds))


def _holm(found: Sequence[Comparison]) -> list[Comparison]:
    tested = sorted((one.p, index) for index, one in enumerate(found) if one.p is not None)
    corrected: dict[int, float] = {}
    largest = 0.0
    for rank, (p, index) in enumerate(tested):
        largest = max(largest, min(1.0, p * (len(tested) - rank)))
        corrected[index] = largest
    return [replace(one, p=corrected.get(index)) for index, one in enumerate(found)]
