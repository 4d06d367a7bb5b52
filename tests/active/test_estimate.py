"""Estimates of what nobody has labelled."""

from __future__ import annotations

import numpy as np
import pytest

from crosslabel.active import advice, estimate_rest, gain_of


def test_an_overconfident_network_is_corrected_and_the_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(60):
        true = np.clip(rng.normal(0.7, 0.08, 220), 0, 1)
        expected = np.clip(true + 0.15 + rng.normal(0, 0.04, 220), 0, 1)
        pairs = list(zip(expected[:20], true[:20], strict=True))
        found = estimate_rest(expected[20:], pairs, "20 held-back labels", seed)
        assert found.low <= found.value <= found.high
        assert found.value == pytest.approx(true.mean(), abs=0.06)
        covered += found.low <= true[20:].mean() <= found.high
    assert covered >= 50


def test_fewer_than_five_pairs_or_an_empty_pool_give_no_estimate():
    assert estimate_rest([0.9], [(0.9, 0.8)] * 4, "") is None
    assert estimate_rest([], [(0.9, 0.8)] * 9, "") is None


def test_the_gain_follows_the_power_law_of_the_errors():
    def dice(n):
        return 1 - 0.8 * n**-0.5

    history = [(n, dice(n)) for n in (5, 10, 20, 40)]
    assert gain_of(10, history) == pytest.approx(dice(50) - dice(40), rel=1e-6)
    assert gain_of(10, history[:2]) is None


def test_advice_says_go_on_or_stop():
    steep = [(5, 0.4), (10, 0.6), (20, 0.72)]
    flat = [(50, 0.90), (100, 0.903), (150, 0.904)]
    assert advice(steep, 100, "Dice").endswith("go on.")
    assert "you may stop" in advice(flat, 100, "Dice")
    assert "4 more labels" in advice(steep, 4, "Dice")
    assert "Every image is labelled" in advice(steep, 0, "Dice")
    assert "No model has learnt" in advice([], 9, "Dice")
