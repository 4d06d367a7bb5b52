"""Areas and comparisons against scipy and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from crosslabel.learning.curves import area, area_under_curve, compare
from crosslabel.learning.simulation import BudgetPoint, Replay


def replay(strategy, seed, values):
    points = tuple(BudgetPoint(5 * (n + 1), value, {}, (), True, 0.0) for n, value in enumerate(values))
    return Replay(strategy, seed, "dice", points)


def test_the_area_is_the_mean_height_of_the_curve():
    assert area_under_curve([5, 10, 20], [0.5, 0.5, 0.5]) == pytest.approx(0.5)
    assert area_under_curve([0, 10], [0, 1]) == pytest.approx(0.5)
    assert area_under_curve([5, 10, 30], [0.2, 0.6, 0.8]) == pytest.approx((0.4 * 5 + 0.7 * 20) / 25)
    assert area_under_curve([7], [0.3]) == 0.3


def test_strategies_are_compared_seed_by_seed():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(0.8, 0.01, 6), rng.normal(0.78, 0.01, 6)
    replays = [replay("a", seed, [value]) for seed, value in enumerate(ours)]
    replays += [replay("b", seed, [value]) for seed, value in enumerate(theirs)]
    (found,) = compare(replays)
    test = stats.ttest_rel(ours, theirs)
    interval = test.confidence_interval(0.95)
    assert (found.first, found.second, found.seeds) == ("a", "b", 6)
    assert found.difference == pytest.approx((ours - theirs).mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(test.pvalue)


def test_many_comparisons_are_corrected_by_holms_method():
    rng = np.random.default_rng(1)
    areas = {name: rng.normal(0.8, 0.01, 5) for name in "abc"}
    found = compare([replay(name, seed, [value]) for name, values in areas.items() for seed, value in enumerate(values)])
    raw = {(a, b): stats.ttest_rel(areas[a], areas[b]).pvalue for a, b in (("a", "b"), ("a", "c"), ("b", "c"))}
    order = sorted(raw, key=raw.get)
    largest, expected = 0.0, {}
    for rank, pair in enumerate(order):
        largest = max(largest, min(1.0, raw[pair] * (3 - rank)))
        expected[pair] = largest
    assert {(one.first, one.second): pytest.approx(one.p) for one in found} == expected


def test_a_single_seed_has_no_interval():
    (found,) = compare([replay("a", 1, [0.5]), replay("b", 1, [0.4]), replay("c", 2, [0.9])])
    assert found.difference == pytest.approx(0.1)
    assert (found.low, found.high, found.p, found.seeds) == (None, None, None, 1)


def test_a_budget_without_a_model_counts_as_nothing_in_the_area():
    assert area(replay("a", 1, [None, 0.8])) == pytest.approx(area(replay("a", 1, [0.0, 0.8]))) == pytest.approx(0.4)
